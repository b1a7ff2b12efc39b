use super::*;

fn uhc(name: &str) -> HostSource {
    HostSource::Uhc { host: name.to_owned(), port: 1 }
}

fn cache(name: &str) -> HostSource {
    HostSource::WebCache(format!("http://{name}/").parse().unwrap())
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn sources(list: impl IntoIterator<Item = HostSource>) -> Sources {
    let mut sources = Sources::new(Rng::from_u64(1));
    for what in list {
        assert!(sources.add(what, false, &Config::default()));
    }
    sources
}

const ALONE: Facts = Facts { neighbours: 0, wanted: 8, ready: 0, is_local: false, announce: None };
const GOOD: Yield = Yield { usable: 3, fresh: 3, useless: 0 };

/// Which source is asked now; it is then being asked.
fn ask(sources: &mut Sources, now: Time, facts: Facts) -> Option<HostSource> {
    let step = sources.next(now, facts, &Config::default());
    sources.asked(step, now)
}

#[test]
fn known_hosts_come_first_then_neighbours_then_sources() {
    let config = Config::default();
    let patience = u64::from(config.bootstrap_patience_s);
    for (neighbours, ready, from) in [
        (0, 0, Some(0)),
        (0, 5, Some(patience)),
        (1, 0, Some(2 * patience)),
        (1, 5, None),
        (4, 0, None),
        (8, 0, None),
    ] {
        let mut sources = sources([uhc("a")]);
        let facts = Facts { neighbours, ready, ..ALONE };
        let first = (0..1_000).find(|&s| sources.next(at(s), facts, &config) == Step::Ask(0));
        assert_eq!(first, from, "{facts:?}");
    }
    // Who has found neighbours in a local network is not led out of it.
    let facts = Facts { neighbours: 1, is_local: true, ..ALONE };
    assert_eq!(sources([uhc("a")]).next(at(9_000), facts, &config), Step::Wait(Time::NEVER));
}

#[test]
fn peers_come_before_host_caches_and_those_before_web_caches_one_at_a_time() {
    let peer = HostSource::Peer { host: "p".into(), port: 1 };
    let mut sources = sources([cache("w"), uhc("u"), peer.clone()]);
    let config = Config::default();
    for expected in [peer, uhc("u"), cache("w")] {
        assert_eq!(ask(&mut sources, at(5), ALONE), Some(expected.clone()));
        assert_eq!(sources.next(at(9), ALONE, &config), Step::Wait(Time::NEVER), "one at a time");
        assert_eq!(sources.answered(at(9), GOOD, &config), Some((expected, None)));
    }
    assert_eq!(ask(&mut sources, at(9), ALONE), None, "all were asked");
}

#[test]
fn a_host_cache_is_asked_every_180_s_and_ever_more_rarely_while_it_fails() {
    let mut sources = sources([uhc("u")]);
    let config = Config::default();
    let mut asked = Vec::new();
    for second in 0..40_000 {
        if ask(&mut sources, at(second), ALONE).is_some() {
            asked.push(second);
            sources.failed(at(second), Why::TooSlow, &config);
        }
    }
    let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [180, 360, 720, 1_440, 2_880, 5_760, 5_760, 5_760, 5_760, 5_760]);
    assert_eq!(sources.views(&config)[0].state, SourceState::Dead);
    // Once it works again, it is asked as before.
    assert!(ask(&mut sources, at(90_000), ALONE).is_some());
    sources.answered(at(90_000), GOOD, &config);
    assert_eq!(sources.next(at(90_000), ALONE, &config), Step::Wait(at(90_180)));
    assert_eq!(sources.views(&config)[0].state, SourceState::Answered);
}

#[test]
fn of_two_the_one_that_fails_less_is_asked() {
    let mut sources = sources([uhc("a"), uhc("b")]);
    let config = Config::default();
    let first = ask(&mut sources, at(0), ALONE).unwrap();
    sources.failed(at(20), Why::TooSlow, &config);
    let second = ask(&mut sources, at(20), ALONE).unwrap();
    assert_ne!(first, second);
    sources.answered(at(20), GOOD, &config);
    assert_eq!(ask(&mut sources, at(1_000), ALONE), Some(second));
}

