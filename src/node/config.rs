//! Every limit, duration and choice of a node, with its unit in its name and its reason beside it.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::wire::Families;

/// How a node behaves. Shared by reference: a million simulated nodes hold one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address we listen on and connect from; port 0 if we do not listen.
    pub listen: SocketAddr,
    /// What we call ourselves in handshakes and HTTP heads.
    pub user_agent: String,
    /// The role to play in the two-tier network (protocol.md section 21).
    pub role: Role,
    /// Whether query routing tables are announced, sent and used (protocol.md section 17). Without
    /// them leaves get every query.
    pub query_routing: bool,
    /// How our own searches ask the network, and how we pass on those of others.
    pub strategy: Strategy,
    /// For laboratories, every node alike: neighbours tell each other what they share, and a query
    /// is answered for them, too. Counts only with `local_addresses`.
    pub one_hop_replication: bool,
    /// Files of neighbours that we answer for, of all together.
    pub one_hop_files_max: u32,
    /// Our query routing table is told anew at most this often (living servents: a minute).
    pub route_update_s: u16,
    /// Memory of all neighbours' query routing tables: 5,000 dense ones of 65,536 slots and half
    /// as much.
    pub route_tables_bytes_max: u32,
    /// A leaf whose table is fuller, in percent of its slots, is not judged by it: at 75 two
    /// words that it does not have pass in half of all cases.
    pub route_fill_percent_max: u8,
    /// Such a leaf gets at most so many queries a second. Five times what a busy ultrapeer
    /// passes on to a leaf that shares much.
    pub crowded_leaf_queries_per_s_max: u32,
    /// Resets and patches of one table in a minute, beyond which the link is closed: each costs us
    /// up to two milliseconds. Living servents send one.
    pub route_updates_per_minute_max: u16,
    /// TTL of our queries. 4 is what the public network's X-Max-TTL allows.
    pub query_ttl_default: u8,
    /// Highest TTL + hops of a query or ping that we pass on; 7 on the public network.
    pub ttl_and_hops_max: u8,
    /// What happens to a query that comes again with a higher TTL.
    pub forward: Forward,
    /// Ultrapeers that an ultrapeer tries to have as neighbours (X-Degree): living servents have
    /// 30 to 50 and leave those with fewer than 16.
    pub neighbours_wanted: u16,
    /// Ultrapeers that an ultrapeer accepts at most; beyond that newcomers get 503 and addresses
    /// to try. More than twice as many as wanted, or the first comers of a network fill each other
    /// up and close themselves off.
    pub neighbours_max: u16,
    /// Leaves that an ultrapeer shields at most: with its ultrapeers and transfers still below
    /// `connections_max`.
    pub leaves_max: u16,
    /// Ultrapeers that a leaf hangs on: some may fail without its being cut off, and each more
    /// costs the network a leaf slot.
    pub ultrapeers_wanted: u16,
    /// Part of the slots that neighbours of one network (/16 of IPv4, /32 of IPv6) get, at least
    /// one: whoever owns a network must not own us. Local networks excepted when we are in one.
    pub subnet_share_percent: u8,
    /// Part of the slots through which newcomers pass when all are taken: a crowd that came early
    /// and stays must not shut the door.
    pub newcomer_share_percent: u8,
    /// How long one of them may stay at least: enough to learn hosts and ask a question.
    pub newcomer_stay_s: u16,
    /// How often a node whose role is `Auto` thinks of its tier, and over how long it measures what
    /// its line carries.
    pub tier_review_s: u16,
    /// An ultrapeer that falls, or a leaf that an ultrapeer made one, stays what it is for so long:
    /// a switch costs all neighbours.
    pub tier_pause_s: u32,
    /// How long a node must be up to become an ultrapeer: who has been there for long will stay for
    /// long (ultrapeer proposal, section 3).
    pub ultrapeer_uptime_s: u32,
    /// Bytes a second that an ultrapeer's line must carry (ultrapeer proposal: 10 KB/s upstream).
    pub ultrapeer_bytes_s_min: u32,
    /// Whether crawlers are told our neighbours, which makes the network measurable.
    pub answer_crawlers: bool,
    /// Whether the node looks for neighbours by itself (X-Try, pongs, remembered hosts).
    pub auto_connect: bool,
    /// Connection attempts under way at once, and before the pace of dialling slows.
    pub connecting_max: u16,
    /// Time between further attempts, doubled with every `connecting_max` that win no neighbour.
    pub dial_interval_ms: u16,
    /// A lost neighbour is replaced within this, at random, and in a tenth of it if none is left:
    /// thousands may have lost the same one.
    pub replace_spread_s: u16,
    /// Connections of all kinds at once; below the usual limit of 1,024 file descriptors by default.
    pub connections_max: u32,
    /// Connections that have not yet shown what they are, at once: slow openers must not crowd
    /// out good peers, so the oldest is closed for a newcomer.
    pub unknown_connections_max: u32,
    /// Connections from one address at once, loopback excepted.
    pub connections_per_address_max: u16,
    /// A connection attempt is given up after this.
    pub connect_timeout_s: u16,
    /// A handshake or request head must be complete within this.
    pub handshake_timeout_s: u16,
    /// How long a flushing close may take.
    pub linger_s: u16,
    /// Bytes of a handshake or HTTP head at most (gtk-gnutella: 16 KiB).
    pub head_bytes_max: u32,
    /// Lines of a head at most (gtk-gnutella: 128).
    pub head_lines_max: u16,
    /// GUIDs in the query-ID cache. 7/8 of a power of two: the hash table's full load.
    pub seen_queries_max: u32,
    /// For laboratories: the last queries and hits of which note is taken, each with what became
    /// of it here (100 bytes each); 0: of none, which costs nothing.
    pub passages_max: u32,
    /// Servent GUIDs with a known way for pushes.
    pub push_routes_max: u32,
    /// Payload of a query at most (gtk-gnutella drops above 256 and closes above 1,024).
    pub query_bytes_max: u32,
    /// Payload of a query hit at most (gtk-gnutella closes above 65,536).
    pub hit_bytes_max: u32,
    /// Payload of anything else at most.
    pub other_bytes_max: u32,
    /// Broken descriptors after which a neighbour is closed.
    pub broken_descriptors_max: u16,
    /// Bytes queued for a neighbour at most; then the least valuable is dropped.
    pub send_queue_bytes_max: u32,
    /// Bytes handed to the driver and not yet `Sent`, per connection.
    pub send_window_bytes: u32,
    /// Whether links are compressed when both sides can.
    pub compress_links: bool,
    /// Bytes that one `Received` (at most 64 KiB) of a compressed link may inflate to: real
    /// traffic reaches a few times its size, a bomb a thousand times.
    pub inflated_bytes_max: u32,
    /// Silence after which a neighbour is pinged (gtk-gnutella: 20 s as an ultrapeer).
    pub alive_ping_s: u16,
    /// A ping that is not answered is followed by the next after this: one that was cut off for a
    /// while is not left at once.
    pub alive_ping_again_s: u16,
    /// The same while none of those who connect us to the network says anything: if all have
    /// vanished nothing is lost by looking for others.
    pub alone_ping_again_s: u16,
    /// Alive pings without any answer after which a neighbour is closed.
    pub alive_pings_unanswered_max: u8,
    /// A neighbour is told at most this often how many servents and files lie behind us (HSEP: 30 s);
    /// 0: HSEP is not spoken.
    pub horizon_interval_s: u16,
    /// Pongs in the answer to one ping (pong caching: 10).
    pub pongs_per_ping: u8,
    /// A neighbour's pings are answered at most this often (pong caching: 3 s).
    pub ping_interval_s: u16,
    /// How long a cached pong is handed on.
    pub pong_lifetime_s: u16,
    /// Hosts in the cache.
    pub hosts_max: u32,
    /// Hosts of one IP address that we learn from strangers, our own network excepted.
    pub hosts_per_address_max: u16,
    /// Hosts of one network (16 bits of IPv4, 32 of IPv6) that we learn from strangers, our own
    /// network excepted: whoever has many addresses mostly has them there.
    pub hosts_per_network_max: u16,
    /// Hosts of which we only heard and that one network told us of: its latest are kept.
    pub hosts_per_teller_max: u16,
    /// A host of an earlier run is forgotten if it was not heard of for so long; one that we had a
    /// handshake with after thirty times as long.
    pub host_expiry_s: u32,
    /// Hosts of one answer of a web cache that are read: real ones have 20.
    pub hosts_per_answer_max: u16,
    /// Sources of hosts, those that others named included.
    pub sources_max: u16,
    /// A source must answer within this (gtk-gnutella: 20 s).
    pub source_timeout_s: u16,
    /// Failures in a row after which a source counts as dead (gtk-gnutella gives up after 3); it is
    /// still asked now and then.
    pub source_attempts_max: u8,
    /// A UDP host cache is asked again after this at the earliest (gtk-gnutella: 180 s).
    pub host_cache_again_s: u16,
    /// A web cache is asked again after this at the earliest: the caches ask for once an hour.
    pub web_cache_again_s: u16,
    /// Bytes of a web cache's answer: real ones have some thousand.
    pub web_cache_bytes_max: u32,
    /// Without a neighbour, hosts that are known are tried for so long before sources are asked.
    pub bootstrap_patience_s: u16,
    /// Addresses in an X-Try header that we read or write.
    pub try_addresses_max: u8,
    /// A host that failed is not tried again before this.
    pub retry_host_s: u32,
    /// Networks on the block list.
    pub blocks_max: u32,
    /// Whether private, loopback and other unroutable addresses may be learnt and dialled whoever
    /// our neighbours are (clusters, simulations). Without it they may as long as we are in a local
    /// network: all our neighbours have such addresses themselves.
    pub local_addresses: bool,
    /// Results in one hit descriptor.
    pub results_per_hit_max: u8,
    /// Results with which we answer one query.
    pub results_per_query_max: u16,
    /// Results a search takes at most.
    pub results_per_search_max: u32,
    /// New queries that one neighbouring ultrapeer may always bring in a minute, counted as such
    /// that go `query_ttl_default` far: others cost what they reach. It may bring twice what the
    /// median neighbour brings if that is more. 0: no limit. An ultrapeer speaks for itself and
    /// for its leaves: a hundred of them, each with 0.3 queries a minute (Sripanidkulchai), half
    /// of them for content that nobody has, bring 30.
    pub queries_per_minute_max: u16,
    /// So many it may bring at once, after it was silent.
    pub query_burst: u16,
    /// Queries that one leaf may bring in a minute: a hundred times what people ask.
    pub leaf_queries_per_minute_max: u16,
    /// So many it may bring at once, after it was silent.
    pub leaf_query_burst: u16,
    /// Walkers that rest here until their origin has said whether they shall go on, and questions of
    /// resting walkers that are answered in one turn: more than most laboratories send out.
    pub walkers_resting_max: u16,
    /// Searches at once.
    pub searches_max: u16,
    /// Dynamic queries that we run for one leaf at once; each holds some hundred bytes for up to
    /// 200 s.
    pub queries_per_leaf_max: u16,
    /// Dynamic queries that we run for all leaves at once.
    pub leaf_queries_max: u32,
    /// A search that heard nothing for so long ends.
    pub search_lifetime_s: u16,
    /// Uploads at once.
    pub upload_slots: u16,
    /// Uploads at once to one address, loopback excepted.
    pub uploads_per_address_max: u16,
    /// Requests on one kept-alive connection are awaited so long.
    pub keep_alive_s: u16,
    /// A client without a slot is told to come back after this.
    pub busy_retry_s: u16,
    /// An upload to a client that does not read is left after this.
    pub stalled_upload_s: u16,
    /// Answers to Browse Host for one address within `browse_window_s`, our own network excepted
    /// (gtk-gnutella refuses the second within seconds and takes more than three an hour for
    /// abuse).
    pub browses_per_address_max: u16,
    /// See `browses_per_address_max`.
    pub browse_window_s: u16,
    /// Hosts that browse us at once, and hosts that we browse at once: each holds a zlib window.
    pub browses_max: u16,
    /// Bytes of query hits, inflated, that we take from one host that we browse: half a million
    /// files.
    pub browse_bytes_max: u64,
    /// Contents of which we remember who else has them.
    pub alternate_files_max: u32,
    /// Places remembered for one content (gtk-gnutella: 256).
    pub alternates_per_file_max: u16,
    /// A place that has a content is handed on for so long after it proved it (gtk-gnutella: 12 h).
    pub alternate_lifetime_s: u32,
    /// Downloads at once.
    pub downloads_max: u16,
    /// Sources remembered for one download.
    pub sources_per_download_max: u16,
    /// Sources of one download at one IP address, our own network excepted.
    pub sources_per_address_max: u16,
    /// Sources that serve one download at once.
    pub active_sources_per_download_max: u16,
    /// Bytes asked for in one request, so that several sources share a file.
    pub request_bytes_max: u64,
    /// Bytes for which another source is worth a request of its own: with less left, a source
    /// that is free does not take over half of another's part.
    pub share_bytes_min: u64,
    /// Bytes of a body that are stored before the node looks at the connection again, at first:
    /// they cannot be given to a faster source any more.
    pub store_bytes_min: u64,
    /// The same when as many have come on the connection: few turns for large files.
    pub store_bytes_max: u64,
    /// Pieces in different states that a file may be torn into by sources that answer with other
    /// ranges than asked for.
    pub pieces_per_download_max: u32,
    /// How often the hash of all bytes may be wrong before a download is given up.
    pub wrong_hashes_max: u8,
    /// Progress of a download is told at most this often.
    pub progress_interval_ms: u16,
    /// A source that sends less than `stalled_bytes` for so long is left.
    pub stalled_source_s: u16,
    /// Bytes that must flow within `stalled_source_s` (or `stalled_upload_s`): more than the
    /// dripping of one that wants to hold a download or a slot, less than the slowest modem sends.
    pub stalled_bytes: u32,
    /// A source that failed or was busy is asked again after this.
    pub retry_source_s: u16,
    /// A busy source may ask to be left alone for so long at most.
    pub retry_after_max_s: u32,
    /// How often a source may fail in a row before it is forgotten.
    pub source_failures_max: u8,
    /// A push we asked for is awaited so long.
    pub push_timeout_s: u16,
    /// Pushes we obey within 30 s for one address (gtk-gnutella: 5).
    pub pushes_per_address_max: u16,
    /// An address at which nobody asked for anything although a push led there is left alone so long
    /// (gtk-gnutella: 500 s), each time twice as long.
    pub push_pause_s: u16,
    /// Connections that pushes made us open and that do not stand yet, at once.
    pub pushes_max: u16,
    /// Addresses whose pushes and browses are counted at once; beyond that newcomers wait.
    pub counted_addresses_max: u32,
    /// Whether everybody in a local network is taken to be reachable; else that is tested there as
    /// on the public network (simulated firewalls).
    pub local_is_open: bool,
    /// Whether the gateway of our network is asked to lead a port to us, on the public network.
    pub port_mapping: bool,
    /// A neighbour that we asked to connect back is awaited so long.
    pub reach_test_s: u16,
    /// So many neighbours that do not come in a row: we cannot be reached.
    pub reach_tests: u8,
    /// One neighbour is asked to connect back at most once in this time.
    pub reach_ask_again_s: u32,
    /// What is known about our being reached is tested anew after this.
    pub reach_believed_s: u32,
    /// Connections (and as many pings by UDP) that one address may ask us to make back to it
    /// within an hour.
    pub favours_per_address_max: u16,
    /// The same for all addresses within a minute.
    pub favours_per_minute_max: u16,
    /// Push proxies that we look for while we cannot be connected to. Hits name all of them.
    pub push_proxies_wanted: u8,
    /// Servents for which we are a push proxy.
    pub push_proxied_max: u16,
    /// What we ask of push proxies at one address within an hour, by UDP and HTTP together:
    /// strangers' hits name them. One that does not help is left alone for an hour.
    pub proxy_asks_per_address_max: u16,
    /// A push by UDP is awaited so long before the next way is tried.
    pub push_datagram_timeout_s: u16,
    /// Without any source a download asks the network again after this.
    pub find_sources_s: u16,
    /// Hosts whose datagrams are accounted for at once; as many that have proved their address.
    pub datagram_hosts_max: u32,
    /// A host that has not proved its address is sent at most so many times the bytes that came
    /// from it (as in QUIC): else forged addresses would turn us against a third.
    pub amplification_max: u8,
    /// A proof of an address counts so long.
    pub proof_lifetime_s: u16,
    /// Bytes that a host gets within `unasked_window_s` although it has asked for nothing: a few
    /// first words (pings, offers of hits).
    pub unasked_bytes_max: u16,
    /// Such datagrams to all hosts within `unasked_window_s`.
    pub unasked_max: u16,
    /// See `unasked_bytes_max`.
    pub unasked_window_s: u16,
    /// Pings by UDP that await their pong, at once.
    pub datagram_pings_max: u16,
    /// A pong by UDP is awaited so long (gtk-gnutella: 20 s).
    pub datagram_ping_timeout_s: u16,
    /// A host that asks by UDP for hosts gets some at most this often (gtk-gnutella: once a minute).
    pub host_cache_pause_s: u16,
    /// Hosts in such an answer (gtk-gnutella: 30).
    pub host_cache_hosts_max: u8,
    /// Whether pongs by UDP say that we are a host cache that others may hand on (GGEP `UDPHC`).
    pub host_cache: bool,
    /// A query key is made anew so often; the one before is still good. At most 24 h in all.
    pub query_key_s: u32,
    /// Whether hits are offered and fetched by UDP where that is possible (out of band): not in a
    /// local network, unless reachability is tested there, too (`local_is_open`).
    pub out_of_band: bool,
    /// Queries whose hits we offer by UDP, at once; beyond that they go back along their way.
    pub offers_max: u16,
    /// The same to one host (gtk-gnutella: 50).
    pub offers_per_host_max: u16,
    /// How often hits are offered, and an address is asked to prove itself (gtk-gnutella: 3).
    pub offer_tries_max: u8,
    /// Hits that nobody asks for are offered again after this; each time doubles it.
    pub offer_again_s: u16,
    /// An address that does not prove itself is asked again after this; each time doubles it.
    pub proof_again_s: u16,
    /// Between two hits by UDP to one host, so that they do not push each other out on the way.
    pub hit_pause_ms: u16,
    /// Payload of a hit that we send by UDP at most: one that is not torn into fragments.
    pub datagram_hit_bytes_max: u16,
    /// Hosts of which hits are awaited by UDP, at once, each with its query.
    pub requests_max: u16,
    /// A host that offers hits so often within `empty_offers_window_s` without sending any
    /// (gtk-gnutella: 25) is not listened to for `empty_offers_ban_s`.
    pub empty_offers_max: u8,
    /// See `empty_offers_max`.
    pub empty_offers_window_s: u16,
    /// See `empty_offers_max`.
    pub empty_offers_ban_s: u16,
}

