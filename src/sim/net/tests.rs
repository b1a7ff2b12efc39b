use super::*;
use crate::node::io::DownloadId;
use crate::sim::Settled;
use crate::sim::disk::content;

/// A network of hosts without minds, and all that arrives there.
struct Rig {
    net: Net,
    /// Bytes read and bytes stored, by slot.
    read: Vec<(u32, Vec<u8>)>,
    stored: Vec<(u64, Vec<u8>)>,
    closed: Vec<(u32, CloseCause)>,
    credited: u32,
    carried: u64,
    accepted: Option<u32>,
}

const TIMEOUT: Duration = Duration::from_secs(10);
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 6346);

impl Rig {
    fn new(config: NetConfig, seed: u64) -> Rig {
        let mut net = Net::new(config, Dice::new(seed));
        for _ in 0..3 {
            net.add_host(LISTEN);
        }
        Rig {
            net,
            read: vec![],
            stored: vec![],
            closed: vec![],
            credited: 0,
            carried: 0,
            accepted: None,
        }
    }

    /// Connects host 0 to host 1; returns the slots of both ends.
    fn connected(&mut self) -> (u32, u32) {
        let to = self.net.address(NodeId(1));
        self.net.connect(NodeId(0), ConnId::ordered(1), to);
        self.run(Duration::from_secs(60));
        let caller = self.net.find(NodeId(0), ConnId::ordered(1)).expect("connected");
        (caller, self.accepted.expect("accepted"))
    }

    fn run(&mut self, time: Duration) {
        let limit = self.net.now + time;
        while let Some(now) = self.net.queue.advance(limit, |_| {}) {
            self.net.now = now;
            while let Some(event) = self.net.queue.pop_same_instant() {
                self.happen(event);
            }
            let mut credits = Vec::new();
            self.net.take_credits(&mut credits);
            self.credited += credits.iter().map(|&(_, len)| len).sum::<u32>();
        }
        self.net.now = limit;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Syn(from, to) => self.accepted = self.net.syn(from, *to, TIMEOUT),
            Event::Connected(end) => self.net.end_at(end.slot).state = State::Open,
            Event::Arrive(end, chunk) if self.net.end(end).is_some() => {
                match self.net.arrive(end.slot, chunk) {
                    Arrival::Received(chunk) => {
                        self.read.push((end.slot, chunk.bytes().to_vec()));
                    }
                    Arrival::Read => self.read_all(end.slot),
                    Arrival::Lies => {}
                }
            }
            Event::Read(end) if self.net.end(end).is_some() => {
                self.net.read_now(end.slot);
                self.read_all(end.slot);
            }
            Event::Pump(end) if self.net.end(end).is_some() => {
                let left = self.net.pump(end.slot);
                self.credited += left.sent;
                self.carried += left.carried;
            }
            Event::Fin(end, cause)
                if self.net.end(end).is_some() && self.net.fin(end.slot, cause) =>
            {
                self.close(end, cause);
            }
            Event::Closed(end, cause) if self.net.end(end).is_some() => self.close(end, cause),
            Event::LingerEnds(end) if self.net.end(end).is_some() => {
                self.net.break_off(end.slot, true);
            }
            _ => {}
        }
    }

    fn close(&mut self, end: EndRef, cause: CloseCause) {
        self.net.forget(end.slot);
        self.closed.push((end.slot, cause));
    }

    fn read_all(&mut self, slot: u32) {
        loop {
            match self.net.next_read(slot) {
                Read::Nothing => break,
                Read::Received(chunk) => self.read.push((slot, chunk.bytes().to_vec())),
                Read::Store(store, chunk) => {
                    self.stored.push((store.range.start, chunk.bytes().to_vec()));
                }
                Read::Closed(cause) => {
                    let end = self.net.name(slot);
                    return self.close(end, cause);
                }
            }
        }
    }

    fn read_at(&self, slot: u32) -> Vec<u8> {
        let pieces = self.read.iter().filter(|(at, _)| *at == slot);
        pieces.flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

fn wild() -> NetConfig {
    let latency = Latency::Exponential { mean_us: 30_000 };
    NetConfig { latency, split: true, ..NetConfig::default() }
}

#[test]
fn bytes_arrive_in_order_however_wild_the_network_and_are_credited_once() {
    for rate_bytes_s in [None, Some(50_000)] {
        let mut rig = Rig::new(NetConfig { rate_bytes_s, ..wild() }, 1);
        let (caller, accepted) = rig.connected();
        let all = content(1, 0..60_000);
        let mut dice = Dice::new(2);
        let mut rest = &all[..];
        let began = rig.net.now;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(1 + dice.below(2_000) as usize));
            rig.net.send(caller, Chunk::copy_of(now));
            rest = later;
            rig.run(Duration::from_micros(dice.below(1_000)));
        }
        let pieces = rig.read.len();
        rig.run(Duration::from_secs(1).saturating_sub(rig.net.now.since(began)));
        assert_eq!(rig.credited < 60_000, rate_bytes_s.is_some(), "60 KB at 50 KB/s take longer");
        rig.run(Duration::from_secs(5));
        assert!(rig.read.len() > pieces);
        assert_eq!(rig.read_at(accepted), all);
        assert_eq!(rig.credited, 60_000);
    }
}

