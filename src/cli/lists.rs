//! The short commands: status, peers, blocks, shares, downloads, and what changes them.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use super::Outcome;
use super::get::progress_line;
use super::render::{Side, Table, bold, harmless, say};
use super::search::reason;
use super::session::Session;
use super::settings::Settings;
use super::units;
use crate::api::types::{Hashing, Horizon, HostSource, Openness, Reach, Status, TierStatus};
use crate::servent::{Relation, SourceState, Tier};

/// How the servent is doing.
pub(super) async fn status(settings: &Settings, json: bool) -> Result<Outcome> {
    let session = Session::running(settings).await?;
    let status = session.client().status().await?;
    if json {
        return print_json(&status);
    }
    say!("{}", bold(&one_line(&status)));
    say!("listens on     {}", status.listen);
    say!("servent GUID   {}", status.servent);
    say!("role           {}", tier_words(&status.tier));
    say!("known hosts    {}", units::number(status.hosts_known.into()));
    if let Some(horizon) = &status.horizon {
        say!("horizon        {}", horizon_words(horizon));
    }
    say!("data           {}", status.data_dir);
    say!("downloads to   {}", status.download_dir);
    say!("up for         {}", units::duration(Duration::from_secs(status.uptime_s)));
    say_reach(&status.reach);
    for obstacle in &status.obstacles {
        say!("{}", reason(obstacle));
    }
    print_sources(&status.sources);
    let counters = session.client().counters().await?;
    let mut kinds = Table::new(&[
        ("descriptors", Side::Left),
        ("received", Side::Right),
        ("sent", Side::Right),
    ]);
    for kind in counters.messages.iter().filter(|kind| kind.received + kind.sent > 0) {
        let numbers = [kind.received, kind.sent].map(units::number);
        let [received, sent] = numbers;
        kinds.row([kind.kind.replace('_', " "), received, sent]);
    }
    let by_udp = &counters.datagrams;
    if by_udp.received + by_udp.sent > 0 {
        let [received, sent] = [by_udp.received, by_udp.sent].map(units::number);
        kinds.row(["by UDP".to_owned(), received, sent]);
    }
    let mut by_udp_dropped =
        Table::new(&[("dropped of that by UDP", Side::Left), ("times", Side::Right)]);
    for reason in &by_udp.dropped {
        by_udp_dropped.row([reason.text.clone(), units::number(reason.count)]);
    }
    let mut dropped = Table::new(&[("dropped or refused", Side::Left), ("times", Side::Right)]);
    for reason in counters.dropped {
        dropped.row([reason.text, units::number(reason.count)]);
    }
    for table in [kinds, dropped, by_udp_dropped] {
        if !table.is_empty() {
            say!();
            table.print();
        }
    }
    Ok(Outcome::Worked)
}

/// Whether others can reach the servent, and what can be done if not.
fn say_reach(reach: &Reach) {
    for (way, door) in [("TCP", &reach.tcp), ("UDP", &reach.udp)] {
        let openness = match door.openness {
            Openness::Open => "open",
            Openness::Closed => "closed",
            Openness::Unknown => "not known",
        };
        say!("{way}            {openness}: {}", door.why);
    }
    say!("router         {}", reach.port_mapping);
    if !reach.push_proxies.is_empty() {
        let proxies: Vec<String> = reach.push_proxies.iter().map(ToString::to_string).collect();
        say!("push proxies   {}", proxies.join(", "));
    }
    if reach.push_proxy_for > 0 {
        let many = units::count(reach.push_proxy_for.into(), "servent", "servents");
        say!("               push proxy for {many}");
    }
    if let Some(advice) = &reach.advice {
        say!("To be reached: {advice}.");
    }
}

/// What a servent is in the two-tier network, and who hangs on it.
fn tier_words(tier: &TierStatus) -> String {
    let (ultrapeers, max) = (tier.ultrapeers, tier.ultrapeers_max);
    match tier.tier {
        Tier::Leaf => format!("leaf on {ultrapeers} of {max} ultrapeers ({})", tier.text),
        Tier::Ultrapeer => format!(
            "ultrapeer with {ultrapeers} of {max} ultrapeers and {} of {} leaves ({})",
            tier.leaves, tier.leaves_max, tier.text
        ),
    }
}

