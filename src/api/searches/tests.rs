use std::net::SocketAddr;

use super::*;
use crate::api::types::NewSearch;

fn search(id: u64) -> Search {
    Search {
        id,
        query: NewSearch { text: "words".to_owned(), ..NewSearch::default() },
        queries: Vec::new(),
        browse: None,
        started_at_ms: 0,
        ended: None,
        hits: 0,
        results: 0,
        revision: 0,
        neighbours_asked: 0,
        reach_guess: 0,
        obstacles: Vec::new(),
    }
}

fn hit(name: &str, sha1: Option<u8>, port: u16) -> Hit {
    let address = SocketAddr::from(([10, 0, 0, 1], port));
    Hit {
        name: name.to_owned(),
        size: 7,
        sha1: sha1.map(|byte| Sha1([byte; 20])),
        source: Source { index: Some(1), ..Source::at(address) }.into(),
        alternates: Vec::new(),
        created_at_s: None,
        suspicious: false,
        busy: false,
        speed_kbit_s: 10,
        vendor: "FILB".to_owned(),
        hops: 2,
        after_us: 5_000,
    }
}

#[test]
fn hits_with_the_same_content_are_one_result_and_numbers_stay() {
    let mut searches = Searches::default();
    searches.begin(search(1));
    let first = searches.found(1, &[hit("a", Some(1), 1), hit("b", Some(2), 2)]);
    assert_eq!(first.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2]);

    let near = Hit { hops: 1, name: "a, another name".to_owned(), ..hit("a", Some(1), 3) };
    let again = searches.found(1, &[near, hit("plain", None, 4), hit("plain", None, 5)]);
    assert_eq!(again.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(again[0].sources.len(), 2);
    assert_eq!(again[0].name, "a, another name", "the best source's name");
    assert!(again[0].magnet.is_some() && again[1].magnet.is_none());

    let page = searches.page(1, 1).unwrap();
    assert_eq!(page.results, again, "what changed after revision 1");
    assert_eq!((page.search.revision, page.search.hits, page.search.results), (2, 5, 3));
    assert!(searches.found(1, &[hit("a", Some(1), 1)]).is_empty(), "known already");
    assert_eq!(searches.page(1, 2).unwrap().results, []);
}

#[test]
fn the_best_source_stands_first() {
    let mut searches = Searches::default();
    searches.begin(search(1));
    let mut firewalled = hit("a", Some(1), 1);
    firewalled.source.firewalled = true;
    let hits = [
        firewalled,
        Hit { busy: true, ..hit("a", Some(1), 2) },
        Hit { hops: 3, ..hit("a", Some(1), 3) },
        hit("a", Some(1), 4),
        Hit { speed_kbit_s: 99, ..hit("a", Some(1), 5) },
    ];
    let result = searches.found(1, &hits).remove(0);
    let ports: Vec<_> = result.sources.iter().map(|s| s.source.address.port()).collect();
    assert_eq!(ports, [5, 4, 3, 2, 1]);
    assert_eq!(request_of(&result).sources.len(), 5);
}

#[test]
fn results_are_named_by_number_within_the_last_search() {
    let mut searches = Searches::default();
    let number = |number, search| ResultNumber { number, search };
    assert_eq!(searches.result(number(1, None)), None);
    searches.begin(search(1));
    searches.found(1, &[hit("old", None, 1)]);
    searches.begin(search(2));
    assert_eq!(searches.result(number(1, None)), None, "the last search has found nothing yet");
    searches.found(2, &[hit("new", None, 1)]);
    assert_eq!(searches.result(number(1, None)).unwrap().name, "new");
    assert_eq!(searches.result(number(1, Some(1))).unwrap().name, "old");
    assert_eq!(searches.result(number(0, None)), None);

    let mut later = Searches::default();
    later.restore(searches.last().unwrap());
    assert_eq!(later.result(number(1, None)).unwrap().name, "new");
    let page = later.page(EARLIER, 0).unwrap();
    assert_eq!(page.search.ended, Some(SearchEnd::Stopped));
    assert_eq!(page.results[0].search, EARLIER);
}

#[test]
fn the_oldest_ended_search_makes_room() {
    let mut searches = Searches::default();
    (1..=SEARCHES_KEPT_MAX as u64).for_each(|id| searches.begin(search(id)));
    assert!(searches.ended(2, SearchEnd::Enough).is_some());
    assert_eq!(searches.ended(2, SearchEnd::Stopped), None);
    searches.begin(search(100));
    searches.begin(search(101));
    assert!(searches.page(2, 0).is_none(), "the one that had ended");
    assert!(searches.page(1, 0).is_none(), "then the oldest");
    assert_eq!(searches.all().len(), SEARCHES_KEPT_MAX);
    assert_eq!(searches.running(), SEARCHES_KEPT_MAX);
}