#[test]
fn a_body_is_stored_from_where_it_begins_and_what_follows_is_read() {
    for (config, seed) in [(NetConfig::default(), 0), (wild(), 3), (wild(), 4), (wild(), 5)] {
        let mut rig = Rig::new(config, seed);
        let (caller, accepted) = rig.connected();
        let download = DownloadId(1);
        let head = Chunk::copy_of(b"headBO");
        rig.net.store(accepted, Store { download, range: 10..50_012 }, Some(head.part(4..6)));
        rig.read_all(accepted);
        rig.net.send_file(caller, 9, 0..50_000);
        rig.net.send(caller, Chunk::copy_of(b"next"));
        rig.run(Duration::from_secs(9));
        let mut stored = vec![0; 50_002];
        for (at, bytes) in &rig.stored {
            stored[*at as usize - 10..][..bytes.len()].copy_from_slice(bytes);
        }
        assert_eq!(stored, [b"BO".to_vec(), content(9, 0..50_000)].concat());
        assert_eq!(rig.read_at(accepted), b"next");
        assert_eq!((rig.carried, rig.credited), (50_000, 4));
    }
}

#[test]
fn what_was_sent_before_a_flushing_close_arrives_before_the_end() {
    let mut rig = Rig::new(wild(), 6);
    let (caller, accepted) = rig.connected();
    rig.net.send(caller, Chunk::copy_of(&[7; 5_000]));
    rig.net.close(caller, true, Duration::from_secs(5));
    rig.run(Duration::from_secs(9));
    assert_eq!(rig.read_at(accepted).len(), 5_000);
    assert_eq!(rig.closed, [(caller, CloseCause::Ordered), (accepted, CloseCause::PeerClosed)]);
    assert!(rig.net.find(NodeId(0), ConnId::ordered(1)).is_none());
}

#[test]
fn a_paused_end_reads_nothing_until_it_resumes_and_hears_of_the_end_last() {
    let mut rig = Rig::new(NetConfig::default(), 7);
    let (caller, accepted) = rig.connected();
    rig.net.pause(accepted);
    rig.net.send(caller, Chunk::copy_of(b"abc"));
    rig.net.close(caller, true, Duration::from_secs(5));
    rig.run(Duration::from_secs(1));
    assert!(rig.read.is_empty() && !rig.closed.contains(&(accepted, CloseCause::PeerClosed)));
    rig.net.resume(accepted);
    rig.run(Duration::from_secs(1));
    assert_eq!(rig.read_at(accepted), b"abc");
    assert!(rig.closed.contains(&(accepted, CloseCause::PeerClosed)));
}

#[test]
fn a_partition_holds_bytes_up_until_it_heals_and_a_close_then_breaks_off() {
    let mut rig = Rig::new(NetConfig::default(), 8);
    let (caller, accepted) = rig.connected();
    rig.net.set_side(&[NodeId(1)], 1);
    rig.net.send(caller, Chunk::copy_of(b"abc"));
    rig.run(Duration::from_secs(100));
    assert_eq!((rig.read.len(), rig.credited), (0, 0));
    rig.net.heal();
    rig.run(Duration::from_secs(1));
    assert_eq!((rig.read_at(accepted), rig.credited), (b"abc".to_vec(), 3));
    rig.net.clog(NodeId(0), NodeId(1));
    rig.net.close(caller, true, Duration::from_secs(5));
    rig.run(Duration::from_secs(6));
    assert_eq!(rig.closed, [(caller, CloseCause::Ordered)], "the other end stays half-open");
}

