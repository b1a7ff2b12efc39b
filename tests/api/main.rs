//! The HTTP interface on loopback, over real servents: who may use it, what it says, and that it
//! says what its description promises.

mod http;
mod openapi;
mod passages;
mod schema;
mod stream;
mod transfer;
mod who;

use std::path::Path;
use std::time::Duration;

use filbert::api::{Client, Server, ServerOptions};
use filbert::servent::{Config, Options, Servent};
use smol::future::or;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A servent with its interface, in a folder of its own.
struct House {
    folder: TempDir,
    servent: Servent,
    server: Server,
    client: Client,
}

impl House {
    async fn new() -> House {
        House::sharing(&[]).await
    }

    /// A servent that shares these files; they have their hashes when this is done.
    async fn sharing(files: &[(&str, &[u8])]) -> House {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        for (name, content) in files {
            std::fs::write(shared.join(name), content).unwrap();
        }
        House::with(folder, vec![shared], files.len() as u64).await
    }

    async fn with(folder: TempDir, shares: Vec<std::path::PathBuf>, files: u64) -> House {
        let options = Options { shares, ..options(folder.path()) };
        let servent = Servent::start(options).await.unwrap();
        let server = Server::start(servent.clone(), ServerOptions::default()).await.unwrap();
        let client = Client::of_data_dir(&servent.places().data_dir).unwrap();
        let house = House { folder, servent, server, client };
        let is_ready = async || {
            let shares = house.client.shares().await.unwrap();
            shares.files == files && shares.hashing.is_none()
        };
        eventually("all files have their hashes", is_ready).await;
        house
    }

    async fn befriend(&self, other: &House) {
        self.client.connect(&other.servent.listen().to_string()).await.unwrap();
        let are_neighbours = async || !self.client.peers().await.unwrap().is_empty();
        eventually("they are neighbours", are_neighbours).await;
    }

    async fn close(self) -> TempDir {
        self.servent.stop().await;
        self.server.stop().await;
        self.folder
    }
}

fn options(folder: &Path) -> Options {
    Options {
        data_dir: Some(folder.join("data")),
        download_dir: Some(folder.join("downloads")),
        listen: "127.0.0.1:0".parse().unwrap(),
        config: Config { local_addresses: true, passages_max: 100, ..Config::default() },
        ..Options::default()
    }
}

/// Looks again and again until it is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            smol::Timer::after(Duration::from_millis(10)).await;
        }
        true
    };
    assert!(within(looking).await == Some(true), "it never came that {what}");
}

/// The outcome, unless it takes too long.
async fn within<T>(future: impl Future<Output = T>) -> Option<T> {
    or(async { Some(future.await) }, async {
        smol::Timer::after(PATIENCE).await;
        None
    })
    .await
}
