//! The switchboard of sources of hosts: whom to ask when neighbours are missing, and what comes of
//! it (protocol.md section 23).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::conn::Conn;
use super::datagram::pings::Purpose;
use super::filter;
use super::hosts::bootstrap::{Facts, Sources, Step, Yield};
use super::hosts::cache::Hearsay;
use super::hosts::fetch::Fetch;
use super::io::{Event, HostSource, LookupId, SourceView};
use super::phase::Phase;
use super::{ConnId, Node, Tier, Time, Why};
use crate::wire::Pong;
use crate::wire::gwebcache::{Answer, Question};

/// Other web caches in one answer that are read.
const CACHES_PER_ANSWER_MAX: usize = 10;

/// A pong of an ultrapeer that has no GGEP says so by its KiB: a power of two, at least this.
const ULTRAPEER_KBYTES_MIN: u32 = 8;

/// The sources of a node, and the one that is being asked.
#[derive(Debug)]
pub(super) struct Bootstrap {
    sources: Sources,
    visit: Option<Visit>,
    /// When to look next whether one is to be asked.
    look_at: Time,
}

/// A source that is being asked.
#[derive(Debug)]
struct Visit {
    what: HostSource,
    /// Whether only another source named it.
    learnt: bool,
    /// The web cache is not asked but told of this address of ours.
    announce: Option<SocketAddr>,
    stage: Stage,
    /// It must have answered by then.
    until: Time,
    /// What it has named so far.
    found: Yield,
}

/// How far the asking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Resolving(LookupId),
    Dialling(SocketAddr),
    Pinging(SocketAddr),
    Fetching(ConnId, SocketAddr, Page),
}

/// What a web cache is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    All,
    Hosts,
    Caches,
    Update(SocketAddr),
}

impl Node {
    /// `Command::Bootstrap`.
    pub(super) fn on_bootstrap(&mut self, now: Time, sources: Vec<HostSource>) {
        if sources.is_empty() {
            return;
        }
        let rng = self.rng.derive("bootstrap");
        let bootstrap = self.bootstrap.get_or_insert_with(|| {
            Box::new(Bootstrap { sources: Sources::new(rng), visit: None, look_at: now })
        });
        bootstrap.look_at = now;
        for source in sources {
            let text = source.to_string();
            if !bootstrap.sources.add(source, false, &self.config) {
                self.out.count(Why::TableFull);
                let command = format!("bootstrap from {text}");
                self.out.emit(Event::Refused { why: Why::TableFull, command });
            }
        }
    }

    /// When `ask_sources` has something to do.
    pub(super) fn bootstrap_deadline(&self) -> Time {
        let Some(bootstrap) = self.bootstrap.as_ref().filter(|_| self.looks_for_neighbours())
        else {
            return Time::NEVER;
        };
        let until = bootstrap.visit.as_ref().map_or(Time::NEVER, |visit| visit.until);
        bootstrap.look_at.min(until)
    }

    fn looks_for_neighbours(&self) -> bool {
        self.config.auto_connect && !self.stopping
    }

    /// Whether hosts may come from a source soon.
    pub(super) fn awaits_hosts(&self) -> bool {
        self.bootstrap.as_ref().is_some_and(|bootstrap| bootstrap.sources.is_hopeful())
    }

    /// How the sources stand.
    pub(super) fn source_views(&self) -> Vec<SourceView> {
        self.bootstrap
            .as_ref()
            .map(|bootstrap| bootstrap.sources.views(&self.config))
            .unwrap_or_default()
    }

