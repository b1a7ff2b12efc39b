//! `[[step]]`: what happens when, one after the other.

use std::time::Duration;

use super::document::{Mistake, same_key};
use super::harm::{self, Harm};
use super::links;
use super::network::nodes;
use super::nodes::Nodes;
use super::section::{Read, Section, one_of};
use super::settings;
use super::shares::{self, File};
use crate::library::words::WORD_BYTES_MIN;
use crate::node::config::Strategy;
use crate::scenario::expect::{self, Condition};
use crate::scenario::quantity;
use crate::sim::byzantine::Misdeed;
use crate::sim::{Latency, NodeId};

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub when: When,
    /// Its name, for expectations and reports.
    pub label: Option<String>,
    /// The line of the file in which it begins.
    pub line: u32,
    /// What.
    pub act: Act,
}

/// When a step happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the play began; at once if that has passed.
    At(Duration),
    /// So long after the step before.
    After(Duration),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Nodes search for words.
    Search {
        /// The words.
        text: String,
        /// Who; each of them.
        by: Nodes,
        /// How far, if not as the settings say.
        ttl: Option<u8>,
        /// How, if not as the settings say.
        strategy: Option<Strategy>,
        /// Results after which it ends, if not as the settings say.
        wanted: Option<u32>,
    },
    /// Nodes share more files.
    Share {
        /// Which.
        files: Vec<File>,
        /// Who; each of them all.
        by: Nodes,
    },
    /// Nodes download a file that somebody shares.
    Download {
        /// Its name, in full.
        file: String,
        /// Who.
        by: Nodes,
        /// From whom; if nobody is named, the network is asked by the file's hash.
        from: Option<Nodes>,
    },
    /// Processes die; their systems reset the connections.
    Kill(Nodes),
    /// Hosts go without a word; their connections stay half-open.
    Vanish(Nodes),
    /// Nodes say Bye and go.
    Leave(Nodes),
    /// Dead ones of these come back: with their disks, or (`fresh`) as if newly installed, with
    /// another GUID and nothing left of their downloads.
    Restart {
        /// Which.
        of: Nodes,
        /// Whether as if newly installed.
        fresh: bool,
    },
    /// So many new nodes come and look for neighbours.
    Join(u32),
    /// These are cut off from the others.
    Partition(Nodes),
    /// Something befalls each of these.
    Befall(Nodes, Harm),
    /// Of all links this part stops one by one within the first half of the time, and is released
    /// within the second in another order.
    SwizzleClog {
        /// Which part, 0 to 1.
        part: f64,
        /// How long it takes in all.
        lasts: Duration,
    },
    /// From now on these do harm; their links are made anew.
    Attack(Nodes, Misdeed),
    /// Nothing gets through between one and the others, and nobody is told.
    Clog(Nodes, Nodes),
    /// From now on all links have this latency.
    Delay(Latency),
    /// Everything gets through again; latencies are as at first.
    Heal,
    /// One connects to the others.
    Link(Nodes, Nodes),
    /// Time passes.
    Wait(Duration),
    /// Time passes until it is so, at most so long; it is a failure if it is not so by then.
    WaitUntil(Condition, Duration),
    /// It is a failure if it is not so now.
    Expect(Condition),
}

/// The acts by the key that names each, and what a step may say besides; those that befall single
/// nodes come after them ([`harm::ACTS`]).
const ACTS: &[(&str, &[&str])] = &[
    ("search", &["by", "ttl", "strategy", "wanted"]),
    ("share", &["by"]),
    ("download", &["by", "from"]),
    ("kill", &[]),
    ("vanish", &[]),
    ("leave", &[]),
    ("restart", &["fresh"]),
    ("join", &[]),
    ("partition", &[]),
    ("clog", &["to"]),
    ("swizzle-clog", &["lasts"]),
    ("delay", &[]),
    ("attack", &["with", "rate", "victim"]),
    ("heal", &[]),
    ("link", &["to"]),
    ("wait", &[]),
    ("wait-until", &["at-most"]),
    ("expect", &[]),
];

/// What every step may say.
const DETAILS: &[&str] = &["at", "after", "label"];

/// The acts by name.
fn acts() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ACTS.iter().chain(harm::ACTS).copied()
}

/// The keys of a `[[step]]`.
pub(super) fn keys() -> Vec<&'static str> {
    let of_acts = acts().flat_map(|(act, details)| [&[act], details].concat());
    let mut keys: Vec<&str> = DETAILS.iter().copied().chain(of_acts).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// How long `wait-until` waits if it does not say.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long `swizzle-clog` takes if it does not say.
const SWIZZLE: Duration = Duration::from_secs(60);

