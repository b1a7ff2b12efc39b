//! Searching and downloading through the interface, over two servents.

use std::fs;

use filbert::api::types::{Event, FileRequest, NewDownload, NewSearch, ResultNumber, What};
use filbert::api::{ClientError, EventStream};
use filbert::servent::{DownloadState, SearchEnd};

use super::{House, eventually, within};

fn words(text: &str) -> NewSearch {
    NewSearch { text: text.to_owned(), ..NewSearch::default() }
}

/// Everything up to the end of the stream.
async fn rest(mut events: EventStream) -> Vec<Event> {
    let mut all = Vec::new();
    while let Some(event) = within(events.next()).await.expect("the stream stalls") {
        all.push(event.unwrap());
    }
    all
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn what_is_found_is_downloaded_byte_by_byte() {
    smol::block_on(async {
        let big = content(1_500_000);
        let files: [(&str, &[u8]); 3] =
            [("blue moon.ogg", &big), ("moon of another.txt", b"text"), ("sun.txt", b"hot")];
        let sharer = House::sharing(&files).await;
        let searcher = House::new().await;
        searcher.befriend(&sharer).await;
        let client = &searcher.client;

        let search = client.search(&words("moon")).await.unwrap();
        assert_eq!(search.ended, None);
        // Streamed.
        let mut events = client.search_events(search.id).await.unwrap();
        let mut names = Vec::new();
        while names.len() < 2 {
            match within(events.next()).await.expect("no hit").unwrap().unwrap() {
                Event::Result(result) => names.push(result.name),
                other => panic!("{other:?}"),
            }
        }
        names.sort();
        assert_eq!(names, ["blue moon.ogg", "moon of another.txt"]);
        // Asked for: all, and what is new since.
        let page = client.search_page(search.id, 0).await.unwrap();
        assert_eq!((page.results.len(), page.search.results), (2, 2));
        let asked = async || {
            let page = client.search_page(search.id, 0).await.unwrap();
            page.search.neighbours_asked == 1 && page.search.reach_guess >= 1
        };
        eventually("it is seen whom it asked", asked).await;
        let later = client.search_page(search.id, page.search.revision).await.unwrap();
        assert!(later.results.is_empty());
        client.stop_search(search.id).await.unwrap();
        let last = rest(events).await.pop();
        assert!(
            matches!(&last, Some(Event::SearchEnded(ended)) if ended.ended == Some(SearchEnd::Stopped)),
            "{last:?}"
        );

        // By its number.
        let number = page.results.iter().find(|r| r.name == "blue moon.ogg").unwrap().number;
        let result = client.result(number).await.unwrap();
        assert_eq!(result.size, big.len() as u64);
        assert_eq!(result.sources[0].source.address, sharer.servent.listen());
        let what = What::Result(ResultNumber { number, search: None });
        let download = client.download(&NewDownload { what, name: None }).await.unwrap();
        let last = rest(client.download_events(download.id).await.unwrap()).await.pop();
        let Some(Event::Download(done)) = last else { panic!("{last:?}") };
        assert_eq!((done.state, done.have), (DownloadState::Done, big.len() as u64));
        assert_eq!(fs::read(done.path.as_ref().unwrap()).unwrap(), big);
        assert_eq!(client.download_state(download.id).await.unwrap(), done);

        // By its magnet, under a name of our own, without any source: the network is asked.
        let magnet = result.magnet.clone().unwrap();
        let named = NewDownload { what: What::Magnet(magnet), name: Some("mine.ogg".to_owned()) };
        let again = client.download(&named).await.unwrap();
        let last = rest(client.download_events(again.id).await.unwrap()).await.pop();
        let Some(Event::Download(done)) = last else { panic!("{last:?}") };
        let path = done.path.unwrap();
        assert!(path.ends_with("mine.ogg"), "{path}");
        assert_eq!(fs::read(path).unwrap(), big);

        searcher.close().await;
        sharer.close().await;
    });
}

#[test]
fn results_keep_their_numbers_after_a_restart() {
    smol::block_on(async {
        let sharer = House::sharing(&[("evening star.txt", b"bright")]).await;
        let searcher = House::new().await;
        searcher.befriend(&sharer).await;
        let search = searcher.client.search(&words("star")).await.unwrap();
        let found = async || searcher.client.result(1).await.is_ok();
        eventually("it is found", found).await;
        let nothing = searcher.client.result(2).await;
        assert!(matches!(nothing, Err(ClientError::Refused { status: 404, .. })), "{nothing:?}");
        assert_eq!(searcher.client.search_page(search.id, 0).await.unwrap().results.len(), 1);

        let folder = searcher.close().await;
        let searcher = House::with(folder, Vec::new(), 0).await;
        assert_eq!(searcher.client.result(1).await.unwrap().name, "evening star.txt");
        let what = What::Result(ResultNumber { number: 1, search: None });
        let download = searcher.client.download(&NewDownload { what, name: None }).await.unwrap();
        let last = rest(searcher.client.download_events(download.id).await.unwrap()).await.pop();
        assert!(
            matches!(&last, Some(Event::Download(d)) if d.state == DownloadState::Done),
            "{last:?}"
        );
        searcher.close().await;
        sharer.close().await;
    });
}

#[test]
fn a_host_can_be_browsed() {
    smol::block_on(async {
        let files: [(&str, &[u8]); 2] = [("a.txt", b"a"), ("b.txt", b"b")];
        let sharer = House::sharing(&files).await;
        let visitor = House::new().await;
        let browse = visitor.client.browse(&sharer.servent.listen().to_string()).await.unwrap();
        assert_eq!(browse.browse, Some(sharer.servent.listen()));
        let events = rest(visitor.client.search_events(browse.id).await.unwrap()).await;
        let mut names: Vec<_> = events
            .iter()
            .filter_map(|e| if let Event::Result(r) = e { Some(r.name.as_str()) } else { None })
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["a.txt", "b.txt"]);
        visitor.close().await;
        sharer.close().await;
    });
}

#[test]
fn a_download_without_a_source_waits_and_can_be_cancelled() {
    smol::block_on(async {
        let house = House::new().await;
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let wanted = NewDownload { what: What::Urn(format!("urn:sha1:{hash}")), name: None };
        let download = house.client.download(&wanted).await.unwrap();
        let same = house.client.download(&wanted).await.unwrap();
        assert_eq!(same.id, download.id, "the same content is not downloaded twice");
        let events = house.client.download_events(download.id).await.unwrap();
        house.client.cancel(download.id).await.unwrap();
        let last = rest(events).await.pop();
        assert!(
            matches!(&last, Some(Event::Download(d)) if d.state == DownloadState::Cancelled),
            "{last:?}"
        );

        let nothing = NewDownload { what: What::Request(FileRequest::default()), name: None };
        let refused = house.client.download(&nothing).await;
        assert!(matches!(refused, Err(ClientError::Refused { status: 400, .. })), "{refused:?}");
        house.close().await;
    });
}
