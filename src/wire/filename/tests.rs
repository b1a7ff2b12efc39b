use proptest::prelude::*;

use super::*;

/// What every system must be able to create in a folder, and nothing else than a file there.
fn assert_safe(name: &str) {
    let from = || format!("{name:?}");
    assert!(!name.is_empty() && name.len() <= BYTES_MAX, "{}", from());
    assert!(!name.starts_with(['.', ' ', '-']) && !name.ends_with(['.', ' ']), "{}", from());
    assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']), "{}", from());
    assert!(!name.chars().any(char::is_control), "{}", from());
    assert!(!name.chars().any(is_invisible), "{}", from());
    assert!(!is_device(name), "{}", from());
    let path = std::path::Path::new("folder").join(name);
    assert_eq!(path.parent(), Some(std::path::Path::new("folder")), "{}", from());
    assert_eq!(path.file_name().and_then(|n| n.to_str()), Some(name), "{}", from());
    let decoded =
        String::from_utf8_lossy(&crate::wire::percent::decode(name.as_bytes())).into_owned();
    assert!(!decoded.contains(['/', '\\', '\0']) && decoded != "..", "{}", from());
}

#[test]
fn good_names_stay() {
    for name in [
        "a",
        "blue moon.ogg",
        "100% live.mp3",
        "Größe (1) [x] {y} ~ #1 & co.tar.gz",
        "日本語.txt",
        "naïve — “quoted”.pdf",
        "می‌خواهم.txt",
        "👨‍👩‍👧.png",
        "con-cert.mp3",
        "console.log",
        "com10.txt",
        "a..b",
        "x.",
        "_",
        "c'est la vie; $HOME `ls`.txt",
    ] {
        let want = name.trim_end_matches('.');
        assert_eq!(safe_name(name), want);
        assert_safe(&safe_name(name));
    }
}

#[test]
fn bad_names_become_harmless() {
    for (name, want) in [
        ("", "unnamed"),
        (".", "unnamed"),
        ("..", "unnamed"),
        ("...", "unnamed"),
        (" . . ", "unnamed"),
        ("/", "unnamed"),
        ("../", "unnamed"),
        ("..\\..\\", "unnamed"),
        ("\u{200B}\u{202E}", "unnamed"),
        ("\u{3000}\u{A0}", "unnamed"),
        ("../x", "x"),
        ("../../etc/passwd", "etc_passwd"),
        ("/etc/passwd", "etc_passwd"),
        ("a/../../b", "a_b"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Windows\\system32\\x.dll", "C__Windows_system32_x.dll"),
        ("\\\\?\\C:\\x", "__C__x"),
        ("\\\\server\\share\\x", "server_share_x"),
        ("//./pipe/x", "pipe_x"),
        ("AC/DC - T.N.T.mp3", "AC_DC - T.N.T.mp3"),
        ("..／..＼x", "x"),
        ("a\u{2215}b", "a_b"),
        (".bashrc", "bashrc"),
        (". .. x", "x"),
        ("x.txt.", "x.txt"),
        ("x.txt ", "x.txt"),
        ("x.txt. . .", "x.txt"),
        ("a\0b.txt", "a_b.txt"),
        ("a\r\nb\t\u{7F}\u{85}c", "a__b___c"),
        ("song\u{202E}3pm.exe", "song3pm.exe"),
        ("a\u{2066}b\u{2069}\u{200F}\u{FEFF}c", "abc"),
        ("file.txt:stream", "file.txt_stream"),
        ("file.txt::$DATA", "file.txt__$DATA"),
        ("a<b>c\"d|e?f*g", "a_b_c_d_e_f_g"),
        ("-rf", "_-rf"),
        ("CON", "_CON"),
        ("con", "_con"),
        ("aux.txt", "_aux.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("PRN.", "_PRN"),
        ("com1", "_com1"),
        ("LPT9.x", "_LPT9.x"),
        ("COM¹.x", "_COM¹.x"),
        ("conin$", "_conin$"),
        ("co\u{200B}n", "_con"),
        ("\u{202E}nul", "_nul"),
        ("%2e%2e%2fx", "_2e_2e_2fx"),
        ("%252e%252e", "_252e_252e"),
        ("%%2f", "%_2f"),
        ("%5C%00", "_5C_00"),
        ("%", "%"),
        ("é%", "é%"),
    ] {
        assert_eq!(safe_name(name), want, "{name:?}");
        assert_safe(want);
    }
}

#[test]
fn long_names_are_cut_before_the_extension() {
    let cut = safe_name(&format!("{}.tar.gz", "a".repeat(300)));
    assert_eq!((cut.len(), cut.ends_with("a.gz")), (BYTES_MAX, true));
    let wide = safe_name(&format!("{}.mp3", "é".repeat(300)));
    assert!(wide.len() >= BYTES_MAX - 1 && wide.ends_with("é.mp3"));
    let spaces = safe_name(&format!("a{}b.mp3", " ".repeat(300)));
    assert_eq!(spaces, "a.mp3");
    let no_extension = safe_name(&format!("a.{}", "b".repeat(300)));
    assert_eq!(no_extension.len(), BYTES_MAX);
    let device = safe_name(&format!("con.{}", "b".repeat(300)));
    assert!(device.starts_with("_con.b") && device.len() == BYTES_MAX);
    let dots = safe_name(&format!("a{}b", ".".repeat(300)));
    assert_safe(&dots);
    assert_safe(&safe_name(&"\u{10FFFF}".repeat(100)));
}

proptest! {
    #[test]
    fn any_name_becomes_safe(name in any::<String>()) {
        let safe = safe_name(&name);
        assert_safe(&safe);
        prop_assert_eq!(safe_name(&safe), safe);
    }

    #[test]
    fn any_nasty_name_becomes_safe(
        name in "(\\.|/|\\\\| |:|-|%|2e|2f|25|00|con|aux|com1|nul|\u{202E}|\u{200B}|é|x|\t|\\$|~){0,40}",
        filler in 0..250_usize,
    ) {
        let name = format!("{name}{}{name}", "y".repeat(filler));
        let safe = safe_name(&name);
        assert_safe(&safe);
        prop_assert_eq!(safe_name(&safe), safe);
    }
}