/// Reads a `[[step]]`.
pub(super) fn read(section: &Section<'_>) -> Read<Step> {
    let mut named = acts().filter(|(name, _)| section.item(name).is_some());
    let Some((act, details)) = named.next() else {
        let names: Vec<&str> = acts().map(|(name, _)| name).collect();
        let message = format!("this step does nothing; it needs one of {}", names.join(", "));
        return Err(section.document.mistake(section.place, "step", message));
    };
    if let Some((other, _)) = named.next() {
        let message = format!(
            "one step does one thing: here are {act} and {other}; write [[step]] between them"
        );
        return Err(section.mistake(other, message));
    }
    let may = |key: &str| [&[act], details, DETAILS].concat().iter().any(|may| same_key(may, key));
    if let Some((key, ..)) = section.entries().find(|(key, ..)| !may(key)) {
        let has = if details.is_empty() {
            String::new()
        } else {
            format!("; it may have {}", details.join(", "))
        };
        return Err(section.mistake(key, format!("{act} has no {key}{has}")));
    }
    let when = match (section.time("at")?, section.time("after")?) {
        (Some(_), Some(_)) => {
            return Err(section.mistake("after", "a step has at or after, not both"));
        }
        (Some(at), None) => When::At(at),
        (None, after) => When::After(after.unwrap_or_default()),
    };
    let line = section.document.line(section.item(act).map_or(section.place, |item| &item.place));
    Ok(Step { when, label: section.text("label")?, line, act: read_act(section, act)? })
}

fn read_act(section: &Section<'_>, act: &str) -> Read<Act> {
    let who = |key: &str| -> Read<Nodes> { section.need(key, nodes(section, key)?) };
    let both =
        || -> Read<(Nodes, Nodes)> { Ok((who(act)?, section.need("to", nodes(section, "to")?)?)) };
    Ok(match act {
        "search" => Act::Search {
            text: words(section)?,
            by: who("by")?,
            ttl: section.count("ttl")?,
            strategy: section.parsed("strategy", settings::strategy)?,
            wanted: section.count("wanted")?,
        },
        "share" => Act::Share { files: shares::files(section, "share")?, by: who("by")? },
        "download" => Act::Download {
            file: section.need("download", section.text("download")?)?,
            by: who("by")?,
            from: nodes(section, "from")?,
        },
        "kill" => Act::Kill(who("kill")?),
        "vanish" => Act::Vanish(who("vanish")?),
        "leave" => Act::Leave(who("leave")?),
        "restart" => {
            Act::Restart { of: who("restart")?, fresh: section.truth("fresh")?.unwrap_or(false) }
        }
        "join" => Act::Join(section.need("join", section.count("join")?)?),
        "partition" => Act::Partition(who("partition")?),
        "swizzle-clog" => Act::SwizzleClog {
            part: section.need("swizzle-clog", section.part("swizzle-clog")?)?,
            lasts: section.time("lasts")?.unwrap_or(SWIZZLE),
        },
        "clog" => both().map(|(a, b)| Act::Clog(a, b))?,
        "link" => both().map(|(a, b)| Act::Link(a, b))?,
        "delay" => Act::Delay(section.need("delay", section.parsed("delay", links::latency)?)?),
        "attack" => Act::Attack(who("attack")?, misdeed(section)?),
        "heal" => match section.truth("heal")? {
            Some(true) => Act::Heal,
            _ => return Err(section.mistake("heal", "write heal = true")),
        },
        "wait" => Act::Wait(section.need("wait", section.time("wait")?)?),
        "wait-until" => Act::WaitUntil(
            condition(section, "wait-until")?,
            section.time("at-most")?.unwrap_or(PATIENCE),
        ),
        "expect" => Act::Expect(condition(section, "expect")?),
        _ => {
            let harm = Harm::read(section, act)?;
            Act::Befall(who(act)?, section.need(act, harm)?)
        }
    })
}

/// The words of a search, of which there must be some.
fn words(section: &Section<'_>) -> Read<String> {
    let text = section.need("search", section.text("search")?)?;
    let ascii = |c: char| c.is_ascii_alphanumeric();
    let is_long = |word: &str| word.len() >= WORD_BYTES_MIN;
    let message = match text.chars().any(char::is_alphanumeric) {
        false => "a search needs words".to_owned(),
        // Letters beyond ASCII are single words in some scripts: one is enough.
        true if !text.is_ascii() || text.split(|c| !ascii(c)).any(is_long) => return Ok(text),
        true => format!(
            "nobody can search for {text}: one word must have {WORD_BYTES_MIN} letters at least"
        ),
    };
    Err(section.mistake("search", message))
}

