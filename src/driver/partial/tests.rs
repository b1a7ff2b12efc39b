use super::*;

const DOWNLOAD: DownloadId = DownloadId(7);

fn request() -> DownloadRequest {
    DownloadRequest {
        name: "a file.bin".to_owned(),
        size: Some(1_000_000),
        sha1: Some(Sha1([1; 20])),
        sources: Vec::new(),
    }
}

struct Home {
    dir: tempfile::TempDir,
    store: PartialStore,
}

fn home() -> Home {
    let dir = tempfile::tempdir().unwrap();
    let store =
        PartialStore::open(&dir.path().join("finished"), &dir.path().join("incomplete")).unwrap();
    Home { dir, store }
}

impl Home {
    fn open(&self) -> (Partial, Vec<Range<u64>>) {
        self.store.open_partial(DOWNLOAD, &request()).unwrap()
    }

    fn incomplete(&self, name: &str) -> PathBuf {
        self.dir.path().join("incomplete").join(name)
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn only(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

fn sha1(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}

/// Ends without a last word, as kill -9 does.
fn kill(partial: Partial) {
    std::mem::forget(partial);
}

#[test]
fn a_closed_download_is_resumed_where_it_stopped() {
    let home = home();
    let content = bytes(300_000);
    let (mut partial, have) = home.open();
    assert_eq!(have, []);
    partial.write_at(0, &content[..100_000]).unwrap();
    partial.write_at(200_000, &content[200_000..]).unwrap();
    drop(partial);
    assert_eq!(home.store.unfinished().unwrap(), [(DOWNLOAD, request())]);
    let (mut partial, have) = home.open();
    assert_eq!(have, [0..100_000, 200_000..300_000]);
    partial.write_at(100_000, &content[100_000..200_000]).unwrap();
    assert_eq!(partial.hash(300_000), Ok(sha1(&content)));
    let path = partial.publish("a file.bin").unwrap();
    assert_eq!(path, home.store.finished().join("a file.bin"));
    assert_eq!(fs::read(path).unwrap(), content);
    drop(partial);
    assert_eq!(home.store.unfinished().unwrap(), []);
    assert_eq!(fs::read_dir(home.dir.path().join("incomplete")).unwrap().count(), 0);
}

#[test]
fn a_killed_download_has_what_its_journal_names() {
    let home = home();
    let content = bytes(3 << 20);
    let (mut partial, _) = home.open();
    for round in 0..4 {
        partial.write_at(round * content.len() as u64, &content).unwrap();
    }
    kill(partial);
    // 9 MiB were enough for a journal, the last 3 MiB were not (if this took less than a second).
    let (mut partial, have) = home.open();
    let [Range { start: 0, end }] = have[..] else { panic!("{have:?}") };
    assert!(end.is_multiple_of(3 << 20) && end + JOURNAL_BYTES >= 12 << 20, "{end}");
    partial.write_at(end, &content).unwrap();
    partial.journal().unwrap();
    kill(partial);
    assert_eq!(home.open().1, only(0..end + content.len() as u64));
}

#[test]
fn the_journal_is_written_every_second_that_brings_bytes() {
    let home = home();
    let (mut partial, _) = home.open();
    partial.journalled_at = Instant::now().checked_sub(JOURNAL_INTERVAL).unwrap();
    partial.write_at(5, b"five").unwrap();
    kill(partial);
    assert_eq!(home.open().1, only(5..9));
}

#[test]
fn what_the_journal_names_beyond_the_file_is_not_there() {
    let home = home();
    let (mut partial, _) = home.open();
    partial.write_at(0, &bytes(1000)).unwrap();
    drop(partial);
    OpenOptions::new()
        .write(true)
        .open(home.incomplete("0000000000000007.part"))
        .unwrap()
        .set_len(600)
        .unwrap();
    assert_eq!(home.open().1, only(0..600));
}

#[test]
fn row_27_a_damaged_journal_is_set_aside_with_its_bytes() {
    let home = home();
    let journal = home.incomplete("0000000000000007.journal");
    let (mut partial, _) = home.open();
    partial.write_at(0, &bytes(1000)).unwrap();
    drop(partial);
    let whole = fs::read(&journal).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&journal, damaged).unwrap();
        assert_eq!(home.store.unfinished().unwrap(), []);
        fs::write(&journal, &whole[..at]).unwrap();
        let (partial, have) = home.open();
        assert_eq!(have, []);
        partial.discard().unwrap();
    }
    assert!(home.incomplete("0000000000000007.part.bad").exists());
    assert!(home.incomplete("0000000000000007.journal.bad").exists());
}

#[test]
fn other_content_under_the_same_name_begins_anew() {
    let home = home();
    let (mut partial, _) = home.open();
    partial.write_at(0, &bytes(1000)).unwrap();
    drop(partial);
    let same = DownloadRequest { name: "other".to_owned(), size: None, ..request() };
    assert_eq!(home.store.open_partial(DOWNLOAD, &same).unwrap().1, only(0..1000));
    assert_eq!(home.store.unfinished().unwrap(), [(DOWNLOAD, same)]);
    let other = DownloadRequest { sha1: Some(Sha1([2; 20])), ..request() };
    assert_eq!(home.store.open_partial(DOWNLOAD, &other).unwrap().1, []);
    assert_eq!(fs::metadata(home.incomplete("0000000000000007.part")).unwrap().len(), 0);
}

#[test]
fn forgotten_bytes_are_fetched_and_hashed_again() {
    let home = home();
    let content = bytes(10_000);
    let (mut partial, _) = home.open();
    let mut wrong = content.clone();
    wrong[5_000] ^= 1;
    partial.write_at(0, &wrong).unwrap();
    assert_eq!(partial.hash(10_000), Ok(sha1(&wrong)));
    partial.forget(4_000..6_000).unwrap();
    kill(partial);
    let (mut partial, have) = home.open();
    assert_eq!(have, [0..4_000, 6_000..10_000]);
    partial.write_at(4_000, &content[4_000..6_000]).unwrap();
    assert_eq!(partial.hash(10_000), Ok(sha1(&content)));
    partial.write_at(0, b"again").unwrap();
    assert_eq!(partial.hash(10_000), Ok(sha1(&[b"again", &content[5..]].concat())));
}

#[test]
fn what_lies_behind_the_size_is_cut_off() {
    let home = home();
    let content = bytes(10_000);
    let (mut partial, _) = home.open();
    partial.write_at(0, &content).unwrap();
    assert_eq!(partial.hash(4_000), Ok(sha1(&content[..4_000])));
    let path = partial.publish("cut").unwrap();
    assert_eq!(fs::read(path).unwrap(), &content[..4_000]);
}

#[test]
fn bytes_in_order_are_hashed_as_they_come() {
    let home = home();
    let content = bytes(10_000);
    let (mut partial, _) = home.open();
    partial.write_at(0, &content[..4_000]).unwrap();
    partial.write_at(6_000, &content[6_000..]).unwrap();
    assert_eq!(partial.prefix.len, 4_000);
    partial.write_at(4_000, &content[4_000..5_000]).unwrap();
    assert_eq!(partial.prefix.len, 5_000);
    partial.write_at(5_000, &content[5_000..6_000]).unwrap();
    assert_eq!(partial.hash(10_000), Ok(sha1(&content)));
    assert_eq!(partial.prefix.len, 10_000);
}

#[test]
fn publishing_never_replaces_and_stays_in_the_folder() {
    let home = home();
    for (content, name) in [("one", "a.txt"), ("two", "a (2).txt")] {
        let (mut partial, _) = home.open();
        partial.write_at(0, content.as_bytes()).unwrap();
        for bad in ["../a.txt", "", "..", "b/a.txt", "/a.txt", "a\0"] {
            assert_eq!(partial.publish(bad), Err(DiskFailure::Denied), "{bad:?}");
        }
        assert_eq!(partial.publish("a.txt"), Ok(home.store.finished().join(name)));
    }
    assert_eq!(fs::read_to_string(home.store.finished().join("a.txt")).unwrap(), "one");
    assert_eq!(fs::read_dir(home.store.finished()).unwrap().count(), 2);
}

#[test]
fn discarding_leaves_nothing() {
    let home = home();
    let (mut partial, _) = home.open();
    partial.write_at(0, b"bytes").unwrap();
    partial.discard().unwrap();
    assert_eq!(fs::read_dir(home.dir.path().join("incomplete")).unwrap().count(), 0);
}

#[test]
fn failures_have_their_names() {
    let home = home();
    let (mut partial, _) = home.open();
    fs::remove_dir(home.store.finished()).unwrap();
    assert_eq!(partial.publish("a"), Err(DiskFailure::Missing));
    assert_eq!(partial.write_at(u64::MAX, b"xx"), Err(DiskFailure::Denied));
    #[cfg(target_os = "linux")]
    {
        partial.file = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        assert_eq!(partial.write_at(0, b"bytes"), Err(DiskFailure::Full));
        assert_eq!(partial.have, Ranges::default());
    }
    drop(partial);
    fs::remove_dir_all(home.dir.path().join("incomplete")).unwrap();
    let opened = home.store.open_partial(DOWNLOAD, &request());
    assert_eq!(opened.err(), Some(DiskFailure::Missing));
}

#[test]
fn can_be_moved_to_another_thread() {
    fn is_send<T: Send + 'static>(_: &T) {}
    let home = home();
    is_send(&home.open().0);
    is_send(&home.store);
}

/// See the other golden layouts in `state/tests.rs`.
#[test]
fn the_layout_of_the_journal_stays() {
    let journal = Journal { request: request(), have: vec![0..100, 200..300_000] };
    let sealed = super::super::codec::seal(JOURNAL, &journal).unwrap();
    let expected = [
        "66696c62 646f776e 02000000 3000000000000000 84a392001e10b4cb196ea16266dc1334db39f3c1",
        "0a 612066696c652e62696e",
        "01 fc40420f00",
        "01 0101010101010101010101010101010101010101",
        "00",
        "02 00 64 c8 fce0930400",
    ];
    assert_eq!(data_encoding::HEXLOWER.encode(&sealed), expected.concat().replace(' ', ""));
}
