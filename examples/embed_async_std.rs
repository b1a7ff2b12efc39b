//! Two servents inside an application that runs on async-std: one finds and downloads what the
//! other shares.
//!
//! ```text
//! cargo run --example embed_async_std
//! ```
//!
//! The servents run on threads of their own; what they hand out are plain futures and streams, so
//! they can be awaited in any executor: here in tasks of async-std, with its timers and files.

use std::error::Error;
use std::time::Duration;

use async_std::future::timeout;
use async_std::prelude::*;
use async_std::{fs, task};
use filbert::servent::{Config, Options, SearchQuery, Servent};

fn main() -> Result<(), Box<dyn Error>> {
    let text = task::block_on(find_and_download())?;
    println!("downloaded and verified: {text:?}");
    Ok(())
}

async fn find_and_download() -> Result<String, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).await?;
    fs::write(shared.join("embedded servent.txt"), "no runtime of yours is needed").await?;

    // On the public network nobody should be talked into dialling loopback addresses.
    let config = Config { local_addresses: true, ..Config::default() };
    let listen = "127.0.0.1:0".parse()?;
    let options = Options { listen, config, ..Options::default() };
    let sharer = Servent::start(Options { shares: vec![shared], ..options.clone() }).await?;
    let connect = vec![sharer.listen().to_string()];
    let download_dir = Some(folder.path().join("downloads"));
    let searcher = Servent::start(Options { connect, download_dir, ..options }).await?;

    // Handles are cheap to clone and can be moved into tasks.
    let watching = task::spawn(until_ready(sharer.clone(), searcher.clone()));
    timeout(Duration::from_secs(20), watching).await??;

    let query = SearchQuery { text: "embedded".to_owned(), ..SearchQuery::default() };
    let mut hits = searcher.search(query).await?;
    let hit = timeout(Duration::from_secs(20), hits.next()).await?.ok_or("nothing found")?;
    println!("found {:?} at {}", hit.name, hit.source.address);

    let path = searcher.download(hit.into()).await?.finished().await?;
    let text = fs::read_to_string(&path).await?;
    searcher.stop().await;
    sharer.stop().await;
    Ok(text)
}

/// The file is known with its hash, and the two are neighbours.
async fn until_ready(sharer: Servent, searcher: Servent) -> Result<(), filbert::servent::Stopped> {
    while sharer.view().await?.files == 0 || searcher.view().await?.neighbours.is_empty() {
        task::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
