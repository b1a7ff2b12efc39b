//! A query is followed from who asked it to who answered and back.

use filbert::api::types::{Fate, NewSearch};

use super::{House, eventually};

#[test]
fn a_search_names_its_query_and_everybody_says_what_became_of_it() {
    smol::block_on(async {
        let sharer = House::sharing(&[("red apple.txt", b"round")]).await;
        let house = House::new().await;
        house.befriend(&sharer).await;
        let query = NewSearch { text: "apple".to_owned(), ..NewSearch::default() };
        let search = house.client.search(&query).await.unwrap();
        let [query] = search.queries[..] else { panic!("{search:?}") };
        eventually("it is found", async || house.client.result(1).await.is_ok()).await;

        let asked = house.client.passages(Some(query)).await.unwrap();
        let at_sharer = sharer.client.passages(Some(query)).await.unwrap();
        assert_eq!((asked.kept_max, asked.overwritten), (100, 0));
        let [began, home] = &asked.passages[..] else { panic!("{asked:?}") };
        let [came] = &at_sharer.passages[..] else { panic!("{at_sharer:?}") };
        assert_eq!((began.fate, began.links, began.from), (Fate::Asked, 1, None));
        assert_eq!((came.fate, came.results, came.query), (Fate::First, 1, query));
        assert_eq!(came.from, Some(house.servent.listen()));
        assert_eq!((home.fate, home.results), (Fate::CameHome, 1));
        assert_eq!(home.from, Some(sharer.servent.listen()));
        let servent = sharer.client.status().await.unwrap().servent;
        assert_eq!(home.servent, Some(servent));
        // One machine, one clock: who asks is at it before who answers has come to an end.
        assert!(began.at_us > 1_600_000_000_000_000 && began.at_us <= came.at_us + 1_000_000);
        assert_eq!(house.client.search_page(search.id, 0).await.unwrap().search.queries, [query]);
        house.close().await;
        sharer.close().await;
    });
}