/// Which role in the two-tier network we play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leaf or ultrapeer, by what the node measures and what ultrapeers tell it.
    Auto,
    /// Always a leaf: connects to a few ultrapeers and passes nothing on.
    Leaf,
    /// Always an ultrapeer.
    Ultrapeer,
}

/// How a search asks the network.
///
/// [`Strategy::Dynamic`] and [`Strategy::Flood`] are of the public network. The others are for
/// laboratories: worlds where every node has the same one, for no byte of a query names it. They
/// begin only where `Config::local_addresses` is set, and those that relays have a part in only if
/// they are the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Link by link with the TTL that the results so far ask for, until there are enough.
    Dynamic,
    /// Every link at once, with one TTL.
    Flood,
    /// Fresh floods of TTL 1, 2, ... up to the search's, until there are results: one, or as many
    /// as the search says it wants.
    ExpandingRing,
    /// Every node passes a query on to some of its neighbours alone, at random and never to the one
    /// it came from.
    RandomNeighbours {
        /// How many.
        k: u16,
    },
    /// Copies of the query walk at random, one step to one neighbour, until there are results: one,
    /// or as many as the search says it wants.
    Walkers {
        /// How many walk.
        walkers: u16,
    },
}

impl Strategy {
    /// Steps of a walker between two checks whether there is enough (Lv and others, 2002).
    pub const STEPS_PER_CHECK: u8 = 4;

