//! Streams of events: who reads too slowly, and the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use filbert::api::types::Event;
use filbert::api::{Client, ClientError, TOKEN_FILE};

use super::{House, eventually, within};

/// Far more than the log and the system's buffers hold.
const EVENTS: usize = 20_000;

/// A client that asks for all events and reads none.
fn sleeper(house: &House) -> TcpStream {
    let at = house.server.address();
    let token = std::fs::read_to_string(house.servent.places().data_dir.join(TOKEN_FILE)).unwrap();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn who_sleeps_misses_events_and_nobody_waits_for_him() {
    smol::block_on(async {
        let house = House::new().await;
        let mut sleeping = sleeper(&house);
        // Every attempt to connect to a blocked address is refused, which is an event.
        house.client.block("10.0.0.0/8").await.unwrap();
        let is_blocked = async || !house.client.blocks().await.unwrap().is_empty();
        eventually("the block is in effect", is_blocked).await;
        let mut awake = house.client.events().await.unwrap();
        for round in 0..EVENTS / 100 {
            for _ in 0..100 {
                house.servent.connect("10.1.2.3:4").await.unwrap();
            }
            // The one who reads gets everything.
            for _ in 0..100 {
                let event = within(awake.next()).await.expect("events stall").unwrap().unwrap();
                assert!(matches!(event, Event::Refused { .. }), "round {round}: {event:?}");
            }
        }
        assert!(house.client.status().await.is_ok());

        // He wakes up: what he missed is said, and the newest is there.
        house.client.shutdown().await.unwrap();
        house.server.shutdown_wanted().await;
        let reading = smol::unblock(move || {
            let mut text = String::new();
            sleeping.read_to_string(&mut text).unwrap();
            text
        });
        let folder = house.close().await;
        let text = within(reading).await.expect("the stream does not end");
        assert!(text.contains("event: missed"), "{} bytes", text.len());
        assert!(text.contains("event: stopping"));
        assert!(text.matches("event: refused").count() < EVENTS);
        drop(folder);
    });
}

#[test]
fn streams_end_with_the_servent() {
    smol::block_on(async {
        let house = House::new().await;
        let mut all = house.client.events().await.unwrap();
        let asker = Client::of_data_dir(&house.servent.places().data_dir).unwrap();
        let query = filbert::api::types::NewSearch { text: "x y".to_owned(), ..Default::default() };
        let search = asker.search(&query).await.unwrap();
        let mut of_search = asker.search_events(search.id).await.unwrap();
        let _folder = house.close().await;
        let mut heard = Vec::new();
        while let Some(event) = within(all.next()).await.expect("the stream does not end") {
            heard.push(event.unwrap());
        }
        assert_eq!(heard.last(), Some(&Event::Stopping));
        assert_eq!(heard.iter().filter(|event| **event == Event::Stopping).count(), 1);
        while let Some(event) = within(of_search.next()).await.expect("the stream does not end") {
            event.unwrap();
        }
    });
}

#[test]
fn a_servent_that_says_nothing_is_given_up() {
    smol::block_on(async {
        let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let patience = Duration::from_millis(50);
        let client = Client::new(mute.local_addr().unwrap(), "token").with_patience(patience);
        let given_up = within(client.status()).await.unwrap();
        assert!(matches!(given_up, Err(ClientError::Silent { .. })), "{given_up:?}");

        // The real one says something only every 15 s when nothing happens.
        let house = House::new().await;
        let hasty = house.client.clone().with_patience(patience);
        let mut events = hasty.events().await.unwrap();
        let given_up = within(events.next()).await.unwrap();
        assert!(matches!(given_up, Some(Err(ClientError::Silent { .. }))), "{given_up:?}");
        assert!(within(events.next()).await.unwrap().is_none());
        house.close().await;
    });
}