    /// The end of a turn: a source is asked if one is needed. `looks`: whether neighbours may have
    /// come or gone.
    pub(super) fn ask_sources(&mut self, now: Time, looks: bool) {
        let Some(bootstrap) = &self.bootstrap else { return };
        if !self.looks_for_neighbours() {
            return;
        }
        if bootstrap.visit.as_ref().is_some_and(|visit| visit.until <= now) {
            self.out.count(Why::TooSlow);
            self.source_done(now, Err(Why::TooSlow));
        }
        let is_due = self.bootstrap.as_ref().is_some_and(|bootstrap| bootstrap.look_at <= now);
        if !(looks || is_due) {
            return;
        }
        let facts = self.bootstrap_facts(now);
        let Some(bootstrap) = &mut self.bootstrap else { return };
        let step = bootstrap.sources.next(now, facts, &self.config);
        bootstrap.look_at = match step {
            Step::Wait(until) => until,
            _ => Time::NEVER,
        };
        let Some(what) = bootstrap.sources.asked(step, now) else { return };
        let learnt = bootstrap.sources.current().is_some_and(|source| source.learnt);
        let announce = match step {
            Step::Announce(_, address) => Some(address),
            _ => None,
        };
        let until = now + Duration::from_secs(self.config.source_timeout_s.into());
        let address = what.host().parse::<IpAddr>();
        let stage = match address {
            // Replaced before anything else happens.
            Ok(_) => Stage::Resolving(LookupId(0)),
            Err(_) => Stage::Resolving(self.out.resolve(what.host().to_owned())),
        };
        let found = Yield::default();
        bootstrap.visit = Some(Visit { what, learnt, announce, stage, until, found });
        if let Ok(address) = address {
            self.visit_source(now, &[address]);
        }
    }

    /// What it depends on whether a source is asked.
    fn bootstrap_facts(&self, now: Time) -> Facts {
        // Our leaves lead nowhere.
        let (wanted, neighbours) = self.wanted();
        let dialling = self.conns.iter().filter(|(_, row)| row.phase.is_dialling()).count();
        let own = self.address.public(&self.config);
        let is_taken = |address: SocketAddr| {
            self.conns
                .iter()
                .any(|(_, row)| row.peer() == address || row.listens() == Some(address))
        };
        let ready = self.hosts.ready(now, |address| {
            address != own && !self.blocked.contains(address.ip()) && !is_taken(address)
        });
        Facts {
            neighbours,
            wanted,
            ready: ready + dialling,
            is_local: self.surroundings.is_local(),
            announce: self.address_for_others(),
        }
    }

    /// Our address, if strangers may be sent there: we are an ultrapeer of the public network, and
    /// somebody out there has connected to us.
    fn address_for_others(&self) -> Option<SocketAddr> {
        let address = self.address.public(&self.config);
        let is_public = |ip: IpAddr| filter::is_routable(ip.to_canonical());
        let is_reached = self.conns.iter().any(|(_, row)| {
            row.phase.link().is_some_and(|link| link.incoming) && is_public(row.peer().ip())
        });
        let tells = self.tier == Tier::Ultrapeer && !self.is_firewalled() && is_reached;
        (tells && filter::is_usable(address, false)).then_some(address)
    }

    /// The host name of the source that is being asked was looked up.
    pub(super) fn on_source_found(&mut self, now: Time, lookup: LookupId, addresses: &[IpAddr]) {
        let visit = self.bootstrap.as_ref().and_then(|bootstrap| bootstrap.visit.as_ref());
        if visit.is_none_or(|visit| visit.stage != Stage::Resolving(lookup)) {
            return;
        }
        if addresses.is_empty() {
            self.out.count(Why::NoSuchName);
            return self.source_done(now, Err(Why::NoSuchName));
        }
        self.visit_source(now, addresses);
    }

