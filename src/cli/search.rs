//! `filbert search` and `filbert browse`: hits as they arrive, and why there may be none.

use std::time::Duration;

use anyhow::{Result, bail};
use smol::future::FutureExt;

use super::Outcome;
use super::args;
use super::render::{bold, dim, harmless, say};
use super::session::{Session, wish_to_leave};
use super::settings::Settings;
use super::units;
use crate::api::Client;
use crate::api::types::{Counters, Event, FileResult, NewSearch, Obstacle, ResultSource, Search};
use crate::servent::{SearchEnd, Strategy};

/// Fetches a result of the servent that runs.
const GET: &str = "filbert get";
/// How long `browse` waits for the list of a host.
const BROWSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Searches the network by the words of the command line.
pub(super) async fn search(
    settings: &Settings,
    json: bool,
    words: args::Search,
) -> Result<Outcome> {
    let timeout = units::parse_duration(&words.timeout)?;
    // A mistake is told before a servent is started.
    query(&words)?;
    let session = Session::running_or_own(settings, &words.connect).await?;
    if !json {
        session.say_if_own();
    }
    let shown = async {
        session.wait_for_neighbour(timeout).await?;
        ask(session.client(), json, &words, GET).await
    }
    .await;
    session.close().await;
    shown
}

/// Asks a servent to search, and shows what comes; `get` is the command that fetches a result.
pub(super) async fn ask(
    client: &Client,
    json: bool,
    words: &args::Search,
    get: &str,
) -> Result<Outcome> {
    let timeout = units::parse_duration(&words.timeout)?;
    let search = client.search(&query(words)?).await?;
    show(client, search, timeout, json, get).await
}

/// Lists what a host shares.
pub(super) async fn browse(settings: &Settings, json: bool, host: &str) -> Result<Outcome> {
    let session = Session::running_or_own(settings, &[]).await?;
    let shown = async {
        let search = session.client().browse(host).await?;
        show(session.client(), search, BROWSE_TIMEOUT, json, GET).await
    }
    .await;
    session.close().await;
    shown
}

fn query(words: &args::Search) -> Result<NewSearch> {
    if words.max == Some(0) {
        bail!("--max 0 would find nothing; leave it out for as many as there are");
    }
    let (size_min, size_max) = match &words.size {
        Some(range) => units::parse_size_range(range)?,
        None => (None, None),
    };
    Ok(NewSearch {
        text: words.words.join(" "),
        sha1: None,
        ttl: words.ttl,
        results_max: words.max,
        size_min,
        size_max,
        extensions: words.ext.iter().map(|ext| ext.trim_start_matches('.').to_owned()).collect(),
        without: words.not.clone(),
        kind: words.kind,
        whats_new: words.new,
        strategy: words.strategy.as_deref().map(|way| match way {
            "flood" => Strategy::Flood,
            _ => Strategy::Dynamic,
        }),
    })
}

/// Prints results as they come, until the search ends or the time is over.
async fn show(
    client: &Client,
    search: Search,
    timeout: Duration,
    json: bool,
    get: &str,
) -> Result<Outcome> {
    let before = client.counters().await?;
    let mut events = client.search_events(search.id).await?;
    let deadline = async {
        smol::Timer::after(timeout).await;
        Ok(())
    };
    let enough = deadline.or(wish_to_leave());
    let mut shown = 0;
    let arrivals = async {
        while let Some(event) = events.next().await {
            match event? {
                Event::Result(result) if json => {
                    say!("{}", serde_json::to_string(&Event::Result(result))?);
                }
                Event::Result(result) if result.number > shown => {
                    shown = result.number;
                    print_result(&result);
                }
                Event::SearchEnded(_) | Event::Stopping => break,
                _ => {}
            }
        }
        Ok::<(), anyhow::Error>(())
    };
    arrivals.or(enough).await?;
    let page = client.search_page(search.id, 0).await?;
    client.stop_search(search.id).await?;
    if json {
        say!("{}", serde_json::to_string(&Event::SearchEnded(page.search.clone()))?);
    } else {
        // Results that came while the stream was being opened were not events of it.
        for result in page.results.iter().filter(|result| result.number > shown) {
            print_result(result);
        }
        if page.results.is_empty() {
            print_nothing(&page.search, &before, &client.counters().await?);
        } else {
            print_end(&page.results, get);
        }
    }
    Ok(if page.results.is_empty() { Outcome::NothingFound } else { Outcome::Worked })
}

