//! The named reasons for which something was dropped, refused or closed, and their counts.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Why something was dropped, refused or closed. Every drop is counted under one of these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Why { $($(#[doc = $doc])+ $name,)+ }

        impl Why {
            /// Every reason, in the order of their numbers.
            pub const ALL: &[Why] = &[$(Why::$name),+];

            /// The reason in plain words.
            pub const fn text(self) -> &'static str {
                match self { $(Why::$name => $text),+ }
            }
        }
    };
}

reasons! {
    /// A query or ping whose GUID we have seen, with no higher TTL.
    Duplicate = "seen before",
    /// A query of our own came back to us.
    OwnQuery = "our own query came back",
    /// A hit of our own came back to us.
    OwnHit = "our own hit came back",
    /// TTL 0 on arrival.
    TtlZero = "arrived with TTL 0",
    /// TTL + hops above `Config::ttl_and_hops_max`.
    TtlTooHigh = "TTL and hops above the limit",
    /// The TTL is used up: handled, not forwarded.
    TtlSpent = "TTL used up, not forwarded",
    /// Vendor, QRP, HSEP or Bye with TTL other than 1 or hops other than 0.
    NotForForwarding = "must not have been forwarded to us",
    /// A payload above the limit of its kind.
    TooLarge = "larger than its kind allows",
    /// A payload that is not what its kind says.
    Malformed = "malformed",
    /// A query without words, hash or browse mark.
    QueryEmpty = "query without anything to match",
    /// A query whose words are all too short.
    QueryTooShort = "query words too short",
    /// A query without the flags bit that marks a living servent's.
    QueryFlags = "query without valid flags",
    /// A horizon (HSEP) whose figures cannot be.
    BadHorizon = "horizon whose figures cannot be",
    /// A kind of descriptor we do not speak.
    UnknownKind = "unknown kind of descriptor",
    /// New queries of one neighbour beyond what it may bring.
    TooManyQueries = "more queries than one neighbour may bring",
    /// A vendor message that we do not know or that nobody may send us here.
    UnknownVendorMessage = "unknown vendor message",
    /// A hit or pong for a query or ping we do not know.
    NoRoute = "no way back is known",
    /// A push for a servent we have seen no hit of.
    NoPushRoute = "no way to the servent of a push",
    /// The neighbour on the way back has left.
    RouteLost = "the neighbour on the way back has left",
    /// A pong whose address is unusable, or a hit that claims to be reachable at one.
    BadAddress = "unusable address",
    /// A ping too soon after the last one.
    Throttled = "too soon after the last one",
    /// The send queue of the neighbour is full.
    QueueFull = "send queue full",
    /// No free slot for a neighbour.
    NoSlot = "no free neighbour slot",
    /// Neighbours of its network have their share of the slots.
    SubnetShare = "too many neighbours of one network",
    /// It gave way for a newcomer.
    GaveWay = "made room for a newcomer",
    /// We became a leaf or an ultrapeer: what was agreed no longer fits.
    RoleSwitched = "became a leaf or an ultrapeer",
    /// A crawler, which was answered or refused and closed.
    Crawler = "a crawler",
    /// We are a leaf and the other side is no ultrapeer.
    TwoLeaves = "a leaf among leaves",
    /// A descriptor for others that reached us, a leaf.
    NotRelayed = "for others: a leaf passes nothing on",
    /// A leaf sent what is not its own.
    LeafRelays = "a leaf passed on what is not its own",
    /// No free upload slot.
    NoUploadSlot = "no free upload slot",
    /// Too many connections at once, in all or from one address.
    TooManyConnections = "too many connections",
    /// The address is on our block list.
    Blocked = "blocked",
    /// We are connected already, or to ourselves.
    AlreadyConnected = "connected already",
    /// The neighbour or host that a command names is not there.
    NotConnected = "not connected",
    /// A handshake that breaks the rules.
    BadHandshake = "bad handshake",
    /// A handshake that the other side refused.
    Refused = "refused by the other side",
    /// A Gnutella 0.4 greeting.
    TooOld = "speaks only Gnutella 0.4",
    /// First bytes that are neither Gnutella, HTTP nor GIV.
    UnknownProtocol = "neither Gnutella nor HTTP",
    /// A connection attempt that failed.
    ConnectFailed = "could not be connected",
    /// Did not finish its handshake or request in time.
    TooSlow = "did not finish in time",
    /// A neighbour that does not answer pings.
    NoAlivePong = "does not answer pings",
    /// Said nothing for too long.
    Idle = "idle for too long",
    /// The other side closed.
    ClosedByPeer = "closed by the other side",
    /// The other side said Bye.
    Bye = "said Bye",
    /// We are shutting down.
    Shutdown = "shutting down",
    /// The user said so.
    UserRequest = "asked for by the user",
    /// Compressed data that does not inflate, or inflates to too much.
    BadDeflate = "bad compressed data",
    /// A query routing table that breaks the rules of its sequences: nobody can know it any more.
    BadRouteTable = "broken query routing table",
    /// More updates of a query routing table in a minute than anybody needs.
    RouteUpdatesTooOften = "query routing table updated too often",
    /// Closed because of too many broken descriptors.
    TooManyErrors = "too many broken descriptors",
    /// An HTTP request that breaks the rules.
    BadRequest = "bad HTTP request",
    /// An HTTP answer that breaks the rules.
    BadResponse = "bad HTTP answer",
    /// A file asked for that we do not share.
    NoSuchFile = "no such file",
    /// A range outside the file.
    BadRange = "range outside the file",
    /// A GIV that we did not ask for.
    UnexpectedGiv = "GIV that was not asked for",
    /// A source that served bytes of another file.
    WrongBytes = "bytes that do not have the promised hash",
    /// A source whose answer names another hash or size.
    OtherFile = "has another file under that name",
    /// A push proxy that does not help, or one that we cannot be.
    NoPushProxy = "no push proxy",
    /// A source that cannot be connected to, and neither can we.
    BothFirewalled = "neither side can be connected to",
    /// A push for a file that we do not share, or more pushes than allowed.
    BadPush = "push that cannot be honoured",
    /// A table is at its limit.
    TableFull = "table full",
    /// A file could not be read or written here.
    DiskFailed = "disk error",
    /// No room on our disk.
    DiskFull = "no room left on the disk",
    /// We may not write where a download belongs.
    DiskDenied = "not allowed to write there",
    /// The download folder or a partial file is gone.
    DiskMissing = "the folder or file is gone",
    /// A host name that nobody knows.
    NoSuchName = "host name not found",
    /// A web cache that sends us elsewhere.
    Redirected = "redirected elsewhere",
    /// A datagram of a kind that has no meaning by UDP.
    UnexpectedDatagram = "unexpected datagram",
    /// An answer by UDP that is longer than one may be to a host that has not proved its address.
    UnprovenAddress = "too long an answer to an unproven address",
    /// A hit or query by UDP without the token or key that proves its sender.
    BadToken = "missing or wrong token or query key",
    /// Hits by UDP beyond those that were asked for.
    NotAskedFor = "more hits than were asked for",
    /// An offer of hits by UDP that asks for no token: anybody could send them.
    InsecureOffer = "offer of hits without tokens",
    /// Offers of hits by a host that has not delivered what it offered before.
    EmptyOffers = "offers hits and does not deliver them",
    /// Hits of ours that were offered by UDP and that nobody asked for.
    OfferUnanswered = "offered hits that nobody asked for",
}

/// How often each reason applied. A list of those that did: mostly a handful, and nothing at all in
/// a node where all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(Why, u64)>);

impl Counts {
    /// One more.
    #[inline]
    pub fn add(&mut self, why: Why) {
        self.add_many(why, 1);
    }

    /// `more` more.
    #[inline]
    pub fn add_many(&mut self, why: Why, more: u64) {
        match self.0.iter_mut().find(|(other, _)| *other == why) {
            Some((_, count)) => *count += more,
            None => self.begin(why, more),
        }
    }

    #[cold]
    fn begin(&mut self, why: Why, count: u64) {
        if count > 0 {
            let at = self.0.partition_point(|(other, _)| *other < why);
            self.0.reserve_exact(1);
            self.0.insert(at, (why, count));
        }
    }

    /// How often so far.
    pub fn get(&self, why: Why) -> u64 {
        self.0.iter().find(|(other, _)| *other == why).map_or(0, |&(_, count)| count)
    }

    /// The reasons that applied at least once, with their counts, in the order of [`Why::ALL`].
    pub fn nonzero(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        self.0.iter().copied()
    }
}