    /// The source that is being asked has these addresses: one of them is asked.
    fn visit_source(&mut self, now: Time, addresses: &[IpAddr]) {
        let Some(visit) = self.bootstrap.as_ref().and_then(|b| b.visit.as_ref()) else { return };
        let listen = self.config.listen.ip();
        // Only the user leads us into his own network.
        let local = !visit.learnt || self.allows_local();
        let own = self.address.public(&self.config);
        let port = visit.what.port();
        let address = addresses
            .iter()
            .map(|ip| SocketAddr::new(ip.to_canonical(), port))
            .filter(|address| listen.is_ipv6() || address.is_ipv4())
            .find(|&address| {
                filter::is_usable(address, local)
                    && !self.blocked.contains(address.ip())
                    && address != own
            });
        let (what, announce) = (visit.what.clone(), visit.announce);
        let Some(address) = address else {
            self.out.count(Why::BadAddress);
            return self.source_done(now, Err(Why::BadAddress));
        };
        match what {
            HostSource::Peer { .. } => self.visit_peer(now, address),
            HostSource::Uhc { .. } => {
                // Not a second time if it is lost: host caches answer an address once a minute.
                let patience = Duration::from_secs(self.config.source_timeout_s.into());
                self.set_stage(Stage::Pinging(address), now + patience);
                if !self.udp_ping(now, address, Purpose::Hosts) {
                    // A limit of ours; it has counted itself.
                    self.source_done(now, Err(Why::UnprovenAddress));
                }
            }
            HostSource::WebCache(_) => {
                let is_v1 = (self.bootstrap.as_mut())
                    .and_then(|bootstrap| bootstrap.sources.current())
                    .is_some_and(|source| source.is_v1);
                let page = match announce {
                    Some(ours) => Page::Update(ours),
                    None if is_v1 => Page::Hosts,
                    None => Page::All,
                };
                self.fetch(now, address, page);
            }
        }
    }

    fn set_stage(&mut self, stage: Stage, until: Time) {
        if let Some(visit) = self.bootstrap.as_mut().and_then(|b| b.visit.as_mut()) {
            visit.stage = stage;
            visit.until = until;
        }
    }

    fn visit_peer(&mut self, now: Time, address: SocketAddr) {
        let patience = u64::from(self.config.connect_timeout_s)
            + u64::from(self.config.handshake_timeout_s)
            + u64::from(self.config.source_timeout_s);
        self.set_stage(Stage::Dialling(address), now + Duration::from_secs(patience));
        let same = |row: &super::conn::Conn<Phase>| {
            row.peer() == address || row.listens() == Some(address)
        };
        if self.conns.iter().any(|(_, row)| same(row)) {
            return self.source_done(now, Ok(Yield { usable: 1, ..Yield::default() }));
        }
        self.learn_named(now, address);
        self.dial(now, address);
    }

    /// A peer that was asked to be a neighbour names others instead.
    pub(super) fn source_names(&mut self, peer: SocketAddr, found: Yield) {
        let visit = self.bootstrap.as_mut().and_then(|bootstrap| bootstrap.visit.as_mut());
        if let Some(visit) = visit.filter(|visit| visit.stage == Stage::Dialling(peer)) {
            visit.found += found;
        }
    }

    /// The dialling of a host has come to an end: without `why` it is a neighbour now.
    pub(super) fn source_dialled(&mut self, now: Time, peer: SocketAddr, why: Option<Why>) {
        let visit = self.bootstrap.as_ref().and_then(|bootstrap| bootstrap.visit.as_ref());
        let Some(visit) = visit.filter(|visit| visit.stage == Stage::Dialling(peer)) else {
            return;
        };
        let mut found = visit.found;
        let result = match why {
            None => {
                found += Yield { usable: 1, fresh: 1, useless: 0 };
                Ok(found)
            }
            Some(_) if found.usable > 0 => Ok(found),
            Some(why) => Err(why),
        };
        self.source_done(now, result);
    }

