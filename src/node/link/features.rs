//! What both sides of a handshake say of themselves (protocol.md section 2).

use std::net::{IpAddr, SocketAddr};

use crate::node::config::{Forward, Strategy};
use crate::node::{Config, Tier};
use crate::wire::headers::Version;
use crate::wire::{Families, Guid, Headers, addresses, names};

/// Characters of a User-Agent that are kept.
const USER_AGENT_CHARS_MAX: usize = 100;

/// The version of query routing that we speak, also to those who offer a later one.
pub(super) const QUERY_ROUTING: &str = "0.1";
/// The version of HSEP that we speak.
const HSEP_VERSION: Version = Version(0, 2);
/// X-Max-TTL must not be higher (dynamic query proposal, section 2.5.3.2.1).
const MAX_TTL_MAX: u8 = 4;

/// `True` or `False`, as header lines have it.
pub(super) fn true_or_false(it_is: bool) -> &'static str {
    if it_is { "True" } else { "False" }
}

/// What the other side says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// What it calls itself.
    pub user_agent: String,
    /// Whether it is an ultrapeer, if it says so.
    pub ultrapeer: Option<bool>,
    /// Whether it can inflate.
    pub inflates: bool,
    /// Whether it will deflate.
    pub deflates: bool,
    /// Where it listens: believed only as far as the port, the address is the socket's.
    pub listen: Option<SocketAddr>,
    /// Its servent GUID.
    pub servent: Option<Guid>,
    /// How many ultrapeers it connects to.
    pub degree: Option<u16>,
    /// Highest TTL with which it wants fresh queries.
    pub max_ttl: Option<u8>,
    /// Whether it needs more ultrapeers, if it says so: `False` asks us to become a leaf.
    pub ultrapeer_needed: Option<bool>,
    /// Whether it speaks query routing between leaf and ultrapeer.
    pub query_routing: bool,
    /// Whether it speaks query routing between ultrapeers.
    pub last_hop_routing: bool,
    /// Whether it queries dynamically.
    pub dynamic_querying: bool,
    /// Whether it passes a query on that comes again with a higher TTL.
    pub ext_probes: bool,
    /// Whether it takes vendor messages.
    pub vendor_messages: bool,
    /// Whether it speaks HSEP as we do: other versions do not agree with it.
    pub hsep: bool,
    /// Which addresses it can use.
    pub families: Families,
    /// Whether it understands Bye.
    pub understands_bye: bool,
    /// From where it sees us.
    pub remote_ip: Option<IpAddr>,
    /// Whether it is a crawler: it only wants to know our neighbours.
    pub crawler: bool,
    /// Hosts that may have room.
    pub tries: Vec<SocketAddr>,
}

impl Features {
    /// Reads the header lines of a block that came from `peer`.
    pub(crate) fn read(headers: &Headers, peer: SocketAddr, config: &Config) -> Features {
        let get = |name| headers.get(name);
        let listen = [names::LISTEN_IP, names::NODE, names::X_MY_ADDRESS]
            .into_iter()
            .find_map(|name| get(name).and_then(addresses::parse))
            .map(|said| SocketAddr::new(peer.ip(), said.port()));
        let tries = headers.list(names::X_TRY).chain(headers.list(names::X_TRY_ULTRAPEERS));
        Features {
            user_agent: get(names::USER_AGENT)
                .map(|text| text.chars().take(USER_AGENT_CHARS_MAX).collect())
                .unwrap_or_default(),
            ultrapeer: get(names::X_ULTRAPEER).map(|text| text.eq_ignore_ascii_case("true")),
            inflates: headers.has(names::ACCEPT_ENCODING, "deflate"),
            deflates: headers.has(names::CONTENT_ENCODING, "deflate"),
            listen,
            servent: get(names::GUID).and_then(|text| text.parse().ok()),
            degree: get(names::X_DEGREE).and_then(|text| text.parse().ok()),
            max_ttl: headers.number(names::X_MAX_TTL).and_then(|ttl| u8::try_from(ttl).ok()),
            ultrapeer_needed: headers.flag(names::X_ULTRAPEER_NEEDED),
            query_routing: headers.version(names::X_QUERY_ROUTING).is_some(),
            last_hop_routing: headers.version(names::X_ULTRAPEER_QUERY_ROUTING).is_some(),
            dynamic_querying: headers.version(names::X_DYNAMIC_QUERYING).is_some(),
            ext_probes: headers.version(names::X_EXT_PROBES).is_some(),
            vendor_messages: headers.version(names::VENDOR_MESSAGE).is_some(),
            hsep: config.horizon_interval_s > 0 && headers.feature("HSEP") == Some(HSEP_VERSION),
            families: Families::of(headers),
            understands_bye: get(names::BYE_PACKET).is_some(),
            remote_ip: get(names::REMOTE_IP).and_then(addresses::parse_ip),
            crawler: get(names::CRAWLER).is_some(),
            tries: addresses::list(tries, usize::from(config.try_addresses_max)),
        }
    }

