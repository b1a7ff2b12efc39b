//! Good peers, and what they need.

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use filbert::servent::{Config, DownloadState, Options, SearchQuery, Servent};
use smol::stream::StreamExt;

/// Nothing here takes so long unless it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Waits for a future, but not for ever.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(smol::future::or(future, async {
        smol::Timer::after(HANGS_AFTER).await;
        panic!("in vain")
    }))
}

/// Waits for something; fails the test if it does not come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < HANGS_AFTER, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Servents on loopback that look for nobody by themselves.
pub(crate) fn config() -> Config {
    Config { local_addresses: true, auto_connect: false, ..Config::default() }
}

/// A folder with a file to be shared.
pub(crate) struct Home {
    dir: tempfile::TempDir,
    name: &'static str,
    content: Vec<u8>,
}

impl Home {
    pub(crate) fn with_file(name: &'static str, bytes: u32) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> =
            (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::create_dir(dir.path().join("shared")).unwrap();
        fs::write(dir.path().join("shared").join(name), &content).unwrap();
        Home { dir, name, content }
    }

    pub(crate) fn shared(&self) -> PathBuf {
        self.dir.path().join("shared")
    }

    /// A new servent connects, searches, downloads, and has the same bytes.
    pub(crate) fn is_fetched_by_a_good_peer(&self, from: &Servent) {
        let peer = from.listen().to_string();
        block_on(async {
            let listen = "127.0.0.1:0".parse().unwrap();
            let options = Options { listen, config: config(), ..Options::default() };
            let good = Servent::start(Options { connect: vec![peer], ..options }).await.unwrap();
            let text = self.name.rsplit_once('.').unwrap().0.to_owned();
            let mut hits =
                good.search(SearchQuery { text, ..SearchQuery::default() }).await.unwrap();
            let hit = hits.next().await.expect("a hit");
            drop(hits);
            let mut downloading = good.download(hit.into()).await.unwrap();
            let mut path = None;
            while let Some(progress) = downloading.next().await {
                assert_ne!(progress.state, DownloadState::Failed, "{progress:?}");
                path = progress.path.or(path);
            }
            let content = fs::read(path.expect("it was published")).unwrap();
            assert!(content == self.content, "other bytes");
            good.stop().await;
        });
    }
}
