//! Nodes in network namespaces of their own: real networks on one machine.
//!
//! Every node has a namespace with one address in 10.x; they hang on a bridge in a namespace of
//! its own (the hub), and one cable leads from there to this machine, so that the interfaces of
//! the nodes can be spoken to. Nothing leads further: there is no route to anywhere else. All
//! names follow from the cluster's directory, so whoever comes later finds what is left. Done by
//! `ip`, `tc` and `nft`, as an administrator would.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::ClusterError;
use super::directory::hash;
use crate::api::types::Conditions;

/// Where `ip netns` keeps the names.
const NAMES: &str = "/run/netns";
/// The network card of a node.
const CARD: &str = "eth0";
/// A bridge of Linux has room for 1,024 cables.
const NODES_MAX: u32 = 1_000;
/// Where nodes listen: nobody else is there.
const PORT: u16 = 6346;
/// Hosts of a network that are numbered in a row: 1 to 254.
const HOSTS_A_ROW: u32 = 254;
/// The last two bytes of this machine's own address in the network.
const OURS: [u8; 2] = [255, 254];
/// What a rate may be exceeded by for a moment, at least: a frame of the largest size.
const BURST_BYTES_MIN: u32 = 65_536;

/// The namespaces of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Namespaces {
    key: String,
}

/// Whether namespaces can be made here.
///
/// # Errors
/// What is missing, and what to do.
pub(super) fn check(nodes: usize) -> Result<(), ClusterError> {
    if !rustix::process::geteuid().is_root() {
        return wrong("network namespaces need root: run it with sudo, or leave out --netns");
    }
    if nodes > NODES_MAX as usize {
        return wrong("a bridge has room for 1000 nodes; leave out --netns for more");
    }
    match Command::new("ip").arg("-V").output() {
        Ok(_) => Ok(()),
        Err(_) => wrong("--netns needs the tool ip; install it (package iproute2)"),
    }
}

/// Where a node listens; `first` is where the first one does, if it is there already.
pub(super) fn address(directory: &Path, first: Option<SocketAddr>, number: u32) -> SocketAddr {
    let network = match first.map(|first| first.ip()) {
        Some(std::net::IpAddr::V4(first)) => first.octets()[1],
        _ => free_network(hash(directory)),
    };
    let (row, host) = (number / HOSTS_A_ROW, number % HOSTS_A_ROW + 1);
    (Ipv4Addr::new(10, network, row as u8, host as u8), PORT).into()
}

/// A network 10.x.0.0/16 that this machine has no route to; begins to look at `hash`.
fn free_network(hash: u32) -> u8 {
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let taken = |network: &u8| {
        // The kernel writes addresses as numbers, the first byte last.
        let begins = format!("{network:02X}0A");
        routes
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .any(|to| to.ends_with(&begins) || to == "0000000A")
    };
    let all = (0..254).map(|step| ((hash + step) % 254) as u8 + 1);
    all.clone().find(|network| !taken(network)).unwrap_or((hash % 254) as u8 + 1)
}

impl Namespaces {
    /// Those of the cluster in this directory, whether they are there or not.
    pub(super) fn of(directory: &Path) -> Namespaces {
        Namespaces { key: format!("{:08x}", hash(directory)) }
    }

    fn name(&self, number: u32) -> String {
        format!("filbert-{}-{number}", self.key)
    }

    fn hub(&self) -> String {
        format!("filbert-{}-hub", self.key)
    }

    /// This machine's end of the cable.
    fn cable(&self) -> String {
        format!("fb{}", self.key)
    }

    /// The words before a command that is to run where this node does.
    pub(super) fn enter(&self, number: u32) -> Vec<OsString> {
        ["ip", "netns", "exec", &self.name(number)].map(OsString::from).to_vec()
    }

