use proptest::prelude::*;

use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes_max: 200, lines_max: 5 };

#[test]
fn ends_at_the_empty_line() {
    for (data, len) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"[..], 27),
        (b"GNUTELLA CONNECT/0.4\n\n", 22),
        (b"a\r\n\nb", 4),
        (b"a\n\r\nb", 4),
        (b"\n", 1),
        (b"\r\n\r\n", 2),
        (b"1\n2\n3\n4\n5\n\n", 11),
    ] {
        assert_eq!(find(data, LIMITS), Head::Complete { len }, "{data:?}");
    }
}

#[test]
fn a_cr_alone_ends_nothing() {
    assert_eq!(find(b"a\r\rb\r\r", LIMITS), Head::Incomplete);
    assert_eq!(find(b"a\n\r\r\n", LIMITS), Head::Incomplete);
    assert_eq!(find(&b"GET / HTTP/1.1\r\r".repeat(20), LIMITS), Head::TooLarge);
}

#[test]
fn limits_are_exact() {
    let line = |len| [vec![b'x'; len], b"\r\n\r\n".to_vec()].concat();
    assert_eq!(find(&line(196), LIMITS), Head::Complete { len: 200 });
    assert_eq!(find(&line(197), LIMITS), Head::TooLarge);
    assert_eq!(find(&[b'x'; 199], LIMITS), Head::Incomplete);
    assert_eq!(find(&[b'x'; 200], LIMITS), Head::TooLarge);
    assert_eq!(find(b"1\n2\n3\n4\n5\n6\n", LIMITS), Head::TooLarge);
    assert_eq!(find(b"1\n2\n3\n4\n5\n6", LIMITS), Head::Incomplete);
    assert_eq!(find(b"", HeadLimits { bytes_max: 0, lines_max: 0 }), Head::TooLarge);
}

#[test]
fn a_megabyte_without_a_line_end_is_refused_at_the_limit() {
    let limits = HeadLimits { bytes_max: 16_384, lines_max: 128 };
    assert_eq!(find(&vec![b'A'; 1 << 20], limits), Head::TooLarge);
    let bomb = [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(10_000)].concat();
    assert_eq!(find(&bomb, limits), Head::TooLarge);
    assert_eq!(find(&bomb, HeadLimits { bytes_max: 1 << 20, lines_max: 128 }), Head::TooLarge);
}

proptest! {
    #[test]
    fn however_it_is_split(
        data in "([ab:]|\r|\n|\r\n){0,120}",
        cuts in prop::collection::vec(0..240_usize, 0..8),
    ) {
        let data = data.as_bytes();
        let whole = find(data, LIMITS);
        let mut finder = Finder::new(LIMITS);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).collect();
        cuts.sort_unstable();
        let mut answers: Vec<Head> = cuts.iter().map(|&cut| finder.find(&data[..cut])).collect();
        answers.push(finder.find(data));
        prop_assert_eq!(answers.last(), Some(&whole));
        let early = answers.iter().find(|&&answer| answer != Head::Incomplete);
        prop_assert!(early.is_none_or(|early| *early == whole));
    }

    #[test]
    fn what_is_complete_is_a_prefix_without_an_earlier_end(data in "[a\r\n]{0,60}") {
        if let Head::Complete { len } = find(data.as_bytes(), LIMITS) {
            let head = &data[..len];
            let lines: Vec<&str> = head.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
            prop_assert_eq!(&lines[lines.len() - 2..], &["", ""]);
            prop_assert!(lines[..lines.len() - 2].iter().all(|line| !line.is_empty()));
        }
    }

    #[test]
    fn any_bytes(data in any::<Vec<u8>>(), bytes_max in 0..300_u32, lines_max in 0..9_u16) {
        let limits = HeadLimits { bytes_max, lines_max };
        if let Head::Complete { len } = find(&data, limits) {
            prop_assert!(len <= data.len() && len <= bytes_max as usize);
        }
        let _ = next_line(&data);
    }
}