    /// Whether it is for laboratories alone: the nodes of the public network neither expect nor
    /// want it.
    pub fn is_for_laboratories(self) -> bool {
        !matches!(self, Strategy::Dynamic | Strategy::Flood)
    }

    /// Whether a search can ask so among nodes that have the other strategy: those who pass a query
    /// on must do the same with it.
    pub fn gets_along_with(self, configured: Strategy) -> bool {
        let relayed = |strategy| match strategy {
            Strategy::Dynamic | Strategy::Flood | Strategy::ExpandingRing => Strategy::Flood,
            Strategy::RandomNeighbours { .. } | Strategy::Walkers { .. } => strategy,
        };
        relayed(self) == relayed(configured)
    }
}

/// What happens to a query that comes again (protocol.md section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// Only the first copy is passed on.
    FirstCopy,
    /// A copy with a higher TTL than any before is passed on again (the X-Ext-Probes rule): reach
    /// is then exactly the TTL ball, whatever the latencies.
    HigherTtl,
}

impl Config {
    /// Which addresses we can use: those of the family on which we listen, both if that is any
    /// IPv6 address.
    pub fn families(&self) -> Families {
        match self.listen.ip() {
            IpAddr::V4(_) => Families::Ipv4,
            IpAddr::V6(ip) if ip.is_unspecified() => Families::Both,
            IpAddr::V6(_) => Families::Ipv6,
        }
    }