/// What attackers may do: whether it has a rate, and whether it may name a victim or must.
const MISDEEDS: &[(&str, (bool, Victim))] = &[
    ("flood-queries", (true, Victim::None)),
    ("replay", (true, Victim::None)),
    ("garbage", (true, Victim::None)),
    ("spoof-pongs", (true, Victim::May)),
    ("spoof-datagrams", (true, Victim::Must)),
    ("forge-hits", (false, Victim::May)),
    ("poison", (false, Victim::None)),
    ("never-read", (false, Victim::None)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    None,
    May,
    Must,
}

/// What attackers do, how often, and to whom.
fn misdeed(section: &Section<'_>) -> Read<Misdeed> {
    let with = section.need("with", section.text("with")?)?;
    let (by_rate, has_victim) =
        one_of(&with, "attack", MISDEEDS).map_err(|wrong| section.mistake("with", wrong))?;
    let rate = section.parsed("rate", quantity::times_a_minute)?;
    let per_minute = match (by_rate, rate) {
        (true, rate) => section.need("rate", rate)?.round() as u32,
        (false, None) => 0,
        (false, Some(_)) => {
            return Err(section
                .mistake("rate", format!("{with} has no rate: it is done whenever it can be")));
        }
    };
    let victim = section.count("victim")?.map(NodeId);
    if victim.is_some() && has_victim == Victim::None {
        return Err(section.mistake("victim", format!("{with} has no victim")));
    }
    if victim.is_none() && has_victim == Victim::Must {
        let message =
            format!("{with} needs a victim: the number of the node that gets the answers");
        return Err(section.mistake("with", message));
    }
    Ok(match (with.replace('_', "-").as_str(), victim) {
        ("flood-queries", _) => Misdeed::FloodQueries { per_minute },
        ("replay", _) => Misdeed::Replay { per_minute },
        ("spoof-pongs", victim) => Misdeed::SpoofPongs { per_minute, victim },
        ("spoof-datagrams", Some(victim)) => Misdeed::SpoofDatagrams { per_minute, victim },
        ("garbage", _) => Misdeed::Garbage { per_minute },
        ("forge-hits", victim) => Misdeed::ForgeHits { victim },
        ("poison", _) => Misdeed::Poison,
        _ => Misdeed::NeverRead,
    })
}

/// Whom a misdeed names.
fn victim(misdeed: &Misdeed) -> Option<Nodes> {
    match misdeed {
        Misdeed::ForgeHits { victim } | Misdeed::SpoofPongs { victim, .. } => *victim,
        Misdeed::SpoofDatagrams { victim, .. } => Some(*victim),
        _ => None,
    }
    .map(|node| Nodes::One(node.0))
}

fn condition(section: &Section<'_>, key: &str) -> Read<Condition> {
    let text = section.need(key, section.text(key)?)?;
    let read: Result<Condition, Mistake> =
        expect::read(&text).map_err(|wrong| section.mistake(key, wrong));
    let condition = read?;
    if condition.compares_runs() {
        return Err(section.mistake(
            key,
            "a step sees its own run alone; write comparisons of runs into [expect]",
        ));
    }
    Ok(condition)
}

impl Act {
    /// The key that names it in files.
    pub fn key(&self) -> &'static str {
        match self {
            Act::Search { .. } => "search",
            Act::Share { .. } => "share",
            Act::Download { .. } => "download",
            Act::Kill(_) => "kill",
            Act::Vanish(_) => "vanish",
            Act::Leave(_) => "leave",
            Act::Restart { .. } => "restart",
            Act::Join(_) => "join",
            Act::Partition(_) => "partition",
            Act::Befall(_, harm) => harm.key(),
            Act::SwizzleClog { .. } => "swizzle-clog",
            Act::Attack(..) => "attack",
            Act::Clog(..) => "clog",
            Act::Delay(_) => "delay",
            Act::Heal => "heal",
            Act::Link(..) => "link",
            Act::Wait(_) => "wait",
            Act::WaitUntil(..) => "wait-until",
            Act::Expect(_) => "expect",
        }
    }

    /// The nodes that it names.
    pub fn nodes(&self) -> Vec<Nodes> {
        match self {
            Act::Search { by, .. } | Act::Share { by, .. } => vec![by.clone()],
            Act::Download { by, from, .. } => [by].into_iter().chain(from).cloned().collect(),
            Act::Kill(of)
            | Act::Vanish(of)
            | Act::Leave(of)
            | Act::Restart { of, .. }
            | Act::Befall(of, _)
            | Act::Partition(of) => vec![of.clone()],
            Act::Clog(a, b) | Act::Link(a, b) => vec![a.clone(), b.clone()],
            Act::Attack(of, misdeed) => [of.clone()].into_iter().chain(victim(misdeed)).collect(),
            Act::SwizzleClog { .. }
            | Act::Join(_)
            | Act::Delay(_)
            | Act::Heal
            | Act::Wait(_)
            | Act::WaitUntil(..)
            | Act::Expect(_) => Vec::new(),
        }
    }
}
