use crate::wire::Sha1;

use super::*;

/// A name, a size, and the first byte of a hash.
type File = (&'static str, u64, Option<u8>);

fn marks_of(text: &str, files: &[File]) -> Vec<bool> {
    let record = |(index, &(name, size, sha1)): (u32, &File)| Record {
        sha1: sha1.map(|byte| Sha1([byte; 20])),
        ..Record::new(index, size, name)
    };
    let records: Vec<Record<'_>> = (1..).zip(files).map(record).collect();
    marks(text, &records)
}

#[test]
fn made_up_results_are_marked() {
    let cases: [(&str, &[File]); 7] = [
        ("blue moon", &[("blue moon.exe", 84_331, Some(1))]),
        ("annual report 2025", &[("annual report 2025.scr", 1, None)]),
        ("WhatIsNewXOXO", &[("WhatIsNewXOXO.mp3", 5_000_000, Some(1))]),
        // Whatever is asked for is there in every form.
        (
            "blue moon",
            &[
                ("Blue Moon.mp3", 3_000_000, Some(1)),
                ("blue_moon.wmv", 2_000_000, Some(2)),
                ("blue-moon.exe", 90_000, Some(3)),
            ],
        ),
        // The same archive under the names of three songs.
        (
            "moon",
            &[
                ("moon river karaoke.zip", 84_331, Some(1)),
                ("moon landing video.zip", 84_331, Some(1)),
                ("moon full album.zip", 84_331, Some(1)),
            ],
        ),
        (
            "moon",
            &[
                ("moon river setup.exe", 84_331, None),
                ("moon landing setup.exe", 84_331, None),
                ("moon full setup.exe", 84_331, None),
            ],
        ),
        ("x y", &[("x y.VBS", 900, None)]),
    ];
    for (text, files) in cases {
        assert!(marks_of(text, files).iter().all(|&marked| marked), "{text}: {files:?}");
    }
}

#[test]
fn what_honest_servents_send_is_not() {
    let cases: [(&str, &[File]); 14] = [
        // The very file that was looked for, by its name.
        ("annual report 2025", &[("annual report 2025.pdf", 90_000, Some(1))]),
        ("my summer photos", &[("my summer photos.zip", 90_000_000, Some(1))]),
        ("putty 0.70", &[("putty-0.70.exe", 900_000, Some(1))]),
        ("setup", &[("setup.exe", 900_000, Some(1)), ("setup.exe", 800_000, Some(2))]),
        ("Total Commander", &[("Total Commander.exe", 4_000_000, Some(1))]),
        // A song, its cover and nothing more.
        ("blue moon", &[("Blue Moon.mp3", 3_000_000, Some(1)), ("blue moon.jpg", 9_000, Some(2))]),
        // Copies of one file in several folders, and of one song under several names.
        ("moon", &[("moon.exe", 9, Some(1)), ("moon.exe", 9, Some(1)), ("Moon.exe", 9, Some(1))]),
        (
            "moon",
            &[
                ("moon.mp3", 3_000_000, Some(1)),
                ("blue moon.mp3", 3_000_000, Some(1)),
                ("Artist - Blue Moon.mp3", 3_000_000, Some(1)),
            ],
        ),
        // Images of floppy disks all have one size; their contents differ.
        (
            "disk",
            &[
                ("disk 1.img", 1_474_560, Some(1)),
                ("disk 2.img", 1_474_560, Some(2)),
                ("disk 3.img", 1_474_560, Some(3)),
            ],
        ),
        (
            "disk",
            &[
                ("disk 1.img", 1_474_560, None),
                ("disk 2.img", 1_474_560, None),
                ("disk 3.img", 1_474_560, None),
            ],
        ),
        // One work in many forms.
        (
            "blue moon",
            &[
                ("Blue Moon.mp3", 3, Some(1)),
                ("Blue Moon.flac", 9, Some(2)),
                ("Blue Moon.jpg", 1, Some(3)),
                ("Blue Moon.txt", 2, Some(4)),
                ("Blue Moon.zip", 8, Some(5)),
            ],
        ),
        // An album that has the search in every name.
        (
            "blue moon",
            &[
                ("01 - Blue Moon.mp3", 1, Some(1)),
                ("02 - Blue Moon (live).mp3", 2, Some(2)),
                ("03 - Blue Moon (acoustic).mp3", 3, Some(3)),
            ],
        ),
        // "What is new" has no words, and a browse neither.
        ("", &[("a.exe", 1, Some(1)), ("b.exe", 2, Some(2)), (".", 3, None), ("..", 4, None)]),
        ("linux", &[("linux.iso", 700_000_000, Some(1))]),
    ];
    for (text, files) in cases {
        assert!(!marks_of(text, files).contains(&true), "{text}: {files:?}");
    }
}
