//! Whole drivers on loopback: real sockets, real files.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use sha1::Digest as _;
use smol::stream::StreamExt as _;

use super::*;
use crate::node::Event;
use crate::node::io::{
    DownloadId, DownloadRequest, DownloadState, Hit, Progress, SearchId, SearchQuery,
};

/// Nothing here takes so long unless it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// A driver on a thread of its own.
pub(super) struct Running {
    dir: tempfile::TempDir,
    pub(super) handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(shared: &[(&str, &[u8])]) -> Running {
        Running::start_with(shared, |_| {})
    }

    pub(super) fn start_with(shared: &[(&str, &[u8])], change: impl FnOnce(&mut Setup)) -> Running {
        let dir = tempfile::tempdir().unwrap();
        let shares = dir.path().join("shared");
        fs::create_dir(&shares).unwrap();
        for (name, content) in shared {
            fs::write(shares.join(name), content).unwrap();
        }
        let mut setup = Setup {
            config: Config {
                listen: "127.0.0.1:0".parse().unwrap(),
                local_addresses: true,
                auto_connect: false,
                // Scripted neighbours send as fast as they can.
                queries_per_minute_max: 0,
                ..Config::default()
            },
            data_dir: dir.path().join("data"),
            download_dir: dir.path().join("finished"),
            shares: vec![shares],
            record: Some(dir.path().join("record")),
            seed: None,
        };
        change(&mut setup);
        let driver = Driver::bind(setup).unwrap();
        let handle = driver.handle();
        let thread = Some(std::thread::spawn(move || smol::block_on(driver.run())));
        Running { dir, handle, thread }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn tell(&self, command: Command) {
        smol::block_on(self.handle.command(command)).unwrap();
    }

    pub(super) fn connect(&self, to: &Running) {
        let mut events = self.handle.events();
        let at = to.handle.listen();
        self.tell(Command::Connect { host: at.ip().to_string(), port: at.port() });
        let is = |event: &Event| matches!(event, Event::LinkUp { peer, .. } if *peer == at);
        wait_for(&mut events, |event| is(event).then_some(()));
    }

    /// Waits until so many files are hashed.
    pub(super) fn shares_hashed(&self, files: u64) {
        wait_until(|| {
            let shares = self.handle.shares();
            shares.files == files && shares.files_to_hash == 0
        });
    }

    pub(super) fn search(&self, text: &str) -> Hit {
        let mut events = self.handle.events();
        let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
        self.tell(Command::Search { search: SearchId(1), query });
        wait_for(&mut events, |event| match event {
            Event::Found { hits, .. } => hits.first().cloned(),
            _ => None,
        })
    }

    pub(super) fn download(&self, request: DownloadRequest) -> Progress {
        let mut events = self.handle.events();
        self.tell(Command::Download { download: DownloadId(7), request });
        finished(&mut events)
    }

    pub(super) fn stop(mut self) -> tempfile::TempDir {
        self.tell(Command::Shutdown);
        self.thread.take().unwrap().join().unwrap();
        self.dir
    }
}

fn finished(events: &mut Subscription) -> Progress {
    wait_for(events, |event| match event {
        Event::Download { progress, .. } => match progress.state {
            DownloadState::Done | DownloadState::DoneUnverified | DownloadState::Failed => {
                Some(progress.clone())
            }
            _ => None,
        },
        _ => None,
    })
}

pub(super) fn wait_for<T>(events: &mut Subscription, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            match events.next().await {
                Some(Heard::Event(event)) => {
                    if let Some(found) = wanted(&event) {
                        return found;
                    }
                }
                other => panic!("{other:?} instead of the event"),
            }
        }
    };
    let hangs = async {
        smol::Timer::after(HANGS_AFTER).await;
        panic!("the event did not come")
    };
    smol::block_on(smol::future::or(found, hangs))
}

