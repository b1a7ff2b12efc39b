use std::fs;

use super::*;
use crate::driver::shares::HashIndex;
use crate::library::{FileIndex, Library};

struct Home {
    dir: tempfile::TempDir,
    shares: Mutex<Shares>,
    library: Library,
    folders: Folders,
}

fn home(files: &[&str]) -> Home {
    let dir = tempfile::tempdir().unwrap();
    let home = Home {
        folders: Folders { shared: vec![dir.path().join("shared")], without: Vec::new() },
        dir,
        shares: Mutex::new(Shares::new(HashIndex::default())),
        library: Library::default(),
    };
    fs::create_dir(home.path("")).unwrap();
    files.iter().for_each(|file| home.write(file, file));
    home
}

impl Home {
    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join("shared").join(file)
    }

    fn write(&self, file: &str, content: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), content).unwrap();
    }

    fn rescan(&mut self) -> ScanReport {
        let library = &mut self.library;
        rescan(&self.shares, &self.folders, &AtomicBool::new(false), &mut |change| {
            library.apply(change);
        })
    }

    /// Number, folder and name of everything that is shared.
    fn shared(&self) -> Vec<(u32, String)> {
        let shown = |entry: &Entry| {
            let slash = if entry.folder.is_empty() { "" } else { "/" };
            (entry.index.0, format!("{}{slash}{}", entry.folder, entry.name))
        };
        assert_eq!(lock(&self.shares).view().files, self.library.files() as u64);
        assert_eq!(lock(&self.shares).view().bytes, self.library.bytes());
        self.library.entries().map(shown).collect()
    }
}

fn numbered(files: &[(u32, &str)]) -> Vec<(u32, String)> {
    files.iter().map(|&(index, file)| (index, file.to_owned())).collect()
}

#[test]
fn files_are_found_with_their_folders() {
    let mut home = home(&["b.txt", "a/b/c.txt", "a/d.txt"]);
    let report = home.rescan();
    assert_eq!(report, ScanReport { files: 3, ..ScanReport::default() });
    assert_eq!(home.shared(), numbered(&[(1, "a/b/c.txt"), (2, "a/d.txt"), (3, "b.txt")]));
    let (path, version) = lock(&home.shares).locate(FileIndex(2)).unwrap();
    assert_eq!(path, home.path("a/d.txt").canonicalize().unwrap());
    assert_eq!(version.size, 7);
    assert_eq!(lock(&home.shares).locate(FileIndex(4)), None);
    assert!(home.library.entries().all(|entry| entry.modified_at_s > 1_700_000_000));
}

#[cfg(unix)]
#[test]
fn what_is_not_for_others_is_passed_over_and_counted() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let mut home = home(&["seen", ".hidden", ".git/config", "dir/.x", "own/state", "dir/in"]);
    let outside = home.dir.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, home.path("link to file")).unwrap();
    symlink(home.dir.path(), home.path("link to folder")).unwrap();
    symlink("nowhere", home.path("link to nothing")).unwrap();
    symlink("seen", home.path("link inside")).unwrap();
    symlink(home.path(""), home.path("dir/loop")).unwrap();
    fs::write(home.path("").join(std::ffi::OsStr::from_bytes(b"latin\xE4")), "").unwrap();
    #[cfg(target_os = "linux")]
    rustix::fs::mknodat(
        rustix::fs::CWD,
        home.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    home.folders.without.push(home.path("own"));
    home.folders.shared.push(home.dir.path().join("not there"));
    let report = home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "dir/in"), (2, "seen")]));
    assert_eq!((report.files, report.hidden, report.links_out), (2, 3, 3));
    assert_eq!((report.not_utf8, report.unreadable), (1, 1));
    assert!(report.troubles[0].contains("not there"), "{:?}", report.troubles);
}

#[cfg(unix)]
#[test]
fn files_that_may_not_be_read_are_counted() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = home(&["open", "closed"]);
    fs::set_permissions(home.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let may_read_all = fs::File::open(home.path("closed")).is_ok();
    let report = home.rescan();
    assert_eq!((report.files, report.unreadable), if may_read_all { (2, 0) } else { (1, 1) });
}

#[test]
fn a_file_below_two_shared_folders_is_one() {
    let mut home = home(&["a/b/c", "d"]);
    home.folders.shared.push(home.path("a"));
    home.folders.shared.push(home.path("a/b/c"));
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "a/b/c"), (2, "d")]));
    home.folders.shared.remove(0);
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "b/c")]));
    home.folders.shared.remove(0);
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "c")]));
}

#[test]
fn numbers_stay_with_paths_and_are_not_given_again() {
    let mut home = home(&["a", "b", "c"]);
    home.rescan();
    home.write("b", "longer than before");
    fs::remove_file(home.path("a")).unwrap();
    home.write("0", "new");
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(2, "b"), (3, "c"), (4, "0")]));
    assert_eq!(home.library.by_index(FileIndex(2)).unwrap().size, 18);
    home.write("a", "back");
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "a"), (2, "b"), (3, "c"), (4, "0")]));
    let remembered = lock(&home.shares).hash_index();
    (home.shares, home.library) = (Mutex::new(Shares::new(remembered)), Library::default());
    assert_eq!(home.shared(), []);
    fs::remove_file(home.path("0")).unwrap();
    home.write("1", "new");
    home.rescan();
    assert_eq!(home.shared(), numbered(&[(1, "a"), (2, "b"), (3, "c"), (5, "1")]));
}

#[test]
fn an_unchanged_folder_changes_nothing() {
    let mut home = home(&["a", "b"]);
    home.rescan();
    let report = rescan(&home.shares, &home.folders, &AtomicBool::new(false), &mut |change| {
        panic!("{change:?}")
    });
    assert_eq!(report.files, 2);
}

#[test]
fn a_cancelled_scan_removes_nothing() {
    let mut home = home(&["a", "b"]);
    home.rescan();
    let report = rescan(&home.shares, &home.folders, &AtomicBool::new(true), &mut |change| {
        panic!("{change:?}")
    });
    assert!(report.cancelled);
    assert_eq!(home.shared().len(), 2);
}

#[test]
fn many_batches_become_one_segment_again() {
    let shares = Mutex::new(Shares::new(HashIndex::default()));
    lock(&shares).begin_scan();
    let mut sizes = Vec::new();
    for number in 0..30 {
        let file = FoundFile {
            path: format!("/shared/{number}").into(),
            root_bytes: 8,
            version: Version { size: 1, modified_at_ns: 0 },
        };
        let new = lock(&shares).found([file]);
        add(&shares, new, &mut |change| match change {
            Change::Add(segment) => sizes.push(segment.entries().len()),
            Change::Remove(_) => panic!("nothing is removed"),
        });
    }
    let merged: Vec<usize> = sizes.into_iter().filter(|&size| size > 1).collect();
    assert_eq!(merged, [13, 25]);
}
