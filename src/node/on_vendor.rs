//! The switchboard of vendor messages: what a neighbour says to us alone, and what we say to it
//! (protocol.md section 14).

use std::net::IpAddr;

use super::conn::outbox::Priority;
use super::link::Link;
use super::link::understood::Understood;
use super::on_message::From;
use super::route::lifetime;
use super::{ConnId, Node, Tier, Time, Why};
use crate::wire::vendor::{self, Features, Kinds, VendorKind};
use crate::wire::{Guid, Header, Kind, VendorMessage};

/// The vendor messages that we act on: what Messages Supported says of us.
const SUPPORTED: &[VendorKind] = &[
    vendor::HOPS_FLOW,
    vendor::QUERY_STATUS_REQUEST,
    vendor::QUERY_STATUS,
    vendor::TCP_CONNECT_BACK,
    vendor::UDP_CONNECT_BACK,
    vendor::PUSH_PROXY_REQUEST,
    vendor::PUSH_PROXY_ACK,
    vendor::PUSH_PROXY_CANCEL,
];

/// What Features says of us. QRP1, patches of query routing with one bit a slot, is not among them:
/// not every servent gets those right, and with four bits nobody errs. We understand them anyway.
const FEATURES: &[([u8; 4], u16)] = &[
    (*b"HSEP", 1),
    // What's new.
    (*b"WHAT", 1),
];

/// Few vendor messages are longer.
const VENDOR_BYTES_USUAL: usize = 80;

impl Node {
    /// A vendor message from a neighbour. Unknown ones are dropped in silence and counted.
    pub(super) fn on_vendor(
        &mut self,
        now: Time,
        from: From,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Why> {
        lifetime::direct(header)?;
        match VendorMessage::decode(payload).map_err(|_| Why::Malformed)? {
            VendorMessage::MessagesSupported(kinds) => {
                self.on_messages_supported(now, from, &kinds)
            }
            VendorMessage::HopsFlow { hops } => self.on_hops_flow(from, hops),
            // Nothing that we do depends on these.
            VendorMessage::Features(_) => Ok(()),
            VendorMessage::TcpConnectBack { port } => {
                self.on_tcp_connect_back(now, from.conn, port)
            }
            VendorMessage::UdpConnectBack { port, guid } => {
                let guid = guid.unwrap_or(header.guid);
                self.on_udp_connect_back(now, from.conn, port, guid)
            }
            VendorMessage::PushProxyRequest { .. } => {
                self.on_push_proxy_request(from.conn, header.guid)
            }
            VendorMessage::PushProxyAck { ip, port } => {
                self.on_push_proxy_ack(from.conn, header.guid, ip.map(IpAddr::V4), port)
            }
            VendorMessage::PushProxyCancel => {
                self.on_push_proxy_cancel(from.conn);
                Ok(())
            }
            VendorMessage::QueryStatusRequest => self.on_query_status_request(from, header.guid),
            VendorMessage::QueryStatus { hits } => self.on_query_status(from, header.guid, hits),
            // These go from servent to servent by UDP, never over a link.
            VendorMessage::OobRequest { .. } | VendorMessage::OobOffer { .. } => {
                Err(Why::UnknownVendorMessage)
            }
            VendorMessage::Unknown { .. } => Err(Why::UnknownVendorMessage),
        }
    }

    fn on_messages_supported(
        &mut self,
        now: Time,
        from: From,
        kinds: &Kinds<'_>,
    ) -> Result<(), Why> {
        if let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) {
            link.understands = Understood::read(kinds);
            if self.said_busy && link.understands.contains(vendor::HOPS_FLOW) {
                self.send_vendor(from.conn, &VendorMessage::HopsFlow { hops: 0 });
            }
        }
        self.reach_may_ask(now);
        Ok(())
    }

    fn on_hops_flow(&mut self, from: From, hops: u8) -> Result<(), Why> {
        if let Some(link) = self.conns.at_mut(from.at).and_then(|row| row.phase.link_mut()) {
            link.hops_limit = hops;
            let tables = self.routing.as_mut().and_then(|routing| routing.tables.as_mut());
            if let (Some(number), Some(tables)) = (link.number, tables) {
                tables.limit_hops(number, hops, &self.config);
            }
        }
        Ok(())
    }

    /// Sends a vendor message to a neighbour, under a GUID of its own.
    pub(super) fn send_vendor(&mut self, conn: ConnId, message: &VendorMessage<'_>) {
        let guid = self.rng.guid();
        self.send_vendor_as(conn, guid, message);
    }

    /// Sends a vendor message whose GUID means something: that of a query or of a servent.
    pub(super) fn send_vendor_as(&mut self, conn: ConnId, guid: Guid, message: &VendorMessage<'_>) {
        let mut payload = Vec::with_capacity(VENDOR_BYTES_USUAL);
        message.encode(&mut payload);
        let len = payload.len() as u32;
        let header = Header { guid, kind: Kind::VENDOR, ttl: 1, hops: 0, len };
        self.letters.put(conn, Priority::Vendor, &header, &payload);
        self.tally.sent(Kind::VENDOR, 1);
    }

    /// A new neighbour that takes vendor messages learns which of them we know.
    pub(super) fn introduce_ourselves(&mut self, conn: ConnId) {
        let link = self.conns.get(conn).and_then(|row| row.phase.link());
        if !link.is_some_and(|link| link.vendor_messages) {
            return;
        }
        let kinds = Kinds::write(SUPPORTED);
        self.send_vendor(conn, &VendorMessage::MessagesSupported(Kinds::new(&kinds)));
        let features = Features::write(FEATURES);
        self.send_vendor(conn, &VendorMessage::Features(Features::new(&features)));
    }

    /// As a leaf: while all upload slots are taken our ultrapeers need not send us queries.
    pub(super) fn say_whether_busy(&mut self) {
        let busy = self.tier == Tier::Leaf && self.is_busy();
        if busy == self.said_busy {
            return;
        }
        self.said_busy = busy;
        let hops = if busy { 0 } else { self.config.ttl_and_hops_max };
        let listens =
            |link: &Link| link.vendor_messages && link.understands.contains(vendor::HOPS_FLOW);
        let links = self.conns.iter().filter(|(_, row)| row.phase.link().is_some_and(listens));
        for conn in links.map(|(conn, _)| conn).collect::<Vec<_>>() {
            self.send_vendor(conn, &VendorMessage::HopsFlow { hops });
        }
    }
}
