//! `[[step]]`: what happens when, one after the other.

use std::time::Duration;

use super::document::Mistake;
use super::links;
use super::network::nodes;
use super::nodes::Nodes;
use super::section::{Read, Section, one_of};
use super::settings;
use super::shares::{self, File};
use crate::node::config::Strategy;
use crate::scenario::expect::{self, Condition};
use crate::scenario::quantity;
use crate::sim::Latency;
use crate::sim::byzantine::Misdeed;

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
    /// Dead ones of these come back with their disks.
    Restart(Nodes),
    /// So many new nodes come and look for neighbours.
    Join(u32),
    /// These are cut off from the others.
    Partition(Nodes),
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

/// The acts by the key that names each.
const ACTS: &[&str] = &[
    "search",
    "share",
    "download",
    "kill",
    "vanish",
    "leave",
    "restart",
    "join",
    "partition",
    "clog",
    "delay",
    "attack",
    "heal",
    "link",
    "wait",
    "wait-until",
    "expect",
];

/// What a step may say besides.
const DETAILS: &[&str] = &[
    "at", "after", "label", "by", "with", "rate", "from", "to", "ttl", "strategy", "wanted",
    "at-most",
];

/// The keys of a `[[step]]`.
pub(super) fn keys() -> Vec<&'static str> {
    [DETAILS, ACTS].concat()
}

/// How long `wait-until` waits if it does not say.
const PATIENCE: Duration = Duration::from_secs(600);

/// Reads a `[[step]]`.
pub(super) fn read(section: &Section<'_>) -> Read<Step> {
    let mut acts = ACTS.iter().filter(|name| section.item(name).is_some());
    let Some(&act) = acts.next() else {
        let message = format!("this step does nothing; it needs one of {}", ACTS.join(", "));
        return Err(section.document.mistake(section.place, "step", message));
    };
    if let Some(other) = acts.next() {
        let message = format!(
            "one step does one thing: here are {act} and {other}; write [[step]] between them"
        );
        return Err(section.mistake(other, message));
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
        "restart" => Act::Restart(who("restart")?),
        "join" => Act::Join(section.need("join", section.count("join")?)?),
        "partition" => Act::Partition(who("partition")?),
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
        _ => Act::Expect(condition(section, "expect")?),
    })
}

/// The words of a search, of which there must be some.
fn words(section: &Section<'_>) -> Read<String> {
    let text = section.need("search", section.text("search")?)?;
    match text.chars().any(char::is_alphanumeric) {
        true => Ok(text),
        false => Err(section.mistake("search", "a search needs words")),
    }
}

/// What attackers do, and how often.
fn misdeed(section: &Section<'_>) -> Read<Misdeed> {
    const MISDEEDS: &[(&str, bool)] = &[
        ("flood-queries", true),
        ("replay", true),
        ("spoof-pongs", true),
        ("garbage", true),
        ("forge-hits", false),
        ("poison", false),
        ("never-read", false),
    ];
    let with = section.need("with", section.text("with")?)?;
    let by_rate =
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
    Ok(match with.as_str() {
        "flood-queries" => Misdeed::FloodQueries { per_minute },
        "replay" => Misdeed::Replay { per_minute },
        "spoof-pongs" => Misdeed::SpoofPongs { per_minute, victim: None },
        "garbage" => Misdeed::Garbage { per_minute },
        "forge-hits" => Misdeed::ForgeHits { victim: None },
        "poison" => Misdeed::Poison,
        _ => Misdeed::NeverRead,
    })
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
    /// The nodes that it names.
    pub fn nodes(&self) -> Vec<&Nodes> {
        match self {
            Act::Search { by, .. }
            | Act::Share { by, .. }
            | Act::Download { by, from: None, .. } => vec![by],
            Act::Download { by, from: Some(from), .. } => vec![by, from],
            Act::Kill(of)
            | Act::Vanish(of)
            | Act::Leave(of)
            | Act::Restart(of)
            | Act::Partition(of) => vec![of],
            Act::Clog(a, b) | Act::Link(a, b) => vec![a, b],
            Act::Attack(of, _) => vec![of],
            _ => Vec::new(),
        }
    }
}
