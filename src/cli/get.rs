//! `filbert get`: one file, with progress, speed and time left.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use smol::future::FutureExt;

use super::Outcome;
use super::args;
use super::render::{good, harmless, say};
use super::session::{Session, wish_to_leave};
use super::settings::Settings;
use super::units;
use crate::api::Client;
use crate::api::types::{Download, Event, NewDownload, ResultNumber, What};
use crate::servent::{DownloadState, Why};

/// Downloads what the command line names and waits for it.
pub(super) async fn get(settings: &Settings, json: bool, words: args::Get) -> Result<Outcome> {
    // A mistake is told before a servent is started.
    words.output.clone().map(Destination::of).transpose()?;
    what(&words.what)?;
    let session = Session::running_or_own(settings, &words.connect).await?;
    if !json {
        session.say_if_own();
    }
    let fetched = fetch(session.client(), json, &words, session.what_goes_on()).await;
    session.close().await;
    fetched
}

/// Has a servent fetch a file and waits for it; `if_left` says what becomes of it if the user does
/// not.
pub(super) async fn fetch(
    client: &Client,
    json: bool,
    words: &args::Get,
    if_left: &'static str,
) -> Result<Outcome> {
    let destination = words.output.clone().map(Destination::of).transpose()?;
    let name = destination.as_ref().and_then(Destination::name);
    let new = NewDownload { what: what(&words.what)?, name };
    let download = client.download(&new).await?;
    let left = async {
        wish_to_leave().await?;
        Err(anyhow!(if_left))
    };
    let finished = follow(client, download, json).or(left).await?;
    settle(&finished, destination.as_ref(), json)
}

fn what(text: &str) -> Result<What> {
    if let Ok(number) = text.parse() {
        Ok(What::Result(ResultNumber { number, search: None }))
    } else if text.starts_with("magnet:") {
        Ok(What::Magnet(text.to_owned()))
    } else if text.to_ascii_lowercase().starts_with("urn:") || text.len() == 32 {
        Ok(What::Urn(text.to_owned()))
    } else {
        bail!(
            "{} is neither the number of a result of the last search, nor a magnet link, nor a \
             urn:sha1: (quote magnet links: the shell takes & for itself)",
            harmless(text)
        )
    }
}

/// Where `--output` wants the finished file.
enum Destination {
    /// In this folder, by its own name.
    Into(PathBuf),
    /// Here, by this name.
    As(PathBuf, String),
}

impl Destination {
    fn of(output: PathBuf) -> Result<Destination> {
        if output.is_dir() {
            return Ok(Destination::Into(output));
        }
        let name = output.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let name = name.ok_or_else(|| anyhow!("{} names no file", output.display()))?;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!("the folder {} does not exist; make it first", folder.display());
        }
        if output.exists() {
            bail!("{} exists; nothing is ever written over a file", output.display());
        }
        Ok(Destination::As(output, name))
    }

    /// The name that the file shall have, if it is not its own.
    fn name(&self) -> Option<String> {
        match self {
            Destination::Into(_) => None,
            Destination::As(_, name) => Some(name.clone()),
        }
    }

    /// Where a finished file goes.
    fn path(&self, finished: &Path) -> PathBuf {
        match self {
            Destination::Into(folder) => folder.join(finished.file_name().unwrap_or_default()),
            Destination::As(path, _) => path.clone(),
        }
    }
}

/// Shows the progress of a download until it is over.
pub(super) async fn follow(client: &Client, first: Download, json: bool) -> Result<Download> {
    let mut events = client.download_events(first.id).await?;
    let bar = progress_bar(json);
    // What happened before the stream stood is in the state now.
    let mut download = client.download_state(first.id).await?;
    loop {
        if json {
            say!("{}", serde_json::to_string(&download)?);
        } else {
            draw(&bar, &download);
        }
        if download.is_over() {
            bar.finish_and_clear();
            return Ok(download);
        }
        match events.next().await {
            Some(Ok(Event::Download(next))) => download = next,
            Some(Ok(Event::Stopping)) | None => {
                bail!("the servent is leaving; the download goes on when it runs again")
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

fn progress_bar(json: bool) -> ProgressBar {
    if json || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("##-"));
    }
    bar
}

fn draw(bar: &ProgressBar, download: &Download) {
    if let Some(size) = download.size {
        bar.set_length(size);
    }
    bar.set_position(download.have);
    bar.set_message(progress_line(download));
}

/// The state of a download in a few words.
pub(super) fn progress_line(download: &Download) -> String {
    let of = download.size.map_or(String::new(), |size| format!(" of {}", units::size(size)));
    let have = format!("{}{of}", units::size(download.have));
    match download.state {
        DownloadState::Searching => format!("{have}, asking the network who has it"),
        DownloadState::Waiting => {
            let sources = u64::from(download.known_sources);
            format!("{have}, waiting for {}", units::count(sources, "source", "sources"))
        }
        DownloadState::Transferring => {
            let left = download.left_s.map_or(String::new(), |left_s| {
                format!(", {} left", units::duration(Duration::from_secs(left_s)))
            });
            format!("{have}, {}/s{left}", units::size(download.speed_bytes_s))
        }
        DownloadState::Verifying => format!("{have}, comparing the hash"),
        DownloadState::Done => format!("{have}, done and verified"),
        DownloadState::DoneUnverified => format!("{have}, done, not verified: no hash is known"),
        DownloadState::Failed => format!("{have}, failed{}", trouble(download)),
        DownloadState::Cancelled => format!("{have}, cancelled"),
    }
}

fn trouble(download: &Download) -> String {
    download.trouble.map_or(String::new(), |why: Why| format!(": {}", why.text()))
}

/// Moves the finished file to where it was wanted, and says so.
fn settle(download: &Download, destination: Option<&Destination>, json: bool) -> Result<Outcome> {
    if !matches!(download.state, DownloadState::Done | DownloadState::DoneUnverified) {
        bail!("{}: {}", harmless(&download.name), progress_line(download));
    }
    let path = download.path.as_deref().ok_or_else(|| anyhow!("the servent did not say where"))?;
    let mut path = PathBuf::from(path);
    if let Some(destination) = destination {
        let wanted = destination.path(&path);
        move_file(&path, &wanted)?;
        path = wanted;
    }
    if !json {
        let how = match download.state {
            DownloadState::Done => good("verified"),
            _ => "not verified: no hash was known".to_owned(),
        };
        say!("{}  {}  {how}", path.display(), units::size(download.have));
    }
    Ok(Outcome::Worked)
}

/// Gives a file another place without ever writing over one.
fn move_file(from: &Path, to: &Path) -> Result<()> {
    let trouble = || format!("{} is finished, but cannot become {}", from.display(), to.display());
    if std::fs::hard_link(from, to).is_err() {
        // Another file system, or one without hard links.
        let mut source = std::fs::File::open(from).with_context(trouble)?;
        let mut target = std::fs::File::create_new(to).with_context(trouble)?;
        std::io::copy(&mut source, &mut target).with_context(trouble)?;
    }
    std::fs::remove_file(from).with_context(trouble)
}
