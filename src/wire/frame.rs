//! Descriptors in a byte stream: where one ends, whether it may be so long, and how to write one
//! (protocol.md sections 1 and 15). No copy, no allocation.

use super::{Guid, HEADER_LEN, Header, Kind};

/// Where the kind stands in a frame.
pub const KIND_AT: usize = 16;
/// Where the TTL stands in a frame; it may be rewritten in place.
pub const TTL_AT: usize = 17;
/// Where the hops stand in a frame; they may be rewritten in place.
pub const HOPS_AT: usize = 18;
/// Where the payload's length stands in a frame.
pub const LEN_AT: usize = 19;

/// Payload bytes that each kind may have at most, and how the length field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// Of a query.
    pub query_bytes_max: u32,
    /// Of a query hit.
    pub hit_bytes_max: u32,
    /// Of anything else.
    pub other_bytes_max: u32,
    /// Whether both sides of the link said `sflag`: then the top half of the length field holds
    /// flags and the length is the low half. Otherwise all 32 bits are the length.
    pub length_flags: bool,
}

impl SizeLimits {
    /// The limit of a kind.
    #[inline]
    pub fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::QUERY => self.query_bytes_max,
            Kind::QUERY_HIT => self.hit_bytes_max,
            _ => self.other_bytes_max,
        }
    }
}

/// What stands at the front of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole descriptor.
    Whole {
        /// Its header.
        header: Header,
        /// Its payload.
        payload: &'a [u8],
        /// Header and payload as they came, for passing on.
        frame: &'a [u8],
        /// What follows it.
        rest: &'a [u8],
    },
    /// Not yet a whole descriptor.
    Partial {
        /// So many more bytes must come before it is worth asking again; never 0. Never more than
        /// a header or the limit of the kind.
        need: usize,
    },
    /// A descriptor longer than its kind may be. Seen as soon as its header is there, so that
    /// nothing of it need be stored.
    TooLarge {
        /// Its header.
        header: Header,
    },
}

/// Looks at the front of `data`.
#[inline]
pub fn next<'a>(data: &'a [u8], limits: &SizeLimits) -> Next<'a> {
    let Some((head, after)) = data.split_first_chunk::<HEADER_LEN>() else {
        return Next::Partial { need: HEADER_LEN - data.len() };
    };
    let header = Header::decode(head);
    let len = if limits.length_flags { header.len & 0xFFFF } else { header.len };
    if len > limits.of(header.kind) {
        return Next::TooLarge { header };
    }
    let len = len as usize;
    match after.split_at_checked(len) {
        Some((payload, rest)) => {
            Next::Whole { header, payload, frame: &data[..HEADER_LEN + len], rest }
        }
        None => Next::Partial { need: len - after.len() },
    }
}

/// Appends a descriptor to `out`.
pub fn write(out: &mut Vec<u8>, guid: Guid, kind: Kind, ttl: u8, hops: u8, payload: &[u8]) {
    write_with(out, guid, kind, ttl, hops, |out| out.extend_from_slice(payload));
}

/// Appends a descriptor to `out`; `payload` appends the payload, whose length is filled in
/// afterwards.
pub fn write_with(
    out: &mut Vec<u8>,
    guid: Guid,
    kind: Kind,
    ttl: u8,
    hops: u8,
    payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&Header { guid, kind, ttl, hops, len: 0 }.encode());
    payload(out);
    let len = (out.len() - start - HEADER_LEN) as u32;
    out[start + LEN_AT..start + HEADER_LEN].copy_from_slice(&len.to_le_bytes());
}

/// Changes TTL and hops of a frame in place; does nothing to fewer bytes than a header.
#[inline]
pub fn set_ttl_and_hops(frame: &mut [u8], ttl: u8, hops: u8) {
    if let Some(head) = frame.first_chunk_mut::<HEADER_LEN>() {
        head[TTL_AT] = ttl;
        head[HOPS_AT] = hops;
    }
}

#[cfg(test)]
mod tests;
