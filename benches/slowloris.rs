//! A crowd of slow openers around one servent, each a byte every ten seconds, each back as soon as
//! it is closed; how long does a good peer wait for its handshake? The goal is 2 s at 10,000.
//!
//! `scripts/slowloris [SOCKETS [SECONDS]]`

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use filbert::servent::{Config, Options, Servent, Why};
use filbert::wire::Headers;
use filbert::wire::handshake::Block;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// What the crowd says, over and over.
const DRIP: &[u8] = b"GNUTELLA CONNECT/0.6\r\nUser-Agent: ";

/// Between two bytes of one of the crowd.
const PAUSE: Duration = Duration::from_secs(10);

/// One of the crowd.
struct Member {
    from: Ipv4Addr,
    stream: Option<TcpStream>,
    said: usize,
}

impl Member {
    /// Says one byte; connects anew if it was closed. Says whether it stands.
    fn drip(&mut self, to: SocketAddr) -> bool {
        let byte = [DRIP[self.said % DRIP.len()]];
        let heard = self.stream.as_mut().is_some_and(|stream| {
            // The end of the stream shows only to one who reads.
            let closed = matches!(stream.read(&mut [0; 64]), Ok(0));
            !closed && stream.write(&byte).is_ok()
        });
        if heard {
            self.said += 1;
            return true;
        }
        self.said = 0;
        self.stream = connect(self.from, to).ok();
        false
    }
}

fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&to.into(), Duration::from_secs(1))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// How long a good peer needs until it is greeted and a neighbour.
fn good_peer(to: SocketAddr) -> io::Result<Duration> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(30))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&Block::request(Headers::new()).to_bytes())?;
    let mut answer = [0; 19];
    stream.read_exact(&mut answer)?;
    if answer != *b"GNUTELLA/0.6 200 OK" {
        return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
    }
    stream.write_all(&Block::response(200, "OK", Headers::new()).to_bytes())?;
    Ok(begin.elapsed())
}

/// Raises the limit of descriptors as far as the system lets us; says how many sockets fit beside
/// those of the servent.
fn sockets_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // If it cannot be raised, fewer fit.
    let _ = setrlimit(Resource::Nofile, raised);
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(current).unwrap_or(usize::MAX).saturating_sub(1_200)
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let fit = sockets_max();
    let count = numbers.first().copied().unwrap_or(10_000);
    let seconds = numbers.get(1).copied().unwrap_or(30);
    if count > fit {
        println!("only {fit} sockets fit into the limit of file descriptors (ulimit -Hn)");
    }
    let config = Config { local_addresses: true, auto_connect: false, ..Config::default() };
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), config, ..Options::default() };
    let servent = smol::block_on(Servent::start(options)).expect("a servent starts");
    let to = servent.listen();

    let member = |number: usize| Member {
        from: Ipv4Addr::from(0x7F02_0000 + number as u32),
        stream: None,
        said: 0,
    };
    let mut members: Vec<Member> = (0..count.min(fit)).map(member).collect();
    let crowd = members.len();
    let good = thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(seconds as u64);
        let mut waits = Vec::new();
        let mut failures = Vec::new();
        while Instant::now() < end {
            match good_peer(to) {
                Ok(wait) => waits.push(wait),
                Err(error) => failures.push(error.to_string()),
            }
            thread::sleep(Duration::from_millis(100));
        }
        (waits, failures)
    });
    // Everybody's turn comes once in the pause, one after the other.
    let (begin, mut turns, mut stood) = (Instant::now(), 0, 0);
    while !good.is_finished() {
        stood += usize::from(members[turns % crowd].drip(to));
        turns += 1;
        let due = begin + PAUSE.mul_f64(turns as f64 / crowd as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let (mut waits, failures) = good.join().expect("good peers do not panic");
    waits.sort();
    let view = smol::block_on(servent.view()).expect("it still runs");
    println!("crowd                 {crowd} sockets, {turns} turns, still standing in {stood}");
    println!("servent's connections {}", view.connections);
    println!("closed for newcomers  {}", view.count(Why::TooManyConnections));
    println!("good peers greeted    {}, failed {} {failures:?}", waits.len(), failures.len());
    let at = |part: usize| waits.get(waits.len().saturating_sub(1) * part / 100);
    println!("they waited           median {:?}, worst {:?}", at(50), at(100));
    smol::block_on(servent.stop());
}
