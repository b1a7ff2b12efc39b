//! `filbert demo`: a network of real servents on this machine, from a search to a verified file.

mod cost;
mod files;
mod network;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use smol::Executor;
use smol::future::FutureExt;

use super::Outcome;
use super::args;
use super::get::follow;
use super::render::{bold, dim, good, harmless, say};
use super::search::distance;
use super::session::wish_to_leave;
use super::units;
use crate::api::types::{Download, Event, FileResult, NewDownload, NewSearch, ResultNumber, What};
use crate::servent::DownloadState;
use crate::sim::Dice;
use cost::{Cost, Counts};
use files::Files;
use network::Network;

/// No hit for so long: everything has arrived.
const QUIET: Duration = Duration::from_millis(300);
/// The first hit must be here by then.
const FIRST_HIT_WITHIN: Duration = Duration::from_secs(10);

/// Starts the network, searches it, downloads, verifies, counts, and stops it.
pub(super) fn demo(json: bool, words: &args::Demo) -> Result<Outcome> {
    let executor = Arc::new(Executor::new());
    smol::block_on(Arc::clone(&executor).run(show(executor, json, words)))
}

async fn show(executor: Arc<Executor<'static>>, json: bool, words: &args::Demo) -> Result<Outcome> {
    let begin = Instant::now();
    let mut dice = Dice::new(words.seed);
    let files = Files::find(words.share.as_deref(), &mut dice)?;
    let home = home()?;
    let network = Network::start(&executor, &files, &home, &mut dice).await?;
    if !json {
        say!("{}", network.describe(&files));
    }
    let played = play(&network, &files, json).await;
    if let Ok((download, cost)) = &played {
        if json {
            say!("{}", serde_json::json!({ "download": download, "flood": cost }));
        } else {
            cost.print();
            say!("\nAll of it took {}.", units::duration(begin.elapsed()));
        }
        if words.keep {
            say!("{}", network.how_to_play());
            wish_to_leave().await?;
        }
    }
    network.stop().await;
    played.map(|_| Outcome::Worked)
}

/// A search, its hits, the download of the best, its verification, and what the flood cost.
async fn play(network: &Network, files: &Files, json: bool) -> Result<(Download, Cost)> {
    let word = files.word()?;
    let before = Counts::of(network).await?;
    if !json {
        say!("\nSearching for {} ...", bold(&word));
    }
    let best = search(network, &word, json).await?;
    let cost = Cost::between(&before, &Counts::of(network).await?, network);
    if !json {
        say!("\nDownloading {} ...", bold(&harmless(&best.name)));
    }
    let client = network.searcher();
    let result = ResultNumber { number: best.number, search: Some(best.search) };
    let new = NewDownload { what: What::Result(result), name: None };
    let download = follow(&client, client.download(&new).await?, json).await?;
    if download.state != DownloadState::Done {
        bail!("the download ended as {:?}: {:?}", download.state, download.trouble);
    }
    let path = PathBuf::from(download.path.as_deref().ok_or_else(|| anyhow!("no path"))?);
    compare(&path, network, &best)?;
    if !json {
        say!(
            "  {}: SHA-1 {} is right, and every byte equals the original.\n  It lies in {}",
            good("verified"),
            best.sha1.map_or(String::new(), |sha1| sha1.to_string()),
            path.display()
        );
    }
    Ok((download, cost))
}

/// Searches, prints the hits as they come, returns the best of the results with the most sources.
async fn search(network: &Network, word: &str, json: bool) -> Result<FileResult> {
    let client = network.searcher();
    let query = NewSearch { text: word.to_owned(), ..NewSearch::default() };
    let search = client.search(&query).await?;
    let mut events = client.search_events(search.id).await?;
    let (mut shown, mut patience) = (0, FIRST_HIT_WITHIN);
    loop {
        let page = client.search_page(search.id, shown).await?;
        shown = page.search.revision;
        for result in page.results.iter().filter(|_| !json) {
            print_result(result);
        }
        if !page.results.is_empty() {
            patience = QUIET;
        }
        let next = async { events.next().await.transpose() };
        let quiet = async {
            smol::Timer::after(patience).await;
            Ok(None)
        };
        match next.or(quiet).await? {
            Some(Event::SearchEnded(_)) | None => break,
            Some(_) => {}
        }
    }
    let page = client.search_page(search.id, 0).await?;
    client.stop_search(search.id).await?;
    let with_hash = page.results.into_iter().filter(|result| result.sha1.is_some());
    with_hash
        .max_by_key(|result| (result.sources.len(), result.size))
        .ok_or_else(|| anyhow!("the search for {word} found nothing; try another --seed"))
}

fn print_result(result: &FileResult) {
    let Some(newest) = result.sources.iter().max_by_key(|source| source.after_us) else { return };
    say!(
        "{:>4}  {}  {}  {}",
        result.number,
        harmless(&result.name),
        units::size(result.size),
        dim(&format!(
            "{}{}",
            distance(newest),
            match result.sources.len() {
                1 => String::new(),
                sources => format!(", source {sources}"),
            }
        ))
    );
}

/// Holds the downloaded file against the copy that was shared, byte by byte.
fn compare(path: &Path, network: &Network, result: &FileResult) -> Result<()> {
    let got = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let same = network
        .shared_folders()
        .filter_map(|folder| fs::read(folder.join(&result.name)).ok())
        .any(|original| original == got);
    if same { Ok(()) } else { bail!("{} differs from what was shared", path.display()) }
}

/// A folder of this demonstration's own.
fn home() -> Result<PathBuf> {
    let home = std::env::temp_dir().join(format!("filbert-demo-{}", std::process::id()));
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    Ok(home)
}
