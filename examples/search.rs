//! Searches a network and downloads the first result.
//!
//! ```text
//! cargo run --example search                          two servents on this machine
//! cargo run --example search -- HOST:PORT WORDS...    a network that you know a member of
//! ```

use std::error::Error;
use std::time::Duration;

use filbert::servent::{Config, Options, SearchQuery, Servent};
use smol::future::or;
use smol::stream::StreamExt;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let peer = arguments.next();
    let words = arguments.collect::<Vec<_>>().join(" ");
    smol::block_on(async {
        match peer {
            Some(peer) => search(&peer, &words, Options::default()).await,
            None => among_ourselves().await,
        }
    })
}

/// Joins the network of `peer`, searches, takes what it likes best.
async fn search(peer: &str, words: &str, options: Options) -> Result<(), Box<dyn Error>> {
    let servent = Servent::start(Options { connect: vec![peer.to_owned()], ..options }).await?;
    wait_for_neighbour(&servent).await?;

    let query = SearchQuery { text: words.to_owned(), ..SearchQuery::default() };
    let mut hits = servent.search(query).await?;
    // A search has no end that one would want to wait for: take hits for as long as it seems good.
    let first = or(hits.next(), async {
        smol::Timer::after(Duration::from_secs(20)).await;
        None
    });
    let Some(hit) = first.await else {
        println!("nothing found");
        servent.stop().await;
        return Ok(());
    };
    // The name is a stranger's text: {:?} escapes what would play tricks with the terminal.
    println!("found {:?}, {} bytes, {} hops away", hit.name, hit.size, hit.hops);
    drop(hits); // ends the search

    let mut downloading = servent.download(hit.into()).await?;
    while let Some(progress) = downloading.next().await {
        println!("{:?}: {} bytes", progress.state, progress.have);
        if let Some(path) = progress.path {
            println!("it lies in {path}");
        }
    }
    servent.stop().await;
    Ok(())
}

/// A servent that shares a folder, and one that searches it.
async fn among_ourselves() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a little poem.txt"), "The rose is red.\n")?;
    // On the public network nobody should be talked into dialling loopback addresses.
    let config = Config { local_addresses: true, ..Config::default() };
    let listen = "127.0.0.1:0".parse()?;
    let options = Options { listen, config, ..Options::default() };
    let shares = vec![folder.path().to_owned()];
    let sharer = Servent::start(Options { shares, ..options.clone() }).await?;
    while sharer.view().await?.files == 0 {
        smol::Timer::after(Duration::from_millis(20)).await;
    }

    let download_dir = Some(folder.path().join("downloads"));
    let options = Options { download_dir, ..options };
    search(&sharer.listen().to_string(), "poem", options).await?;
    sharer.stop().await;
    Ok(())
}

/// A query goes to the neighbours that are there when it is asked: the first must be won before.
async fn wait_for_neighbour(servent: &Servent) -> Result<(), Box<dyn Error>> {
    while servent.view().await?.neighbours.is_empty() {
        smol::Timer::after(Duration::from_millis(20)).await;
    }
    Ok(())
}