pub(super) fn wait_until(is_so: impl Fn() -> bool) {
    let give_up = std::time::Instant::now() + HANGS_AFTER;
    while !is_so() {
        assert!(std::time::Instant::now() < give_up, "it did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn request_for(hit: &Hit) -> DownloadRequest {
    DownloadRequest {
        name: hit.name.clone(),
        size: Some(hit.size),
        sha1: hit.sha1,
        sources: vec![hit.source.clone()],
    }
}

/// Bytes that differ everywhere.
pub(super) fn content(len: usize) -> Vec<u8> {
    let mut rng = Rng::from_u64(len as u64);
    let mut bytes = vec![0; len];
    bytes.chunks_mut(4_096).for_each(|chunk| rng.fill(chunk));
    bytes
}

pub(super) fn raw(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(HANGS_AFTER)).unwrap();
    stream
}

pub(super) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A neighbour that speaks just enough.
pub(super) fn raw_link(to: SocketAddr) -> TcpStream {
    let mut stream = raw(to);
    stream
        .write_all(b"GNUTELLA CONNECT/0.6\r\nUser-Agent: test\r\nX-Ultrapeer: True\r\n\r\n")
        .unwrap();
    let answer = read_head(&mut stream);
    assert!(answer.starts_with("GNUTELLA/0.6 200"), "{answer}");
    stream.write_all(b"GNUTELLA/0.6 200 OK\r\n\r\n").unwrap();
    stream
}

pub(super) fn replays(record: &Path) -> ReplayReport {
    let report = replay(record).unwrap();
    assert_eq!(report.divergence, None);
    assert_eq!(report.torn_bytes, 0);
    assert!(report.inputs > 5 && report.actions > 0, "{report:?}");
    report
}

#[test]
fn three_in_a_row_find_and_fetch_a_file_and_replay_it() {
    let bytes = content(3 << 20);
    let sharer = Running::start(&[("a quiet melody.txt", &bytes), ("other.txt", b"other")]);
    let between = Running::start(&[]);
    let searcher = Running::start(&[]);
    sharer.shares_hashed(2);
    between.connect(&sharer);
    searcher.connect(&between);

    let hit = searcher.search("melody quiet");
    assert_eq!((&*hit.name, hit.size, hit.hops), ("a quiet melody.txt", 3 << 20, 2));
    let sha1: [u8; 20] = sha1::Sha1::digest(&bytes).into();
    assert_eq!(hit.sha1, Some(crate::wire::Sha1(sha1)));
    let done = searcher.download(request_for(&hit));
    assert_eq!((done.state, done.have), (DownloadState::Done, 3 << 20));
    let path = PathBuf::from(done.path.unwrap());
    assert_eq!(path, searcher.path("finished").join("a quiet melody.txt"));
    assert!(fs::read(path).unwrap() == bytes);

    for running in [searcher, between, sharer] {
        let dir = running.stop();
        replays(&dir.path().join("record"));
    }
}

#[test]
fn a_record_that_breaks_off_is_replayed_up_to_there_and_a_forged_one_is_noticed() {
    let running = Running::start(&[("one.txt", b"one")]);
    running.shares_hashed(1);
    drop(raw_link(running.handle.listen()));
    let dir = running.stop();
    let record = dir.path().join("record");
    let whole = replays(&record);
    let bytes = fs::read(&record).unwrap();

    fs::write(&record, &bytes[..bytes.len() - 3]).unwrap();
    let cut = replay(&record).unwrap();
    assert_eq!((cut.inputs, cut.divergence), (whole.inputs - 1, None));
    assert!(cut.torn_bytes > 0);

    let mut forged = bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(&record, &forged).unwrap();
    assert_eq!(replay(&record).unwrap().divergence.unwrap().index, whole.inputs - 1);

    fs::write(&record, &bytes[1..]).unwrap();
    assert!(matches!(replay(&record), Err(ReplayError::NotARecord)));
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let running = Running::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        config: Config { listen: running.handle.listen(), ..Config::default() },
        data_dir: dir.path().join("data"),
        download_dir: dir.path().join("finished"),
        shares: Vec::new(),
        record: None,
        seed: None,
    };
    let error = Driver::bind(setup).unwrap_err().to_string();
    assert!(error.contains(&running.handle.listen().to_string()), "{error}");
    assert!(error.contains("another program uses this port"), "{error}");
    running.stop();
}