#[test]
fn connecting_fails_by_what_is_there() {
    let mut rig = Rig::new(NetConfig::default(), 9);
    rig.net.add_host(SocketAddr::from(([0, 0, 0, 0], 0)));
    rig.net.kill(NodeId(2), false);
    rig.net.hosts[1].reachable = false;
    let nobody = SocketAddr::from(([10, 9, 9, 9], 6346));
    let wrong_port = SocketAddr::from((ip(NodeId(0)), 80));
    let not_listening = rig.net.address(NodeId(3));
    let (firewalled, dead) = (rig.net.address(NodeId(1)), rig.net.address(NodeId(2)));
    for to in [nobody, wrong_port, not_listening, dead, firewalled] {
        rig.closed.clear();
        rig.net.connect(NodeId(0), ConnId::ordered(1), to);
        rig.run(Duration::from_secs(9));
        let refused = rig.closed.iter().any(|&(_, cause)| cause == CloseCause::Unreachable);
        assert_eq!(refused, to != firewalled, "{to}");
        rig.run(Duration::from_secs(2));
        let timed_out = rig.closed.iter().any(|&(_, cause)| cause == CloseCause::TimedOut);
        assert_eq!(timed_out, to == firewalled, "{to}");
    }
}

#[test]
fn a_killed_process_resets_and_a_vanished_host_says_nothing() {
    for vanished in [false, true] {
        let mut rig = Rig::new(NetConfig::default(), 10);
        let (caller, accepted) = rig.connected();
        assert_eq!(rig.net.kill(NodeId(1), vanished), [accepted]);
        rig.net.send(caller, Chunk::copy_of(b"abc"));
        rig.run(Duration::from_secs(9));
        let wanted = if vanished { vec![] } else { vec![(caller, CloseCause::Reset)] };
        assert_eq!(rig.closed, wanted);
        assert!(rig.read.is_empty());
    }
}

#[test]
fn datagrams_get_lost_and_come_twice_as_often_as_told() {
    let config = NetConfig { datagram_loss: 0.25, datagram_duplicate: 0.5, ..NetConfig::default() };
    let mut net = Net::new(config, Dice::new(11));
    let (a, b) = (net.add_host(LISTEN), net.add_host(LISTEN));
    let to = net.address(b);
    for _ in 0..4_000 {
        net.datagram(a, to, &Chunk::copy_of(b"x"));
    }
    let mean = net.queue.len() as f64 / 4_000.0;
    assert!((mean - 1.5 * 0.75).abs() < 0.05, "{mean} copies of each");
}

#[test]
fn a_send_buffer_takes_bytes_off_the_node_before_they_leave() {
    for (buffer, at_once) in [(0, 0), (1_000, 1_000), (1 << 20, 60_000)] {
        let config = NetConfig {
            send_buffer_bytes: buffer,
            rate_bytes_s: Some(10_000),
            ..NetConfig::default()
        };
        let mut rig = Rig::new(config, 12);
        let (caller, accepted) = rig.connected();
        rig.net.clog(NodeId(0), NodeId(1));
        for _ in 0..60 {
            rig.net.send(caller, Chunk::copy_of(&[1; 1_000]));
        }
        rig.run(Duration::from_secs(1));
        assert_eq!(rig.credited, at_once);
        rig.net.unclog(NodeId(0), NodeId(1));
        rig.run(Duration::from_secs(4));
        assert!(
            (rig.credited > at_once || at_once == 60_000) && rig.read_at(accepted).len() > 9_999
        );
        rig.run(Duration::from_secs(5));
        assert_eq!((rig.credited, rig.read_at(accepted).len()), (60_000, 60_000));
    }
}

