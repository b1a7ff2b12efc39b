//! Finding the first hosts on real sockets of loopback: a UDP host cache, a web cache, a peer, and
//! sources that are dead.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use filbert::servent::{Config, Options, Servent, SourceState, View, Why};
use smol::future::or;

fn options(bootstrap: &[String]) -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        bootstrap: bootstrap.to_vec(),
        config: Config { local_addresses: true, source_timeout_s: 2, ..Config::default() },
        ..Options::default()
    }
}

async fn start(bootstrap: &[String]) -> Servent {
    Servent::start(options(bootstrap)).await.unwrap()
}

/// Looks until it is so, for half a minute at most.
async fn until(servent: &Servent, what: &str, is_so: impl Fn(&View) -> bool) {
    let looking = async {
        while !is_so(&servent.view().await.unwrap()) {
            smol::Timer::after(Duration::from_millis(10)).await;
        }
        true
    };
    let so = or(looking, async {
        smol::Timer::after(Duration::from_secs(30)).await;
        false
    });
    assert!(so.await, "in vain: {what}: {:#?}", servent.view().await.unwrap());
}

fn is_neighbour(view: &View, of: SocketAddr) -> bool {
    view.neighbours.iter().any(|neighbour| neighbour.listen == Some(of))
}

/// A web cache that answers this, whatever it is asked, and tells what it was asked.
fn web_cache(answer: String) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/gwc.php", listener.local_addr().unwrap());
    let (tell, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
            // Nobody may be there any more to be told or answered.
            let _ = stream.write_all(answer.as_bytes());
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    (url, asked)
}

#[test]
fn a_servent_finds_others_by_a_udp_host_cache() {
    smol::block_on(async {
        let cache = start(&[]).await;
        let source = vec![format!("uhc:{}", cache.listen())];
        let first = start(&source).await;
        until(&first, "the cache is its neighbour", |view| is_neighbour(view, cache.listen()))
            .await;
        until(&cache, "the cache knows it", |view| is_neighbour(view, first.listen())).await;
        let second = start(&source).await;
        until(&second, "it finds the first by the cache", |view| {
            is_neighbour(view, first.listen()) || is_neighbour(view, cache.listen())
        })
        .await;
        let source = &second.view().await.unwrap().sources[0];
        assert_eq!((source.state, source.failures), (SourceState::Answered, 0));
        assert!(source.hosts >= 1);
        for servent in [second, first, cache] {
            servent.stop().await;
        }
    });
}

#[test]
fn a_servent_finds_others_by_a_web_cache() {
    smol::block_on(async {
        let peer = start(&[]).await;
        let list = format!("I|pong|Test\r\nH|{}|10\r\nH|127.0.0.1:0|1\r\n", peer.listen());
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (url, asked) = web_cache(format!("{head}{:x}\r\n{list}\r\n0\r\n\r\n", list.len()));
        let servent = start(std::slice::from_ref(&url)).await;
        until(&servent, "they are neighbours", |view| is_neighbour(view, peer.listen())).await;
        let question = asked.recv().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let wanted = format!("/gwc.php?get=1&net=gnutella&client=FILB&version={version} HTTP/1.1");
        assert_eq!(question, format!("GET {wanted}"));
        let source = &servent.view().await.unwrap().sources[0];
        assert_eq!((source.state, source.hosts), (SourceState::Answered, 1));
        servent.stop().await;
        peer.stop().await;
    });
}

#[test]
fn a_servent_finds_a_peer_by_its_name() {
    smol::block_on(async {
        let peer = start(&[]).await;
        let servent = start(&[format!("localhost:{}", peer.listen().port())]).await;
        until(&servent, "they are neighbours", |view| view.neighbours.len() == 1).await;
        assert_eq!(servent.view().await.unwrap().sources[0].state, SourceState::Answered);
        servent.stop().await;
        peer.stop().await;
    });
}

#[test]
fn dead_sources_are_seen_to_be_dead() {
    smol::block_on(async {
        // A port where somebody listens and never answers, and one where nobody does.
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (url, _asked) = web_cache("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n".to_owned());
        let sources =
            [format!("uhc:{}", silent.local_addr().unwrap()), format!("http://{closed}/"), url];
        let servent = start(&sources).await;
        // Web caches are asked a minute apart: one of them within this test.
        until(&servent, "two have failed", |view| {
            view.sources.iter().filter(|source| source.state == SourceState::Failed).count() == 2
        })
        .await;
        let view = servent.view().await.unwrap();
        let troubles: Vec<Why> = view.sources.iter().filter_map(|source| source.trouble).collect();
        assert!(troubles.contains(&Why::TooSlow), "{troubles:?}");
        let of_cache = |why: &Why| matches!(why, Why::ConnectFailed | Why::Redirected);
        assert!(troubles.iter().any(of_cache), "{troubles:?}");
        assert_eq!((view.neighbours.len(), view.hosts_known, view.connecting), (0, 0, 0));
        servent.stop().await;
    });
}

#[test]
fn what_is_no_source_is_refused_at_the_start() {
    smol::block_on(async {
        let refused = Servent::start(options(&["https://cache.example.net/".to_owned()])).await;
        assert!(refused.unwrap_err().to_string().contains("only http://"));
        // On loopback nobody of the public network is asked.
        let servent = start(&["default".to_owned()]).await;
        assert!(servent.view().await.unwrap().sources.is_empty());
        servent.stop().await;
    });
}
