//! UPnP Internet Gateway Device: the gateway is found by SSDP, says in XML where it is controlled,
//! and is told by SOAP. No more of either is read than a few named elements.
//!
//! Whoever answers the search may be anybody in the local network: only its own address is spoken
//! to, and no answer is read beyond [`ANSWER_BYTES_MAX`].

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::datagram_socket;
use crate::node::io::MappingFailure;
use crate::wire::chunked::{Chunked, Piece};
use crate::wire::head::{self, Head, HeadLimits};
use crate::wire::http::Response;
use crate::wire::names;

/// The group that gateways listen to.
pub(super) const MULTICAST: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 1900);

/// How often and how long for each time the network is searched.
const SEARCHES: u32 = 2;
const SEARCH_WAIT: Duration = Duration::from_millis(1_500);

/// One exchange over HTTP takes so long at most.
const EXCHANGE: Duration = Duration::from_secs(4);

/// Bytes of an answer that are read at most; descriptions of gateways have a few thousand.
const ANSWER_BYTES_MAX: usize = 256 << 10;

const HEAD: HeadLimits = HeadLimits { bytes_max: 16_384, lines_max: 128 };

/// Ports tried at the gateway if another machine has ours.
const PORTS_TRIED: u16 = 3;

/// What SOAP says if another machine has the port, and if only mappings without end are made.
const CONFLICT: &str = "718";
const ONLY_PERMANENT: &str = "725";

/// The services that map ports, for gateways of either kind of line.
const SERVICES: [&str; 2] = ["WANIPConnection", "WANPPPConnection"];

/// Where a gateway is controlled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    address: SocketAddr,
    path: String,
    service: String,
}

/// What a gateway does not do, with the code it gives.
type Fault = Option<String>;

/// Has `port` led to us for TCP and for UDP; by whom and where from.
pub(super) fn map(
    ssdp: SocketAddr,
    from: Option<IpAddr>,
    port: u16,
    lifetime_s: u32,
) -> Result<(Control, SocketAddr), MappingFailure> {
    let (description, us) = search(ssdp, from).ok_or(MappingFailure::NoAnswer)?;
    let control = describe(&description).ok_or(MappingFailure::Refused)?;
    let answer = call(&control, "GetExternalIPAddress", "").map_err(|_| MappingFailure::Refused)?;
    let ip = element(&answer, "NewExternalIPAddress").and_then(|text| text.trim().parse().ok());
    let ip: Ipv4Addr = ip.ok_or(MappingFailure::Refused)?;
    for external in (0..PORTS_TRIED).filter_map(|more| port.checked_add(more)) {
        let add = |protocol, lifetime_s| add(&control, protocol, external, us, port, lifetime_s);
        let mut lifetime_s = lifetime_s;
        let mut added = add("TCP", lifetime_s);
        if added == Err(Some(ONLY_PERMANENT.to_owned())) {
            lifetime_s = 0;
            added = add("TCP", lifetime_s);
        }
        match added.and_then(|()| add("UDP", lifetime_s)) {
            Ok(()) => return Ok((control, SocketAddr::from((ip, external)))),
            Err(Some(code)) if code == CONFLICT => unmap(&control, external),
            Err(_) => {
                unmap(&control, external);
                break;
            }
        }
    }
    Err(MappingFailure::Refused)
}

/// Has it led to us no longer.
pub(super) fn unmap(control: &Control, external: u16) {
    for protocol in ["TCP", "UDP"] {
        let _ = call(
            control,
            "DeletePortMapping",
            &format!(
                "<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>\
                 <NewProtocol>{protocol}</NewProtocol>"
            ),
        );
    }
}

fn add(
    control: &Control,
    protocol: &str,
    external: u16,
    us: IpAddr,
    port: u16,
    lifetime_s: u32,
) -> Result<(), Fault> {
    let arguments = format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>\
         <NewProtocol>{protocol}</NewProtocol><NewInternalPort>{port}</NewInternalPort>\
         <NewInternalClient>{us}</NewInternalClient><NewEnabled>1</NewEnabled>\
         <NewPortMappingDescription>filbert</NewPortMappingDescription>\
         <NewLeaseDuration>{lifetime_s}</NewLeaseDuration>"
    );
    call(control, "AddPortMapping", &arguments).map(drop)
}

/// A page on a host, by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    address: SocketAddr,
    path: String,
}

