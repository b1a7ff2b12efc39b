//! `filbert run`: a servent in the foreground that says in one line what it is doing.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use anyhow::Result;
use smol::future::FutureExt;

use super::Outcome;
use super::args;
use super::lists::one_line;
use super::render::say;
use super::session::{Own, api_address, options, wish_to_leave};
use super::settings::Settings;
use crate::api::Client;

/// How often the line is looked at on a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(1);
/// How often at most a changed line is printed elsewhere.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until ctrl-C, SIGTERM, or a shutdown by the interface.
pub(super) async fn run(settings: &Settings, json: bool, words: args::Run) -> Result<Outcome> {
    let mut options = options(settings)?;
    options.record = words.record;
    let own = Own::start(options, api_address(settings)?).await?;
    let client = own.client();
    let status = client.status().await?;
    if json {
        let started = serde_json::json!({
            "listen": status.listen, "api": client.address(), "data_dir": status.data_dir,
        });
        say!("{started}");
    } else {
        say!(
            "filbert {} listens on {}; state in {}; interface http://{}",
            status.version,
            status.listen,
            status.data_dir,
            client.address()
        );
    }
    let asked_to_stop = async {
        own.shutdown_wanted().await;
        Ok(())
    };
    let shown = wish_to_leave().or(asked_to_stop).or(show(&client, json)).await;
    if !json {
        clear_line();
        say!("Saying goodbye to the neighbours ...");
    }
    own.stop().await;
    shown?;
    Ok(Outcome::Worked)
}

/// Shows the state for ever: in place on a terminal, else as lines when it changed.
async fn show(client: &Client, json: bool) -> Result<()> {
    let terminal = stdout().is_terminal();
    let mut last = (String::new(), None::<Instant>);
    loop {
        let line = one_line(&client.status().await?);
        if terminal && !json {
            clear_line();
            print!("{line}");
            stdout().flush()?;
        } else if !json
            && line != last.0
            && last.1.is_none_or(|printed| printed.elapsed() >= LOG_INTERVAL)
        {
            say!("{line}");
            last = (line, Some(Instant::now()));
        }
        // Lines that nobody watches come rarely, and so nobody need look in between.
        let watched = terminal && !json;
        smol::Timer::after(if watched { LINE_INTERVAL } else { LOG_INTERVAL }).await;
    }
}

fn clear_line() {
    if stdout().is_terminal() {
        print!("\r\x1b[2K");
    }
}