/// What a servent is doing now, in one line.
pub(super) fn one_line(status: &Status) -> String {
    let mut line = format!(
        "{}, shares {} ({})",
        connected(status),
        units::count(status.shared_files, "file", "files"),
        units::size(status.shared_bytes)
    );
    for (amount, one, many) in [
        (status.connecting, "connecting", "connecting"),
        (status.searches, "search", "searches"),
        (status.uploads, "upload", "uploads"),
        (status.downloads, "download", "downloads"),
    ] {
        if amount > 0 {
            line.push_str(&format!(", {}", units::count(amount.into(), one, many)));
        }
    }
    if let Some(hashing) = &status.hashing {
        line.push_str(&format!(", {}", hashing_words(hashing)));
    }
    line
}

fn horizon_words(horizon: &Horizon) -> String {
    format!(
        "{} ({}) on {} within {}",
        units::count(horizon.files, "file", "files"),
        units::size(horizon.bytes),
        units::count(horizon.nodes, "node", "nodes"),
        units::count(horizon.hops.into(), "hop", "hops")
    )
}

/// Whether it is connected, and if not, why.
fn connected(status: &Status) -> String {
    let TierStatus { ultrapeers, leaves, .. } = status.tier;
    let mut line = format!("{ultrapeers} of {} ultrapeers", status.neighbours_wanted);
    if leaves > 0 {
        line.push_str(&format!(", {}", units::count(leaves.into(), "leaf", "leaves")));
    }
    if status.neighbours > 0 {
        return line;
    }
    let mut line = "not connected".to_owned();
    let named = || status.sources.iter().filter(|source| !source.learnt);
    let failing = named().filter(|source| source.state.is_bad()).count();
    if failing > 0 {
        let sources = units::count(named().count() as u64, "source", "sources");
        line.push_str(&format!(", {failing} of {sources} of hosts failing"));
    } else if let Some(asked) = named().find(|source| source.state == SourceState::Asking) {
        line.push_str(&format!(", asking {}", harmless(&asked.source)));
    }
    let hosts = units::count(status.hosts_known.into(), "host", "hosts");
    format!("{line}, {hosts} known")
}

/// How each source of hosts stands.
fn print_sources(sources: &[HostSource]) {
    let mut table = Table::new(&[
        ("hosts are asked for at", Side::Left),
        ("", Side::Left),
        ("asked", Side::Left),
        ("answered", Side::Left),
        ("hosts", Side::Right),
        ("failures", Side::Right),
        ("next", Side::Left),
    ]);
    let ago = |seconds: Option<u64>| match seconds {
        Some(seconds) => format!("{} ago", units::duration(Duration::from_secs(seconds))),
        None => "never".to_owned(),
    };
    for source in sources {
        let state = match (source.state, source.trouble) {
            (SourceState::Unasked, _) => "not asked yet".to_owned(),
            (SourceState::Asking, _) => "is being asked".to_owned(),
            (SourceState::Answered, _) => "answers".to_owned(),
            (SourceState::Failed, Some(why)) => why.text().to_owned(),
            (SourceState::Dead, Some(why)) => format!("dead: {}", why.text()),
            (SourceState::Failed | SourceState::Dead, None) => "failed".to_owned(),
        };
        table.row([
            harmless(&source.source),
            state,
            ago(source.asked_s_ago),
            ago(source.answered_s_ago),
            units::number(source.hosts),
            units::number(source.failures.into()),
            match source.next_in_s {
                0 => "when needed".to_owned(),
                wait => format!("in {} if needed", units::duration(Duration::from_secs(wait))),
            },
        ]);
    }
    if !table.is_empty() {
        say!();
        table.print();
    }
}

fn hashing_words(hashing: &Hashing) -> String {
    if hashing.files_left == 0 {
        return "looking through the shared folders".to_owned();
    }
    let left = units::count(hashing.files_left, "file", "files");
    format!("{left} ({}) to hash", units::size(hashing.bytes_left))
}

/// The neighbours.
pub(super) async fn peers(settings: &Settings, json: bool) -> Result<Outcome> {
    let peers = Session::running(settings).await?.client().peers().await?;
    if json {
        return print_json(&peers);
    }
    let mut table = Table::new(&[
        ("address", Side::Left),
        ("", Side::Left),
        ("is", Side::Left),
        ("for", Side::Right),
        ("received", Side::Right),
        ("sent", Side::Right),
        ("dropped", Side::Right),
        ("compressed", Side::Left),
        ("servent", Side::Left),
    ]);
    for peer in &peers {
        let compressed = match (peer.compressed_in, peer.compressed_out) {
            (true, true) => "both ways",
            (true, false) => "in",
            (false, true) => "out",
            (false, false) => "no",
        };
        table.row([
            peer.address.to_string(),
            if peer.incoming { "in" } else { "out" }.to_owned(),
            match peer.relation {
                Relation::Peer => "peer",
                Relation::Leaf => "leaf",
                Relation::Ultrapeer => "ultrapeer",
            }
            .to_owned(),
            units::duration(Duration::from_secs(peer.connected_s)),
            format!("{} ({})", units::number(peer.received), units::size(peer.received_bytes)),
            format!("{} ({})", units::number(peer.sent), units::size(peer.sent_bytes)),
            units::number(peer.dropped),
            compressed.to_owned(),
            harmless(&peer.user_agent),
        ]);
    }
    if table.is_empty() {
        say!("No neighbours. Give one with `filbert connect HOST:PORT`.");
    } else {
        table.print();
    }
    Ok(Outcome::Worked)
}