#[test]
fn a_reader_that_does_not_read_holds_up_the_sender() {
    let config = NetConfig { receive_buffer_bytes: 10_000, ..NetConfig::default() };
    let mut rig = Rig::new(config, 13);
    let (caller, accepted) = rig.connected();
    rig.net.pause(accepted);
    for _ in 0..60 {
        rig.net.send(caller, Chunk::copy_of(&[1; 1_000]));
        rig.run(Duration::from_millis(100));
    }
    // What was under way when the buffer became full comes in addition.
    assert!((10_000..12_000).contains(&rig.credited), "{}", rig.credited);
    rig.net.resume(accepted);
    rig.run(Duration::from_secs(1));
    assert_eq!((rig.credited, rig.read_at(accepted).len()), (60_000, 60_000));
}

#[test]
fn regions_are_as_far_from_each_other_as_the_matrix_says() {
    let regions = Regions {
        names: ["near", "far"].map(str::to_owned).to_vec(),
        one_way_us: vec![vec![0, 100_000], vec![250_000, 0]],
        settled: Settled::RoundRobin,
    };
    let latency = Latency::Constant { us: 1_000 };
    let mut net = Net::new(NetConfig { latency, ..NetConfig::default() }, Dice::new(14));
    net.regions = Some(Arc::new(regions));
    let [a, b, c] = [0; 3].map(|_| net.add_host(LISTEN));
    let way = |net: &mut Net, from, to| net.latency(from, to).as_micros();
    assert_eq!(way(&mut net, a, c), 1_000);
    assert_eq!((way(&mut net, a, b), way(&mut net, b, a)), (101_000, 251_000));
}

/// A host that has forgotten a connection resets it when the other side sends; one that is gone
/// for good, or cut off, says nothing.
#[test]
fn who_writes_to_a_forgotten_connection_is_told() {
    type Break = fn(&mut Net);
    let cases: [(Break, bool); 4] = [
        (|net| net.half_open(NodeId(1), 0), true),
        (|net| drop(net.kill(NodeId(1), true)), false),
        (
            |net| {
                net.kill(NodeId(1), true);
                net.boot(NodeId(1));
            },
            true,
        ),
        (
            |net| {
                net.half_open(NodeId(1), 7);
                net.clog(NodeId(0), NodeId(1));
            },
            false,
        ),
    ];
    for (number, (fault, told)) in cases.into_iter().enumerate() {
        let mut rig = Rig::new(NetConfig::default(), 15);
        let (caller, _) = rig.connected();
        fault(&mut rig.net);
        rig.run(Duration::from_secs(60));
        let hears = |rig: &Rig| rig.closed.contains(&(caller, CloseCause::Reset));
        assert!(!hears(&rig), "case {number}: nobody has sent");
        rig.net.send(caller, Chunk::copy_of(b"still there?"));
        rig.run(Duration::from_secs(60));
        assert_eq!(hears(&rig), told, "case {number}");
    }
}

#[test]
fn a_reset_is_heard_on_both_sides() {
    let mut rig = Rig::new(NetConfig::default(), 16);
    let (caller, accepted) = rig.connected();
    rig.net.reset(NodeId(1), 5);
    rig.run(Duration::from_secs(1));
    assert_eq!(rig.closed, [(accepted, CloseCause::Reset), (caller, CloseCause::Reset)]);
}

#[test]
fn a_datagram_on_a_detour_comes_after_later_ones() {
    let order = |datagram_reorder| {
        let mut net =
            Net::new(NetConfig { datagram_reorder, ..NetConfig::default() }, Dice::new(17));
        let (a, b) = (net.add_host(LISTEN), net.add_host(LISTEN));
        let to = net.address(b);
        (0..100u8).for_each(|number| net.datagram(a, to, &Chunk::copy_of(&[number])));
        let mut came = Vec::new();
        while net.queue.advance(Time::NEVER, |_| {}).is_some() {
            while let Some(event) = net.queue.pop_same_instant() {
                match event {
                    Event::Datagram(datagram) => came.push(datagram.data.bytes()[0]),
                    event => panic!("{event:?}"),
                }
            }
        }
        came
    };
    assert!(order(0.0).is_sorted());
    let came = order(0.2);
    assert!(came.len() == 100 && !came.is_sorted());
}
