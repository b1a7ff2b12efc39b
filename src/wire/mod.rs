//! The wire: bytes to values and back, as `protocol.md` numbers them.
//!
//! Every decoder here is total: whatever bytes it is given it returns, allocates at most what its
//! limit says, and names what is wrong. No file here knows a socket, a clock or a policy.

mod address;
pub mod bye;
pub mod cursor;
pub mod error;
pub mod extension;
pub mod frame;
pub mod ggep;
pub mod guid;
pub mod header;
pub mod hit;
pub mod message;
pub mod ping;
pub mod pong;
pub mod push;
pub mod query;
pub mod urn;
pub mod vendor;

pub use bye::Bye;
pub use error::Malformed;
pub use guid::Guid;
pub use header::{HEADER_LEN, Header, Kind};
pub use hit::{HitFlags, QueryHit, Record};
pub use message::Message;
pub use ping::Ping;
pub use pong::Pong;
pub use push::Push;
pub use query::{Query, QueryFlags, QueryOut};
pub use urn::{Sha1, Urn};
pub use vendor::VendorMessage;
