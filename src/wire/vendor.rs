//! Vendor messages: small messages for a neighbour alone, named by who defined them
//! (protocol.md section 14).
//!
//! One variant for each that we know; the others are kept as they came. Bytes behind what a
//! message says are passed over: later versions append.

use std::net::Ipv4Addr;

use super::cursor::Cursor;
use super::{Guid, Malformed};

/// Our four letters.
pub const FILBERT: [u8; 4] = *b"FILB";

/// Vendor of the messages that everybody knows.
const EVERYBODY: [u8; 4] = [0; 4];

/// Bytes of one entry of Messages Supported, and of Features.
const KIND_BYTES: usize = 8;
const FEATURE_BYTES: usize = 6;

/// Which vendor message: `LIME/21v1` is vendor `LIME`, selector 21, version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VendorKind {
    /// Who defined it; all zero for the ones that everybody knows.
    pub vendor: [u8; 4],
    /// Which of the vendor's messages.
    pub selector: u16,
    /// Its version.
    pub version: u16,
}

impl VendorKind {
    /// `vendor/selector v version`.
    pub const fn new(vendor: [u8; 4], selector: u16, version: u16) -> VendorKind {
        VendorKind { vendor, selector, version }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<VendorKind, Malformed> {
        Ok(VendorKind {
            vendor: cursor.array()?,
            selector: cursor.u16_le()?,
            version: cursor.u16_le()?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.vendor);
        out.extend_from_slice(&self.selector.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
    }
}

/// Says which vendor messages the sender understands.
pub const MESSAGES_SUPPORTED: VendorKind = VendorKind::new(EVERYBODY, 0, 0);
/// Says which features the sender has.
pub const FEATURES: VendorKind = VendorKind::new(EVERYBODY, 10, 0);
/// Bounds the hops of queries.
pub const HOPS_FLOW: VendorKind = VendorKind::new(*b"BEAR", 4, 1);
/// Asks to be connected to by TCP.
pub const TCP_CONNECT_BACK: VendorKind = VendorKind::new(*b"BEAR", 7, 1);
/// Asks a leaf how many hits it has kept.
pub const QUERY_STATUS_REQUEST: VendorKind = VendorKind::new(*b"BEAR", 11, 1);
/// Says how many hits a leaf has kept.
pub const QUERY_STATUS: VendorKind = VendorKind::new(*b"BEAR", 12, 1);
/// Asks to be sent a ping by UDP. Version 1 carries the ping's GUID, since version 2 it is the
/// message's own.
pub const UDP_CONNECT_BACK: VendorKind = VendorKind::new(*b"GTKG", 7, 2);
/// Says how many out-of-band hits are wanted.
pub const OOB_REQUEST: VendorKind = VendorKind::new(*b"LIME", 11, 3);
/// Offers out-of-band hits.
pub const OOB_OFFER: VendorKind = VendorKind::new(*b"LIME", 12, 3);
/// Asks the receiver to become a push proxy.
pub const PUSH_PROXY_REQUEST: VendorKind = VendorKind::new(*b"LIME", 21, 1);
/// Says that the sender is a push proxy now. Version 1 carries no address.
pub const PUSH_PROXY_ACK: VendorKind = VendorKind::new(*b"LIME", 22, 2);

/// Says that the receiver need not be the sender's push proxy any more.
pub const PUSH_PROXY_CANCEL: VendorKind = VendorKind::new(*b"GTKG", 21, 1);

/// A vendor message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorMessage<'a> {
    /// null/0v0: which vendor messages the sender understands.
    MessagesSupported(Kinds<'a>),
    /// null/10v0: which features the sender has, each with its version.
    Features(Features<'a>),
    /// BEAR/4v1: only queries with fewer hops are wanted; 0 means none at all.
    HopsFlow {
        /// The first number of hops that is too high, counted as they stand on the wire.
        hops: u8,
    },
    /// BEAR/7v1: the sender asks to be connected to at its address and this TCP port.
    TcpConnectBack {
        /// The port.
        port: u16,
    },
    /// BEAR/11v1: the sender asks how many hits of the query with the message's GUID were kept.
    QueryStatusRequest,
    /// BEAR/12v1: so many hits of the query with the message's GUID were kept.
    QueryStatus {
        /// How many; [`QUERY_STATUS_STOP`] ends the query.
        hits: u16,
    },
    /// GTKG/7: the sender asks for a ping by UDP, sent to its address and this port.
    UdpConnectBack {
        /// The port.
        port: u16,
        /// The GUID of that ping (version 1); none (version 2) if it is that of the message.
        guid: Option<Guid>,
    },
    /// LIME/11v2 and 3: so many out-of-band hits of the query with the message's GUID are wanted.
    OobRequest {
        /// How many; 255 for all.
        hits: u8,
        /// GGEP with the token `SO` (version 3); none (version 2).
        ggep: Option<&'a [u8]>,
    },
    /// LIME/12v2 and 3: so many hits for the query with the message's GUID can be had out of band.
    OobOffer {
        /// How many; 255 for as many or more.
        hits: u8,
        /// Whether the sender can be sent datagrams that it did not ask for.
        unsolicited: bool,
        /// Whether it is version 3: the request must bring a token.
        secure: bool,
    },
    /// LIME/21v1 and 2: the servent with the message's GUID asks the receiver to be its push proxy.
    PushProxyRequest {
        /// 1 or 2: the highest version of the acknowledgement that it reads.
        version: u16,
    },
    /// LIME/22: the sender is a push proxy now for the servent with the message's GUID.
    PushProxyAck {
        /// Where it is reached (version 2); none (version 1) if at its address.
        ip: Option<Ipv4Addr>,
        /// On which port.
        port: u16,
    },
    /// GTKG/21v1: the sender needs the receiver no longer as its push proxy.
    PushProxyCancel,
    /// One that we do not know.
    Unknown {
        /// Which.
        kind: VendorKind,
        /// What it says.
        content: &'a [u8],
    },
}

/// In [`VendorMessage::QueryStatus`]: no more hits are wanted.
pub const QUERY_STATUS_STOP: u16 = 0xFFFF;

impl<'a> VendorMessage<'a> {
    /// Reads a vendor message. One that we do not know, or not in this version, is no error.
    pub fn decode(payload: &'a [u8]) -> Result<VendorMessage<'a>, Malformed> {
        let mut cursor = Cursor::new(payload);
        let kind = VendorKind::read(&mut cursor)?;
        Ok(match (&kind.vendor, kind.selector, kind.version) {
            (&EVERYBODY, 0, 0) => {
                VendorMessage::MessagesSupported(Kinds(counted(&mut cursor, KIND_BYTES)?))
            }
            (&EVERYBODY, 10, 0) => {
                VendorMessage::Features(Features(counted(&mut cursor, FEATURE_BYTES)?))
            }
            (b"BEAR", 4, 1) => VendorMessage::HopsFlow { hops: cursor.u8()? },
            (b"BEAR", 7, 1) => VendorMessage::TcpConnectBack { port: cursor.u16_le()? },
            (b"BEAR", 11, 1) => VendorMessage::QueryStatusRequest,
            (b"BEAR", 12, 1) => VendorMessage::QueryStatus { hits: cursor.u16_le()? },
            (b"GTKG", 7, version @ (1 | 2)) => VendorMessage::UdpConnectBack {
                port: cursor.u16_le()?,
                guid: if version == 1 { Some(Guid(cursor.array()?)) } else { None },
            },
            (b"LIME", 11, version @ (2 | 3)) => VendorMessage::OobRequest {
                hits: cursor.u8()?,
                ggep: (version == 3).then(|| cursor.rest()),
            },
            (b"LIME", 12, version @ (2 | 3)) => VendorMessage::OobOffer {
                hits: cursor.u8()?,
                unsolicited: cursor.u8()? & 1 == 1,
                secure: version == 3,
            },
            (b"LIME", 21, version @ (1 | 2)) => VendorMessage::PushProxyRequest { version },
            (b"LIME", 22, version @ (1 | 2)) => VendorMessage::PushProxyAck {
                ip: if version == 2 { Some(Ipv4Addr::from(cursor.array::<4>()?)) } else { None },
                port: cursor.u16_le()?,
            },
            (b"GTKG", 21, 1) => VendorMessage::PushProxyCancel,
            _ => VendorMessage::Unknown { kind, content: cursor.rest() },
        })
    }

    /// Which message it is.
    pub fn kind(&self) -> VendorKind {
        let version = |kind: VendorKind, version| VendorKind { version, ..kind };
        match self {
            VendorMessage::MessagesSupported(_) => MESSAGES_SUPPORTED,
            VendorMessage::Features(_) => FEATURES,
            VendorMessage::HopsFlow { .. } => HOPS_FLOW,
            VendorMessage::TcpConnectBack { .. } => TCP_CONNECT_BACK,
            VendorMessage::QueryStatusRequest => QUERY_STATUS_REQUEST,
            VendorMessage::QueryStatus { .. } => QUERY_STATUS,
            VendorMessage::UdpConnectBack { guid: None, .. } => UDP_CONNECT_BACK,
            VendorMessage::UdpConnectBack { .. } => version(UDP_CONNECT_BACK, 1),
            VendorMessage::OobRequest { ggep: Some(_), .. } => OOB_REQUEST,
            VendorMessage::OobRequest { .. } => version(OOB_REQUEST, 2),
            VendorMessage::OobOffer { secure: true, .. } => OOB_OFFER,
            VendorMessage::OobOffer { .. } => version(OOB_OFFER, 2),
            VendorMessage::PushProxyRequest { version: said } => version(PUSH_PROXY_REQUEST, *said),
            VendorMessage::PushProxyAck { ip: Some(_), .. } => PUSH_PROXY_ACK,
            VendorMessage::PushProxyAck { .. } => version(PUSH_PROXY_ACK, 1),
            VendorMessage::PushProxyCancel => PUSH_PROXY_CANCEL,
            VendorMessage::Unknown { kind, .. } => *kind,
        }
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.kind().write(out);
        match *self {
            VendorMessage::MessagesSupported(Kinds(entries)) => {
                write_counted(entries, KIND_BYTES, out);
            }
            VendorMessage::Features(Features(entries)) => {
                write_counted(entries, FEATURE_BYTES, out);
            }
            VendorMessage::HopsFlow { hops } => out.push(hops),
            VendorMessage::TcpConnectBack { port } => out.extend_from_slice(&port.to_le_bytes()),
            VendorMessage::QueryStatusRequest
            | VendorMessage::PushProxyRequest { .. }
            | VendorMessage::PushProxyCancel => {}
            VendorMessage::QueryStatus { hits } => out.extend_from_slice(&hits.to_le_bytes()),
            VendorMessage::UdpConnectBack { port, guid } => {
                out.extend_from_slice(&port.to_le_bytes());
                out.extend(guid.iter().flat_map(|guid| guid.0));
            }
            VendorMessage::OobRequest { hits, ggep } => {
                out.push(hits);
                out.extend_from_slice(ggep.unwrap_or_default());
            }
            VendorMessage::OobOffer { hits, unsolicited, .. } => {
                out.extend_from_slice(&[hits, unsolicited.into()]);
            }
            VendorMessage::PushProxyAck { ip, port } => {
                out.extend(ip.iter().flat_map(Ipv4Addr::octets));
                out.extend_from_slice(&port.to_le_bytes());
            }
            VendorMessage::Unknown { content, .. } => out.extend_from_slice(content),
        }
    }
}

/// So many entries as the first two bytes say, all of them there.
fn counted<'a>(cursor: &mut Cursor<'a>, entry_bytes: usize) -> Result<&'a [u8], Malformed> {
    let count = cursor.u16_le()?;
    cursor.take(usize::from(count) * entry_bytes)
}

fn write_counted(entries: &[u8], entry_bytes: usize, out: &mut Vec<u8>) {
    let count = u16::try_from(entries.len() / entry_bytes).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&entries[..usize::from(count) * entry_bytes]);
}

/// The entries of Messages Supported, not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds<'a>(&'a [u8]);

impl<'a> Kinds<'a> {
    /// From what [`Kinds::write`] wrote.
    pub fn new(entries: &'a [u8]) -> Kinds<'a> {
        Kinds(entries)
    }

    /// The entries of these kinds as bytes.
    pub fn write(kinds: &[VendorKind]) -> Vec<u8> {
        let mut entries = Vec::with_capacity(kinds.len() * KIND_BYTES);
        for kind in kinds {
            kind.write(&mut entries);
        }
        entries
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = VendorKind> + 'a {
        self.0
            .chunks_exact(KIND_BYTES)
            .filter_map(|entry| VendorKind::read(&mut Cursor::new(entry)).ok())
    }

    /// Whether this kind, or a later version of it, is among them.
    pub fn contains(&self, wanted: VendorKind) -> bool {
        self.iter().any(|kind| {
            let same = (kind.vendor, kind.selector) == (wanted.vendor, wanted.selector);
            same && kind.version >= wanted.version
        })
    }
}

/// The entries of Features, not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features<'a>(&'a [u8]);

impl<'a> Features<'a> {
    /// From what [`Features::write`] wrote.
    pub fn new(entries: &'a [u8]) -> Features<'a> {
        Features(entries)
    }

    /// The entries of these features as bytes.
    pub fn write(features: &[([u8; 4], u16)]) -> Vec<u8> {
        let mut entries = Vec::with_capacity(features.len() * FEATURE_BYTES);
        for (name, version) in features {
            entries.extend_from_slice(name);
            entries.extend_from_slice(&version.to_le_bytes());
        }
        entries
    }

    /// All of them: four letters and a version each.
    pub fn iter(&self) -> impl Iterator<Item = ([u8; 4], u16)> + 'a {
        self.0.chunks_exact(FEATURE_BYTES).filter_map(|entry| {
            let mut cursor = Cursor::new(entry);
            Some((cursor.array().ok()?, cursor.u16_le().ok()?))
        })
    }
}

#[cfg(test)]
mod tests;