    /// Makes those that are not there yet.
    pub(super) fn build(&self, nodes: &[(u32, SocketAddr)]) -> Result<(), ClusterError> {
        let is_new = |(number, _): &&(u32, SocketAddr)| !is_there(&self.name(*number));
        let new: Vec<&(u32, SocketAddr)> = nodes.iter().filter(is_new).collect();
        let Some((_, first)) = new.first() else { return Ok(()) };
        if !is_there(&self.hub()) {
            self.build_hub(*first)?;
        }
        let (mut names, mut cables) = (String::new(), String::new());
        for (number, _) in &new {
            let name = self.name(*number);
            names += &format!("netns add {name}\n");
            cables += &format!("link add p{number} type veth peer name {CARD} netns {name}\n");
            cables += &format!("link set p{number} master bridge up\n");
        }
        ip(&["-batch", "-"], &names)?;
        ip(&["-n", &self.hub(), "-batch", "-"], &cables)?;
        for (number, address) in &new {
            let ip_address = address.ip();
            let inside = format!(
                "addr add {ip_address}/16 dev {CARD}\nlink set lo up\nlink set {CARD} up\n"
            );
            ip(&["-n", &self.name(*number), "-batch", "-"], &inside)?;
        }
        Ok(())
    }

    fn build_hub(&self, node: SocketAddr) -> Result<(), ClusterError> {
        let std::net::IpAddr::V4(node) = node.ip() else { return Ok(()) };
        let [ten, network, ..] = node.octets();
        let ours = Ipv4Addr::new(ten, network, OURS[0], OURS[1]);
        let (hub, cable) = (self.hub(), self.cable());
        let outside = format!(
            "netns add {hub}\nlink add {cable} type veth peer name cable netns {hub}\n\
             addr add {ours}/16 dev {cable}\nlink set {cable} up\n"
        );
        ip(&["-batch", "-"], &outside)?;
        let inside = "link add bridge type bridge\nlink set bridge up\n\
                      link set cable master bridge up\n";
        ip(&["-n", &hub, "-batch", "-"], inside)
    }

    /// The names of all that is left.
    fn left(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(NAMES) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let prefix = format!("filbert-{}-", self.key);
        names.filter(|name| name.starts_with(&prefix)).collect()
    }

    /// Whether anything is left.
    pub(super) fn are_there(&self) -> bool {
        !self.left().is_empty() || self.has_cable()
    }

    fn has_cable(&self) -> bool {
        Path::new("/sys/class/net").join(self.cable()).exists()
    }