    /// Takes over what a later block adds or changes.
    pub(crate) fn update(&mut self, later: Features) {
        self.deflates = later.deflates;
        self.inflates |= later.inflates;
        self.ultrapeer = later.ultrapeer.or(self.ultrapeer);
        self.tries.extend(later.tries);
    }
}

/// What we are on one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ours<'a> {
    /// Our limits and choices.
    pub config: &'a Config,
    /// Our servent GUID.
    pub servent: Guid,
    /// Where we listen, as this neighbour can reach it; none if we do not listen.
    pub listen: Option<SocketAddr>,
    /// The other side.
    pub peer: SocketAddr,
    /// What we are.
    pub tier: Tier,
    /// Whether we need more ultrapeers.
    pub ultrapeer_needed: bool,
}

impl Ours<'_> {
    /// The header lines of our first block.
    pub(crate) fn headers(&self) -> Headers {
        let config = self.config;
        let mut headers = Headers::new()
            .with(names::USER_AGENT, &config.user_agent)
            .with(names::X_ULTRAPEER, true_or_false(self.tier == Tier::Ultrapeer));
        if config.query_routing {
            headers.push(names::X_QUERY_ROUTING, QUERY_ROUTING);
            headers.push(names::X_ULTRAPEER_QUERY_ROUTING, "0.1");
        }
        if config.strategy == Strategy::Dynamic {
            headers.push(names::X_DYNAMIC_QUERYING, "0.1");
        }
        if self.tier == Tier::Ultrapeer {
            headers.push(names::X_ULTRAPEER_NEEDED, true_or_false(self.ultrapeer_needed));
        }
        let mut headers = headers
            .with(names::X_DEGREE, config.neighbours_wanted)
            .with(names::X_MAX_TTL, config.query_ttl_default.min(MAX_TTL_MAX))
            .with(names::X_REQUERIES, "False")
            .with(names::GGEP, "0.5")
            .with(names::VENDOR_MESSAGE, "0.2")
            .with(names::PONG_CACHING, "0.1")
            .with(names::BYE_PACKET, "0.1")
            .with(names::GUID, self.servent)
            .with(names::REMOTE_IP, self.peer.ip());
        if let Some(listen) = self.listen {
            headers.push(names::LISTEN_IP, listen);
        }
        if config.forward == Forward::HigherTtl {
            headers.push(names::X_EXT_PROBES, "0.1");
        }
        if config.compress_links {
            headers.push(names::ACCEPT_ENCODING, "deflate");
        }
        headers.push(names::X_FEATURES, self.features());
        headers
    }

    /// What we speak beyond the header lines of its own.
    fn features(&self) -> String {
        let mut features = "browse/1.0".to_owned();
        if self.config.horizon_interval_s > 0 {
            features.push_str(&format!(", HSEP/{HSEP_VERSION}"));
        }
        if let Some(internets) = self.config.families().feature() {
            features.push_str(&format!(", {internets}"));
        }
        features
    }
}
