//! The library inside other programs: one executor for many servents, a foreign executor, errors
//! of a start, temporary folders, ends.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use filbert::servent::{
    Config, DownloadError, DownloadState, Heard, Options, SearchEnd, SearchQuery, Servent,
    StartError, Strategy, Why, want,
};
use smol::future::or;
use smol::stream::StreamExt;

fn options() -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        config: Config { local_addresses: true, ..Config::default() },
        ..Options::default()
    }
}

fn words(text: &str) -> SearchQuery {
    SearchQuery { text: text.to_owned(), ..SearchQuery::default() }
}

/// The outcome, unless it takes longer than anything here takes on a busy machine.
async fn within<T>(future: impl Future<Output = T>) -> T {
    let in_time = or(async { Some(future.await) }, async {
        smol::Timer::after(Duration::from_secs(30)).await;
        None
    });
    in_time.await.expect("it takes too long")
}

async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    within(async {
        while !is_so().await {
            smol::Timer::after(Duration::from_millis(10)).await;
        }
    })
    .await;
}

async fn sharing(folder: &Path, options: Options) -> Servent {
    let servent = Servent::start(Options { shares: vec![folder.to_owned()], ..options }).await;
    let servent = servent.unwrap();
    eventually(async || servent.view().await.unwrap().files > 0).await;
    eventually(async || servent.shares().files_to_hash == 0).await;
    servent
}

async fn befriended(servent: &Servent) {
    eventually(async || !servent.view().await.unwrap().neighbours.is_empty()).await;
}

#[test]
fn many_servents_share_one_executor() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("quiet sea.txt"), "waves").unwrap();
    let executor = Arc::new(smol::Executor::new());
    let task = {
        let executor = Arc::clone(&executor);
        let folder = folder.path().to_owned();
        async move {
            let mut options = Options { executor: Some(Arc::clone(&executor)), ..options() };
            // They stay in the line in which they are connected here.
            options.config.auto_connect = false;
            let mut servents = vec![sharing(&folder, options.clone()).await];
            for _ in 0..3 {
                let connect = vec![servents.last().unwrap().listen().to_string()];
                let next = Servent::start(Options { connect, ..options.clone() }).await.unwrap();
                befriended(&next).await;
                servents.push(next);
            }
            // The file is three hops away.
            let mut hits = servents[3].search(words("sea")).await.unwrap();
            let hit = within(hits.next()).await.unwrap();
            assert_eq!((hit.name.as_str(), hit.hops), ("quiet sea.txt", 3));
            for servent in &servents {
                within(servent.stop()).await;
            }
        }
    };
    smol::block_on(executor.run(task));
}

#[test]
fn two_servents_live_in_an_async_std_application() {
    async_std::task::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("high hill.txt"), "green grass").unwrap();
        let sharer = sharing(folder.path(), options()).await;
        let connect = vec![sharer.listen().to_string()];
        let download_dir = Some(folder.path().join("downloads"));
        let searcher = Options { connect, download_dir, ..options() };
        let searcher = async_std::task::spawn(Servent::start(searcher)).await.unwrap();
        befriended(&searcher).await;

        let mut hits = searcher.search(words("hill")).await.unwrap();
        let hit = within(hits.next()).await.unwrap();
        let found = hits.search();
        drop(hits);
        eventually(async || {
            searcher.view().await.unwrap().searches.iter().all(|known| known.search != found)
        })
        .await;

        let mut downloading = searcher.download(hit.into()).await.unwrap();
        let mut last = None;
        while let Some(progress) = within(downloading.next()).await {
            last = Some(progress);
        }
        let last = last.unwrap();
        assert_eq!(last.state, DownloadState::Done);
        assert_eq!(fs::read_to_string(last.path.unwrap()).unwrap(), "green grass");
        searcher.stop().await;
        sharer.stop().await;
    });
}

/// IPv6 alone on both sides, and both internets on one side with either on the other. A machine
/// without IPv6 has nothing to try.
#[test]
fn servents_meet_over_ipv6_and_over_both_internets() {
    if TcpListener::bind("[::1]:0").is_err() {
        return println!("skipped: there is no IPv6 here");
    }
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("deep lake.txt"), "still water").unwrap();
        for (sharer_at, searcher_at, meet_at) in [
            ("[::1]:0", "[::1]:0", "[::1]"),
            ("[::]:0", "[::1]:0", "[::1]"),
            ("[::]:0", "127.0.0.1:0", "127.0.0.1"),
        ] {
            let at = |listen: &str| Options { listen: listen.parse().unwrap(), ..options() };
            let sharer = sharing(folder.path(), at(sharer_at)).await;
            let connect = vec![format!("{meet_at}:{}", sharer.listen().port())];
            let download_dir = Some(folder.path().join("downloads"));
            let searcher = Options { connect, download_dir, ..at(searcher_at) };
            let searcher = Servent::start(searcher).await.unwrap();
            befriended(&searcher).await;
            let mut hits = searcher.search(words("lake")).await.unwrap();
            let hit = within(hits.next()).await.unwrap();
            assert_eq!(hit.source.address.ip().to_string(), meet_at.trim_matches(['[', ']']));
            let mut downloading = searcher.download(hit.into()).await.unwrap();
            let mut last = None;
            while let Some(progress) = within(downloading.next()).await {
                last = Some(progress.state);
            }
            assert_eq!(last, Some(DownloadState::Done), "{sharer_at} {searcher_at}");
            searcher.stop().await;
            sharer.stop().await;
        }
    });
}

