//! The process that is measured: this program again, in the role of a servent or of a forwarder.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Stdio};
use std::{env, fs};

use filbert::driver::{Driver, Setup};
use filbert::node::{Command, Config};

use super::forwarder;

/// Says to the child what it is.
const ROLE: &str = "RELAY_BENCH_ROLE";

/// Clock ticks of `/proc/PID/stat` in a second: fixed in Linux's interface.
const TICKS_PER_S: f64 = 100.0;

/// What a process of this program is.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// The servent that is measured.
    Servent {
        /// Whether its links are deflated.
        compressed: bool,
        /// Whether it has leaves.
        leaves: bool,
    },
    /// What it is compared with.
    Forwarder,
}

impl Role {
    /// What the parent wants; nothing in the parent itself.
    pub(crate) fn of_this_process() -> Option<Role> {
        match env::var(ROLE).ok()?.as_str() {
            "servent" => Some(Role::Servent { compressed: false, leaves: false }),
            "deflating servent" => Some(Role::Servent { compressed: true, leaves: false }),
            "servent with leaves" => Some(Role::Servent { compressed: false, leaves: true }),
            "deflating servent with leaves" => {
                Some(Role::Servent { compressed: true, leaves: true })
            }
            _ => Some(Role::Forwarder),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Role::Servent { compressed: false, leaves: false } => "servent",
            Role::Servent { compressed: true, leaves: false } => "deflating servent",
            Role::Servent { compressed: false, leaves: true } => "servent with leaves",
            Role::Servent { compressed: true, leaves: true } => "deflating servent with leaves",
            Role::Forwarder => "forwarder",
        }
    }

    /// Says where it listens and plays the role until the parent closes its end of our input.
    pub(crate) fn play(self) -> io::Result<()> {
        match self {
            Role::Forwarder => forwarder::run(|address| println!("{address}")),
            Role::Servent { compressed, leaves } => {
                let dir = tempfile::tempdir()?;
                let driver = Driver::bind(setup(compressed, leaves, dir.path()))
                    .map_err(io::Error::other)?;
                println!("{}", driver.listen());
                let node = driver.handle();
                std::thread::spawn(move || {
                    // Ends with the parent, however that ends.
                    let _ = io::stdin().read(&mut [0]);
                    smol::block_on(node.command(Command::Shutdown))
                });
                smol::block_on(driver.run());
                Ok(())
            }
        }
    }
}

fn setup(compressed: bool, leaves: bool, dir: &Path) -> Setup {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        compress_links: compressed,
        query_routing: leaves,
        // The tables of these leaves match everything, and shall.
        crowded_leaf_queries_per_s_max: u32::MAX,
        leaves_max: 6_000,
        newcomer_share_percent: 0,
        subnet_share_percent: 100,
        neighbours_max: 4_000,
        unknown_connections_max: 4_000,
        connections_max: 8_000,
        auto_connect: false,
        local_addresses: true,
        ..Config::flat()
    };
    Setup {
        config,
        data_dir: dir.join("data"),
        download_dir: dir.join("finished"),
        shares: Vec::new(),
        record: None,
        seed: None,
    }
}

/// A running child; ends with this value.
pub(crate) struct Child {
    process: process::Child,
    address: SocketAddr,
}

impl Child {
    /// Starts it and waits until it listens.
    pub(crate) fn start(role: Role) -> io::Result<Child> {
        let mut process = process::Command::new(env::current_exe()?)
            .env(ROLE, role.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Child { process, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU seconds it has used, of all its threads.
    pub(crate) fn cpu_s(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The second field is a name in parentheses that may hold anything.
        let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let fields: Vec<f64> =
            after_name.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
        Ok((fields[11] + fields[12]) / TICKS_PER_S)
    }

    /// Its resident memory.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kib: u64 = line.split_whitespace().next().unwrap_or("0").parse().unwrap_or(0);
        Ok(kib << 10)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
