//! Crowds of slow openers, larger than what the servent takes in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use filbert::servent::{Config, Options, Servent, Why};
use filbert::wire::Headers;
use filbert::wire::handshake::Block;

use crate::attackers::connect;
use crate::good::{Home, block_on, config, until};

/// So many from many addresses, each with a few first bytes.
fn crowd(to: SocketAddr, count: u16, says: &[u8]) -> Vec<TcpStream> {
    let member = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut stream = connect(Ipv4Addr::new(127, 1, high, low), to).expect("it listens");
        // It may be closed already: others came.
        let _ = stream.write_all(says);
        stream
    };
    (0..count).map(member).collect()
}

#[test]
fn a_crowd_of_slow_openers_does_not_keep_good_peers_out() {
    let home = Home::with_file("wanted by all.bin", 100_000);
    let shares = vec![home.shared()];
    let limits = Config { connections_max: 60, unknown_connections_max: 40, ..config() };
    let options = Options { shares, config: limits, ..Options::default() };
    let listen = "127.0.0.1:0".parse().unwrap();
    let victim = block_on(Servent::start(Options { listen, ..options })).unwrap();
    until("the file is hashed", || {
        victim.shares().files_to_hash == 0 && victim.shares().files == 1
    });

    let greeting = Block::request(Headers::new()).to_bytes();
    for says in [&b""[..], b"GNU", b"GET ", b"GET / HTTP/1.1\r\n\r\n", &greeting] {
        let mut members = crowd(victim.listen(), 150, says);
        home.is_fetched_by_a_good_peer(&victim);
        for member in &mut members {
            // One byte each; those who had to go do not hear it.
            let _ = member.write_all(b"G");
        }
        let view = block_on(victim.view()).unwrap();
        assert!(view.connections <= 60, "{} connections", view.connections);
        home.is_fetched_by_a_good_peer(&victim);
    }
    until("room was made many times", || {
        block_on(victim.view()).unwrap().count(Why::TooManyConnections) > 250
    });
    block_on(victim.stop());
}

/// CPU time of a process, in ticks of a hundredth of a second.
#[cfg(target_os = "linux")]
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
#[cfg(target_os = "linux")]
fn few_file_descriptors_are_enough_and_their_lack_makes_nothing_spin() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --json run --listen 127.0.0.1:0"])
        .arg(env!("CARGO_BIN_EXE_filbert"))
        .env("FILBERT_DATA_DIR", dir.path().join("data"))
        .env("XDG_CONFIG_HOME", dir.path().join("no-settings"))
        .env("FILBERT_NODE_LOCAL_ADDRESSES", "true")
        .env("FILBERT_BOOTSTRAP", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started: serde_json::Value = serde_json::from_str(&line).unwrap();
    let listen: SocketAddr = started["listen"].as_str().unwrap().parse().unwrap();

    let members = crowd(listen, 200, b"GNU");
    let before = ticks(child.id());
    std::thread::sleep(Duration::from_secs(1));
    assert!(ticks(child.id()) - before < 50, "it spins");
    // A good peer is greeted, though the crowd stays.
    let mut good = TcpStream::connect(listen).unwrap();
    good.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    good.write_all(&Block::request(Headers::new()).to_bytes()).unwrap();
    let mut answer = [0; 19];
    good.read_exact(&mut answer).unwrap();
    assert_eq!(str::from_utf8(&answer), Ok("GNUTELLA/0.6 200 OK"));
    drop(members);
    child.kill().unwrap();
    child.wait().unwrap();
}
