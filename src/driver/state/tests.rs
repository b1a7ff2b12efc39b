use std::net::SocketAddr;

use super::*;

fn hosts() -> Hosts {
    let host = |address: &str, last_success_s, failures| HostRecord {
        last_success_s,
        failures,
        heard_s: last_success_s + 1,
        successes: 7,
        uptime_s: 3_600,
        ultrapeer: Some(failures == 0),
        ..HostRecord::new(address.parse::<SocketAddr>().unwrap())
    };
    Hosts(vec![host("192.0.2.7:6346", 1_700_000_000, 0), host("[2001:db8::1]:6347", 0, 3)])
}

const IDENTITY: Identity = Identity { servent: Guid([7; 16]) };

#[test]
fn what_was_saved_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep").join("data");
    let mut dir = DataDir::open(&path).unwrap();
    assert_eq!((dir.load::<Hosts>(), dir.load::<Identity>()), (None, None));
    dir.save(&hosts()).unwrap();
    dir.save(&IDENTITY).unwrap();
    dir.save(&IDENTITY).unwrap();
    drop(dir);
    let mut dir = DataDir::open(&path).unwrap();
    assert_eq!((dir.load::<Hosts>(), dir.load::<Identity>()), (Some(hosts()), Some(IDENTITY)));
    assert_eq!(dir.set_aside(), []);
    assert_eq!(fs::read(path.join("format-version")).unwrap(), b"1\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn a_second_start_is_refused_and_told_where() {
    let home = tempfile::tempdir().unwrap();
    let first = DataDir::open(home.path()).unwrap();
    let error = DataDir::open(home.path()).unwrap_err();
    assert!(matches!(error, StateError::InUse { .. }));
    assert!(error.to_string().contains(home.path().to_str().unwrap()));
    assert!(error.to_string().contains("--data-dir"));
    drop(first);
    DataDir::open(home.path()).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_an_unreadable_one_set_aside() {
    let home = tempfile::tempdir().unwrap();
    let format = home.path().join("format-version");
    fs::write(&format, "2\n").unwrap();
    assert!(matches!(DataDir::open(home.path()), Err(StateError::Newer { found: 2, .. })));
    fs::write(&format, [0xFF, 0xFE]).unwrap();
    let dir = DataDir::open(home.path()).unwrap();
    assert_eq!(dir.set_aside().len(), 1);
    assert_eq!(fs::read(&format).unwrap(), b"1\n");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DataDir::open(&file.join("data")).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn row_27_whatever_byte_is_damaged_the_start_succeeds_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let mut dir = DataDir::open(home.path()).unwrap();
    let (path, bad) = (home.path().join("hosts"), home.path().join("hosts.bad"));
    dir.save(&hosts()).unwrap();
    let whole = fs::read(&path).unwrap();
    let cut = (0..whole.len()).map(|len| whole[..len].to_vec());
    let changed = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    });
    for (count, damaged) in (1..).zip(cut.chain(changed)) {
        fs::write(&path, &damaged).unwrap();
        assert_eq!(dir.load::<Hosts>(), None);
        assert_eq!(dir.set_aside().len(), count);
        assert_eq!(dir.set_aside().last().unwrap().path, bad);
        assert_eq!(fs::read(&bad).unwrap(), damaged);
        assert!(!path.exists());
    }
    let directory = home.path().join("identity");
    fs::create_dir(&directory).unwrap();
    assert_eq!(dir.load::<Identity>(), None);
    dir.save(&IDENTITY).unwrap();
}

/// The hosts of filbert 0.1, as its `the_layout_of_each_file_stays` had them.
#[test]
fn a_file_of_hosts_of_an_earlier_version_still_loads() {
    let first = [
        "66696c62 686f7374 01000000 2500000000000000 61607d3ab1d9ba9d871d6cf40085747f2b3bad59",
        "02",
        "00 c0000207 fbca18 fc00f15365 00",
        "01 20010db8000000000000000000000001 fbcb18 00 03",
    ];
    let first = first.concat().replace(' ', "");
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("hosts");
    let sealed = data_encoding::HEXLOWER.decode(first.as_bytes()).unwrap();
    fs::write(&path, &sealed).unwrap();
    let mut dir = DataDir::open(home.path()).unwrap();
    let Hosts(loaded) = dir.load().unwrap();
    assert_eq!(dir.set_aside(), []);
    let of = |at: usize| {
        (loaded[at].address.to_string(), loaded[at].last_success_s, loaded[at].failures)
    };
    assert_eq!(of(0), ("192.0.2.7:6346".to_owned(), 1_700_000_000, 0));
    assert_eq!(of(1), ("[2001:db8::1]:6347".to_owned(), 0, 3));
    assert_eq!((loaded[0].successes, loaded[1].successes), (1, 0));
    // A damaged one of that version is set aside, as is one of a later version.
    let mut damaged = sealed.clone();
    damaged[50] ^= 1;
    let later = codec::seal(Kind { version: 3, ..Hosts::KIND }, &hosts()).unwrap();
    for bytes in [damaged, later] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(dir.load::<Hosts>(), None);
    }
    assert_eq!(dir.set_aside().len(), 2);
}

/// The bytes of these files as this version writes them. If this fails, either put the old layout
/// back or raise the version of the file and read both.
#[test]
fn the_layout_of_each_file_stays() {
    let hex = |sealed: Result<Vec<u8>, Damage>| data_encoding::HEXLOWER.encode(&sealed.unwrap());
    let identity = [
        "66696c62 6964656e 01000000 1000000000000000 7ee8b9b443515808dc6e2fcdd2606cf8677a3b3d",
        "07070707070707070707070707070707",
    ];
    assert_eq!(hex(codec::seal(Identity::KIND, &IDENTITY)), identity.concat().replace(' ', ""));
    let expected = [
        "66696c62 686f7374 02000000 3700000000000000 73c9c7003d0d6c95816ee18737e138351d1667fc",
        "02",
        "00 c0000207 fbca18 fc00f15365 00 fc01f15365 07 fb100e 0101",
        "01 20010db8000000000000000000000001 fbcb18 00 03 01 07 fb100e 0100",
    ];
    assert_eq!(hex(codec::seal(Hosts::KIND, &hosts())), expected.concat().replace(' ', ""));
}
