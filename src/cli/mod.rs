//! The command line: words to calls, events to lines, errors to exit statuses.
//!
//! One file a command. A command talks to a servent by its HTTP interface alone, also to one that
//! it started itself.

mod args;
mod cluster;
mod config;
mod demo;
mod get;
pub mod huge_pages;
mod lists;
mod man;
mod render;
mod replay;
mod run;
mod search;
mod session;
mod settings;
mod sim;
mod units;

use std::process::ExitCode;

use anyhow::Result;

use args::{Args, Command};
use settings::Settings;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It worked; a search found something, an experiment came out as expected.
    Worked,
    /// A search found nothing, or an experiment did not come out as expected.
    NothingFound,
    /// A program that was run ended so.
    Status(u8),
}

/// Runs the program: reads the command line, does what it says, returns the exit status.
pub fn main() -> ExitCode {
    let args = args::parse();
    start_log(args.common.verbose);
    match run(args) {
        Ok(Outcome::Worked) => ExitCode::SUCCESS,
        Ok(Outcome::NothingFound) => ExitCode::from(1),
        Ok(Outcome::Status(status)) => ExitCode::from(status),
        Err(error) => {
            eprintln!("filbert: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> Result<Outcome> {
    let Args { common, command } = args;
    let json = common.json;
    // What needs neither settings nor a servent.
    match &command {
        Command::Demo(words) => return demo::demo(json, words),
        Command::Replay(words) => return replay::replay(json, &words.file),
        Command::Sim(words) => return sim::sim(json, words),
        Command::Cluster(words) => return smol::block_on(cluster::cluster(&common, words)),
        Command::Completions(words) => {
            args::completions(words.shell, &mut std::io::stdout());
            return Ok(Outcome::Worked);
        }
        Command::Man => {
            print!("{}", man::page());
            return Ok(Outcome::Worked);
        }
        _ => {}
    }
    let settings = Settings::load(&common, command.run())?;
    smol::block_on(obey(&settings, json, command))
}

/// Does what a command says that talks to a servent.
async fn obey(settings: &Settings, json: bool, command: Command) -> Result<Outcome> {
    match command {
        Command::Run(words) => run::run(settings, json, words).await,
        Command::Search(words) => search::search(settings, json, words).await,
        Command::Get(words) => get::get(settings, json, words).await,
        Command::Status => lists::status(settings, json).await,
        Command::Peers => lists::peers(settings, json).await,
        Command::Connect(words) => lists::connect(settings, &words.host).await,
        Command::Disconnect(words) => lists::disconnect(settings, &words.host).await,
        Command::Block(words) => lists::block(settings, json, words.network.as_deref()).await,
        Command::Unblock(words) => lists::unblock(settings, &words.network).await,
        Command::Shares => lists::shares(settings, json).await,
        Command::Rescan => lists::rescan(settings).await,
        Command::Downloads => lists::downloads(settings, json).await,
        Command::Cancel(words) => lists::cancel(settings, words.download).await,
        Command::Browse(words) => search::browse(settings, json, &words.host).await,
        Command::Config => config::print(settings, json),
        Command::Demo(_)
        | Command::Replay(_)
        | Command::Sim(_)
        | Command::Cluster(_)
        | Command::Completions(_)
        | Command::Man => Ok(Outcome::Worked),
    }
}

fn start_log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).init();
}
