//! The words of the command line: parsed here into plain enums, understood elsewhere.
//!
//! This is the only folder that knows the argument parser.

pub(super) mod cluster;

use std::path::PathBuf;

use structopt::StructOpt;
use structopt::clap::{AppSettings, Shell};

use crate::servent::FileKind;

/// A Gnutella servent: searches a peer-to-peer network by keyword and moves files between peers.
///
/// Start one with `filbert run`, then search with `filbert search WORDS` and fetch a result with
/// `filbert get NUMBER`. `filbert demo` shows all of it on this machine alone.
///
/// Exit status: 0 it worked (for search: something was found; for sim: everything was as
/// expected), 1 nothing was found or something was not as expected, 2 an error.
#[derive(Debug, StructOpt)]
#[structopt(
    name = "filbert",
    global_settings = &[AppSettings::VersionlessSubcommands, AppSettings::DisableHelpSubcommand],
    setting = AppSettings::SubcommandRequiredElseHelp,
)]
pub(super) struct Args {
    #[structopt(flatten)]
    pub(super) common: Common,
    #[structopt(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Default, StructOpt)]
pub(super) struct Common {
    /// Where the servent keeps its state: one directory for each servent
    #[structopt(long, global = true, value_name = "DIR", parse(from_os_str))]
    pub(super) data_dir: Option<PathBuf>,
    /// The settings file, instead of filbert.toml in the configuration folder
    #[structopt(long, global = true, value_name = "FILE", parse(from_os_str))]
    pub(super) config: Option<PathBuf>,
    /// A setting by its name, as `filbert config` lists them; may be given several times
    #[structopt(long, global = true, value_name = "KEY=VALUE", number_of_values = 1)]
    pub(super) set: Vec<String>,
    /// Prints JSON for programs instead of text for people
    #[structopt(long, global = true)]
    pub(super) json: bool,
    /// Says more about what goes on (-vv: much more)
    #[structopt(short, long, global = true, parse(from_occurrences))]
    pub(super) verbose: u8,
}

/// What to do.
#[derive(Debug, StructOpt)]
pub(super) enum Command {
    /// Runs a servent in the foreground until ctrl-C
    Run(Run),
    /// Searches the network; hits appear as they arrive
    Search(Search),
    /// Downloads a result of the last search, or a magnet link
    Get(Get),
    /// Shows how the servent is doing
    Status,
    /// Lists the neighbours
    Peers,
    /// Connects to a neighbour
    Connect(Host),
    /// Says goodbye to a neighbour
    Disconnect(Host),
    /// Never talks to an address or network again; without one, lists what is blocked
    Block(Block),
    /// Talks to an address or network again
    Unblock(Network),
    /// Lists the shared folders and files
    Shares,
    /// Looks for new and changed files in the shared folders
    Rescan,
    /// Lists the downloads
    Downloads,
    /// Gives a download up and removes what it has so far
    Cancel(Cancel),
    /// Lists what a host shares
    Browse(Host),
    /// Prints the settings in effect and where each comes from
    Config,
    /// Shows a whole network on this machine: search, flood, download
    Demo(Demo),
    /// Runs a recorded session again and compares what the servent does
    Replay(Replay),
    /// Plays an experiment in a simulated network and says what came of it
    Sim(Sim),
    /// Starts, watches and changes a network of real servents on this machine
    Cluster(cluster::Cluster),
    /// Prints completions for a shell
    Completions(Completions),
    /// Prints the manual page
    Man,
}

impl Command {
    /// The words of `run`, which are settings too.
    pub(super) fn run(&self) -> Option<&Run> {
        if let Command::Run(words) = self { Some(words) } else { None }
    }
}

/// A servent in the foreground.
#[derive(Debug, Default, StructOpt)]
pub(super) struct Run {
    /// Listens here (TCP and UDP) and connects from here [default: 0.0.0.0:6346]
    #[structopt(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<String>,
    /// Shares this folder; may be given several times
    #[structopt(long, value_name = "DIR", parse(from_os_str), number_of_values = 1)]
    pub(super) share: Vec<PathBuf>,
    /// Connects to this peer; may be given several times
    #[structopt(long, value_name = "HOST:PORT", number_of_values = 1)]
    pub(super) connect: Vec<String>,
    /// Which role to play: auto, leaf (hangs on a few others and passes nothing on) or ultrapeer
    /// [default: auto]
    #[structopt(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// Asks here for hosts when neighbours are missing: none, default (the public network), HOST:PORT
    /// (a peer), uhc:HOST:PORT (a UDP host cache), http://HOST/PATH (a web cache); may be given
    /// several times. On loopback the default is none [default: default]
    #[structopt(long, value_name = "SERVER", number_of_values = 1)]
    pub(super) bootstrap: Vec<String>,
    /// Offers the HTTP interface here [default: 127.0.0.1, a free port]
    #[structopt(long, value_name = "ADDRESS:PORT")]
    pub(super) api: Option<String>,
    /// Puts finished downloads here
    #[structopt(long, value_name = "DIR", parse(from_os_str))]
    pub(super) download_dir: Option<PathBuf>,
    /// Whether the router is asked to lead a port here, when on the public network [default: on]
    #[structopt(long, value_name = "on|off", possible_values = &["on", "off"], hide_possible_values = true)]
    pub(super) port_mapping: Option<String>,
    /// Records everything the servent is told, for `filbert replay`
    #[structopt(long, value_name = "FILE", parse(from_os_str))]
    pub(super) record: Option<PathBuf>,
}

/// A search.
#[derive(Debug, StructOpt)]
pub(super) struct Search {
    /// The words; all must match
    #[structopt(required_unless = "new", value_name = "WORDS")]
    pub(super) words: Vec<String>,
    /// Asks everybody near for what is new, without words
    #[structopt(long, conflicts_with = "words")]
    pub(super) new: bool,
    /// Only files of this kind: audio, video, document, image or program
    #[structopt(long, value_name = "KIND")]
    pub(super) kind: Option<FileKind>,
    /// Stops after this many results
    #[structopt(long, value_name = "N")]
    pub(super) max: Option<u32>,
    /// Stops after this time (10s, 2m)
    #[structopt(long, value_name = "TIME", default_value = "10s")]
    pub(super) timeout: String,
    /// How many links the query may cross
    #[structopt(long, value_name = "N")]
    pub(super) ttl: Option<u8>,
    /// How the network is asked: dynamic (link by link, until there is enough) or flood (all at once)
    #[structopt(long, value_name = "WAY", possible_values = &["dynamic", "flood"])]
    pub(super) strategy: Option<String>,
    /// Only files of this size (1M.., ..500k, 1M..2G)
    #[structopt(long, value_name = "RANGE")]
    pub(super) size: Option<String>,
    /// Only names with this extension; may be given several times
    #[structopt(long, value_name = "EXT", number_of_values = 1)]
    pub(super) ext: Vec<String>,
    /// No names with this word; may be given several times
    #[structopt(long, value_name = "WORD", number_of_values = 1)]
    pub(super) not: Vec<String>,
    /// Connects to this peer first (and starts a servent for the length of the search if none runs)
    #[structopt(long, value_name = "HOST:PORT", number_of_values = 1)]
    pub(super) connect: Vec<String>,
}

/// A download.
#[derive(Debug, StructOpt)]
pub(super) struct Get {
    /// The number of a result of the last search, a magnet link, or a urn:sha1:
    #[structopt(value_name = "MAGNET|URN|NUMBER")]
    pub(super) what: String,
    /// Where the file goes: a folder, or a name
    #[structopt(short, long, value_name = "PATH", parse(from_os_str))]
    pub(super) output: Option<PathBuf>,
    /// Connects to this peer first (and starts a servent for the length of the download if none runs)
    #[structopt(long, value_name = "HOST:PORT", number_of_values = 1)]
    pub(super) connect: Vec<String>,
}

/// A host.
#[derive(Debug, StructOpt)]
pub(super) struct Host {
    /// The host and its port
    #[structopt(value_name = "HOST:PORT")]
    pub(super) host: String,
}

/// A network, or none.
#[derive(Debug, StructOpt)]
pub(super) struct Block {
    /// The address, or the network as ADDRESS/BITS
    #[structopt(value_name = "ADDRESS[/BITS]")]
    pub(super) network: Option<String>,
}

/// A network.
#[derive(Debug, StructOpt)]
pub(super) struct Network {
    /// The address, or the network as ADDRESS/BITS
    #[structopt(value_name = "ADDRESS[/BITS]")]
    pub(super) network: String,
}

/// A download by its number.
#[derive(Debug, StructOpt)]
pub(super) struct Cancel {
    /// The number that `filbert downloads` shows
    #[structopt(value_name = "DOWNLOAD")]
    pub(super) download: u64,
}

/// The demonstration.
#[derive(Debug, StructOpt)]
pub(super) struct Demo {
    /// Shares the files of this folder instead of some found on this machine
    #[structopt(long, value_name = "DIR", parse(from_os_str))]
    pub(super) share: Option<PathBuf>,
    /// Leaves the network running until ctrl-C and says how to go on playing
    #[structopt(long)]
    pub(super) keep: bool,
    /// Number for the random topology and choices; another number, another network
    #[structopt(long, value_name = "N", default_value = "1")]
    pub(super) seed: u64,
}

/// A recorded session.
#[derive(Debug, StructOpt)]
pub(super) struct Replay {
    /// What `filbert run --record` wrote
    #[structopt(value_name = "FILE", parse(from_os_str))]
    pub(super) file: PathBuf,
}

/// An experiment in the simulated network.
///
/// The same file and seed give the same result. Exit status: 0 everything that the file expects
/// held, 1 something did not, 2 a mistake in the file.
#[derive(Debug, StructOpt)]
pub(super) struct Sim {
    /// A scenario file, or the name of a bundled experiment; without one, these are listed
    #[structopt(value_name = "FILE|NAME")]
    pub(super) what: Option<String>,
    /// Lists the bundled experiments
    #[structopt(long)]
    pub(super) list: bool,
    /// Prints the file instead of playing it
    #[structopt(long)]
    pub(super) print: bool,
    /// Plays it with this seed instead of the file's
    #[structopt(long, value_name = "N", conflicts_with = "seeds")]
    pub(super) seed: Option<u64>,
    /// Plays it with each of these seeds, on all cores
    #[structopt(long, value_name = "FIRST..LAST")]
    pub(super) seeds: Option<String>,
    /// Plays it with each value of a key of the file (ttl=1,2,3); may be given several times
    #[structopt(long, value_name = "KEY=VALUE,..", number_of_values = 1)]
    pub(super) sweep: Vec<String>,
    /// Writes tables of queries, hops, nodes and more into this folder
    #[structopt(long, value_name = "DIR", parse(from_os_str))]
    pub(super) csv: Option<PathBuf>,
    /// Writes one page with plots, to look at or to project
    #[structopt(long, value_name = "FILE.html", parse(from_os_str))]
    pub(super) report: Option<PathBuf>,
    /// Plays it once more and writes what nodes were told into this folder, for `filbert replay`:
    /// those involved in a broken rule, else all of a small network
    #[structopt(long, value_name = "DIR", parse(from_os_str))]
    pub(super) record: Option<PathBuf>,
    /// Records these (7, 0..9, "3 of leaves", the name of a group) instead
    #[structopt(long, value_name = "NODES", requires = "record")]
    pub(super) record_nodes: Option<String>,
}

/// Completions.
#[derive(Debug, StructOpt)]
pub(super) struct Completions {
    /// The shell
    #[structopt(value_name = "SHELL", possible_values = &Shell::variants())]
    pub(super) shell: Shell,
}

/// Reads the command line; help, version and mistakes are printed and end the program.
pub(super) fn parse() -> Args {
    let matches = Args::clap().get_matches_safe();
    match matches {
        Ok(matches) => {
            let mut args = Args::from_clap(&matches);
            if let Command::Cluster(words) = &mut args.command {
                words.dir = words.dir.take().or_else(|| dir_below(&matches));
            }
            args
        }
        Err(error) => {
            use structopt::clap::ErrorKind::{HelpDisplayed, VersionDisplayed};
            if matches!(error.kind, HelpDisplayed | VersionDisplayed) {
                println!("{}", error.message);
                std::process::exit(0);
            }
            eprintln!("{}", error.message);
            std::process::exit(2);
        }
    }
}

/// The `--dir` that stands after a command of `filbert cluster`: words of a command within a command
/// do not reach the outer one by themselves.
fn dir_below(matches: &structopt::clap::ArgMatches<'_>) -> Option<PathBuf> {
    let (_, below) = matches.subcommand_matches("cluster")?.subcommand();
    below?.value_of_os("dir").map(PathBuf::from)
}

/// Writes the completions of a shell.
pub(super) fn completions(shell: Shell, to: &mut impl std::io::Write) {
    Args::clap().gen_completions_to("filbert", shell, to);
}

/// The long help of every command, as (name, help) pairs; the program itself first.
pub(super) fn help_pages() -> Vec<(String, String)> {
    let mut names: Vec<Vec<String>> = vec![vec!["filbert".into(), "--help".into()]];
    for name in COMMANDS {
        names.push(vec!["filbert".into(), (*name).into(), "--help".into()]);
        for below in if *name == "cluster" { cluster::COMMANDS } else { &[] } {
            names.push(vec!["filbert".into(), (*name).into(), (*below).into(), "--help".into()]);
        }
    }
    names
        .into_iter()
        .map(|words| {
            let name = words[..words.len() - 1].join(" ");
            let help = Args::clap().get_matches_from_safe(words).err().map(|error| error.message);
            (name, help.unwrap_or_default())
        })
        .collect()
}

/// The commands in the order of the help.
const COMMANDS: &[&str] = &[
    "run",
    "search",
    "get",
    "status",
    "peers",
    "connect",
    "disconnect",
    "block",
    "unblock",
    "shares",
    "rescan",
    "downloads",
    "cancel",
    "browse",
    "config",
    "demo",
    "replay",
    "sim",
    "cluster",
    "completions",
    "man",
];
