//! The words of `filbert cluster`.

use std::ffi::OsString;
use std::path::PathBuf;

use structopt::StructOpt;
use structopt::clap::AppSettings;

/// Real servents on this machine, as many as you like.
///
/// Servents are named by name, number, range or pattern, joined by commas: node-3, 7, 0..9, leaf-*,
/// @all, @ultrapeers, @leaves, @random:3.
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
    /// Has one servent search the network
    Search(Search),
    /// Shares one more folder
    Share(Share),
    /// Has one servent download a result of its last search, or a magnet link
    Get(Get),
    /// Kills servents: they say nothing and save nothing
    Kill(Nodes),
    /// Ends servents: they say goodbye to their neighbours
    Stop(Nodes),
    /// Makes servents stand still: their links stay half-open, as after a broken line
    Vanish(Nodes),
    /// Starts servents again, or lets them go on, and waits for their links
    Start(Nodes),
    /// Connects two servents
    Link(Pair),
    /// Parts two servents
    Unlink(Pair),
    /// Prints what servents said
    Logs(Logs),
    /// Runs a program for servents: a plain `filbert status` in it speaks to that servent
    Exec(Exec),
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
    /// Plays an experiment with real servents and says what came of it
    Run(Run),
    /// Ends the cluster and removes all that it has on disk
    Down,
    /// Runs all servents of a cluster in this process; `up --in-process` starts it
    #[structopt(setting = AppSettings::Hidden)]
    Host,
}

/// The names of the commands, in the order of the help.
pub(super) const COMMANDS: &[&str] = &[
    "up",
    "status",
    "search",
    "share",
    "get",
    "kill",
    "stop",
    "vanish",
    "start",
    "link",
    "unlink",
    "logs",
    "exec",
    "map",
    "trace",
    "partition",
    "heal",
    "delay",
    "firewall",
    "run",
    "down",
];

/// A cluster that is to stand.
#[derive(Debug, Default, StructOpt)]
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
    /// Every servent shares this folder; may be given several times
    #[structopt(long, value_name = "DIR", parse(from_os_str), number_of_values = 1)]
    pub(crate) share: Vec<PathBuf>,
    /// All servents in one process instead of a process for each: for a thousand and more
    #[structopt(long)]
    pub(crate) in_process: bool,
    /// Each servent in a network namespace of its own, with an address 10.x.y.z: a real network.
    /// Needs root and the tool ip; tc and nft shape its links
    #[structopt(long, conflicts_with = "in-process")]
    pub(crate) netns: bool,
    /// Stays until ctrl-C, and then takes the cluster down
    #[structopt(long)]
    pub(crate) foreground: bool,
}

/// A search by one servent.
#[derive(Debug, StructOpt)]
pub(crate) struct Search {
    /// Who searches
    #[structopt(value_name = "NODE")]
    pub(crate) node: String,
    #[structopt(flatten)]
    pub(crate) search: super::Search,
}

/// A folder to share.
#[derive(Debug, StructOpt)]
pub(crate) struct Share {
    /// Who shares it
    #[structopt(value_name = "NODES")]
    pub(crate) nodes: String,
    /// The folder
    #[structopt(value_name = "DIR", parse(from_os_str))]
    pub(crate) folder: PathBuf,
}

/// A download by one servent.
#[derive(Debug, StructOpt)]
pub(crate) struct Get {
    /// Who downloads
    #[structopt(value_name = "NODE")]
    pub(crate) node: String,
    #[structopt(flatten)]
    pub(crate) get: super::Get,
}

/// Some servents.
#[derive(Debug, StructOpt)]
pub(crate) struct Nodes {
    /// Which: names, numbers, ranges, patterns
    #[structopt(value_name = "NODES", required = true)]
    pub(crate) nodes: Vec<String>,
}

/// Two servents.
#[derive(Debug, StructOpt)]
pub(crate) struct Pair {
    /// The one, which connects
    #[structopt(value_name = "NODE")]
    pub(crate) one: String,
    /// The other
    #[structopt(value_name = "OTHER")]
    pub(crate) other: String,
}

/// What servents said.
#[derive(Debug, StructOpt)]
pub(crate) struct Logs {
    /// Whose
    #[structopt(value_name = "NODES")]
    pub(crate) nodes: String,
    /// Goes on with what they say, until ctrl-C
    #[structopt(short, long)]
    pub(crate) follow: bool,
}

/// A program for servents.
///
/// It finds FILBERT_DATA_DIR and FILBERT_CONFIG of the servent, its name in FILBERT_NODE, and the
/// cluster in FILBERT_CLUSTER. Its exit status is the command's; of several the first that is not 0.
#[derive(Debug, StructOpt)]
pub(crate) struct Exec {
    /// For whom it is run, one after the other
    #[structopt(value_name = "NODES")]
    pub(crate) nodes: String,
    /// The program and its words, after --
    #[structopt(value_name = "COMMAND", required = true, last = true)]
    pub(crate) command: Vec<OsString>,
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

/// An experiment, played by real servents.
///
/// The same files as `filbert sim` plays, on this machine's clock: what real servents cannot play is
/// said before anything starts. Ctrl-C ends the play and leaves nothing behind. Exit status: 0
/// everything that the file expects held (and, with --compare, what must agree does), 1 something did
/// not, 2 a mistake.
#[derive(Debug, StructOpt)]
pub(crate) struct Run {
    /// A scenario file, or the name of a bundled experiment
    #[structopt(value_name = "FILE|NAME")]
    pub(crate) what: String,
    /// Plays it with this seed instead of the file's
    #[structopt(long, value_name = "N", conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Plays it with each of these seeds, one after the other
    #[structopt(long, value_name = "FIRST..LAST")]
    pub(crate) seeds: Option<String>,
    /// Plays it with each value of a key of the file (ttl=1,2,3); may be given several times
    #[structopt(long, value_name = "KEY=VALUE,..", number_of_values = 1)]
    pub(crate) sweep: Vec<String>,
    /// Plays it in the simulator, too, and shows both side by side
    #[structopt(long)]
    pub(crate) compare: bool,
    /// Writes tables of queries, hops, nodes and more into this folder
    #[structopt(long, value_name = "DIR", parse(from_os_str))]
    pub(crate) csv: Option<PathBuf>,
    /// Writes one page with plots, to look at or to project
    #[structopt(long, value_name = "FILE.html", parse(from_os_str))]
    pub(crate) report: Option<PathBuf>,
    /// Leaves the servents running at the end, to look at them
    #[structopt(long)]
    pub(crate) keep: bool,
    /// Puts all servents into one process: up to 2,000
    #[structopt(long)]
    pub(crate) in_process: bool,
    /// Gives every servent a network namespace of its own (as root): up to 100
    #[structopt(long, conflicts_with = "in-process")]
    pub(crate) netns: bool,
}
