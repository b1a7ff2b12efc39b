//! The wire: bytes to values and back, as `protocol.md` numbers them.
//!
//! Every decoder here is total: whatever bytes it is given it returns, allocates at most what its
//! limit says, and names what is wrong. No file here knows a socket, a clock or a policy.

pub mod addresses;
pub mod bye;
pub mod chunked;
pub mod cursor;
pub mod error;
pub mod extension;
pub mod filename;
pub mod frame;
pub mod ggep;
pub mod giv;
pub mod guid;
pub mod gwebcache;
pub mod handshake;
pub mod head;
pub mod header;
pub mod headers;
pub mod hit;
pub mod hsep;
pub mod http;
pub mod magnet;
pub mod media;
pub mod message;
pub mod names;
mod packed;
pub mod percent;
pub mod ping;
pub mod pong;
pub mod push;
pub mod qrp;
pub mod query;
pub mod token;
pub mod urn;
pub mod vendor;

pub use addresses::Families;
pub use bye::Bye;
pub use error::Malformed;
pub use giv::Giv;
pub use guid::Guid;
pub use head::{Head, HeadLimits};
pub use header::{HEADER_LEN, Header, Kind};
pub use headers::Headers;
pub use hit::{HitFlags, QueryHit, Record};
pub use magnet::{Magnet, MagnetError};
pub use media::Media;
pub use message::Message;
pub use ping::{HostsWanted, Ping, PingWants};
pub use pong::Pong;
pub use push::Push;
pub use query::{Query, QueryFlags, QueryOut, QueryWants};
pub use token::Token;
pub use urn::{Sha1, Urn};
pub use vendor::{VendorKind, VendorMessage};