#[test]
fn garbage_on_many_sockets_disturbs_nobody() {
    let bytes = content(100_000);
    let sharer = Running::start(&[("fine.bin", &bytes)]);
    sharer.shares_hashed(1);
    let mut bad: Vec<TcpStream> = (0..60).map(|_| raw(sharer.handle.listen())).collect();
    for (n, stream) in bad.iter_mut().enumerate() {
        let garbage = match n % 4 {
            0 => vec![n as u8; 5_000],
            1 => b"GNUTELLA CONNECT/0.6\r\nX: ".to_vec(),
            2 => content(2_000 + n),
            _ => b"G".to_vec(),
        };
        // It may have been thrown out already.
        let _ = stream.write_all(&garbage);
    }
    let searcher = Running::start(&[]);
    searcher.connect(&sharer);
    let hit = searcher.search("fine");
    let done = searcher.download(request_for(&hit));
    assert_eq!(done.state, DownloadState::Done);
    drop(bad);
    searcher.stop();
    sharer.stop();
}

#[test]
fn a_reader_that_goes_away_in_the_middle_frees_its_upload() {
    let bytes = content(16 << 20);
    let sharer = Running::start_with(&[("big.bin", &bytes)], |setup| {
        setup.config.upload_slots = 1;
    });
    sharer.shares_hashed(1);
    let get = |range: &str| {
        let mut stream = raw(sharer.handle.listen());
        write!(stream, "GET /get/1/big.bin HTTP/1.1\r\nHost: x\r\nRange: bytes={range}\r\n\r\n")
            .unwrap();
        stream
    };
    // It reads a little, then nothing for so long that the system takes no more, then it is gone.
    let mut slow = get("0-");
    assert!(read_head(&mut slow).starts_with("HTTP/1.1 20"));
    slow.read_exact(&mut [0; 1_000]).unwrap();
    let mut refused = get("0-9");
    assert!(read_head(&mut refused).starts_with("HTTP/1.1 503"));
    drop(slow);
    wait_until(|| {
        let mut stream = get("5-104");
        read_head(&mut stream).starts_with("HTTP/1.1 206") && {
            let mut part = [0; 100];
            stream.read_exact(&mut part).unwrap();
            part[..] == bytes[5..105]
        }
    });
    sharer.stop();
}

#[test]
fn requests_follow_each_other_on_one_connection_also_after_its_other_side_ended() {
    let bytes = content(300_000);
    let sharer = Running::start(&[("kept.bin", &bytes)]);
    sharer.shares_hashed(1);
    let mut stream = raw(sharer.handle.listen());
    for range in [(0, 99_999), (100_000, 299_999)] {
        let (from, to) = range;
        write!(
            stream,
            "GET /get/1/kept.bin HTTP/1.1\r\nHost: x\r\nRange: bytes={from}-{to}\r\n\r\n"
        )
        .unwrap();
        if to == 299_999 {
            stream.shutdown(Shutdown::Write).unwrap();
        }
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 206"));
        let mut part = vec![0; to + 1 - from];
        stream.read_exact(&mut part).unwrap();
        assert!(part == bytes[from..=to]);
    }
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    sharer.stop();
}

#[test]
fn a_sharer_that_stops_in_the_middle_costs_only_time() {
    let bytes = content(24 << 20);
    let sharer = Running::start(&[("long.bin", &bytes)]);
    let second = Running::start(&[("long.bin", &bytes)]);
    sharer.shares_hashed(1);
    second.shares_hashed(1);
    let fetcher = Running::start(&[]);
    fetcher.connect(&sharer);
    let hit = fetcher.search("long");
    let mut request = request_for(&hit);
    let mut other = hit.source.clone();
    (other.address, other.servent) = (second.handle.listen(), None);
    request.sources.push(other);
    let mut events = fetcher.handle.events();
    fetcher.tell(Command::Download { download: DownloadId(7), request });
    sharer.stop();
    assert_eq!(finished(&mut events).state, DownloadState::Done);
    assert!(fs::read(fetcher.path("finished/long.bin")).unwrap() == bytes);
    fetcher.stop();
    second.stop();
}

