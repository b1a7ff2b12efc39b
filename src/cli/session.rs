//! The servent that a command talks to: the one that runs with this data directory, or one that
//! lives as long as the command. Either way the command talks to its HTTP interface.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use async_signal::{Signal, Signals};
use smol::stream::StreamExt;

use super::settings::Settings;
use crate::api::{Client, ClientError, Server, ServerOptions};
use crate::cluster::SEAT_MARK;
use crate::servent::{Options, Servent};

/// How often the state is asked for while waiting for something.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A servent with its interface, in this process.
#[derive(Debug)]
pub(super) struct Own {
    servent: Servent,
    server: Server,
    client: Client,
}

impl Own {
    /// Starts a servent and its interface.
    pub(super) async fn start(options: Options, api: SocketAddr) -> Result<Own> {
        let servent = Servent::start(options).await?;
        // In a cluster an interface may have to leave its network namespace, for a bridge that ends
        // on this machine; the token protects it.
        let allow_remote = std::env::var_os(SEAT_MARK).is_some();
        let offer = ServerOptions { listen: api, allow_remote, ..ServerOptions::default() };
        let server = Server::start(servent.clone(), offer).await?;
        let client = Client::of_data_dir(&servent.places().data_dir)?;
        Ok(Own { servent, server, client })
    }

    /// A client for its interface.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits until a client asks for the end.
    pub(super) async fn shutdown_wanted(&self) {
        self.server.shutdown_wanted().await;
    }

    /// Says goodbye to the neighbours, saves what is to be remembered, and ends.
    pub(super) async fn stop(self) {
        self.server.stop().await;
        self.servent.stop().await;
    }
}

/// A client, and the servent behind it if it is ours alone.
pub(super) struct Session {
    client: Client,
    own: Option<Own>,
}

impl Session {
    /// The servent that runs with this data directory.
    pub(super) async fn running(settings: &Settings) -> Result<Session> {
        match Session::find(settings).await? {
            Some(client) => Ok(Session { client, own: None }),
            None => Err(anyhow!(
                "no servent is running with data directory {}; start one with `filbert run`",
                settings.path("data_dir").display()
            )),
        }
    }

    /// The servent that runs with this data directory, or one for the length of this command;
    /// connected to `peers`.
    pub(super) async fn running_or_own(settings: &Settings, peers: &[String]) -> Result<Session> {
        if let Some(client) = Session::find(settings).await? {
            for peer in peers {
                client.connect(peer).await?;
            }
            return Ok(Session { client, own: None });
        }
        let mut options = options(settings)?;
        if !peers.is_empty() {
            // Who names a network means that one.
            options.connect.extend(peers.iter().cloned());
            options.bootstrap.clear();
        }
        // Another program may hold the usual port, and nobody needs to find a passing servent.
        options.listen.set_port(0);
        let own = Own::start(options, api_address(settings)?).await?;
        Ok(Session { client: own.client(), own: Some(own) })
    }

    /// Speaks to the servent.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Tells a person that a servent was started for this command.
    pub(super) fn say_if_own(&self) {
        if self.own.is_some() {
            eprintln!("No servent is running: one is started for the length of this command.");
        }
    }

    /// What becomes of a download that is not waited for.
    pub(super) fn what_goes_on(&self) -> &'static str {
        match self.own {
            Some(_) => "stopped; the same command goes on where this one stopped",
            None => "not waited for; the servent goes on, and `filbert downloads` shows how far",
        }
    }

    /// Waits until a servent of our own has its first neighbours, or cannot have any.
    pub(super) async fn wait_for_neighbour(&self, patience: Duration) -> Result<()> {
        if self.own.is_none() {
            return Ok(());
        }
        let begin = Instant::now();
        while begin.elapsed() < patience {
            let status = self.client.status().await?;
            // One is enough once no other connection is being made.
            if status.neighbours > 0 && status.connecting == 0 {
                break;
            }
            let tried = begin.elapsed() > Duration::from_secs(1);
            if tried && status.neighbours == 0 && status.connecting == 0 {
                break;
            }
            smol::Timer::after(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// Ends a servent of our own.
    pub(super) async fn close(self) {
        if let Some(own) = self.own {
            own.stop().await;
        }
    }

    /// A client for the running servent; none if its files are missing or left by one that has died.
    async fn find(settings: &Settings) -> Result<Option<Client>> {
        let client = match Client::of_data_dir(&settings.path("data_dir")) {
            Ok(client) => client,
            Err(ClientError::NotRunning { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match client.status().await {
            Ok(_) => Ok(Some(client)),
            Err(ClientError::Unreachable { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits for ctrl-C or SIGTERM; from the first call on they do not end the program by themselves.
pub(super) async fn wish_to_leave() -> Result<()> {
    let mut signals = Signals::new([Signal::Int, Signal::Term]).context("signals")?;
    signals.next().await;
    Ok(())
}

/// What the settings say about a servent.
pub(super) fn options(settings: &Settings) -> Result<Options> {
    let data_dir = settings.path("data_dir");
    let download_dir = match settings.text("download_dir") {
        "" => None,
        folder => Some(folder.into()),
    };
    Ok(Options {
        data_dir: Some(data_dir),
        shares: settings.list("share").into_iter().map(Into::into).collect(),
        connect: settings.list("connect"),
        bootstrap: settings.list("bootstrap"),
        download_dir,
        listen: settings.listen()?,
        config: settings.node()?,
        ..Options::default()
    })
}

/// Where the interface shall listen.
pub(super) fn api_address(settings: &Settings) -> Result<SocketAddr> {
    let text = settings.text("api");
    text.parse().with_context(|| format!("setting api = {text} is not ADDRESS:PORT"))
}
