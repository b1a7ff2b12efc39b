//! Horizons read and written.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn shared(nodes: u64, files: u64, kbytes: u64) -> Shared {
    Shared { nodes, files, kbytes }
}

fn encoded(horizon: &Horizon) -> Vec<u8> {
    let mut out = Vec::new();
    horizon.encode(&mut out);
    out
}

fn bytes(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn the_last_triple_counts_for_all_that_is_further_out() {
    let horizon = Horizon::new(&[shared(1, 2, 3), shared(4, 5, 6), shared(4, 5, 6)]);
    let payload = encoded(&horizon);
    assert_eq!(payload, bytes(&[1, 2, 3, 4, 5, 6]));
    assert_eq!(Horizon::decode(&payload), Ok(horizon.clone()));
    assert_eq!(horizon.within(0), shared(1, 2, 3));
    assert_eq!(horizon.within(6), shared(4, 5, 6));
    assert!(!horizon.is_alone());
    let leaf = Horizon::new(&[shared(1, 9, 9); HOPS_MAX]);
    assert_eq!((encoded(&leaf).len(), leaf.is_alone()), (24, true));
    assert_eq!(Horizon::new(&[]).within(3), shared(1, 0, 0));
}

#[test]
fn what_cannot_be_is_refused() {
    let decode = |numbers: &[u64]| Horizon::decode(&bytes(numbers));
    assert_eq!(decode(&[]), Err(Malformed::BadCount));
    assert_eq!(decode(&[1, 2]), Err(Malformed::BadCount));
    assert_eq!(decode(&[1; 3 * 256]), Err(Malformed::TooLarge));
    assert_eq!(decode(&[0, 0, 0]), Err(Malformed::BadValue), "nobody");
    assert_eq!(decode(&[2, 0, 0]), Err(Malformed::BadValue), "itself twice");
    for at in 3..6 {
        let mut shrinks = [1, 1, 1, 1, 1, 1];
        shrinks[at] = 0;
        assert_eq!(decode(&shrinks), Err(Malformed::BadValue), "shrinks at {at}");
    }
    assert_eq!(decode(&[1, NUMBER_MAX + 1, 0]), Err(Malformed::BadValue));
    assert!(decode(&[1, NUMBER_MAX, NUMBER_MAX]).is_ok());
    // Hops beyond ours are not looked at.
    let mut far = [1; 3 * 9];
    far[3 * 8] = 0;
    assert!(decode(&far).is_ok());
    assert_eq!(Horizon::new(&[shared(1, u64::MAX, 0)]).within(0).files, NUMBER_MAX);
}

proptest! {
    #[test]
    fn a_horizon_survives_the_wire(steps in vec((0..1_000u64, 0..1_000u64, 0..1_000u64), 1..8)) {
        let mut within = vec![shared(1, steps[0].1, steps[0].2)];
        for &(nodes, files, kbytes) in &steps[1..] {
            let last = *within.last().unwrap();
            within.push(last.plus(shared(nodes, files, kbytes)));
        }
        let read = Horizon::decode(&encoded(&Horizon::new(&within))).unwrap();
        for (hops, &shared) in within.iter().enumerate().take(HOPS_MAX) {
            prop_assert_eq!(read.within(hops), shared);
        }
    }

    #[test]
    fn any_bytes_are_answered(data: Vec<u8>, numbers in vec(0..3u64, 0..24)) {
        let _ = Horizon::decode(&data);
        if let Ok(horizon) = Horizon::decode(&bytes(&numbers)) {
            prop_assert_eq!(Horizon::decode(&encoded(&horizon)), Ok(horizon));
        }
    }
}