/// Connects to a host.
pub(super) async fn connect(settings: &Settings, host: &str) -> Result<Outcome> {
    Session::running(settings).await?.client().connect(host).await?;
    say!("Connecting to {}; `filbert peers` shows what became of it.", harmless(host));
    Ok(Outcome::Worked)
}

/// Says goodbye to a neighbour.
pub(super) async fn disconnect(settings: &Settings, host: &str) -> Result<Outcome> {
    Session::running(settings).await?.client().disconnect(host).await?;
    say!("Said goodbye to {}.", harmless(host));
    Ok(Outcome::Worked)
}

/// Blocks a network, or lists what is blocked.
pub(super) async fn block(
    settings: &Settings,
    json: bool,
    network: Option<&str>,
) -> Result<Outcome> {
    network.map(units::parse_network).transpose()?;
    let session = Session::running(settings).await?;
    if let Some(network) = network {
        session.client().block(network).await?;
        say!("{network} is blocked.");
        return Ok(Outcome::Worked);
    }
    let blocks = session.client().blocks().await?;
    if json {
        return print_json(&blocks);
    }
    for block in &blocks {
        say!("{}", block.network);
    }
    if blocks.is_empty() {
        say!("Nothing is blocked.");
    }
    Ok(Outcome::Worked)
}

/// Takes a network off the block list.
pub(super) async fn unblock(settings: &Settings, network: &str) -> Result<Outcome> {
    units::parse_network(network)?;
    Session::running(settings).await?.client().unblock(network).await?;
    say!("{network} is not blocked.");
    Ok(Outcome::Worked)
}

/// What is shared.
pub(super) async fn shares(settings: &Settings, json: bool) -> Result<Outcome> {
    let shares = Session::running(settings).await?.client().shares().await?;
    if json {
        return print_json(&shares);
    }
    for folder in &shares.folders {
        say!("{folder}");
    }
    if shares.folders.is_empty() {
        say!("No folder is shared; start the servent with `filbert run --share DIR`.");
    } else {
        let files = units::count(shares.files, "file", "files");
        say!("{files}, {}", units::size(shares.bytes));
    }
    if let Some(hashing) = &shares.hashing {
        say!("{}", hashing_words(hashing));
    }
    Ok(Outcome::Worked)
}

/// Looks for changes in the shared folders.
pub(super) async fn rescan(settings: &Settings) -> Result<Outcome> {
    Session::running(settings).await?.client().rescan().await?;
    say!("Looking through the shared folders; `filbert shares` shows how far it is.");
    Ok(Outcome::Worked)
}

/// The downloads.
pub(super) async fn downloads(settings: &Settings, json: bool) -> Result<Outcome> {
    let downloads = Session::running(settings).await?.client().downloads().await?;
    if json {
        return print_json(&downloads);
    }
    let mut table =
        Table::new(&[("number", Side::Right), ("file", Side::Left), ("state", Side::Left)]);
    for download in &downloads {
        table.row([download.id.to_string(), harmless(&download.name), progress_line(download)]);
    }
    if table.is_empty() {
        say!("No downloads. Search, then fetch a result with `filbert get NUMBER`.");
    } else {
        table.print();
    }
    Ok(Outcome::Worked)
}

/// Gives a download up.
pub(super) async fn cancel(settings: &Settings, download: u64) -> Result<Outcome> {
    let session = Session::running(settings).await?;
    let before = session.client().download_state(download).await?;
    if before.is_over() {
        bail!("download {download} is over already: {}", progress_line(&before));
    }
    session.client().cancel(download).await?;
    say!("Download {download} is cancelled and what it had is removed.");
    Ok(Outcome::Worked)
}

fn print_json(value: &impl Serialize) -> Result<Outcome> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(Outcome::Worked)
}