#[test]
fn what_stands_in_the_way_of_a_start_is_named() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let refusal = async |options| Servent::start(options).await.unwrap_err().to_string();

        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        let said = refusal(Options { listen, ..options() }).await;
        assert!(said.contains(&listen.to_string()), "{said}");

        let missing = folder.path().join("missing");
        let said = refusal(Options { shares: vec![missing.clone()], ..options() }).await;
        assert!(said.contains(missing.to_str().unwrap()), "{said}");

        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let started = Servent::start(Options { shares: vec![file.clone()], ..options() }).await;
        assert!(matches!(started, Err(StartError::NotAFolder(path)) if path.ends_with("file")));
        let said = refusal(Options { data_dir: Some(file.clone()), ..options() }).await;
        assert!(said.contains(file.to_str().unwrap()), "{said}");

        for laboratory in [
            Config { strategy: Strategy::ExpandingRing, ..Config::default() },
            Config { one_hop_replication: true, ..Config::default() },
        ] {
            let said = refusal(Options { config: laboratory, ..options() }).await;
            assert!(said.contains("simulated worlds"), "{said}");
        }

        let said = refusal(Options { connect: vec!["no host:x".to_owned()], ..options() }).await;
        assert!(said.contains("no host:x"), "{said}");

        let data_dir = Some(folder.path().join("data"));
        let first = Servent::start(Options { data_dir: data_dir.clone(), ..options() }).await;
        let first = first.unwrap();
        let said = refusal(Options { data_dir: data_dir.clone(), ..options() }).await;
        assert!(said.contains(data_dir.as_ref().unwrap().to_str().unwrap()), "{said}");
        first.stop().await;
        let again = Servent::start(Options { data_dir, ..options() }).await.unwrap();
        again.stop().await;
    });
}

#[test]
fn what_is_too_much_ends_at_once_and_says_so() {
    smol::block_on(async {
        let other = Servent::start(options()).await.unwrap();
        let connect = vec![other.listen().to_string()];
        let mut few = Options { connect, ..options() };
        (few.config.searches_max, few.config.downloads_max) = (1, 1);
        let servent = Servent::start(few).await.unwrap();
        befriended(&servent).await;
        let first = servent.search(words("anything")).await.unwrap();
        let mut second = servent.search(words("something")).await.unwrap();
        assert_eq!(within(second.next()).await, None);
        assert_eq!(second.end(), Some(SearchEnd::TooMany));
        drop(first);

        let hashes = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
        let first = servent.download(want(hashes[0]).await.unwrap()).await.unwrap();
        let second = servent.download(want(hashes[1]).await.unwrap()).await.unwrap();
        let refused = Err(DownloadError::Failed(Some(Why::TableFull)));
        assert_eq!(within(second.finished()).await, refused);
        servent.cancel(first.download()).await.unwrap();
        assert_eq!(within(first.finished()).await, Err(DownloadError::Cancelled));
        servent.stop().await;
        other.stop().await;
    });
}

#[test]
fn a_temporary_folder_goes_with_its_servent() {
    smol::block_on(async {
        let servent = Servent::start(options()).await.unwrap();
        let data_dir = servent.places().data_dir.clone();
        assert!(data_dir.is_dir());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&data_dir).unwrap().permissions().mode() & 0o777, 0o700);
        }
        servent.stop().await;
        assert!(!data_dir.exists());

        // But not what the user wanted to have.
        let servent = Servent::start(options()).await.unwrap();
        let places = servent.places().clone();
        fs::write(places.download_dir.join("a download"), "").unwrap();
        servent.stop().await;
        assert!(places.download_dir.join("a download").exists());
        assert_eq!(fs::read_dir(&places.data_dir).unwrap().count(), 1);
        fs::remove_dir_all(&places.data_dir).unwrap();
    });
}

#[test]
fn everything_ends_when_the_servent_stops() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let other = Servent::start(options()).await.unwrap();
        let connect = vec![other.listen().to_string()];
        let data_dir = Some(folder.path().to_owned());
        let servent = Options { connect, data_dir, ..options() };
        let servent = Servent::start(servent).await.unwrap();
        befriended(&servent).await;

        let mut hits = servent.search(words("nothing like this")).await.unwrap();
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let wanted = want(hash).await.unwrap();
        let downloading = servent.download(wanted).await.unwrap();
        let mut events = servent.events();
        within(servent.stop()).await;
        within(servent.stop()).await;
        while let Some(heard) = within(events.next()).await {
            assert!(!matches!(heard, Heard::Missed(_)));
        }
        assert_eq!(within(hits.next()).await, None);
        assert_eq!(hits.end(), Some(SearchEnd::Stopped));
        assert_eq!(within(downloading.finished()).await, Err(DownloadError::Stopped));
        assert!(servent.view().await.is_err());
        assert!(servent.search(words("more")).await.is_err());
        assert!(servent.connect("127.0.0.1:1").await.is_err());

        // The neighbour was told.
        eventually(async || other.view().await.unwrap().neighbours.is_empty()).await;
        // Dropping the last handle ends it, too.
        let clone = other.clone();
        let data_dir = other.places().data_dir.clone();
        drop(other);
        assert!(clone.view().await.is_ok());
        drop(clone);
        eventually(async || !data_dir.exists()).await;
    });
}
