//! What befalls single nodes: connections that break, processes that stall, disks, clocks, walls.

use std::time::Duration;

use super::links;
use super::section::{Read, Section, one_of};
use crate::node::io::DiskFailure;
use crate::scenario::quantity;
use crate::sim::{Dice, Fault, Latency, NodeId};

/// Something that befalls nodes, one by one.
#[derive(Clone, Debug, PartialEq)]
pub enum Harm {
    /// So many of its connections break, at random: both sides hear of it.
    Reset(u32),
    /// It loses so many of its connections, at random: the other side does not hear of it.
    HalfOpen(u32),
    /// Its process hears nothing for so long, and wakes up late.
    Stall(Duration),
    /// Its disk takes so long for each thing.
    SlowDisk(Latency),
    /// Its disk has room for so many bytes of downloads.
    FullDisk(u64),
    /// Its disk fails.
    FailingDisk(DiskFailure),
    /// Its disk is as it was at first.
    MendDisk,
    /// From its next start on its wall clock is off by so many seconds.
    Clock(i64),
    /// Nobody can connect to it any more; connections that stand stay.
    Firewall,
    /// The same, with a gateway that lets strangers in when the node asks it to.
    Nat,
    /// Everybody can connect to it again.
    Open,
}

/// The keys that name them, and what each may say besides.
pub(super) const ACTS: &[(&str, &[&str])] = &[
    ("reset", &["connections"]),
    ("half-open", &["connections"]),
    ("stall", &["lasts"]),
    ("slow-disk", &["latency"]),
    ("full-disk", &["room"]),
    ("failing-disk", &["with"]),
    ("mend-disk", &[]),
    ("clock", &["ahead", "behind"]),
    ("firewall", &[]),
    ("nat", &[]),
    ("open", &[]),
];

/// How a disk may fail.
const FAILURES: &[(&str, DiskFailure)] = &[
    ("errors", DiskFailure::Io),
    ("denied", DiskFailure::Denied),
    ("missing", DiskFailure::Missing),
    ("full", DiskFailure::Full),
];

impl Harm {
    /// Reads what a step says of the one that it names by this key; none if the key is another's.
    pub(super) fn read(section: &Section<'_>, key: &str) -> Read<Option<Harm>> {
        let count = || -> Read<u32> { Ok(section.count("connections")?.unwrap_or(1)) };
        Ok(Some(match key {
            "reset" => Harm::Reset(count()?),
            "half-open" => Harm::HalfOpen(count()?),
            "stall" => Harm::Stall(section.need("lasts", section.time("lasts")?)?),
            "slow-disk" => {
                Harm::SlowDisk(section.need("latency", section.parsed("latency", links::latency)?)?)
            }
            "full-disk" => Harm::FullDisk(section.parsed("room", quantity::size)?.unwrap_or(0)),
            "failing-disk" => Harm::FailingDisk(match section.text("with")? {
                None => DiskFailure::Io,
                Some(word) => one_of(&word, "way to fail", FAILURES)
                    .map_err(|wrong| section.mistake("with", wrong))?,
            }),
            "mend-disk" => Harm::MendDisk,
            "clock" => Harm::Clock(skew_s(section)?),
            "firewall" => Harm::Firewall,
            "nat" => Harm::Nat,
            "open" => Harm::Open,
            _ => return Ok(None),
        }))
    }

    /// The key that names it in files.
    pub fn key(&self) -> &'static str {
        match self {
            Harm::Reset(_) => "reset",
            Harm::HalfOpen(_) => "half-open",
            Harm::Stall(_) => "stall",
            Harm::SlowDisk(_) => "slow-disk",
            Harm::FullDisk(_) => "full-disk",
            Harm::FailingDisk(_) => "failing-disk",
            Harm::MendDisk => "mend-disk",
            Harm::Clock(_) => "clock",
            Harm::Firewall => "firewall",
            Harm::Nat => "nat",
            Harm::Open => "open",
        }
    }

    /// What happens to one, and to many.
    pub fn words(&self) -> (&'static str, &'static str) {
        match self {
            Harm::Reset(_) => ("loses connections", "lose connections"),
            Harm::HalfOpen(_) => ("loses connections unheard", "lose connections unheard"),
            Harm::Stall(_) => ("stalls", "stall"),
            Harm::SlowDisk(_) => ("gets a slow disk", "get slow disks"),
            Harm::FullDisk(_) => ("has a full disk", "have full disks"),
            Harm::FailingDisk(_) => ("has a failing disk", "have failing disks"),
            Harm::MendDisk => ("gets its disk back", "get their disks back"),
            Harm::Clock(_) => ("has its clock set wrong", "have their clocks set wrong"),
            Harm::Firewall => ("gets a firewall", "get firewalls"),
            Harm::Nat => ("gets a gateway", "get gateways"),
            Harm::Open => ("can be reached again", "can be reached again"),
        }
    }

    /// Whether it can only befall a node that runs.
    pub fn needs_life(&self) -> bool {
        matches!(self, Harm::Reset(_) | Harm::HalfOpen(_) | Harm::Stall(_))
    }

    /// The faults that it is for this node.
    pub fn faults(&self, node: NodeId, dice: &mut Dice) -> Vec<Fault> {
        let mut each = |count: u32, fault: fn(NodeId, u32) -> Fault| {
            (0..count).map(|_| fault(node, dice.below(1 << 16) as u32)).collect()
        };
        match self {
            Harm::Reset(count) => each(*count, |node, nth| Fault::Reset { node, nth }),
            Harm::HalfOpen(count) => each(*count, |node, nth| Fault::HalfOpen { node, nth }),
            Harm::Stall(time) => {
                let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                vec![Fault::Stall { node, ms }]
            }
            Harm::SlowDisk(latency) => vec![Fault::SlowDisk(node, Some(*latency))],
            Harm::FullDisk(room) => vec![Fault::DiskRoom(node, Some(*room))],
            Harm::FailingDisk(failure) => vec![Fault::Disk(node, Some(*failure))],
            Harm::MendDisk => vec![
                Fault::Disk(node, None),
                Fault::DiskRoom(node, None),
                Fault::SlowDisk(node, None),
            ],
            Harm::Clock(skew_s) => vec![Fault::Clock { node, skew_s: *skew_s }],
            Harm::Firewall => vec![Fault::Firewall(node)],
            Harm::Nat => vec![Fault::Nat(node)],
            Harm::Open => vec![Fault::Open(node)],
        }
    }
}

/// By how much a clock is wrong, in seconds.
fn skew_s(section: &Section<'_>) -> Read<i64> {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match (section.time("ahead")?, section.time("behind")?) {
        (Some(ahead), None) => Ok(seconds(ahead)),
        (None, Some(behind)) => Ok(-seconds(behind)),
        _ => Err(section
            .mistake("clock", "say how wrong it is: ahead = \"2 h\" or behind = \"30 days\"")),
    }
}
