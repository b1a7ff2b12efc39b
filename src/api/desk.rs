//! What the interface knows between requests: the last searches, the downloads, the events.
//!
//! One task follows the servent's events and keeps this up to date; requests only look. So a slow
//! client waits for nobody, and nobody for him.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use smol::channel::Sender;
use smol::stream::StreamExt;
use smol::{Timer, future};

use super::auth::write_private;
use super::downloads::Downloads;
use super::events::{Bell, Feed, lock};
use super::facts;
use super::searches::Searches;
use super::types::{Download, Event, NewSearch, Search, SearchPage};
use crate::node::io::{DownloadId, DownloadRequest, SearchEnd, SearchId};
use crate::node::{self, Command};
use crate::servent::{Events, Guid, Heard, Servent, Stopped, VIEW_SETTLES};

/// The file in the data directory that holds the last search for later runs.
const LAST_SEARCH_FILE: &str = "last-search.json";
/// Bytes of that file at most.
const LAST_SEARCH_BYTES_MAX: u64 = 16 << 20;
/// A busy node that has not named the query of a new search by then does it later.
const QUERY_NAMED_WITHIN: Duration = Duration::from_millis(500);
/// A view is not older than this.
const VIEW_AGE_MS: u64 = 100;

/// Everything the routes need.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) servent: Servent,
    pub(super) began: Instant,
    pub(super) searches: Mutex<Searches>,
    pub(super) downloads: Mutex<Downloads>,
    /// Rings when a search or a download changed.
    pub(super) changed: Bell,
    pub(super) feed: Arc<Feed>,
    events: Mutex<Option<Events>>,
    shutdown: Sender<()>,
}

/// What the watch has to do next.
enum Turn {
    Hear(Option<Heard>),
    /// Events were missed: what they told is to be seen in a view.
    Look,
}

impl Desk {
    /// Opens with what the servent has under way, and the last search of an earlier run.
    pub(super) async fn open(servent: Servent, shutdown: Sender<()>) -> Result<Arc<Desk>, Stopped> {
        // Subscribe first: what begins between the two is then heard of twice, not never.
        let events = servent.events();
        let view = servent.view().await?;
        let desk = Desk {
            began: Instant::now(),
            searches: Mutex::default(),
            downloads: Mutex::default(),
            changed: Bell::default(),
            feed: Arc::default(),
            events: Mutex::new(Some(events)),
            shutdown,
            servent,
        };
        desk.reconcile(&view);
        let file = desk.last_search_file();
        if let Some(page) = smol::unblock(move || read_last_search(&file)).await {
            lock(&desk.searches).restore(page);
        }
        Ok(Arc::new(desk))
    }

    /// Follows the events of the servent until it stops.
    pub(super) async fn watch(self: Arc<Desk>) {
        let Some(mut events) = lock(&self.events).take() else { return };
        // Once some were missed (and again, meanwhile), a view must tell what they would have told.
        let (mut missed_at, mut again) = (None, false);
        loop {
            let due = async {
                match missed_at {
                    Some(at) => Timer::at(at + VIEW_SETTLES).await,
                    None => future::pending().await,
                };
                Turn::Look
            };
            match future::or(due, async { Turn::Hear(events.next().await) }).await {
                Turn::Hear(Some(Heard::Event(event))) => self.hear(&event).await,
                Turn::Hear(Some(Heard::Missed(events))) => {
                    self.feed.publish(&Event::Missed { events });
                    again = missed_at.is_some();
                    missed_at.get_or_insert_with(Instant::now);
                }
                Turn::Hear(None) => break,
                Turn::Look => {
                    missed_at = again.then(Instant::now);
                    again = false;
                    if let Ok(view) = self.servent.view().await {
                        self.reconcile(&view);
                    }
                }
            }
        }
        self.close();
    }

    async fn hear(&self, event: &node::Event) {
        match event {
            node::Event::Found { search, hits } => {
                self.look_at_searches().await;
                let changed = lock(&self.searches).found(search.0, hits);
                changed.into_iter().for_each(|result| self.feed.publish(&Event::Result(result)));
                self.changed.ring();
            }
            node::Event::Asks { search, query } | node::Event::AsksAnew { search, query } => {
                lock(&self.searches).asks(search.0, *query);
                self.changed.ring();
            }
            node::Event::SearchEnded { search, end } => {
                self.look_at_searches().await;
                self.search_ended(search.0, *end);
                self.save().await;
            }
            node::Event::Download { download, progress } => {
                let now = Instant::now();
                let stands = lock(&self.downloads).progressed(download.0, progress, now);
                if let Some(download) = stands {
                    self.feed.publish(&Event::Download(download));
                    self.changed.ring();
                }
            }
            other => {
                if let Some(event) = facts::event_of(other) {
                    self.feed.publish(&event);
                }
            }
        }
    }

    /// Brings up to date how far the searches under way have reached.
    pub(super) async fn look_at_searches(&self) {
        if lock(&self.searches).running() == 0 {
            return;
        }
        // A servent that has stopped has nothing new to tell.
        let Ok(view) = self.servent.view().await else { return };
        let mut searches = lock(&self.searches);
        for seen in &view.searches {
            searches.reached(seen.search.0, seen.asked, seen.reach);
        }
    }