    /// Removes all of them. Nobody may run there any more.
    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        let mut all = String::new();
        if self.has_cable() {
            all += &format!("link del {}\n", self.cable());
        }
        self.left().iter().for_each(|name| all += &format!("netns del {name}\n"));
        if all.is_empty() { Ok(()) } else { ip(&["-force", "-batch", "-"], &all) }
    }

    /// Has the system shape the links of a node as far as it can; returns what is left for the
    /// node itself to do.
    pub(super) fn shape(
        &self,
        number: u32,
        wanted: &Conditions,
    ) -> Result<Conditions, ClusterError> {
        let mut left = wanted.clone();
        if self.fence(number, wanted.firewalled) {
            left.firewalled = false;
        }
        let (hub, inside, port) = (self.hub(), self.name(number), format!("p{number}"));
        let places = [[hub.as_str(), port.as_str()], [inside.as_str(), CARD]];
        for [name, card] in places {
            // Fails if there is none, which is as well.
            let _ = tc(&["-n", name, "qdisc", "del", "dev", card, "root"]);
        }
        // Latencies by pair are the node's own business.
        let is_alike = wanted.latencies.is_empty();
        let is_long = (is_alike && wanted.latency_us > 0) || wanted.datagram_loss > 0.0;
        if is_long && self.has_netem() {
            let delay = if is_alike { wanted.latency_us } else { 0 };
            let (delay, loss) =
                (format!("{delay}us"), format!("{}%", wanted.datagram_loss * 100.0));
            let mut words = vec!["-n", &hub, "qdisc", "replace", "dev", &port, "root"];
            words.extend(["handle", "1:", "netem", "limit", "100000", "delay", &delay]);
            words.extend(["loss", &loss]);
            tc(&words)?;
            left.datagram_loss = 0.0;
            if is_alike {
                left.latency_us = 0;
            }
        } else if let Some(rate) = wanted.node_rate_bytes_s {
            let rate_text = format!("{}bit", u64::from(rate) * 8);
            let burst = (rate / 20).max(BURST_BYTES_MIN).to_string();
            for [name, card] in places {
                let mut words = vec!["-n", name, "qdisc", "replace", "dev", card, "root", "tbf"];
                words.extend(["rate", &rate_text, "burst", &burst, "latency", "1s"]);
                tc(&words)?;
            }
            left.node_rate_bytes_s = None;
        }
        Ok(left)
    }

    /// Whether the kernel can hold packets up and lose some (the queueing discipline netem).
    pub(super) fn has_netem(&self) -> bool {
        let hub = self.hub();
        let on_bridge = |what: &[&str]| tc(&[&["-n", &hub, "qdisc"], what].concat()).is_ok();
        let has = on_bridge(&["replace", "dev", "bridge", "root", "netem", "delay", "1us"]);
        if has {
            on_bridge(&["del", "dev", "bridge", "root"]);
        }
        has
    }

    /// Puts a firewall around a node, or takes it away; whether the system can. The servent's
    /// interface stays open to this machine.
    fn fence(&self, number: u32, firewalled: bool) -> bool {
        let rules = if firewalled {
            format!(
                "table inet filbert {{\nchain input {{\ntype filter hook input priority 0; policy drop\n\
                 iifname \"lo\" accept\nct state established,related accept\n\
                 ip saddr & 0.0.255.255 == 0.0.{}.{} accept\n}}\n}}",
                OURS[0], OURS[1]
            )
        } else {
            String::new()
        };
        // Made before it is deleted, so that it may be there or not.
        let rules = format!("table inet filbert\ndelete table inet filbert\n{rules}\n");
        let name = self.name(number);
        told("ip", &["netns", "exec", &name, "nft", "-f", "-"], &rules)
            .is_ok_and(|output| output.status.success())
    }
}

fn is_there(name: &str) -> bool {
    Path::new(NAMES).join(name).exists()
}

fn wrong<T>(what: &str) -> Result<T, ClusterError> {
    Err(ClusterError::Plan(what.to_owned()))
}

fn ip(words: &[&str], batch: &str) -> Result<(), ClusterError> {
    obeyed("ip", words, told("ip", words, batch))
}

fn tc(words: &[&str]) -> Result<(), ClusterError> {
    obeyed("tc", words, told("tc", words, ""))
}

fn obeyed(tool: &str, words: &[&str], output: io::Result<Output>) -> Result<(), ClusterError> {
    let said = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return wrong(&format!("the tool {tool} is missing; install it (package iproute2)"));
        }
        Err(error) => error.to_string(),
    };
    wrong(&format!("the system does not make the network ({tool} {}): {said}", words.join(" ")))
}

/// Runs a tool and tells it this.
fn told(tool: &str, words: &[&str], input: &str) -> io::Result<Output> {
    let mut command = Command::new(tool);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that does not listen says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn names_and_addresses_follow_from_the_directory() {
        let (one, other) = (Path::new("/some/where"), Path::new("/some/where/else"));
        assert_eq!(Namespaces::of(one).name(7), Namespaces::of(one).name(7));
        assert_ne!(Namespaces::of(one).key, Namespaces::of(other).key);
        assert!(Namespaces::of(one).cable().len() <= 15, "longer names are none for a card");
        let first = address(one, None, 0);
        let later = address(one, Some(first), 300);
        let (IpAddr::V4(a), IpAddr::V4(b)) = (first.ip(), later.ip()) else { panic!() };
        assert_eq!(a.octets()[..2], b.octets()[..2]);
        assert_eq!((a.octets()[2..].to_vec(), b.octets()[2..].to_vec()), (vec![0, 1], vec![1, 47]));
    }
}
