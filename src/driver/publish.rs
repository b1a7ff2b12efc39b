//! Gives a finished file its name, never over another one.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::state::with_suffix;

/// The longest name of a file, in bytes, on the usual file systems.
const NAME_BYTES_MAX: usize = 255;
/// So many names are tried: `name`, `name (2)` and so on.
const NAMES_MAX: u32 = 10_000;

/// Whether a name leads to a file directly inside whatever folder it is joined to, on any system.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(['/', '\\', '\0'])
}

/// Moves the file into the folder under this name, or the next free one with a number before its
/// extension. Returns where it lies. After a crash it lies at its old place, its new one, or both.
pub(super) fn publish(from: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    match move_into(from, folder, name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let copy = folder.join(from.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
            let copy = with_suffix(&copy, ".copy");
            let published = copy_durably(from, &copy).and_then(|()| move_into(&copy, folder, name));
            if published.is_err() {
                let _ = fs::remove_file(&copy);
            }
            published
        }
        outcome => outcome,
    }
}

fn move_into(from: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 1..=NAMES_MAX {
        let to = folder.join(numbered(name, number));
        if to.parent() != Some(folder) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        match move_without_replacing(from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                // The name must survive a loss of power as well as the bytes do.
                #[cfg(unix)]
                File::open(folder)?.sync_all()?;
                return Ok(to);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn move_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            if let Err(error) = fs::remove_file(from) {
                log::warn!("cannot remove {}: {error}", from.display());
            }
            Ok(())
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists
                    | io::ErrorKind::CrossesDevices
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::StorageFull
            ) =>
        {
            Err(error)
        }
        // A file system without hard links: claim the name, then replace our own empty file.
        Err(_) => {
            File::create_new(to)?;
            fs::rename(from, to).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })
        }
    }
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()
}

/// `name.ext`, `name (2).ext`, `name (3).ext`, shortened where that would be too long.
fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|&dot| dot > 0 && name.len() - dot <= 16);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let number = format!(" ({number})");
    let room = NAME_BYTES_MAX.saturating_sub(number.len() + extension.len());
    format!("{}{number}{extension}", &stem[..stem.floor_char_boundary(room)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_plain() {
        for name in ["a", "a.b", ".hidden", "...", " ", "con", "a b (2).ogg", "ä\u{202e}b"] {
            assert!(is_plain_name(name), "{name:?}");
        }
        let long = "x".repeat(256);
        for name in
            ["", ".", "..", "/", "/a", "a/", "a/.", "a/b", "../a", "a\\b", "a\0b", long.as_str()]
        {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }

    #[test]
    fn numbers_stand_before_the_extension() {
        assert_eq!(numbered("a.tar.gz", 1), "a.tar.gz");
        assert_eq!(numbered("a.tar.gz", 2), "a.tar (2).gz");
        assert_eq!(numbered("a", 3), "a (3)");
        assert_eq!(numbered(".profile", 2), ".profile (2)");
        let long = numbered(&format!("{}.mp3", "é".repeat(125)), 12);
        assert!(long.len() <= 255 && long.ends_with("é (12).mp3"), "{long}");
    }

    #[test]
    fn nothing_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let from = home.path().join("from");
        for (content, name) in [("one", "a.txt"), ("two", "a (2).txt"), ("three", "a (3).txt")] {
            fs::write(&from, content).unwrap();
            let to = publish(&from, home.path(), "a.txt").unwrap();
            assert_eq!(to, home.path().join(name));
            assert!(!from.exists());
        }
        assert_eq!(fs::read_to_string(home.path().join("a.txt")).unwrap(), "one");
        assert_eq!(fs::read_to_string(home.path().join("a (2).txt")).unwrap(), "two");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (from, outside) = (home.path().join("from"), home.path().join("outside"));
        fs::write(&from, "one").unwrap();
        std::os::unix::fs::symlink(&outside, home.path().join("a")).unwrap();
        assert_eq!(publish(&from, home.path(), "a").unwrap(), home.path().join("a (2)"));
        assert!(!outside.exists());
    }
}
