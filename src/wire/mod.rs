//! The wire: bytes to values and back, as `protocol.md` numbers them.
//!
//! Every decoder here is total: whatever bytes it is given it returns, allocates at most what its
//! limit says, and names what is wrong. No file here knows a socket, a clock or a policy.

pub mod cursor;
pub mod error;
pub mod guid;
pub mod header;
pub mod urn;

pub use error::Malformed;
pub use guid::Guid;
pub use header::{HEADER_LEN, Header, Kind};
pub use urn::Sha1;
