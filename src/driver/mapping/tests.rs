//! Gateways on loopback: one that speaks NAT-PMP, one that speaks UPnP, and some that lie.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;

use smol::channel::{Receiver, bounded};

use super::upnp::element;
use super::*;

const LISTEN: u16 = 6_346;

fn loopback() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// Nobody listens there.
fn nobody() -> SocketAddr {
    loopback().local_addr().unwrap()
}

fn mapper(nat_pmp: Option<SocketAddr>, ssdp: SocketAddr) -> (Mapper, Receiver<Post>) {
    let (posts, inbox) = bounded(4);
    let listen = SocketAddr::from(([0, 0, 0, 0], LISTEN));
    let gateways = Some(Gateways { nat_pmp, ssdp });
    (Mapper { gateways, ..Mapper::new(listen, posts) }, inbox)
}

fn answer(mapper: &mut Mapper, inbox: &Receiver<Post>) -> Result<Mapped, MappingFailure> {
    mapper.map();
    match smol::block_on(inbox.recv()).unwrap() {
        Post::Mapped(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// Answers as many requests as given, and says which they were.
fn nat_pmp_gateway(results: Vec<u16>) -> (SocketAddr, thread::JoinHandle<Vec<Vec<u8>>>) {
    let socket = loopback();
    let address = socket.local_addr().unwrap();
    let serve = move || {
        let mut requests = Vec::new();
        for result in results {
            let mut buffer = [0; 64];
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            let request = buffer[..len].to_vec();
            let mut answer = vec![0, 128 + request[1]];
            answer.extend(result.to_be_bytes());
            answer.extend([0; 4]);
            if request[1] == 0 {
                answer.extend([8, 8, 4, 4]);
            } else {
                answer.extend(&request[4..6]);
                // Another port than was wanted; half the time that was wanted.
                answer.extend(7_000_u16.to_be_bytes());
                let wanted = u32::from_be_bytes(request[8..12].try_into().unwrap());
                answer.extend((wanted / 2).to_be_bytes());
            }
            socket.send_to(&answer, from).unwrap();
            requests.push(request);
        }
        requests
    };
    (address, thread::spawn(serve))
}

#[test]
fn nat_pmp_maps_both_and_takes_both_back() {
    let (gateway, served) = nat_pmp_gateway(vec![0; 5]);
    let (mut mapper, inbox) = mapper(Some(gateway), nobody());
    let external = "8.8.4.4:7000".parse().unwrap();
    let mapped = Mapped { external, lifetime_s: LIFETIME_S / 2, method: MappingMethod::NatPmp };
    assert_eq!(answer(&mut mapper, &inbox), Ok(mapped));
    smol::block_on(mapper.close());
    let port = LISTEN.to_be_bytes();
    let seconds = LIFETIME_S.to_be_bytes();
    let ask = |protocol, wanted: u16, seconds: [u8; 4]| {
        let wanted = wanted.to_be_bytes();
        [&[0, protocol, 0, 0], &port[..], &wanted[..], &seconds[..]].concat()
    };
    let expected = vec![
        vec![0, 0],
        ask(2, LISTEN, seconds),
        ask(1, 7_000, seconds),
        ask(2, 0, [0; 4]),
        ask(1, 0, [0; 4]),
    ];
    assert_eq!(served.join().unwrap(), expected);
}

#[test]
fn a_gateway_that_does_not_want_to_is_believed() {
    let (gateway, served) = nat_pmp_gateway(vec![0, 2]);
    let socket = loopback();
    socket.connect(gateway).unwrap();
    let refused = nat_pmp::map(gateway, None, LISTEN, LIFETIME_S);
    assert_eq!(refused, Err(MappingFailure::Refused));
    assert_eq!(served.join().unwrap().len(), 2);
}

#[test]
fn nobody_there_is_no_answer_and_soon() {
    assert_eq!(nat_pmp::map(nobody(), None, LISTEN, 60), Err(MappingFailure::NoAnswer));
}

/// Describes itself so, and answers each call of an action with what `obey` says.
fn upnp_gateway(
    description: impl Fn(SocketAddr) -> String,
    location: impl Fn(SocketAddr) -> String,
    mut obey: impl FnMut(&str, &str) -> (u16, String) + Send + 'static,
) -> (SocketAddr, thread::JoinHandle<()>) {
    let (ssdp, web) = (loopback(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (ssdp_address, web_address) = (ssdp.local_addr().unwrap(), web.local_addr().unwrap());
    let (description, location) = (description(web_address), location(web_address));
    thread::spawn(move || {
        let mut buffer = [0; 1_024];
        while let Ok((len, from)) = ssdp.recv_from(&mut buffer) {
            assert!(buffer[..len].starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
            let answer = format!("HTTP/1.1 200 OK\r\nLOCATION: {location}\r\nEXT:\r\n\r\n");
            ssdp.send_to(answer.as_bytes(), from).unwrap();
        }
    });
    let serve = move || {
        loop {
            let (stream, _) = web.accept().unwrap();
            let mut stream = BufReader::new(stream);
            let (mut head, mut body) = (String::new(), Vec::new());
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap() == 0 {
                    return;
                }
            }
            let len = head.split("Content-Length: ").nth(1).and_then(|of| of.lines().next());
            body.resize(len.map_or(0, |len| len.parse().unwrap()), 0);
            stream.read_exact(&mut body).unwrap();
            let action = head.split('#').nth(1).and_then(|of| of.split('"').next());
            let (code, text) = match action {
                None => (200, description.clone()),
                Some(action) => obey(action, &String::from_utf8(body).unwrap()),
            };
            // In chunks, as some gateways do although we said that we close.
            let (first, second) = text.split_at(text.len() / 2);
            let answer = format!(
                "HTTP/1.1 {code} x\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
                first.len(),
                second.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            if action == Some("DeletePortMapping") && text.contains("last") {
                return;
            }
        }
    };
    (ssdp_address, thread::spawn(serve))
}

fn described(control: &str) -> String {
    let service = "urn:schemas-upnp-org:service:";
    format!(
        "<?xml version=\"1.0\"?><root><service><serviceType>{service}Layer3Forwarding:1\
         </serviceType><controlURL>/wrong</controlURL></service>\n<service>\n\
         <serviceType>{service}WANIPConnection:1</serviceType>\n\
         <controlURL>{control}</controlURL></service></root>"
    )
}

#[test]
fn upnp_maps_both_and_takes_both_back() {
    let (mut calls, mut deleted) = (Vec::new(), 0);
    let (said, heard) = std::sync::mpsc::channel();
    let obey = move |action: &str, body: &str| {
        let value = |name| element(body, name).unwrap_or_default().to_owned();
        calls.push(format!(
            "{action} {} {} {} {}",
            value("NewProtocol"),
            value("NewExternalPort"),
            value("NewInternalPort"),
            value("NewLeaseDuration")
        ));
        let fault = |code| (500, format!("<s:Fault><errorCode>{code}</errorCode></s:Fault>"));
        match action {
            "GetExternalIPAddress" => {
                (200, "<NewExternalIPAddress>8.8.4.4</NewExternalIPAddress>".to_owned())
            }
            "AddPortMapping" if value("NewExternalPort") == "6346" => fault(718),
            "AddPortMapping" if value("NewLeaseDuration") != "0" => fault(725),
            "DeletePortMapping" => {
                deleted += 1;
                if deleted == 4 {
                    said.send(std::mem::take(&mut calls)).unwrap();
                    return (200, "last".to_owned());
                }
                (200, String::new())
            }
            _ => (200, String::new()),
        }
    };
    let location = |web: SocketAddr| format!("http://{web}/description.xml");
    let (ssdp, served) = upnp_gateway(|_| described("control?it"), location, obey);
    let (mut mapper, inbox) = mapper(None, ssdp);
    let external = "8.8.4.4:6347".parse().unwrap();
    let mapped = Mapped { external, lifetime_s: LIFETIME_S, method: MappingMethod::Upnp };
    assert_eq!(answer(&mut mapper, &inbox), Ok(mapped));
    smol::block_on(mapper.close());
    served.join().unwrap();
    let expected = [
        "GetExternalIPAddress    ",
        "AddPortMapping TCP 6346 6346 3600",
        "DeletePortMapping TCP 6346  ",
        "DeletePortMapping UDP 6346  ",
        "AddPortMapping TCP 6347 6346 3600",
        "AddPortMapping TCP 6347 6346 0",
        "AddPortMapping UDP 6347 6346 0",
        "DeletePortMapping TCP 6347  ",
        "DeletePortMapping UDP 6347  ",
    ];
    assert_eq!(heard.recv().unwrap(), expected);
}

#[test]
fn only_the_host_that_answered_is_spoken_to() {
    let quiet = |_: &str, _: &str| (500, String::new());
    // Its description, it says, lies elsewhere: as if nobody had answered.
    let elsewhere = |_: SocketAddr| "http://127.0.0.2:1/".to_owned();
    let (ssdp, _) = upnp_gateway(|_| described("/x"), elsewhere, quiet);
    assert_eq!(upnp::map(ssdp, None, LISTEN, 60).unwrap_err(), MappingFailure::NoAnswer);
    // It is controlled, it says, elsewhere.
    let here = |web: SocketAddr| format!("http://{web}");
    let (ssdp, _) = upnp_gateway(|_| described("http://127.0.0.2:1/x"), here, quiet);
    assert_eq!(upnp::map(ssdp, None, LISTEN, 60).unwrap_err(), MappingFailure::Refused);
}