    /// A network without tiers, tables and probes: everybody an ultrapeer, every search a flood,
    /// and everybody may bring as many queries as it likes.
    /// What it costs and reaches can be computed exactly, which simulations and tests do.
    pub fn flat() -> Config {
        Config {
            role: Role::Ultrapeer,
            query_routing: false,
            strategy: Strategy::Flood,
            horizon_interval_s: 0,
            queries_per_minute_max: 0,
            out_of_band: false,
            ..Config::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 6346)),
            user_agent: concat!("filbert/", env!("CARGO_PKG_VERSION")).to_owned(),
            role: Role::Auto,
            query_routing: true,
            strategy: Strategy::Dynamic,
            one_hop_replication: false,
            one_hop_files_max: 100_000,
            route_update_s: 60,
            route_tables_bytes_max: 64 << 20,
            route_fill_percent_max: 75,
            crowded_leaf_queries_per_s_max: 20,
            route_updates_per_minute_max: 20,
            query_ttl_default: 4,
            ttl_and_hops_max: 7,
            forward: Forward::HigherTtl,
            neighbours_wanted: 32,
            neighbours_max: 80,
            leaves_max: 250,
            ultrapeers_wanted: 4,
            subnet_share_percent: 10,
            newcomer_share_percent: 10,
            newcomer_stay_s: 600,
            tier_review_s: 60,
            tier_pause_s: 3_600,
            ultrapeer_uptime_s: 3_600,
            ultrapeer_bytes_s_min: 10_000,
            answer_crawlers: true,
            auto_connect: true,
            connecting_max: 8,
            dial_interval_ms: 250,
            replace_spread_s: 10,
            connections_max: 900,
            unknown_connections_max: 400,
            connections_per_address_max: 16,
            connect_timeout_s: 10,
            handshake_timeout_s: 20,
            linger_s: 5,
            head_bytes_max: 16_384,
            head_lines_max: 128,
            seen_queries_max: 57_344,
            passages_max: 0,
            push_routes_max: 14_336,
            query_bytes_max: 1_024,
            hit_bytes_max: 65_536,
            other_bytes_max: 40_960,
            broken_descriptors_max: 20,
            send_queue_bytes_max: 262_144,
            send_window_bytes: 65_536,
            compress_links: true,
            inflated_bytes_max: 4 << 20,
            alive_ping_s: 20,
            alive_ping_again_s: 10,
            alone_ping_again_s: 3,
            alive_pings_unanswered_max: 4,
            horizon_interval_s: 30,
            pongs_per_ping: 10,
            ping_interval_s: 3,
            pong_lifetime_s: 120,
            hosts_max: 2_000,
            hosts_per_address_max: 2,
            hosts_per_network_max: 32,
            hosts_per_teller_max: 100,
            host_expiry_s: 86_400,
            hosts_per_answer_max: 50,
            sources_max: 32,
            source_timeout_s: 20,
            source_attempts_max: 3,
            host_cache_again_s: 180,
            web_cache_again_s: 3_600,
            web_cache_bytes_max: 65_536,
            bootstrap_patience_s: 30,
            try_addresses_max: 10,
            retry_host_s: 300,
            blocks_max: 1_000,
            local_addresses: false,
            results_per_hit_max: 10,
            results_per_query_max: 64,
            results_per_search_max: 500,
            queries_per_minute_max: 60,
            query_burst: 60,
            leaf_queries_per_minute_max: 30,
            leaf_query_burst: 30,
            walkers_resting_max: 4_096,
            searches_max: 100,
            queries_per_leaf_max: 32,
            leaf_queries_max: 2_000,
            search_lifetime_s: 180,
            upload_slots: 10,
            uploads_per_address_max: 3,
            keep_alive_s: 60,
            busy_retry_s: 30,
            stalled_upload_s: 60,
            browses_per_address_max: 3,
            browse_window_s: 600,
            browses_max: 16,
            browse_bytes_max: 64 << 20,
            alternate_files_max: 1_000,
            alternates_per_file_max: 32,
            alternate_lifetime_s: 43_200,
            downloads_max: 100,
            sources_per_download_max: 64,
            sources_per_address_max: 3,
            active_sources_per_download_max: 8,
            request_bytes_max: 64 << 20,
            share_bytes_min: 1 << 20,
            store_bytes_min: 256 << 10,
            store_bytes_max: 8 << 20,
            pieces_per_download_max: 1_024,
            wrong_hashes_max: 5,
            progress_interval_ms: 200,
            stalled_source_s: 20,
            stalled_bytes: 16_384,
            retry_source_s: 30,
            retry_after_max_s: 3_600,
            source_failures_max: 5,
            push_timeout_s: 20,
            pushes_per_address_max: 5,
            push_pause_s: 500,
            pushes_max: 32,
            counted_addresses_max: 4_096,
            local_is_open: true,
            port_mapping: true,
            reach_test_s: 30,
            reach_tests: 3,
            reach_ask_again_s: 1_200,
            reach_believed_s: 3_600,
            favours_per_address_max: 4,
            favours_per_minute_max: 12,
            push_proxies_wanted: 4,
            push_proxied_max: 1_024,
            proxy_asks_per_address_max: 24,
            push_datagram_timeout_s: 5,
            find_sources_s: 120,
            datagram_hosts_max: 4_096,
            amplification_max: 3,
            proof_lifetime_s: 600,
            unasked_bytes_max: 256,
            unasked_max: 1_000,
            unasked_window_s: 60,
            datagram_pings_max: 256,
            datagram_ping_timeout_s: 20,
            host_cache_pause_s: 60,
            host_cache_hosts_max: 30,
            host_cache: false,
            query_key_s: 14_400,
            out_of_band: true,
            offers_max: 512,
            offers_per_host_max: 50,
            offer_tries_max: 3,
            offer_again_s: 5,
            proof_again_s: 2,
            hit_pause_ms: 50,
            datagram_hit_bytes_max: 1_200,
            requests_max: 1_024,
            empty_offers_max: 25,
            empty_offers_window_s: 60,
            empty_offers_ban_s: 600,
        }
    }
}
