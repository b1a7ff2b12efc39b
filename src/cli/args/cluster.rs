//! The words of `filbert cluster`.

use std::path::PathBuf;

use structopt::StructOpt;

/// Real servents on this machine, as many as you like.
///
/// `filbert cluster up -n 50` starts fifty and returns when all are connected; `filbert cluster
/// down` ends them and leaves nothing behind.
#[derive(Debug, StructOpt)]
pub(crate) struct Cluster {
    /// Where the cluster lives [default: FILBERT_CLUSTER, or a folder of this user]
    #[structopt(long, global = true, value_name = "DIR", parse(from_os_str))]
    pub(crate) dir: Option<PathBuf>,
    #[structopt(subcommand)]
    pub(crate) command: ClusterCommand,
}

/// What to do with a cluster.
#[derive(Debug, StructOpt)]
pub(crate) enum ClusterCommand {
    /// Starts a cluster and waits until every servent has its neighbours
    Up(Up),
    /// Shows every servent of the cluster and how it is doing
    Status,
    /// Shows who is whose neighbour, as a table or a drawing
    Map(Map),
    /// Asks one search and follows it through every servent
    Trace(Trace),
    /// Lets nothing get through between two groups of servents, and tells nobody
    Partition(Partition),
    /// Lets everything through again that `partition` cut, and makes links again that died
    Heal,
    /// Makes what the servents send each other take a while
    Delay(Delay),
    /// Puts servents behind a firewall: they can connect, and nobody can connect to them
    Firewall(Firewall),
    /// Ends the cluster and removes all that it has on disk
    Down,
}

/// The names of the commands, in the order of the help.
pub(super) const COMMANDS: &[&str] =
    &["up", "status", "map", "trace", "partition", "heal", "delay", "firewall", "down"];

/// A cluster that is to stand.
#[derive(Debug, StructOpt)]
pub(crate) struct Up {
    /// How many servents, the leaves among them [default: 10]
    #[structopt(short = "n", long, value_name = "N")]
    pub(crate) nodes: Option<u32>,
    /// Who is whose neighbour: ring, line, star, mesh, tree:2 (children of each), grid, random:4
    /// (neighbours of each), erdos-renyi:4 (neighbours in the mean), barabasi-albert:2 (links of a
    /// newcomer), watts-strogatz:4 (neighbours before links move), edge-list:FILE [default: random:4]
    #[structopt(long, value_name = "KIND")]
    pub(crate) topology: Option<String>,
    /// So many are leaves, each of three ultrapeers at random; the others are ultrapeers. Without
    /// it the network is flat: no tiers, every search a flood
    #[structopt(long, value_name = "L")]
    pub(crate) leaves: Option<u32>,
    /// Number for the random topology; another number, another network
    #[structopt(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,
}

/// Shows who is whose neighbour, as a table or a drawing.
#[derive(Debug, StructOpt)]
pub(crate) struct Map {
    /// Names all neighbours of each, however many
    #[structopt(long)]
    pub(crate) all: bool,
    /// Draws the network into this file
    #[structopt(long, value_name = "FILE", parse(from_os_str))]
    pub(crate) svg: Option<PathBuf>,
    /// Makes a page of it, with a drawing and a table
    #[structopt(long, value_name = "FILE", parse(from_os_str))]
    pub(crate) html: Option<PathBuf>,
}

/// Asks one search and follows it through every servent: who got it when and from whom, who dropped
/// it as a duplicate, who answered, and how the hits came home.
///
/// The exit status is 0 if anybody got it, 1 if nobody did.
#[derive(Debug, StructOpt)]
pub(crate) struct Trace {
    /// The words
    #[structopt(value_name = "WORDS")]
    pub(crate) text: String,
    /// Who asks, by name or number [default: the first node]
    #[structopt(long, value_name = "NODE")]
    pub(crate) from: Option<String>,
    /// How many links the query may cross [default: the node's setting]
    #[structopt(long, value_name = "N")]
    pub(crate) ttl: Option<u8>,
    /// Tells of every copy, however many
    #[structopt(long)]
    pub(crate) all: bool,
    /// Waits at most so many seconds for the network to be quiet about it
    #[structopt(long, value_name = "S", default_value = "60")]
    pub(crate) wait: u64,
    /// Draws its way into this file
    #[structopt(long, value_name = "FILE", parse(from_os_str))]
    pub(crate) svg: Option<PathBuf>,
    /// Makes a page that plays it hop by hop
    #[structopt(long, value_name = "FILE", parse(from_os_str))]
    pub(crate) html: Option<PathBuf>,
}

/// Who is to be parted from whom.
///
/// Servents are named by name, number, range or pattern, joined by commas: node-3, 7, 0..9, leaf-*,
/// @ultrapeers, @leaves, @random:3.
#[derive(Debug, StructOpt)]
pub(crate) struct Partition {
    /// The servents of one side
    #[structopt(value_name = "NODES")]
    pub(crate) one: String,
    /// Those of the other side [default: all others]
    #[structopt(value_name = "NODES")]
    pub(crate) other: Option<String>,
}

/// How long the way is.
#[derive(Debug, StructOpt)]
pub(crate) struct Delay {
    /// How long, one way: 50ms, 1.5s, 200us, 0
    #[structopt(value_name = "TIME")]
    pub(crate) latency: String,
    /// Only between these servents and others
    #[structopt(value_name = "NODES")]
    pub(crate) one: Option<String>,
    /// Which others [default: all others]
    #[structopt(value_name = "NODES")]
    pub(crate) other: Option<String>,
}

/// Who is behind a firewall.
#[derive(Debug, StructOpt)]
pub(crate) struct Firewall {
    /// The servents
    #[structopt(value_name = "NODES")]
    pub(crate) nodes: String,
    /// Takes the firewall away
    #[structopt(long)]
    pub(crate) off: bool,
}