    /// A pong to a ping by UDP that asked for hosts.
    pub(super) fn on_hosts_by_udp(&mut self, now: Time, from: SocketAddr, pong: &Pong) {
        let own = Speaker {
            teller: Some(from.ip()),
            // Where it comes from is proven, and it may not know its own address.
            address: SocketAddr::new(from.ip(), pong.address.port()),
            // A short answer may have lost what says that it is an ultrapeer.
            ultrapeer: is_ultrapeer(pong).filter(|&is_one| is_one),
        };
        let max = self.config.host_cache_hosts_max;
        let found = self.learn_from_pong(now, own, pong, max);
        let Some(bootstrap) = &mut self.bootstrap else { return };
        let visit = bootstrap.visit.as_ref();
        if visit.is_none_or(|visit| visit.stage != Stage::Pinging(from)) {
            return;
        }
        // It may know others of its kind.
        for name in &pong.host_caches {
            if let Some(source) = named_host_cache(name) {
                bootstrap.sources.add(source, true, &self.config);
            }
        }
        self.source_done(now, Ok(found));
    }

    // Web caches.

    /// Connects to a web cache to ask it for one page.
    fn fetch(&mut self, now: Time, to: SocketAddr, page: Page) {
        let conn = self.out.connect(to);
        let local = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.conns.insert(conn, to, local, Phase::AwaitsWebCache);
        let until = now + Duration::from_secs(self.config.source_timeout_s.into());
        self.conns.set_timer(conn, until);
        // The connection has a timer of its own, which says what went wrong.
        self.set_stage(Stage::Fetching(conn, to, page), Time::NEVER);
    }

    /// A connection to a web cache stands: it is asked.
    pub(super) fn on_web_cache(&mut self, now: Time, conn: ConnId) {
        let Some(bootstrap) = &self.bootstrap else { return };
        let Some(Visit { what: HostSource::WebCache(url), stage, .. }) = &bootstrap.visit else {
            return self.close(now, conn, Why::TooSlow, None);
        };
        let Stage::Fetching(_, _, page) = *stage else { return };
        let question = match page {
            Page::All => Question::Get,
            Page::Hosts => Question::HostFile,
            Page::Caches => Question::UrlFile,
            Page::Update(host) => {
                Question::Update { host, cache: bootstrap.sources.working_cache(url) }
            }
        };
        let request = question.request(url, &self.config.user_agent).to_bytes();
        if let Some(row) = self.conns.get_mut(conn) {
            row.phase = Phase::AwaitsHostList(Box::new(Fetch::new(&self.config)));
        }
        self.send_control(conn, &request, 0);
    }

