//! Bytes as a list of choices, and what peers say by them: heads, descriptors and bodies as
//! living servents write them, broken here and there. Any bytes are a script.

use std::net::{IpAddr, SocketAddr};

use filbert::library::FileKind;
use filbert::node::config::Strategy;
use filbert::node::io::{SearchQuery, Source};
use filbert::wire::handshake::Block;
use filbert::wire::http::{GNUTELLA_PACKETS, RangeSpec, Request, Target};
use filbert::wire::{
    Bye, Giv, Guid, Headers, HitFlags, Kind, Ping, Pong, Push, Query, QueryFlags, QueryHit, Record,
    Sha1, addresses, frame, names,
};

/// Names of files that are shared, sought and downloaded.
const NAMES: [&str; 6] =
    ["alpha beta.txt", "beta.pdf", "..", "../../etc/passwd", "gamma\u{301} delta", "CON"];

/// The choices that are still to be made.
#[derive(Debug)]
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Script<'a> {
        Script(bytes)
    }

    pub(super) fn done(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 when there are no more.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `bound`, which is at most 256 and not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// True once in `times`.
    pub(super) fn rarely(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// A few of the bytes themselves.
    pub(super) fn raw(&mut self) -> &'a [u8] {
        let len = self.below(64).min(self.0.len());
        let (raw, rest) = self.0.split_at(len);
        self.0 = rest;
        raw
    }

    /// Numbers near the borders of their types, and small ones.
    pub(super) fn number(&mut self) -> u64 {
        let near = self.pick(&[0, 1 << 8, 1 << 16, 1 << 31, 1 << 32, 1 << 63, u64::MAX]);
        near.wrapping_add(u64::from(self.byte())).wrapping_sub(8)
    }

    pub(super) fn name(&mut self) -> String {
        match self.below(8) {
            7 => String::from_utf8_lossy(self.raw()).into_owned(),
            _ => self.pick(&NAMES).to_owned(),
        }
    }

    pub(super) fn sha1(&mut self) -> Sha1 {
        Sha1([self.pick(&[0, 0, 0, 1, 2]); 20])
    }

    /// Public addresses, few enough to meet again, and some that nobody may dial.
    pub(super) fn address(&mut self) -> SocketAddr {
        let last = self.below(4) as u8;
        let ip: IpAddr = match self.below(16) {
            0 => [10, 0, 0, last].into(),
            1 => [127, 0, 0, 1].into(),
            2 => self.pick(&["::1", "::ffff:10.0.0.1", "2606:4700::1", "ff02::1"]).parse().unwrap(),
            3 => self.pick(&[[0; 4], [255; 4], [224, 0, 0, 1], [240, 0, 0, 1]]).into(),
            _ => [8, 8, self.below(2) as u8, last].into(),
        };
        SocketAddr::new(ip, self.pick(&[6346, 6347, 80, 0, 6346, 6346]))
    }

    /// A list of addresses; now and then a long one.
    fn addresses(&mut self) -> Vec<SocketAddr> {
        let count = if self.rarely(16) { 40 } else { self.below(4) };
        (0..count).map(|_| self.address()).collect()
    }

    pub(super) fn source(&mut self, guids: &Guids) -> Source {
        Source {
            address: self.address(),
            servent: (!self.rarely(3)).then(|| guids.pick(self)),
            index: (!self.rarely(3)).then(|| self.below(4) as u32),
            name: (!self.rarely(3)).then(|| self.name()),
            firewalled: self.rarely(4),
            push_proxies: self.addresses(),
        }
    }

    pub(super) fn sources(&mut self, guids: &Guids) -> Vec<Source> {
        (0..self.below(4)).map(|_| self.source(guids)).collect()
    }

    pub(super) fn search(&mut self) -> SearchQuery {
        SearchQuery {
            text: self.name(),
            sha1: self.rarely(4).then(|| self.sha1()),
            ttl: self.rarely(4).then(|| self.byte()),
            results_max: self.rarely(4).then(|| self.below(9) as u32),
            size_min: self.rarely(8).then(|| self.number()),
            size_max: self.rarely(8).then(|| self.number()),
            extensions: if self.rarely(8) { vec![self.name()] } else { Vec::new() },
            without: if self.rarely(8) { vec![self.name()] } else { Vec::new() },
            kind: self.rarely(8).then_some(FileKind::Audio),
            whats_new: self.rarely(8),
            strategy: self.rarely(2).then_some(Strategy::Flood),
        }
    }

    /// Header lines of a handshake.
    fn headers(&mut self, deflates: bool) -> Headers {
        let mut headers = Headers::new();
        if deflates {
            headers.push(names::CONTENT_ENCODING, "deflate");
        }
        let bits = [self.byte(), self.byte()];
        let has = |bit: usize| bits[bit / 8] >> (bit % 8) & 1 == 1;
        if has(0) {
            headers.push(names::ACCEPT_ENCODING, "deflate");
        }
        if has(1) {
            headers.push(names::LISTEN_IP, self.address());
        }
        if has(2) {
            headers.push(names::X_TRY, addresses::write(&self.addresses()));
        }
        if has(3) {
            headers.push(names::BYE_PACKET, "0.1");
        }
        if has(4) {
            headers.push(names::GUID, Guid([self.below(8) as u8; 16]));
        }
        if has(5) && has(6) {
            headers.push(names::X_ULTRAPEER, self.pick(&["True", "False"]));
        }
        if has(7) {
            headers.push(names::REMOTE_IP, self.address().ip());
        }
        if has(8) {
            headers.push(names::X_DEGREE, self.number());
        }
        if has(9) && has(10) {
            headers.push(names::USER_AGENT, String::from_utf8_lossy(self.raw()));
        }
        headers
    }

    /// What one says who connects to us and wants to be a neighbour, and whether it deflates then.
    pub(super) fn greeting(&mut self) -> (Vec<u8>, bool) {
        let deflates = self.rarely(3);
        let mut says = Block::request(self.headers(false)).to_bytes();
        says.extend(Block::response(200, "OK", self.headers(deflates)).to_bytes());
        self.spoil(&mut says);
        (says, deflates)
    }

    /// What one answers to whom we connected, and whether it deflates then.
    pub(super) fn answer(&mut self) -> (Vec<u8>, bool) {
        let deflates = self.rarely(3);
        let code = self.pick(&[200, 200, 200, 503, 409]);
        let mut says = Block::response(code, "so", self.headers(deflates)).to_bytes();
        self.spoil(&mut says);
        (says, deflates)
    }

    /// Now and then something is cut off, doubled or changed.
    fn spoil(&mut self, says: &mut Vec<u8>) {
        if !self.rarely(8) || says.is_empty() {
            return;
        }
        let at = (self.below(256) * 256 + self.below(256)) % says.len();
        match self.below(4) {
            0 => says.truncate(at),
            1 => says[at] = self.byte(),
            2 => says.extend_from_within(at..),
            _ => {
                let raw = self.raw();
                says.splice(at..at, raw.iter().copied());
            }
        }
    }

    /// A descriptor, with what lies behind it if its length lies.
    pub(super) fn descriptor(&mut self, guids: &Guids) -> Vec<u8> {
        let kinds = [
            (Kind::QUERY, 6),
            (Kind::QUERY_HIT, 8),
            (Kind::PING, 3),
            (Kind::PONG, 3),
            (Kind::PUSH, 4),
            (Kind::BYE, 1),
            (Kind::VENDOR, 1),
            (Kind::QRP, 1),
            (Kind(0x77), 1),
        ];
        let all: usize = kinds.iter().map(|(_, weight)| weight).sum();
        let mut at = self.below(all);
        let mut kind = Kind::PING;
        for (choice, weight) in kinds {
            kind = choice;
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => break,
            }
        }
        let guid = guids.pick(self);
        let (ttl, hops) = match self.below(4) {
            0 => (1, 0),
            1 => (self.byte() % 9, self.byte() % 9),
            _ if self.rarely(32) => (self.byte(), self.byte()),
            _ => (1 + self.below(4) as u8, self.below(4) as u8),
        };
        let mut payload = Vec::new();
        self.payload(kind, guids, &mut payload);
        self.spoil(&mut payload);
        let mut out = Vec::new();
        frame::write(&mut out, guid, kind, ttl, hops, &payload);
        if self.rarely(16) {
            let lie = self.number() as u32;
            out[frame::LEN_AT..frame::LEN_AT + 4].copy_from_slice(&lie.to_le_bytes());
        }
        out
    }

    fn payload(&mut self, kind: Kind, guids: &Guids, out: &mut Vec<u8>) {
        match kind {
            Kind::QUERY => {
                let flags = if self.rarely(8) { self.number() as u16 } else { 0x8000 };
                let mut extensions = Vec::new();
                if self.rarely(3) {
                    self.sha1().write_urn(&mut extensions);
                }
                let text = self.name();
                let text = text.split('\0').next().unwrap_or_default();
                let extensions = &extensions[..];
                Query { flags: QueryFlags(flags), text, extensions }.encode(out);
            }
            Kind::QUERY_HIT => self.hit(guids).iter().for_each(|&byte| out.push(byte)),
            Kind::PING => self.pick(&[Ping::PLAIN, Ping::FOR_HOSTS]).encode(out),
            Kind::PONG => {
                let mut pong = Pong::new(self.address(), 1, 1);
                pong.hosts = self.addresses();
                pong.encode(out);
            }
            Kind::PUSH => {
                let (servent, address) = (guids.pick(self), self.address());
                Push { servent, index: self.below(4) as u32, address, extensions: &[] }.encode(out);
            }
            Kind::BYE => Bye { code: 200, text: "bye".into() }.encode(out),
            _ => out.extend_from_slice(self.raw()),
        }
    }

    /// The payload of a hit.
    pub(super) fn hit(&mut self, guids: &Guids) -> Vec<u8> {
        let names: Vec<String> = (0..1 + self.below(4)).map(|_| self.name()).collect();
        let results = names.iter().filter(|name| !name.is_empty()).map(|name| Record {
            index: self.below(4) as u32,
            size: if self.rarely(4) { self.number() } else { 1_000 },
            name,
            sha1: (!self.rarely(4)).then(|| self.sha1()),
            alternates: if self.rarely(4) { self.addresses() } else { Vec::new() },
            created_at_s: None,
        });
        let results = results.collect();
        let flags = HitFlags { push: Some(self.rarely(4)), ..HitFlags::default() };
        let (address, servent) = (self.address(), guids.pick(self));
        let mut out = Vec::new();
        QueryHit {
            vendor: Some(*b"TEST"),
            flags,
            browse_host: true,
            ..QueryHit::new(address, servent, results)
        }
        .encode(&mut out);
        out
    }

    /// What a client asks of us.
    pub(super) fn request(&mut self) -> Vec<u8> {
        let target = match self.below(4) {
            0 => Target::Browse,
            1 => Target::Get { index: self.below(5) as u32, name: Some(self.name()) },
            _ => Target::Urn(self.sha1()),
        };
        let mut request = Request::get(target, "h", "test");
        if self.rarely(2) {
            let (from, to) = (self.number(), self.number());
            let spec = match self.below(3) {
                0 => Some(RangeSpec::From(from)),
                1 => RangeSpec::of(&(from.min(to)..from.max(to))),
                _ => RangeSpec::parse("bytes=-5"),
            };
            if let Some(spec) = spec {
                request = request.with(names::RANGE, spec);
            }
        }
        if self.rarely(2) {
            request = request.with(names::ACCEPT, GNUTELLA_PACKETS);
            request = request.with(names::ACCEPT_ENCODING, "deflate");
        }
        if self.rarely(4) {
            request = request.with(names::CONNECTION, self.pick(&["close", "Keep-Alive"]));
        }
        let mut says = request.to_bytes();
        self.spoil(&mut says);
        says
    }

    /// A GIV.
    pub(super) fn giv(&mut self, guids: &Guids) -> Vec<u8> {
        let index = self.below(4) as u32;
        let mut says = Giv { index, servent: guids.pick(self), name: self.name() }.to_bytes();
        self.spoil(&mut says);
        says
    }
}

/// GUIDs that are met again: a few of nobody's, the node's own, and those that it used last.
#[derive(Debug)]
pub(super) struct Guids {
    known: Vec<Guid>,
    fixed: usize,
    next: usize,
}

impl Guids {
    pub(super) fn new(own: Guid) -> Guids {
        let mut known: Vec<Guid> = (0..8).map(|byte| Guid([byte; 16])).collect();
        known.push(own);
        Guids { fixed: known.len(), known, next: 0 }
    }

    /// The node has used this one.
    pub(super) fn learn(&mut self, guid: Guid) {
        if self.known.len() < self.fixed + 8 {
            self.known.push(guid);
        } else {
            self.known[self.fixed + self.next % 8] = guid;
            self.next += 1;
        }
    }

    pub(super) fn pick(&self, script: &mut Script<'_>) -> Guid {
        // What the node used last is what answers must name.
        let at = script.below(self.known.len() + 4);
        *self.known.get(at).or(self.known.last()).unwrap_or(&Guid::ZERO)
    }
}
