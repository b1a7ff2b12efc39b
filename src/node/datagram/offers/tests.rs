use super::*;

fn host(number: u8) -> SocketAddr {
    SocketAddr::from(([9, 9, 9, number], 6346))
}

fn guid(number: u8) -> Guid {
    Guid([number; 16])
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn token() -> Token {
    Token::new(b"token").unwrap()
}

fn found(count: u32) -> Found {
    Found { files: (0..count).map(FileIndex).collect(), binary_hashes: true }
}

fn config() -> Config {
    Config { offer_tries_max: 3, offer_again_s: 5, proof_again_s: 2, ..Config::default() }
}

fn offered(hits: u32) -> Offers {
    let mut offers = Offers::default();
    offers.made(guid(1), host(1), found(hits), at(0), &config());
    offers
}

#[test]
fn an_offer_is_made_three_times_each_later_and_then_forgotten() {
    let mut offers = offered(300);
    let due = |offers: &mut Offers, second| offers.take_due(at(second), &config());
    let again = Some((guid(1), Due::Offer { to: host(1), hits: 255 }));
    assert_eq!((due(&mut offers, 4), offers.deadline()), (None, at(5)));
    assert_eq!((due(&mut offers, 5), offers.deadline()), (again, at(15)));
    assert!(due(&mut offers, 15).is_some());
    assert_eq!((due(&mut offers, 16), offers.deadline()), (None, at(35)));
    assert_eq!(due(&mut offers, 35), Some((guid(1), Due::Over(Why::OfferUnanswered))));
    assert_eq!((offers.len(), offers.deadline(), offers.per_host.len()), (0, Time::NEVER, 0));
}

#[test]
fn what_was_asked_for_waits_for_a_proof_and_is_never_more_than_offered() {
    for (asked, expected) in [(1, 1), (4, 4), (9, 4), (255, 4)] {
        let mut offers = offered(4);
        let request =
            |offers: &mut Offers, of, from| offers.requested(guid(of), from, asked, token(), at(1));
        assert_eq!(request(&mut offers, 2, host(1)), Err(Why::NoRoute));
        assert_eq!(request(&mut offers, 1, host(2)), Err(Why::NoRoute));
        let other_port = SocketAddr::new(host(1).ip(), 7);
        assert_eq!(request(&mut offers, 1, other_port), Ok(()));
        assert_eq!(request(&mut offers, 1, other_port), Err(Why::Duplicate));
        let prove = Some((guid(1), Due::Prove { to: other_port }));
        assert_eq!(offers.take_due(at(1), &config()), prove);
        assert_eq!((offers.take_due(at(1), &config()), offers.deadline()), (None, at(3)));
        offers.proven(host(2), at(2));
        assert_eq!(offers.deadline(), at(3));
        offers.proven(host(1), at(2));
        assert_eq!(offers.take_due(at(2), &config()), prove);
        let (to, found, token) = offers.deliver(&guid(1)).unwrap();
        assert_eq!(
            (to, found.files.len(), token.as_bytes()),
            (other_port, expected, &b"token"[..])
        );
        assert_eq!(offers.len(), 0);
    }
}

#[test]
fn without_a_proof_it_is_over() {
    let mut offers = offered(1);
    offers.requested(guid(1), host(1), 1, token(), at(1)).unwrap();
    let mut second = 1;
    let mut asked = Vec::new();
    while let Some(&(due, _)) = offers.due.first() {
        second = second.max(due.since(Time::ZERO).as_secs());
        asked.push((second, offers.take_due(at(second), &config()).unwrap().1));
    }
    let prove = || Due::Prove { to: host(1) };
    let over = Due::Over(Why::UnprovenAddress);
    assert_eq!(asked, [(1, prove()), (3, prove()), (7, prove()), (15, over)]);
}

#[test]
fn nobody_wants_none() {
    let mut offers = offered(3);
    assert_eq!(offers.requested(guid(1), host(1), 0, token(), at(1)), Ok(()));
    assert_eq!((offers.len(), offers.deadline()), (0, Time::NEVER));
}

#[test]
fn hits_go_one_by_one() {
    let mut offers = Offers::default();
    let payloads = [b"one", b"two"].map(|text| text.to_vec().into_boxed_slice());
    offers.send(guid(1), host(1), payloads.into(), at(1));
    let pause = Duration::from_millis(config().hit_pause_ms.into());
    for (now, text) in [(at(1), "one"), (at(1) + pause, "two")] {
        assert_eq!(offers.deadline(), now);
        let Some((_, Due::Send { payload, .. })) = offers.take_due(now, &config()) else {
            panic!()
        };
        assert_eq!(&*payload, text.as_bytes());
        assert_eq!(offers.take_due(now, &config()), None);
    }
    assert_eq!(offers.len(), 0);
}

#[test]
fn there_is_a_limit_for_one_host_and_for_all() {
    let config = Config { offers_max: 5, offers_per_host_max: 2, ..config() };
    let mut offers = Offers::default();
    for number in 0..100 {
        let to = host(number % 10);
        if offers.has_room(&guid(number), to, &config) {
            offers.made(guid(number), to, found(1), at(0), &config);
        }
    }
    assert_eq!(offers.len(), 5);
    let config = Config { offers_max: 50, ..config };
    assert!(offers.has_room(&guid(100), host(0), &config));
    offers.made(guid(100), host(0), found(1), at(0), &config);
    assert!(!offers.has_room(&guid(101), host(0), &config));
    assert!(!offers.has_room(&guid(100), host(9), &config), "it is offered already");
}
