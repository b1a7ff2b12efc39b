//! A filbert at an address of its own, and waiting for what it shall see.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use filbert::servent::{Config, Event, Heard, Hit, Hits, Options, SearchQuery, Servent, View};
use filbert::wire::Kind;
use smol::future::or;
use smol::stream::StreamExt as _;
use tempfile::TempDir;

use crate::neighbour::{fresh_ip, public_addresses};

/// A running filbert and the folder where it keeps everything.
pub(crate) struct Filbert {
    pub(crate) servent: Servent,
    links: Arc<Mutex<Vec<String>>>,
    _listening: smol::Task<()>,
    _dir: TempDir,
}

impl Filbert {
    /// Starts one that shares these files and connects to nobody by itself.
    pub(crate) async fn start(config: Config, files: &[(&str, &[u8])]) -> Filbert {
        Filbert::start_at(fresh_ip().into(), config, files).await
    }

    /// The same at this address.
    pub(crate) async fn start_at(ip: IpAddr, config: Config, files: &[(&str, &[u8])]) -> Filbert {
        let dir = tempfile::tempdir().expect("a folder");
        let shared = dir.path().join("shared");
        fs::create_dir(&shared).expect("a folder");
        for (name, content) in files {
            fs::write(shared.join(name), content).expect("a file");
        }
        let options = Options {
            listen: SocketAddr::from((ip, 0)),
            data_dir: Some(dir.path().join("data")),
            shares: vec![shared],
            config: Config { local_addresses: !public_addresses(), auto_connect: false, ..config },
            ..Options::default()
        };
        let servent = Servent::start(options).await.expect("it starts");
        let links = Arc::new(Mutex::new(Vec::new()));
        let mut events = servent.events();
        let log = Arc::clone(&links);
        let listening = smol::spawn(async move {
            while let Some(heard) = events.next().await {
                let Heard::Event(event) = heard else { continue };
                if matches!(*event, Event::LinkUp { .. } | Event::LinkDown { .. }) {
                    log.lock().expect("nobody panicked").push(format!("{event:?}"));
                }
            }
        });
        let filbert = Filbert { servent, links, _listening: listening, _dir: dir };
        let files = files.len() as u64;
        filbert.until("it shares", |view| view.files == files).await;
        eventually("all is hashed", async || filbert.servent.shares().files_to_hash == 0).await;
        filbert
    }

    /// What became of its links so far.
    pub(crate) fn links(&self) -> String {
        self.links.lock().expect("nobody panicked").join("\n")
    }

    /// Waits until its view is like that.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&View) -> bool) {
        self.within(PATIENCE, what, is_so).await;
    }

    /// The same with more patience.
    pub(crate) async fn within(
        &self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&View) -> bool,
    ) {
        let begin = std::time::Instant::now();
        loop {
            let view = self.servent.view().await.expect("it runs");
            if is_so(&view) {
                return;
            }
            assert!(begin.elapsed() < patience, "in vain: {what}: {view:?}\n{}", self.links());
            smol::Timer::after(STEP).await;
        }
    }

    /// Waits until it has so many neighbours.
    pub(crate) async fn neighbours(&self, count: usize) {
        self.until("neighbours", |view| view.neighbours.len() == count).await;
    }

    /// Connects, and waits for the neighbour.
    pub(crate) async fn connect(&self, to: SocketAddr) {
        let before = self.servent.view().await.expect("it runs").neighbours.len();
        self.servent.connect(&to.to_string()).await.expect("it runs");
        self.neighbours(before + 1).await;
    }

    /// Begins to search for these words.
    pub(crate) async fn ask(&self, text: &str) -> Hits {
        let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
        self.servent.search(query).await.expect("it runs")
    }

    /// The first hit for these words; none if that takes too long.
    pub(crate) async fn find(&self, text: &str) -> Option<Hit> {
        self.search(SearchQuery { text: text.to_owned(), ..SearchQuery::default() }).await
    }

    /// The first hit; none if that takes too long.
    pub(crate) async fn search(&self, query: SearchQuery) -> Option<Hit> {
        let mut hits = self.servent.search(query).await.expect("it runs");
        or(hits.next(), async {
            smol::Timer::after(Duration::from_secs(15)).await;
            None
        })
        .await
    }

    /// Over how many links a hit must have come: `links`, if this servent sent any over a link,
    /// whether its own or another's; else it went past this one by UDP, which nobody does on
    /// loopback.
    pub(crate) async fn hit_came_by(&self, hit: &Hit, links: u8) {
        let sent = self.servent.view().await.expect("it runs").messages(Kind::QUERY_HIT).1;
        if sent == 0 {
            assert!(public_addresses(), "a hit that went no way: {hit:?}");
            assert_eq!(hit.hops, 1, "straight from who has it: {hit:?}");
        } else {
            assert_eq!(hit.hops, links, "{hit:?}");
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(50);

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        smol::Timer::after(STEP).await;
    }
}