    /// Bytes of a web cache's answer.
    pub(super) fn on_host_list(&mut self, now: Time, conn: ConnId, data: &[u8]) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        let Phase::AwaitsHostList(fetch) = &mut row.phase else { return };
        match fetch.take(data) {
            Ok(None) => {}
            Err(why) => self.close(now, conn, why, None),
            Ok(Some(text)) => {
                row.phase = Phase::Closing;
                self.conns.set_timer(conn, Time::NEVER);
                self.out.close(conn, false);
                self.on_host_list_text(now, conn, &text);
            }
        }
    }

    /// A web cache has closed its connection, which may be the end of its answer.
    pub(super) fn on_host_list_end(&mut self, now: Time, conn: ConnId) {
        let Some(row) = self.conns.get_mut(conn) else { return };
        let Phase::AwaitsHostList(fetch) = &mut row.phase else { return };
        if let Some(text) = fetch.end() {
            row.phase = Phase::Closing;
            self.on_host_list_text(now, conn, &text);
        }
    }

    /// The connection to a web cache is gone without an answer.
    pub(super) fn web_cache_failed(&mut self, now: Time, conn: ConnId, why: Why) {
        let visit = self.bootstrap.as_ref().and_then(|bootstrap| bootstrap.visit.as_ref());
        let is_this = |visit: &Visit| matches!(visit.stage, Stage::Fetching(of, ..) if of == conn);
        let Some(visit) = visit.filter(|visit| is_this(visit)) else { return };
        // What a first page has brought counts, whatever became of the next one.
        let found = visit.found;
        self.source_done(now, if found.usable > 0 { Ok(found) } else { Err(why) });
    }

    /// A web cache has answered.
    fn on_host_list_text(&mut self, now: Time, conn: ConnId, text: &[u8]) {
        let Some(bootstrap) = &mut self.bootstrap else { return };
        let Some(Visit { stage: Stage::Fetching(of, to, page), .. }) = bootstrap.visit else {
            return;
        };
        if of != conn {
            return;
        }
        let hosts_max = usize::from(self.config.hosts_per_answer_max);
        let answer = Answer::parse(text, hosts_max, CACHES_PER_ANSWER_MAX);
        let is_useless = !answer.is_readable() || (answer.says_error && answer.hosts.is_empty());
        if page == Page::All && !answer.is_v2 && answer.hosts.is_empty() {
            // It knows only the questions of version 1.
            if let Some(source) = bootstrap.sources.current() {
                source.is_v1 = true;
            }
            return self.fetch(now, to, Page::Hosts);
        }
        let has_found = bootstrap.visit.as_ref().is_some_and(|visit| visit.found.usable > 0);
        if is_useless && !has_found {
            let why = if answer.says_error { Why::Refused } else { Why::BadResponse };
            self.out.count(why);
            return self.source_done(now, Err(why));
        }
        if matches!(page, Page::Update(_)) {
            return self.source_told(now);
        }
        for cache in answer.caches {
            let source = HostSource::WebCache(cache);
            if is_public_name(source.host()) {
                bootstrap.sources.add(source, true, &self.config);
            }
        }
        let knows_others = bootstrap.sources.has_other_caches();
        let says = Hearsay { ultrapeer: Some(true), ..self.hearsay(to.ip()) };
        let found = self.learn_all(now, &answer.hosts, says);
        let Some(visit) = self.bootstrap.as_mut().and_then(|b| b.visit.as_mut()) else { return };
        visit.found += found;
        let found = visit.found;
        if page == Page::Hosts && found.usable > 0 && !knows_others {
            return self.fetch(now, to, Page::Caches);
        }
        self.source_done(now, Ok(found));
    }

    fn source_told(&mut self, now: Time) {
        let Some(bootstrap) = &mut self.bootstrap else { return };
        bootstrap.visit = None;
        bootstrap.look_at = now;
        bootstrap.sources.told(now, &self.config);
    }

    /// The source that is being asked has answered or failed.
    fn source_done(&mut self, now: Time, result: Result<Yield, Why>) {
        let Some(bootstrap) = &mut self.bootstrap else { return };
        if bootstrap.visit.take().is_none() {
            return;
        }
        bootstrap.look_at = now;
        let (hosts, done) = match result {
            Ok(found) => {
                let hosts = u32::try_from(found.usable).unwrap_or(u32::MAX);
                (hosts, bootstrap.sources.answered(now, found, &self.config))
            }
            Err(why) => {
                let failed = bootstrap.sources.failed(now, why, &self.config);
                (0, failed.map(|source| (source, Some(why))))
            }
        };
        let Some((source, why)) = done else { return };
        if result.is_ok()
            && let Some(why) = why
        {
            self.out.count(why);
        }
        self.out.emit(Event::SourceAsked { source: source.to_string(), hosts, why });
    }

    /// Ultrapeers for others to connect to: our neighbours, and others that we had a handshake with.
    /// The latest first: they are the likeliest to have room for more.
    pub(super) fn hosts_to_name(
        &self,
        max: u8,
        is_wanted: impl Fn(SocketAddr) -> bool,
    ) -> Vec<SocketAddr> {
        // All but our leaves.
        let ultrapeers = self.flooded.iter().filter_map(|&conn| self.conns.get(conn));
        let listening = |row: &Conn<Phase>| Some((row.phase.link()?.since, row.listens()?));
        let mut neighbours: Vec<(Time, SocketAddr)> = ultrapeers.filter_map(listening).collect();
        neighbours.sort_by(|a, b| b.cmp(a));
        let neighbours = neighbours.into_iter().map(|(_, address)| address);
        let mut named = Vec::with_capacity(max.into());
        for host in neighbours.chain(self.hosts.proven()) {
            if named.len() >= usize::from(max) {
                break;
            }
            if is_wanted(host) && self.is_usable(host) && !named.contains(&host) {
                named.push(host);
            }
        }
        named
    }

    // Learning.

    /// What this neighbour or source says, as long as nothing else is said.
    pub(super) fn hearsay(&self, teller: IpAddr) -> Hearsay {
        Hearsay { teller: Some(teller), ..Hearsay::default() }
    }

    /// A host that the user names.
    pub(super) fn learn_named(&mut self, now: Time, address: SocketAddr) {
        let wall = self.started_at.at(now);
        self.hosts.learn(address, Hearsay::default(), wall, &self.config);
    }

    /// Hosts of which strangers spoke.
    pub(super) fn learn_all(
        &mut self,
        now: Time,
        addresses: &[SocketAddr],
        says: Hearsay,
    ) -> Yield {
        let wall = self.started_at.at(now);
        let mut found = Yield::default();
        for &address in addresses {
            if !self.is_usable(address) {
                found.useless += 1;
                continue;
            }
            found.usable += 1;
            if self.hosts.learn(address, says, wall, &self.config) {
                found.fresh += 1;
                self.fill_at = self.fill_at.min(now);
            }
        }
        if found.fresh > 0 {
            self.review_tier_soon(now);
        }
        found
    }

    /// Hosts that a pong speaks of: the one whose it is, and at most `max` others.
    pub(super) fn learn_from_pong(
        &mut self,
        now: Time,
        speaker: Speaker,
        pong: &Pong,
        max: u8,
    ) -> Yield {
        let Speaker { teller, address, ultrapeer } = speaker;
        // We ask for ultrapeers with free slots.
        let others = Hearsay { teller, ultrapeer: Some(true), free_slots: true, uptime_s: None };
        let hosts = pong.hosts.get(..usize::from(max)).unwrap_or(&pong.hosts);
        let mut found = self.learn_all(now, hosts, others);
        let free = pong.free_slots.is_some_and(|free| match self.tier {
            Tier::Ultrapeer => free.ultrapeers > 0,
            Tier::Leaf => free.leaves > 0,
        });
        let own = Hearsay { teller, ultrapeer, free_slots: free, uptime_s: pong.uptime_s };
        found += self.learn_all(now, &[address], own);
        found
    }
}

