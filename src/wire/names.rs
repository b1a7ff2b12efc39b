//! Names of header lines, spelled exactly as the specifications spell them: LimeWire compares them
//! with regard to case (protocol.md sections 2 and 12).

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+

        /// All of them.
        pub const ALL: &[&str] = &[$($text),+];
    };
}

names! {
    /// What the servent calls itself.
    USER_AGENT = "User-Agent";
    /// What the server of an HTTP answer calls itself.
    SERVER = "Server";
    /// `True` or `False`: whether it is an ultrapeer.
    X_ULTRAPEER = "X-Ultrapeer";
    /// `True` or `False`: whether it wants ultrapeers rather than leaves.
    X_ULTRAPEER_NEEDED = "X-Ultrapeer-Needed";
    /// Version of query routing between leaf and ultrapeer.
    X_QUERY_ROUTING = "X-Query-Routing";
    /// Version of query routing between ultrapeers.
    X_ULTRAPEER_QUERY_ROUTING = "X-Ultrapeer-Query-Routing";
    /// Version of dynamic querying.
    X_DYNAMIC_QUERYING = "X-Dynamic-Querying";
    /// A query that comes again with a higher TTL is passed on.
    X_EXT_PROBES = "X-Ext-Probes";
    /// Highest TTL that it wants to see.
    X_MAX_TTL = "X-Max-TTL";
    /// How many ultrapeers it connects to.
    X_DEGREE = "X-Degree";
    /// `False`: it does not repeat queries by itself.
    X_REQUERIES = "X-Requeries";
    /// Version of GUESS.
    X_GUESS = "X-Guess";
    /// Version of GGEP.
    GGEP = "GGEP";
    /// Version of vendor messages.
    VENDOR_MESSAGE = "Vendor-Message";
    /// Version of pong caching.
    PONG_CACHING = "Pong-Caching";
    /// Version of Bye.
    BYE_PACKET = "Bye-Packet";
    /// Encodings that the sender can read.
    ACCEPT_ENCODING = "Accept-Encoding";
    /// Encoding of what the sender sends after this head.
    CONTENT_ENCODING = "Content-Encoding";
    /// Content types that the sender can read.
    ACCEPT = "Accept";
    /// Where the sender listens.
    LISTEN_IP = "Listen-IP";
    /// Where the sender listens, an older name (gtk-gnutella).
    NODE = "Node";
    /// Where the sender listens, another older name.
    X_MY_ADDRESS = "X-My-Address";
    /// From where the other side is seen.
    REMOTE_IP = "Remote-IP";
    /// Hosts that may have room.
    X_TRY = "X-Try";
    /// Ultrapeers that may have room.
    X_TRY_ULTRAPEERS = "X-Try-Ultrapeers";
    /// GUID of the servent.
    GUID = "GUID";
    /// The sender only wants to know the neighbours.
    CRAWLER = "Crawler";
    /// Ultrapeer neighbours, for a crawler.
    PEERS = "Peers";
    /// Leaves, for a crawler.
    LEAVES = "Leaves";
    /// List of `NAME/VERSION`.
    X_FEATURES = "X-Features";
    /// Since when the servent runs.
    X_LIVE_SINCE = "X-Live-Since";
    /// Language that is preferred.
    X_LOCALE_PREF = "X-Locale-Pref";
    /// A protocol to go on with.
    UPGRADE = "Upgrade";
    /// What happens to the connection afterwards.
    CONNECTION = "Connection";
    /// Whom the client thinks it talks to.
    HOST = "Host";
    /// Bytes that are wanted.
    RANGE = "Range";
    /// `bytes`: parts of a file can be asked for.
    ACCEPT_RANGES = "Accept-Ranges";
    /// Bytes that follow, and of how many.
    CONTENT_RANGE = "Content-Range";
    /// How many bytes follow.
    CONTENT_LENGTH = "Content-Length";
    /// Where something else is found.
    LOCATION = "Location";
    /// Kind of content.
    CONTENT_TYPE = "Content-Type";
    /// How the body is framed.
    TRANSFER_ENCODING = "Transfer-Encoding";
    /// Seconds to wait before asking again.
    RETRY_AFTER = "Retry-After";
    /// Hash of the file that is served (HUGE).
    X_GNUTELLA_CONTENT_URN = "X-Gnutella-Content-URN";
    /// Hash of the file that is served, the later name.
    X_CONTENT_URN = "X-Content-URN";
    /// Version of upload queues that a client knows; in an answer of old servents the place.
    X_QUEUE = "X-Queue";
    /// The place in the upload queue.
    X_QUEUED = "X-Queued";
    /// Other addresses that have the file.
    X_ALT = "X-Alt";
    /// Addresses that do not have the file.
    X_NALT = "X-NAlt";
    /// Where the sender listens, in HTTP heads.
    X_NODE = "X-Node";
    /// The push proxies of a servent that cannot be connected to.
    X_PUSH_PROXY = "X-Push-Proxy";
    /// Which bytes of a partial file are there.
    X_AVAILABLE_RANGES = "X-Available-Ranges";
}
