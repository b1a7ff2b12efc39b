//! A search is followed through every servent, and the network is drawn.

use crate::support::Place;

#[test]
fn a_flood_costs_what_it_must_and_is_told_and_drawn() {
    let place = Place::new();
    let first_copies = "node.forward=first-copy";
    place.good(&["up", "-n", "8", "--topology", "random:4", "--set", first_copies]);
    let told = place.json(&["trace", "some words", "--from", "node-3", "--ttl", "8"]);
    let totals = &told["totals"];
    assert_eq!((&totals["nodes"], &totals["links"]), (&8.into(), &16.into()));
    assert_eq!((&totals["reached"], &totals["copies"]), (&7.into(), &(2 * 16 - 8 + 1).into()));
    assert_eq!((&totals["full_flood"], &told["exactly_full_flood"]), (&25.into(), &true.into()));
    assert_eq!((&told["origin"], &totals["missing"]), (&3.into(), &0.into()));

    let (svg, html) = (place.file("way.svg"), place.file("way.html"));
    let text = place.good(&["trace", "words", "--svg", &svg, "--html", &html, "--ttl", "1"]);
    assert!(text.contains("asks 4 neighbours") && text.contains("TTL used up"), "{text}");
    assert!(text.contains("4 of 7 other nodes reached"), "{text}");
    let page = std::fs::read_to_string(html).expect("a page");
    assert!(page.contains("node answered") || page.contains("node reached"));
    assert!(std::fs::read_to_string(svg).expect("a drawing").starts_with("<svg xmlns"));

    for (words, said) in [
        (&["trace", "words", "--from", "node-9"][..], "node-9"),
        (&["trace", "words", "--from", "9"], "no node 9"),
        (&["trace", "."], "searched for"),
    ] {
        let wrong = place.wrong(words);
        assert!(wrong.contains(said), "{words:?}: {wrong}");
    }

    let map = place.json(&["map"]);
    assert_eq!(map["links"].as_array().map(Vec::len), Some(16));
    assert_eq!((&map["parts"], &map["absent"]), (&[8].into(), &Vec::<u32>::new().into()));
    let svg = place.file("map.svg");
    let text = place.good(&["map", "--svg", &svg]);
    assert!(text.contains("8 ultrapeers; 16 links"), "{text}");
    let drawing = std::fs::read_to_string(svg).expect("a drawing");
    assert_eq!(drawing.matches("class=\"link\" data-a").count(), 16);

    place.good(&["partition", "0..3", "4..7"]);
    let map = place.json(&["map"]);
    let (cut, links) = (map["cut"].as_array().map(Vec::len), map["links"].as_array().map(Vec::len));
    assert_eq!(
        (cut.zip(links).map(|(cut, links)| cut + links), &map["absent"]),
        (Some(16), &Vec::<u32>::new().into())
    );
    assert!(cut > Some(0), "{map}");
    let told = place.json(&["trace", "words", "--from", "0", "--ttl", "8", "--wait", "5"]);
    let nodes = told["totals"]["nodes"].as_u64().expect("a number");
    assert!(nodes <= 4, "{told}");
    assert_eq!(told["totals"]["reached"], nodes - 1);
}

#[test]
fn nobody_to_ask_and_nothing_noted_are_told() {
    let place = Place::new();
    place.good(&["up", "-n", "2", "--topology", "line", "--set", "node.passages_max=0"]);
    let wrong = place.wrong(&["trace", "words"]);
    assert!(wrong.contains("--set node.passages_max=4096"), "{wrong}");
}
