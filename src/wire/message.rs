//! Any descriptor's payload as one type (protocol.md sections 4 to 8, 14 and 17).

use super::bye::Bye;
use super::hit::QueryHit;
use super::ping::Ping;
use super::pong::Pong;
use super::push::Push;
use super::qrp::Update;
use super::query::Query;
use super::vendor::VendorMessage;
use super::{Kind, Malformed};

/// A payload, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Asks who is there.
    Ping(Ping<'a>),
    /// Says who is there.
    Pong(Pong),
    /// Says why the connection ends.
    Bye(Bye<'a>),
    /// Asks for files.
    Query(Query<'a>),
    /// Names files that match a query.
    QueryHit(QueryHit<'a>),
    /// Asks a servent to open a connection.
    Push(Push<'a>),
    /// Query routing table: reset or patch.
    Qrp(Update<'a>),
    /// Vendor message.
    Vendor(VendorMessage<'a>),
    /// What we do not speak: carried as it came.
    Other {
        /// What it is.
        kind: Kind,
        /// Its payload.
        payload: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Reads the payload of a descriptor of this kind.
    pub fn decode(kind: Kind, payload: &'a [u8]) -> Result<Message<'a>, Malformed> {
        Ok(match kind {
            Kind::PING => Message::Ping(Ping::decode(payload)),
            Kind::PONG => Message::Pong(Pong::decode(payload)?),
            Kind::BYE => Message::Bye(Bye::decode(payload)?),
            Kind::QUERY => Message::Query(Query::decode(payload)?),
            Kind::QUERY_HIT => Message::QueryHit(QueryHit::decode(payload)?),
            Kind::PUSH => Message::Push(Push::decode(payload)?),
            Kind::QRP => Message::Qrp(Update::decode(payload)?),
            Kind::VENDOR => Message::Vendor(VendorMessage::decode(payload)?),
            kind => Message::Other { kind, payload },
        })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Message::Ping(_) => Kind::PING,
            Message::Pong(_) => Kind::PONG,
            Message::Bye(_) => Kind::BYE,
            Message::Query(_) => Kind::QUERY,
            Message::QueryHit(_) => Kind::QUERY_HIT,
            Message::Push(_) => Kind::PUSH,
            Message::Qrp(_) => Kind::QRP,
            Message::Vendor(_) => Kind::VENDOR,
            Message::Other { kind, .. } => *kind,
        }
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Message::Ping(ping) => ping.encode(out),
            Message::Pong(pong) => pong.encode(out),
            Message::Bye(bye) => bye.encode(out),
            Message::Query(query) => query.encode(out),
            Message::QueryHit(hit) => hit.encode(out),
            Message::Push(push) => push.encode(out),
            Message::Qrp(update) => update.encode(out),
            Message::Vendor(message) => message.encode(out),
            Message::Other { payload, .. } => out.extend_from_slice(payload),
        }
    }
}

#[cfg(test)]
mod tests;