#[test]
fn a_neighbour_that_never_reads_does_not_hold_up_the_others() {
    let between = Running::start(&[]);
    let mut sender = raw_link(between.handle.listen());
    let stuck = raw_link(between.handle.listen());
    let mut reader = raw_link(between.handle.listen());
    for round in 0..40_u32 {
        for number in round * 500..(round + 1) * 500 {
            sender.write_all(&query(number)).unwrap();
        }
        let mut queries = 0;
        while queries < 500 {
            let mut header = [0; 23];
            reader.read_exact(&mut header).unwrap();
            let len = u32::from_le_bytes([header[19], header[20], header[21], header[22]]);
            reader.read_exact(&mut vec![0; len as usize]).unwrap();
            queries += u32::from(header[16] == 0x80);
        }
    }
    let view = smol::block_on(between.handle.view()).unwrap();
    let stuck_at = stuck.local_addr().unwrap();
    for neighbour in &view.neighbours {
        assert_eq!(neighbour.dropped > 0, neighbour.peer == stuck_at, "{neighbour:?}");
    }
    assert_eq!(view.neighbours.len(), 3);
    between.stop();
}

/// A query of 128 bytes that nobody answers.
fn query(number: u32) -> [u8; 128] {
    let mut query = [0; 128];
    query[..4].copy_from_slice(&number.to_le_bytes());
    (query[8], query[16], query[17], query[19], query[23]) = (0xFF, 0x80, 3, 105, 0x80);
    query[25..127].fill(b'x');
    query
}

#[test]
fn hits_come_by_udp_and_pings_for_hosts_are_answered() {
    let tested = |last: u8| {
        move |setup: &mut Setup| {
            let (local_addresses, auto_connect) = (true, false);
            setup.config = Config { local_addresses, auto_connect, ..Config::flat() };
            setup.config.listen = SocketAddr::from(([127, 0, 0, last], 0));
            (setup.config.out_of_band, setup.config.local_is_open) = (true, false);
        }
    };
    let asker = Running::start_with(&[], tested(2));
    let between = Running::start_with(&[], tested(3));
    let holder = Running::start_with(&[("red apple.txt", b"round")], tested(4));
    holder.shares_hashed(1);
    let datagrams = |of: &Running| smol::block_on(of.handle.view()).unwrap().datagrams.clone();
    // A stranger's ping shows each that datagrams reach it.
    for (to, proven) in [(&asker, 1), (&holder, 2)] {
        between.tell(Command::AskForHosts { host: to.handle.listen() });
        wait_until(|| datagrams(&between).hosts_proven == proven);
    }
    asker.connect(&between);
    between.connect(&holder);
    let hit = asker.search("apple");
    assert_eq!((hit.name.as_str(), hit.source.address), ("red apple.txt", holder.handle.listen()));
    assert_eq!((datagrams(&asker).requests, datagrams(&holder).hosts_proven), (1, 1));
    let view = smol::block_on(between.handle.view()).unwrap();
    assert_eq!(view.messages(crate::wire::Kind::QUERY_HIT), (0, 0), "none over the links");
    for running in [asker, between, holder] {
        running.stop();
    }
}

#[test]
fn what_is_due_at_once_does_not_wait_for_the_next_event() {
    use crate::wire::vendor::{Kinds, TCP_CONNECT_BACK};
    use crate::wire::{Guid, Kind, VendorMessage, frame};
    let we = Running::start_with(&[], |setup| setup.config.local_is_open = false);
    let silent = std::net::TcpListener::bind("127.0.0.6:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    we.tell(Command::Connect { host: "127.0.0.6".to_owned(), port });
    let (mut link, _) = silent.accept().unwrap();
    link.set_read_timeout(Some(HANGS_AFTER)).unwrap();
    read_head(&mut link);
    link.write_all(b"GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nVendor-Message: 0.2\r\n\r\n")
        .unwrap();
    read_head(&mut link);
    // It connects back if it is asked to; that is asked for in a turn of its own.
    let message = VendorMessage::MessagesSupported;
    let kinds = Kinds::write(&[TCP_CONNECT_BACK]);
    let mut payload = Vec::new();
    message(Kinds::new(&kinds)).encode(&mut payload);
    let mut supported = Vec::new();
    frame::write(&mut supported, Guid([1; 16]), Kind::VENDOR, 1, 0, &payload);
    link.write_all(&supported).unwrap();
    loop {
        let mut header = [0; 23];
        link.read_exact(&mut header).unwrap();
        let len = u32::from_le_bytes([header[19], header[20], header[21], header[22]]);
        let mut payload = vec![0; len as usize];
        link.read_exact(&mut payload).unwrap();
        if payload.starts_with(b"BEAR\x07\0") {
            break;
        }
    }
    we.stop();
}
