//! Hits that lie: made up for any query (row 12), from where nobody can be (row 13).

use std::net::SocketAddr;

use filbert::node::io::{Hit, SearchId, SearchQuery};
use filbert::node::{Command, ConnId, Event, Input, Why};
use filbert::wire::{Guid, Headers, HitFlags, Kind, QueryHit, Record, Sha1};

use crate::victim::{Victim, config, descriptor, guid, stranger};

const TEXT: &str = "blue moon";

/// Somebody who searches, a neighbour of his, and the GUID of the query.
fn searching() -> (Victim, ConnId, Guid) {
    let mut victim = Victim::new(config());
    let neighbour = victim.neighbour(stranger(1), Headers::new());
    let query = SearchQuery { text: TEXT.to_owned(), ..SearchQuery::default() };
    victim.give(Input::Command(Command::Search { search: SearchId(1), query }));
    victim.give(Input::TurnOver);
    let asked = victim.heard(neighbour, Kind::QUERY)[0].guid;
    (victim, neighbour, asked)
}

fn found(victim: &Victim) -> Vec<&Hit> {
    fn hits(event: &Event) -> &[Hit] {
        if let Event::Found { hits, .. } = event { hits } else { &[] }
    }
    victim.events.iter().flat_map(hits).collect()
}

#[test]
fn row_12_hits_made_up_for_the_query_are_marked_and_true_ones_are_not() {
    let (mut victim, neighbour, asked) = searching();
    let liar = [
        format!("{TEXT}.mp3"),
        format!("{TEXT}.wmv"),
        format!("{TEXT}.exe"),
        // The same archive under the name of everything.
        format!("{TEXT} full album.zip"),
        format!("{TEXT} karaoke.zip"),
        format!("{TEXT} live in concert.zip"),
    ];
    let honest = ["Blue Moon.mp3", "blue moon.pdf", "The Blue Moon Setup.exe", "blue moon.zip"];
    let mut say = |servent: u64, records: Vec<Record<'_>>| {
        let hit = QueryHit::new(stranger(servent as u32), guid(servent), records);
        let mut payload = Vec::new();
        hit.encode(&mut payload);
        victim.say(neighbour, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &payload));
    };
    let made_up = liar.iter().zip(1..).map(|(name, index)| {
        let content = if name.ends_with("zip") { 9 } else { index as u8 };
        let sha1 = Some(Sha1([content; 20]));
        Record { sha1, ..Record::new(index, u64::from(content) * 10_000, name) }
    });
    say(1, made_up.collect());
    let true_ones = honest.iter().zip(1..).map(|(name, index)| Record {
        sha1: Some(Sha1([100 + index as u8; 20])),
        ..Record::new(index, 1_000_000 + u64::from(index), name)
    });
    say(2, true_ones.collect());
    let marks: Vec<(u64, bool)> = found(&victim)
        .iter()
        .map(|hit| (u64::from(hit.source.servent == Some(guid(2))) + 1, hit.suspicious))
        .collect();
    assert_eq!(marks.len(), liar.len() + honest.len());
    assert!(marks.iter().all(|&(servent, marked)| marked == (servent == 1)), "{marks:?}");
}

#[test]
fn row_13_hits_from_where_nobody_of_this_network_can_be_are_dropped() {
    let (mut victim, neighbour, asked) = searching();
    let mut dropped = 0;
    for (number, address) in (1..).zip([
        "10.1.2.3:6346",
        "192.168.0.9:6346",
        "172.16.5.5:80",
        "127.0.0.1:80",
        "127.0.0.0:6346",
        "169.254.169.254:80",
        "100.64.0.1:6346",
        "0.0.0.0:6346",
        "255.255.255.255:6346",
        "224.0.0.1:6346",
        "[::1]:6346",
        "[fe80::1]:6346",
        "[fd00::1]:6346",
        "48.0.0.77:0",
    ]) {
        let address: SocketAddr = address.parse().unwrap();
        let say = |victim: &mut Victim, push| {
            let hit = QueryHit {
                vendor: Some(*b"TEST"),
                flags: HitFlags { push, ..HitFlags::default() },
                ..QueryHit::new(address, guid(number), vec![Record::new(1, 9, "blue moon.mp3")])
            };
            let mut payload = Vec::new();
            hit.encode(&mut payload);
            victim.say(neighbour, &descriptor(asked, Kind::QUERY_HIT, 3, 0, &payload));
        };
        for push in [None, Some(false)] {
            say(&mut victim, push);
            dropped += 1;
            assert_eq!(victim.count(Why::BadAddress), dropped, "{address}");
        }
        assert!(found(&victim).iter().all(|hit| hit.source.address != address));
        // One that says it cannot be reached may well know its inner address alone.
        say(&mut victim, Some(true));
        let last = found(&victim).last().map(|hit| (hit.source.address, hit.source.firewalled));
        assert_eq!(last, Some((address, true)));
    }
}
