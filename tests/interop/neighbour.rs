//! A gtk-gnutella that was started for one test: its settings, its shell, its counters.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Names the program that runs a gtk-gnutella (see `main.rs`).
const PROGRAM: &str = "FILBERT_INTEROP_GTK_GNUTELLA";

/// The first two numbers of all addresses; without it those of loopback. On loopback some parts of
/// gtk-gnutella do nothing, since no address there is valid to it; in a network namespace of its
/// own, where other addresses are local, they can be tried.
const NETWORK: &str = "FILBERT_INTEROP_NETWORK";

/// The first four groups of all IPv6 addresses; without it tests of IPv6 are skipped.
const NETWORK6: &str = "FILBERT_INTEROP_NETWORK6";

/// Names a program that puts an address behind a firewall: called with the address and a protocol,
/// `tcp` or `udp`, it lets nobody begin to talk to that address by that protocol any more.
const FIREWALL: &str = "FILBERT_INTEROP_FIREWALL";

/// What a gtk-gnutella is in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Leaf,
    Ultrapeer,
}

/// Whether addresses are used that are valid to everybody.
pub(crate) fn public_addresses() -> bool {
    std::env::var_os(NETWORK).is_some()
}

/// An address that nothing here had before: gtk-gnutella bans addresses that come too often.
pub(crate) fn fresh_ip() -> Ipv4Addr {
    static LAST: AtomicU8 = AtomicU8::new(0);
    let network = std::env::var(NETWORK).unwrap_or_else(|_| "127.90".to_owned());
    let third = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{network}.{third}.1").parse().expect("an address")
}

/// The same of IPv6; none, and a word about it, if there is no such network.
pub(crate) fn fresh_ip6() -> Option<Ipv6Addr> {
    let Ok(network) = std::env::var(NETWORK6) else {
        eprintln!("skipped: {NETWORK6} names no network");
        return None;
    };
    let last = fresh_ip().octets()[2];
    Some(format!("{network}::{last:x}:1").parse().expect("an address"))
}

/// Whether addresses can be put behind a firewall; if not, says so.
pub(crate) fn has_firewall() -> bool {
    let has = std::env::var_os(FIREWALL).is_some();
    if !has {
        eprintln!("skipped: {FIREWALL} names no program");
    }
    has
}

/// Nobody shall begin to talk to this address any more.
pub(crate) fn put_behind_firewall(ip: IpAddr, protocols: &[&str]) {
    let program = std::env::var_os(FIREWALL).expect("the caller asked");
    for protocol in protocols {
        let status = Command::new(&program).arg(ip.to_string()).arg(protocol).status();
        assert!(status.expect("it runs").success(), "{ip} {protocol}");
    }
}

/// A running gtk-gnutella; killed when dropped.
pub(crate) struct Neighbour {
    child: Child,
    dir: TempDir,
    pub(crate) listen: SocketAddr,
}

impl Neighbour {
    /// Starts one that shares files of these names and contents and connects to nobody by itself;
    /// `None`, and a word about it, if there is no program to start.
    pub(crate) fn start(mode: Mode, compress: bool, files: &[(&str, &[u8])]) -> Option<Neighbour> {
        Neighbour::start_at(fresh_ip().into(), mode, compress, files, "")
    }

