use std::fs::{self, File};
use std::time::SystemTime;

use super::*;
use crate::driver::scan::{Folders, rescan};
use crate::driver::shares::{HashIndex, SharesView};
use crate::library::{FileIndex, Library};

struct Home {
    dir: tempfile::TempDir,
    data_dir: DataDir,
    shares: Mutex<Shares>,
    library: Library,
}

fn home(files: &[(&str, usize)]) -> Home {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("shared")).unwrap();
    for &(name, len) in files {
        fs::write(dir.path().join("shared").join(name), vec![b'x'; len]).unwrap();
    }
    let data_dir = DataDir::open(&dir.path().join("data")).unwrap();
    let mut home = Home { dir, data_dir, shares: Mutex::default(), library: Library::default() };
    home.restart();
    home
}

impl Home {
    fn restart(&mut self) {
        let remembered: Option<HashIndex> = self.data_dir.load();
        self.shares = Mutex::new(Shares::new(remembered.unwrap_or_default()));
        self.library = Library::default();
        self.rescan();
    }

    fn rescan(&mut self) {
        let folders = Folders { shared: vec![self.dir.path().join("shared")], without: Vec::new() };
        let library = &mut self.library;
        rescan(&self.shares, &folders, &AtomicBool::new(false), &mut |change| {
            library.apply(change)
        });
    }

    fn hash(&mut self) -> HashReport {
        let library = &mut self.library;
        hash_all(&self.shares, &self.data_dir, &AtomicBool::new(false), &mut |change| {
            library.apply(change);
        })
    }

    fn sha1_of(&self, name: &str) -> Option<Sha1> {
        self.library.entries().find(|entry| entry.name == name)?.sha1
    }
}

fn sha1_of_x(len: usize) -> Option<Sha1> {
    Some(Sha1(sha1::Sha1::digest(vec![b'x'; len]).into()))
}

#[test]
fn every_file_gets_its_hash_and_a_restart_reads_nothing() {
    let mut home = home(&[("empty", 0), ("small", 100), ("large", 600_000)]);
    let to_hash = SharesView {
        files: 3,
        bytes: 600_100,
        files_to_hash: 3,
        bytes_to_hash: 600_100,
        looking: false,
    };
    assert_eq!(lock(&home.shares).view(), to_hash);
    assert_eq!(home.hash(), HashReport { files: 3, bytes: 600_100, ..HashReport::default() });
    let hashed = SharesView { files_to_hash: 0, bytes_to_hash: 0, ..to_hash };
    for _ in 0..2 {
        assert_eq!(lock(&home.shares).view(), hashed);
        for (name, len) in [("empty", 0), ("small", 100), ("large", 600_000)] {
            assert_eq!(home.sha1_of(name), sha1_of_x(len));
        }
        assert!(home.library.by_sha1(&sha1_of_x(100).unwrap()).is_some());
        home.restart();
        assert_eq!(home.hash(), HashReport::default());
    }
}

#[test]
fn a_changed_file_is_hashed_again() {
    let mut home = home(&[("a", 10), ("b", 20)]);
    home.hash();
    let path = home.dir.path().join("shared/a");
    fs::write(&path, "y").unwrap();
    home.rescan();
    assert_eq!((home.sha1_of("a"), home.sha1_of("b")), (None, sha1_of_x(20)));
    assert_eq!(home.hash(), HashReport { files: 1, bytes: 1, ..HashReport::default() });
    // The same size, but another time.
    File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    home.rescan();
    assert_eq!(home.hash(), HashReport { files: 1, bytes: 1, ..HashReport::default() });
}

#[test]
fn a_file_that_changed_or_went_since_the_scan_is_left_to_the_next() {
    let mut home = home(&[("changes", 10), ("goes", 20), ("stays", 30)]);
    fs::write(home.dir.path().join("shared/changes"), "xxxxxxxxxxx").unwrap();
    fs::remove_file(home.dir.path().join("shared/goes")).unwrap();
    let expected =
        HashReport { files: 1, bytes: 30, changed: 1, unreadable: 1, ..HashReport::default() };
    assert_eq!(home.hash(), expected);
    assert_eq!((home.library.files(), home.sha1_of("changes")), (2, None));
    assert_eq!(lock(&home.shares).locate(FileIndex(2)), None);
    home.rescan();
    assert_eq!(home.hash(), HashReport { files: 1, bytes: 11, ..HashReport::default() });
    assert_eq!(home.sha1_of("changes"), sha1_of_x(11));
}

#[test]
fn cancelling_between_two_reads_loses_only_the_file_at_hand() {
    let mut home = home(&[("first", 100), ("second", 3 * READ_BYTES)]);
    let cancelled = AtomicBool::new(false);
    let file = lock(&home.shares).next_unhashed().unwrap();
    let hashed = hash_file(&file.path, file.version, &cancelled, &mut |_| ());
    lock(&home.shares).hashed(&file, hashed.unwrap());
    let file = lock(&home.shares).next_unhashed().unwrap();
    let mut reads = 0;
    let outcome = hash_file(&file.path, file.version, &cancelled, &mut |_| {
        reads += 1;
        cancelled.store(true, Ordering::Relaxed);
    });
    assert!(matches!(outcome, Err(Unhashable::Cancelled)));
    assert_eq!(reads, 1);
    let report = hash_all(&home.shares, &home.data_dir, &cancelled, &mut |_| ());
    assert_eq!(report, HashReport { cancelled: true, ..HashReport::default() });
    home.restart();
    assert_eq!(lock(&home.shares).view().files_to_hash, 1);
    assert_eq!(home.hash().bytes, 3 * READ_BYTES as u64);
}

#[cfg(unix)]
#[test]
fn only_what_was_shared_is_opened() {
    let home = home(&[("a", 10)]);
    let (path, version) = lock(&home.shares).locate(FileIndex(1)).unwrap();
    assert!(open_unchanged(&path, version).is_ok());
    let secret = home.dir.path().join("secret");
    fs::rename(&path, &secret).unwrap();
    std::os::unix::fs::symlink(&secret, &path).unwrap();
    assert!(open_unchanged(&path, version).is_err());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "other content").unwrap();
    assert!(open_unchanged(&path, version).is_err());
}

/// See the other golden layouts in `state/tests.rs`.
#[test]
fn the_layout_of_the_hash_index_stays() {
    use crate::driver::codec::{seal, unseal};
    use crate::driver::shares::FoundFile;
    use crate::driver::state::StateFile;
    let mut shares = Shares::new(HashIndex::default());
    shares.begin_scan();
    let version = Version { size: 300, modified_at_ns: 1_700_000_000_000_000_000 };
    let files =
        ["/s/a", "/s/b"].map(|path| FoundFile { path: path.into(), root_bytes: 3, version });
    shares.found(files);
    let first = shares.next_unhashed().unwrap();
    shares.hashed(&first, Sha1([1; 20]));
    let index = shares.hash_index();
    let sealed = seal(HashIndex::KIND, &index).unwrap();
    let expected = [
        "66696c62 68617368 01000000 3c00000000000000 6ad65518a4fb0b4f62c84ec46c616218ddd40eaf",
        "03 02",
        "04 2f732f61 01 fb2c01 fd00002a36fe9c9717 01 0101010101010101010101010101010101010101",
        "04 2f732f62 02 fb2c01 fd00002a36fe9c9717 00",
    ];
    assert_eq!(data_encoding::HEXLOWER.encode(&sealed), expected.concat().replace(' ', ""));
    assert_eq!(unseal(HashIndex::KIND, &sealed), Ok(index));
}
