//! Any bytes as messages of query routing, each behind its length: a table never changes outside
//! itself, and told anew it is the same.
#![no_main]

use filbert::library::route_table::SlotSet;
use filbert::wire::qrp::gather::{Change, Gathered, Gatherer, Room};
use filbert::wire::qrp::{Update, write};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut gatherer, mut table, mut rest) = (Gatherer::default(), SlotSet::empty(0), data);
    let mut room = Room::default();
    while let Some((&len, after)) = rest.split_first() {
        let (payload, more) = after.split_at(usize::from(len).min(after.len()));
        rest = more;
        let Ok(update) = Update::decode(payload) else { continue };
        let mut again = Vec::new();
        update.encode(&mut again);
        assert_eq!(again, payload);
        match gatherer.take(&update, &mut room) {
            Ok(Gathered::Reset { log2 }) => table = SlotSet::empty(log2),
            Ok(Gathered::Part) => assert!(gatherer.held_bytes() <= 2 * data.len() + 64),
            Ok(Gathered::Changes(changes)) => {
                let slots = table.slots();
                table.apply(changes.iter(), |slot, _| assert!(slot < slots));
            }
            Err(_) => return,
        }
    }
    if table.log2() > 14 {
        return;
    }
    let mut told = SlotSet::empty(table.log2());
    let mut gatherer = Gatherer::default();
    let reset = write::reset(table.log2());
    let patch = write::patch(table.log2(), table.iter().map(|slot| (slot, true)));
    for payload in [reset].iter().chain(&patch) {
        let update = Update::decode(payload).expect("our own");
        if let Ok(Gathered::Changes(changes)) = gatherer.take(&update, &mut room) {
            assert!(changes.iter().all(|(_, change)| change == Change::Set));
            told.apply(changes.iter(), |_, _| {});
        }
    }
    assert_eq!(told, table);
});