    /// The same at this address, with these settings of its besides.
    pub(crate) fn start_at(
        ip: IpAddr,
        mode: Mode,
        compress: bool,
        files: &[(&str, &[u8])],
        more: &str,
    ) -> Option<Neighbour> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            eprintln!("skipped: {PROGRAM} names no program");
            return None;
        };
        let listen = TcpListener::bind((ip, 0)).and_then(|socket| socket.local_addr());
        let listen = listen.expect("a free port");
        let dir = tempfile::tempdir().expect("a folder");
        let shared = dir.path().join("shared");
        fs::create_dir(&shared).expect("a folder");
        for (name, content) in files {
            fs::write(shared.join(name), content).expect("a file");
        }
        let settings = settings(dir.path(), listen, mode, compress) + more;
        fs::write(dir.path().join("config_gnet"), settings).expect("its settings");
        let mut neighbour = Neighbour { child: run(&program, dir.path()), dir, listen };
        // On a busy machine it now and then hangs in what it measures before it begins.
        for _ in 0..2 {
            if neighbour.comes_up() {
                break;
            }
            neighbour.child.kill().expect("it is ours");
            neighbour.child.wait().expect("it ends");
            neighbour.child = run(&program, neighbour.dir.path());
        }
        neighbour.wait_until("it listens", |it| !it.shell("status").is_empty());
        let shares = format!("Shares {} file", files.len());
        neighbour.wait_until("it shares", |it| it.shell("status").contains(&shares));
        neighbour.wait_until("it has hashed all", |it| it.hashes() >= files.len());
        Some(neighbour)
    }

    /// Whether its shell answers within some time. Nobody connects to it meanwhile: who did would
    /// have shown it that it can be reached.
    fn comes_up(&mut self) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(40) {
            if !self.shell("status").is_empty() {
                return true;
            }
            assert!(self.child.try_wait().expect("it is ours").is_none(), "{}", self.log());
            thread::sleep(Duration::from_millis(100));
        }
        false
    }

    /// Files whose hashes it knows: one line of a table for each.
    fn hashes(&self) -> usize {
        let table = fs::read_to_string(self.dir.path().join("sha1_cache")).unwrap_or_default();
        table.lines().filter(|line| line.contains('\t') && !line.starts_with('#')).count()
    }

    fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Neighbour) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < Duration::from_secs(90), "in vain: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What it wrote about its life.
    pub(crate) fn log(&self) -> String {
        fs::read(self.dir.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Says something to its shell and returns what that answers.
    pub(crate) fn shell(&self, command: &str) -> String {
        let socket = self.dir.path().join("ipc/socket");
        let mut answer = Vec::new();
        let told = UnixStream::connect(socket).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(format!("HELO\n{command}\nquit\n").as_bytes())?;
            stream.read_to_end(&mut answer)
        });
        // Its shell comes up a moment after its port.
        told.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&answer).into_owned())
    }

    /// The neighbours it sees, one line for each.
    pub(crate) fn nodes(&self) -> Vec<String> {
        // Without a port as long as it does not know where they listen.
        let is_address =
            |text: &str| text.parse::<SocketAddr>().is_ok() || text.parse::<IpAddr>().is_ok();
        // A question mark for since when: it is not one yet, or was refused.
        let is_node = |line: &&str| {
            let mut words = line.split_whitespace();
            words.next().is_some_and(is_address) && words.nth(2).is_some_and(|since| since != "?")
        };
        self.shell("nodes").lines().filter(is_node).map(str::to_owned).collect()
    }

    /// Makes it connect.
    pub(crate) fn connect(&self, to: SocketAddr) {
        self.shell(&format!("node add {to}"));
    }

    /// Its other counters that are not zero.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        counters(&self.shell("stats general"))
    }

    /// What it dropped, and why, but for pongs with addresses of loopback.
    pub(crate) fn drops(&self) -> BTreeMap<String, u64> {
        let mut drops = counters(&self.shell("stats drop"));
        drops.remove("pong_unusable");
        drops
    }

    /// Where its finished downloads are.
    pub(crate) fn complete(&self) -> std::path::PathBuf {
        self.dir.path().join("gtk-gnutella-downloads/complete")
    }
}

/// Starts the program for the gtk-gnutella in this folder.
fn run(program: &OsStr, dir: &Path) -> Child {
    let log = fs::File::create(dir.join("log")).expect("its log");
    Command::new(program)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("its log"))
        .stderr(log)
        .spawn()
        .expect("it runs")
}

fn counters(text: &str) -> BTreeMap<String, u64> {
    let counter = |line: &str| {
        let (name, count) = line.rsplit_once(' ')?;
        Some((name.to_owned(), count.parse().ok().filter(|&count| count > 0)?))
    };
    text.lines().filter_map(counter).collect()
}

fn settings(dir: &Path, listen: SocketAddr, mode: Mode, compress: bool) -> String {
    let truth = |yes| if yes { "TRUE" } else { "FALSE" };
    let dir = dir.display();
    let port = listen.port();
    let (protocol, six) = if listen.is_ipv4() { (4, "") } else { (6, "6") };
    let ip = listen.ip();
    let peer_mode = if mode == Mode::Leaf { 0 } else { 2 };
    let local = if listen.ip().is_loopback() { "127.0.0.0/8" } else { "" };
    format!(
        "listen_port = {port}\n\
         force_local_ip{six} = TRUE\n\
         forced_local_ip{six} = \"{ip}\"\n\
         bind_to_forced_local_ip{six} = TRUE\n\
         network_protocol = {protocol}\n\
         configured_peermode = {peer_mode}\n\
         online_mode = TRUE\n\
         is_firewalled = FALSE\n\
         is_udp_firewalled = FALSE\n\
         allow_firewalled_ultra = TRUE\n\
         up_connections = 0\n\
         max_ultrapeers = 1\n\
         max_connections = 100\n\
         max_leaves = 100\n\
         prefer_compressed_gnet = {}\n\
         enable_dht = FALSE\n\
         enable_upnp = FALSE\n\
         enable_natpmp = FALSE\n\
         enable_g2 = FALSE\n\
         local_netmasks = \"{local}\"\n\
         browse_host_enabled = TRUE\n\
         shared_dirs = \"{dir}/shared\"\n\
         shared_files_extensions = \"--all--\"\n",
        truth(compress),
    )
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().rev().take(20).collect();
            for line in lines.iter().rev() {
                eprintln!("gtk-gnutella: {line}");
            }
        }
        // In order, or it leaves semaphores behind in the system.
        self.shell("shutdown");
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None))
        {
            thread::sleep(Duration::from_millis(50));
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