/// How far away a source is, in links and in time.
pub(super) fn distance(source: &ResultSource) -> String {
    let after = units::duration(Duration::from_micros(source.after_us));
    format!("{} away, after {after}", units::count(source.hops.into(), "hop", "hops"))
}

fn print_result(result: &FileResult) {
    let best = result.sources.first();
    let far = best.map_or(String::new(), distance);
    let mut more = vec![far];
    more.extend(result.created_at_s.and_then(units::day).map(|day| format!("of {day}")));
    if !result.alternates.is_empty() {
        let places = result.alternates.len() as u64;
        more.push(format!("also at {}", units::count(places, "other place", "other places")));
    }
    if result.suspicious {
        more.push("SUSPICIOUS: looks made up to match any search".to_owned());
    }
    say!(
        "{:>4}  {}  {}  {}",
        result.number,
        bold(&harmless(&result.name)),
        units::size(result.size),
        dim(&more.join(", "))
    );
}

fn print_end(results: &[FileResult], get: &str) {
    let servents: std::collections::BTreeSet<_> =
        results.iter().flat_map(|result| &result.sources).map(|s| s.source.address).collect();
    say!(
        "{} from {}. Fetch one by its number: {}",
        units::count(results.len() as u64, "file", "files"),
        units::count(servents.len() as u64, "servent", "servents"),
        bold(&format!("{get} {}", results[0].number))
    );
}

fn print_nothing(search: &Search, before: &Counters, after: &Counters) {
    say!("Nothing found.");
    if search.browse.is_some() {
        say!("  The host could not be reached, or shares nothing that it tells.");
        return;
    }
    if search.ended == Some(SearchEnd::NothingToMatch) {
        say!("  The words are too short to be searched for: one needs two letters or digits.");
        return;
    }
    say!(
        "  The query went to {} and reached about {}.",
        units::count(search.neighbours_asked.into(), "neighbour", "neighbours"),
        units::count(search.reach_guess, "servent", "servents")
    );
    for obstacle in &search.obstacles {
        say!("  {}", reason(obstacle));
    }
    print_dropped(before, after);
    say!("  Fewer or other words, a higher --ttl or a longer --timeout may find more.");
}

/// What this servent dropped or refused while the search went on: a hit may have been among it.
fn print_dropped(before: &Counters, after: &Counters) {
    for now in &after.dropped {
        let then = before.dropped.iter().find(|then| then.why == now.why);
        let times = now.count - then.map_or(0, |then| then.count);
        if times > 0 {
            let times = units::count(times, "time", "times");
            say!("  Dropped or refused here meanwhile, {times}: {}.", now.text);
        }
    }
}

/// An obstacle as a sentence that says what to do.
pub(super) fn reason(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NobodyKnown => {
            "There is no neighbour, and no host is known: name one with --connect HOST:PORT, or \
             say where to ask with --bootstrap."
                .to_owned()
        }
        Obstacle::StillConnecting => {
            "There is no neighbour yet; connections are being tried. Try again soon.".to_owned()
        }
        Obstacle::AskingForHosts => {
            "There is no neighbour and no host is known yet; sources of hosts are being asked. \
             Try again soon."
                .to_owned()
        }
        Obstacle::SourcesFail { failing, sources, hosts_known } => format!(
            "Not connected: {failing} of {} of hosts {} of no use, {} known; see `filbert status`, \
             look at the network, or name a peer with --connect HOST:PORT or a source with \
             --bootstrap.",
            units::count((*sources).into(), "source", "sources"),
            if *failing == 1 { "was" } else { "were" },
            units::count((*hosts_known).into(), "host", "hosts"),
        ),
        Obstacle::FewNeighbours { neighbours, wanted } => {
            format!("Only {neighbours} of the {wanted} wanted ultrapeers are connected.")
        }
        Obstacle::WordsTooShort { words } => format!(
            "Too short to be searched for, and so ignored: {}.",
            words.iter().map(|word| harmless(word)).collect::<Vec<_>>().join(", ")
        ),
        Obstacle::SmallTtl { ttl } => {
            format!("The query went only {} far.", units::count((*ttl).into(), "link", "links"))
        }
        Obstacle::Filtered => "--size, --ext, --kind or --not may have hidden results.".to_owned(),
    }
}