#[test]
fn a_source_that_names_only_useless_addresses_has_failed() {
    let mut sources = sources([uhc("u")]);
    let config = Config::default();
    ask(&mut sources, at(0), ALONE);
    let lies = Yield { useless: 10, ..Yield::default() };
    let failed = sources.answered(at(0), lies, &config);
    assert_eq!(failed, Some((uhc("u"), Some(Why::BadAddress))));
    let view = &sources.views(&config)[0];
    assert_eq!((view.failures, view.trouble), (1, Some(Why::BadAddress)));
    // One that knows nobody has not failed, but is asked more rarely.
    for (now, next) in [(1_000, 1_360), (2_000, 2_720)] {
        ask(&mut sources, at(now), ALONE);
        sources.answered(at(now), Yield::default(), &config);
        assert_eq!(sources.next(at(now), ALONE, &config), Step::Wait(at(next)));
    }
    assert_eq!(sources.views(&config)[0].state, SourceState::Answered);
}

#[test]
fn a_name_that_is_not_found_costs_its_source_nothing() {
    let mut sources = sources([cache("w")]);
    let config = Config::default();
    for now in [0, 180, 360, 540, 720] {
        assert!(ask(&mut sources, at(now), ALONE).is_some(), "{now}");
        sources.failed(at(now), Why::NoSuchName, &config);
    }
}

#[test]
fn web_caches_that_a_source_named_are_few_apart_and_forgotten_when_they_fail() {
    let mut sources = sources([cache("w")]);
    let config = Config::default();
    let learnt = (0..10_000u32)
        .filter(|n| sources.add(cache(&format!("{n}.example.net")), true, &config))
        .count();
    assert_eq!(learnt, usize::from(config.sources_max) / 2 - 1);
    let same =
        format!("http://{}/other", sources.list.iter().find(|s| s.learnt).unwrap().what.host());
    assert!(!sources.add(HostSource::WebCache(same.parse().unwrap()), true, &config));
    let mut asked = Vec::new();
    for second in 0..3_000 {
        if let Some(what) = ask(&mut sources, at(second), ALONE) {
            asked.push((second, what));
            sources.failed(at(second), Why::BadResponse, &config);
        }
    }
    assert_eq!(asked[0].1, cache("w"), "the user's own first");
    assert_eq!(asked.len(), learnt + 1);
    assert!(asked.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60));
    assert_eq!(sources.views(&config).len(), 1);
}

#[test]
fn a_web_cache_that_works_is_told_of_us_once_an_hour() {
    let config = Config::default();
    let address = "9.9.9.9:6346".parse().unwrap();
    let facts = Facts { neighbours: 8, announce: Some(address), ..ALONE };
    let mut sources = sources([cache("a"), cache("b"), uhc("u")]);
    assert_eq!(
        sources.next(at(9_000), facts, &config),
        Step::Wait(Time::NEVER),
        "none has answered"
    );
    for now in [9_000, 9_060] {
        assert!(matches!(sources.next(at(now), ALONE, &config), Step::Ask(_)));
        while let Some(what) = ask(&mut sources, at(now), ALONE) {
            sources.answered(at(now), GOOD, &config);
            if matches!(what, HostSource::WebCache(_)) {
                break;
            }
        }
    }
    let mut told = Vec::new();
    for second in 9_000..30_000 {
        let step = sources.next(at(second), facts, &config);
        if let Step::Announce(_, said) = step {
            assert_eq!(said, address);
            sources.asked(step, at(second));
            sources.told(at(second), &config);
            told.push(second);
        }
    }
    assert_eq!(told[0], 12_600, "not sooner after it was asked");
    assert!(told.len() >= 4 && told.windows(2).all(|pair| pair[1] - pair[0] >= 3_600), "{told:?}");
    let nobody = Facts { announce: None, ..facts };
    assert_eq!(sources.next(at(90_000), nobody, &config), Step::Wait(Time::NEVER));
}