/// The description of the first gateway that answers, and our address towards it.
fn search(ssdp: SocketAddr, from: Option<IpAddr>) -> Option<(Page, IpAddr)> {
    let socket = datagram_socket(from).ok()?;
    let question = format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {MULTICAST}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
         ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n"
    );
    let mut buffer = vec![0; 4_096];
    for _ in 0..SEARCHES {
        socket.send_to(question.as_bytes(), ssdp).ok()?;
        let until = Instant::now() + SEARCH_WAIT;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|t| !t.is_zero())
        {
            socket.set_read_timeout(Some(left)).ok()?;
            let Ok((len, sender)) = socket.recv_from(&mut buffer) else { continue };
            let Some(page) = location(&buffer[..len]) else { continue };
            if page.address.ip() == sender.ip() {
                let us = datagram_socket(from).ok()?;
                us.connect(sender).ok()?;
                return Some((page, us.local_addr().ok()?.ip()));
            }
        }
    }
    None
}

fn location(answer: &[u8]) -> Option<Page> {
    let response = Response::parse(answer).ok().filter(|response| response.code == 200)?;
    page(response.headers.get(names::LOCATION)?)
}

/// Reads `http://ADDRESS:PORT/PATH`; host names are none of a gateway's.
fn page(url: &str) -> Option<Page> {
    let rest = url.trim().strip_prefix("http://")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(slash);
    let address = host.parse().or_else(|_| host.parse().map(|ip: IpAddr| (ip, 80).into()));
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    Some(Page { address: address.ok().filter(|_| is_plain)?, path: path.to_owned() })
}

/// Where the gateway of this description is controlled.
fn describe(page: &Page) -> Option<Control> {
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        page.path, page.address
    );
    let (code, text) = exchange(page.address, head.as_bytes())?;
    if code != 200 {
        return None;
    }
    let mut services =
        text.split("<service>").skip(1).filter_map(|of| of.split("</service>").next());
    services.find_map(|service| {
        let kind = element(service, "serviceType")?.trim();
        let is_wanted = SERVICES.iter().any(|wanted| kind.contains(wanted));
        let is_plain = kind.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.".contains(&b));
        let path = element(service, "controlURL")?.trim();
        (is_wanted && is_plain).then_some(())?;
        let (address, path) = match self::page(path) {
            // Another host is not spoken to.
            Some(other) if other.address.ip() == page.address.ip() => (other.address, other.path),
            Some(_) => return None,
            None => (page.address, format!("/{}", path.trim_start_matches('/'))),
        };
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then(|| Control { address, path, service: kind.to_owned() })
    })
}

/// Calls an action of the gateway: its answer, or the code of its fault.
fn call(control: &Control, action: &str, arguments: &str) -> Result<String, Fault> {
    let Control { address, path, service } = control;
    let body = format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
    );
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: {}\r\n\
         SOAPAction: \"{service}#{action}\"\r\n\r\n",
        body.len()
    );
    match exchange(*address, (head + &body).as_bytes()) {
        Some((200, text)) => Ok(text),
        Some((_, text)) => Err(element(&text, "errorCode").map(|code| code.trim().to_owned())),
        None => Err(None),
    }
}

/// One question and its answer: the code and the text.
fn exchange(to: SocketAddr, question: &[u8]) -> Option<(u16, String)> {
    let until = Instant::now() + EXCHANGE;
    let mut stream = TcpStream::connect_timeout(&to, EXCHANGE).ok()?;
    stream.set_write_timeout(Some(EXCHANGE)).ok()?;
    stream.write_all(question).ok()?;
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 8_192]);
    loop {
        if let Some(whole) = take_apart(&answer, false) {
            return Some(whole);
        }
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut buffer) {
            Ok(0) => return take_apart(&answer, true),
            Ok(len) if answer.len() + len <= ANSWER_BYTES_MAX => {
                answer.extend_from_slice(&buffer[..len]);
            }
            _ => return None,
        }
    }
}

/// The code and the text of an answer, as soon as it is complete.
fn take_apart(answer: &[u8], ended: bool) -> Option<(u16, String)> {
    let Head::Complete { len } = head::find(answer, HEAD) else { return None };
    let (head, mut body) = answer.split_at_checked(len)?;
    let response = Response::parse(head).ok()?;
    let mut text = Vec::new();
    if response.headers.has(names::TRANSFER_ENCODING, "chunked") {
        let mut chunked = Chunked::new(ANSWER_BYTES_MAX as u64);
        loop {
            match chunked.next(&mut body).ok()? {
                Piece::Data(data) => text.extend_from_slice(data),
                Piece::End => break,
                Piece::NeedMore => return None,
            }
        }
    } else {
        let len = response.content_length().map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        match len {
            Some(len) => text.extend_from_slice(body.get(..len)?),
            None if ended => text.extend_from_slice(body),
            None => return None,
        }
    }
    Some((response.code, String::from_utf8_lossy(&text).into_owned()))
}

/// What stands in the first element of this name. The few elements that matter hold no others.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(content, _)| content)
}