    /// Takes over from a view what events did not tell.
    fn reconcile(&self, view: &node::View) {
        for known in &view.transfers.downloads {
            let mut downloads = lock(&self.downloads);
            if downloads.get(known.id.0).is_none() {
                downloads.begin(known.id.0, &facts::request_of(known));
            }
            // Its end may be known from an event that is younger than the view.
            if !downloads.get(known.id.0).is_some_and(Download::is_over) {
                downloads.progressed(known.id.0, &known.progress, Instant::now());
            }
        }
        let running =
            lock(&self.searches).all().into_iter().filter(|search| search.ended.is_none());
        // Younger ones the view may not know yet.
        let before = wall_ms().saturating_sub(VIEW_AGE_MS);
        for search in running.filter(|search| search.started_at_ms < before) {
            if !view.searches.iter().any(|known| known.search.0 == search.id) {
                self.search_ended(search.id, SearchEnd::Stopped);
            }
        }
        self.changed.ring();
    }

    fn search_ended(&self, id: u64, end: SearchEnd) {
        let ended = lock(&self.searches).ended(id, end);
        if let Some(search) = ended {
            self.feed.publish(&Event::SearchEnded(search));
            self.changed.ring();
        }
    }

    /// Begins a search, or the browsing of a host.
    pub(super) async fn begin_search(
        &self,
        id: SearchId,
        command: Command,
        query: NewSearch,
    ) -> Result<Search, Stopped> {
        let view = self.servent.view().await?;
        let browse = match &command {
            Command::Browse { host, .. } => Some(*host),
            _ => None,
        };
        let search = Search {
            id: id.0,
            browse,
            started_at_ms: wall_ms(),
            ended: None,
            hits: 0,
            results: 0,
            revision: 0,
            neighbours_asked: 0,
            reach_guess: 0,
            obstacles: match browse {
                Some(_) => Vec::new(),
                None => facts::obstacles_of_search(&view, &query),
            },
            query,
            queries: Vec::new(),
        };
        // Kept before the node hears of it: its first event finds it here.
        lock(&self.searches).begin(search.clone());
        self.servent.command(command).await?;
        let queries = if browse.is_some() { Vec::new() } else { self.queries_of(id.0).await };
        Ok(Search { queries, ..search })
    }

    /// The queries of a search that just began: the node is about to name the first.
    async fn queries_of(&self, id: u64) -> Vec<Guid> {
        let named = async {
            loop {
                let rings = self.changed.count();
                let page = lock(&self.searches).page(id, u64::MAX);
                let Some(SearchPage { search, .. }) = page else { return Vec::new() };
                if !search.queries.is_empty() || search.ended.is_some() || self.is_closed() {
                    return search.queries;
                }
                self.changed.rings_after(rings).await;
            }
        };
        let later = async {
            Timer::after(QUERY_NAMED_WITHIN).await;
            Vec::new()
        };
        future::or(named, later).await
    }

    /// Begins a download, or gives the one that fetches the same content more sources.
    pub(super) async fn begin_download(
        &self,
        request: DownloadRequest,
    ) -> Result<(Download, bool), Stopped> {
        let same = request.sha1.and_then(|sha1| lock(&self.downloads).of_content(sha1).cloned());
        if let Some(download) = same {
            let sources = request.sources;
            if !sources.is_empty() {
                let id = DownloadId(download.id);
                self.servent.command(Command::AddSources { download: id, sources }).await?;
            }
            return Ok((download, false));
        }
        let id = self.servent.new_download();
        let begun = lock(&self.downloads).begin(id.0, &request);
        self.servent.command(Command::Download { download: id, request }).await?;
        Ok((begun, true))
    }

    /// A client wants the servent to end.
    pub(super) fn want_shutdown(&self) {
        // Full: it was wanted before.
        let _ = self.shutdown.try_send(());
    }

    /// The last words to all who listen.
    pub(super) fn close(&self) {
        if self.feed.close_with(&Event::Stopping) {
            self.changed.ring();
        }
    }

    /// Whether the last words were said.
    pub(super) fn is_closed(&self) -> bool {
        self.feed.is_closed()
    }

    /// Writes the last search down for later runs.
    pub(super) async fn save(&self) {
        let Some(page) = lock(&self.searches).last() else { return };
        let file = self.last_search_file();
        let written = smol::unblock(move || {
            let text = serde_json::to_string(&page).map_err(std::io::Error::other)?;
            write_private(&file, &text)
        });
        if let Err(error) = written.await {
            log::warn!(error:% = error; "the last search could not be saved");
        }
    }

    fn last_search_file(&self) -> PathBuf {
        self.servent.places().data_dir.join(LAST_SEARCH_FILE)
    }
}

/// A file that is not there, or not ours, is no last search.
fn read_last_search(file: &std::path::Path) -> Option<SearchPage> {
    if std::fs::metadata(file).ok()?.len() > LAST_SEARCH_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Now, milliseconds since 1970.
fn wall_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