/// Who speaks in a pong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    /// From whom it came to us.
    pub(super) teller: Option<IpAddr>,
    /// Where the one listens whose pong it is.
    pub(super) address: SocketAddr,
    /// Whether it is an ultrapeer.
    pub(super) ultrapeer: Option<bool>,
}

/// Whether a pong is that of an ultrapeer; nothing if it does not say.
pub(super) fn is_ultrapeer(pong: &Pong) -> Option<bool> {
    let marked = pong.kbytes >= ULTRAPEER_KBYTES_MIN && pong.kbytes.is_power_of_two();
    if pong.free_slots.is_some() || marked {
        return Some(true);
    }
    // Modern servents say that they are ultrapeers.
    pong.vendor.is_some().then_some(false)
}

/// A UDP host cache as a pong names it, `HOST[:PORT]`.
fn named_host_cache(name: &str) -> Option<HostSource> {
    let (host, port) = name.rsplit_once(':').unwrap_or((name, "6346"));
    let port = port.parse().ok().filter(|&port| port != 0)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    is_public_name(host).then(|| HostSource::Uhc { host: host.to_owned(), port })
}

/// Whether a host that a stranger names may be one on the public network: an address that may, or
/// a name with a dot in it.
fn is_public_name(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => filter::is_routable(ip.to_canonical()),
        Err(_) => host.trim_matches('.').contains('.'),
    }
}
