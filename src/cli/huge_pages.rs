//! Huge pages for large simulated worlds.
//!
//! A flood in a world of thousands of nodes touches memory all over the place, and much of the time
//! goes into finding out where its pages of 4 KiB lie. Pages of 2 MiB make that a fifth faster. Where
//! Linux gives them only to who asks (`madvise`), glibc's allocator asks if it was told to when the
//! process began (glibc.malloc.hugetlb, since 2.35). So the process begins once more, told to: it
//! keeps its number, its arguments and its files. Whoever sets `GLIBC_TUNABLES`, to nothing at all
//! or to anything, has decided already, and nothing happens.

use std::io;

/// Worlds of fewer nodes lie near the core as a whole.
pub const NODES_MIN: u32 = 2_000;

/// Has this process begin once more with huge pages, if they are to be had and are not used
/// already. To be called before anything was done. Returns if not, which is no failure.
pub fn ask() {
    if let Err(error) = begin_again() {
        log::debug!("no huge pages: {error}");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_again() -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::{env, fs};

    const TUNABLES: &str = "GLIBC_TUNABLES";
    let given = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")?;
    if !is_on_request(&given) || env::var_os(TUNABLES).is_some() {
        return Ok(());
    }
    let mut words = env::args_os();
    let name = words.next().unwrap_or_default();
    let mut again = Command::new(env::current_exe()?);
    again.arg0(name).args(words).env(TUNABLES, "glibc.malloc.hugetlb=1");
    // Comes back only if it fails.
    Err(again.exec())
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn begin_again() -> io::Result<()> {
    Ok(())
}

/// Whether Linux gives huge pages to who asks, and only to them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_on_request(given: &str) -> bool {
    given.split_whitespace().any(|choice| choice == "[madvise]")
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::is_on_request;

    #[test]
    fn only_where_they_are_given_on_request() {
        assert!(is_on_request("always [madvise] never\n"));
        assert!(!is_on_request("[always] madvise never\n"));
        assert!(!is_on_request("always madvise [never]\n"));
    }
}
