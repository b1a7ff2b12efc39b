//! The descriptors that liars make up.

use std::net::{Ipv4Addr, SocketAddr};

use crate::sim::dice::Dice;
use crate::wire::frame::{HOPS_AT, TTL_AT};
use crate::wire::hit::{QueryHit, Record};
use crate::wire::ping::Ping;
use crate::wire::pong::Pong;
use crate::wire::query::{self, Query, QueryOut};
use crate::wire::{Guid, HEADER_LEN, Header, Kind, Sha1};

/// As far as a descriptor may go with most servents.
const TTL: u8 = 7;

fn guid(dice: &mut Dice) -> Guid {
    let random = dice.seed();
    Guid::marked(random[..16].try_into().unwrap_or_default())
}

fn frame(guid: Guid, kind: Kind, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let header = Header { guid, kind, ttl, hops: 0, len: payload.len() as u32 };
    [&header.encode()[..], payload].concat()
}

/// An address of a host that is not there.
pub(super) fn nobody(dice: &mut Dice) -> SocketAddr {
    let bits = (10 << 24) | (1 << 23) | dice.below(1 << 23) as u32;
    SocketAddr::from((Ipv4Addr::from_bits(bits), 1_024 + dice.below(60_000) as u16))
}

/// A query for nothing.
pub(super) fn query(dice: &mut Dice) -> Vec<u8> {
    let text = format!("{:x} {:x}", dice.u64(), dice.u64());
    let mut payload = Vec::new();
    query::encode(&QueryOut { text: &text, ..QueryOut::default() }, &mut payload);
    frame(guid(dice), Kind::QUERY, TTL, &payload)
}

/// A hit made up for the query in this frame; `None` if it is something else.
pub(super) fn hit(asked: &[u8], source: SocketAddr, dice: &mut Dice) -> Option<Vec<u8>> {
    let (head, payload) = asked.split_first_chunk::<HEADER_LEN>()?;
    let header = Header::decode(head);
    let query = (header.kind == Kind::QUERY).then(|| Query::decode(payload).ok())??;
    let wanted = query.sha1s().find_map(Result::ok);
    let invented = || {
        let mut sha1 = Sha1([0; 20]);
        sha1.0.copy_from_slice(&dice.seed()[..20]);
        sha1
    };
    let sha1 = Some(wanted.unwrap_or_else(invented));
    let name = if query.text.is_empty() { "what you want" } else { query.text };
    let size = 1_000 + dice.below(1_000_000);
    let record = Record { sha1, ..Record::new(dice.below(1_000) as u32, size, name) };
    let hit =
        QueryHit { vendor: Some(*b"LIES"), ..QueryHit::new(source, guid(dice), vec![record]) };
    let mut payload = Vec::new();
    hit.encode(&mut payload);
    Some(frame(header.guid, Kind::QUERY_HIT, header.hops.saturating_add(1), &payload))
}

/// The same descriptor with fresh TTL, as if it had come no or a few links far.
pub(super) fn again(heard: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut again = heard.to_vec();
    let hops = dice.below(4) as u8;
    if let Some(place) = again.get_mut(HOPS_AT) {
        *place = hops;
    }
    if let Some(place) = again.get_mut(TTL_AT) {
        *place = TTL - hops;
    }
    again
}

/// A pong of a large ultrapeer: an answer to this ping, or one that nobody asked for.
pub(super) fn pong(ping: Option<Guid>, host: SocketAddr, dice: &mut Dice) -> Vec<u8> {
    let mut payload = Vec::new();
    Pong::new(host, 1 << 12, 1 << 20).encode(&mut payload);
    let ttl = 1 + dice.below(u64::from(TTL)) as u8;
    frame(ping.unwrap_or_else(|| guid(dice)), Kind::PONG, ttl, &payload)
}

/// A ping by UDP whose answer is larger than it.
pub(super) fn ping_for_hosts(dice: &mut Dice) -> Vec<u8> {
    frame(guid(dice), Kind::PING, 1, Ping::FOR_HOSTS.extensions)
}

/// Random bytes; or a header whose length nobody believes; or a payload that is none of its kind.
pub(super) fn garbage(dice: &mut Dice) -> Vec<u8> {
    let random: Vec<u8> = (0..1 + dice.below(300)).map(|_| dice.u64() as u8).collect();
    let kinds = [Kind::QUERY, Kind::QUERY_HIT, Kind::PONG, Kind::PUSH, Kind::QRP, Kind::VENDOR];
    let kind = dice.pick(&kinds).copied().unwrap_or(Kind::BYE);
    match dice.below(3) {
        0 => random,
        1 => {
            let len = dice.u64() as u32;
            Header { guid: guid(dice), kind, ttl: TTL, hops: 0, len }.encode().to_vec()
        }
        _ => frame(guid(dice), kind, dice.u64() as u8, &random),
    }
}
