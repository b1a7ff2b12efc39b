//! What the demonstration shares: a folder that the user names, or documents of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::sim::Dice;

/// Documents taken at most.
const FILES_MAX: usize = 60;
/// Bytes of one document at least and at most: worth a progress bar, not worth a wait.
const SIZE_MIN: u64 = 16 << 10;
const SIZE_MAX: u64 = 8 << 20;
/// Folder entries looked at, so that a large folder does not hold the demonstration up.
const LOOKED_AT_MAX: usize = 20_000;
/// Where documents are looked for, in this order; the last one is the folder we are in.
const PLACES: &[&str] =
    &["/usr/share/doc", "/usr/share/common-licenses", "/usr/share/man", "/usr/share", "."];

/// Real files that the demonstration shares.
#[derive(Debug)]
pub(super) struct Files {
    /// Where they were found.
    pub(super) from: PathBuf,
    /// Each with a name of its own.
    pub(super) files: Vec<(String, PathBuf)>,
}

impl Files {
    /// Takes files of the folder, or documents found on this machine.
    pub(super) fn find(folder: Option<&Path>, dice: &mut Dice) -> Result<Files> {
        if let Some(folder) = folder {
            if !folder.is_dir() {
                bail!("{} is not a folder; --share wants one with files in it", folder.display());
            }
            let files = collect(folder, 0, u64::MAX, dice);
            if files.is_empty() {
                bail!("there is no readable file in {}", folder.display());
            }
            return Ok(Files { from: folder.to_owned(), files });
        }
        for place in PLACES {
            let files = collect(Path::new(place), SIZE_MIN, SIZE_MAX, dice);
            if files.len() >= 10 {
                return Ok(Files { from: PathBuf::from(place), files });
            }
        }
        bail!("no documents were found on this machine; name a folder with --share DIR")
    }

    /// Puts every `parts`-th file, beginning with the `part`-th, into a folder of its own.
    pub(super) fn deal(&self, part: usize, parts: usize, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        for (name, path) in self.files.iter().skip(part).step_by(parts) {
            let target = folder.join(name);
            fs::copy(path, &target).with_context(|| format!("copying {}", path.display()))?;
        }
        Ok(())
    }

    /// A word worth searching for: one that several names have, but not most.
    pub(super) fn word(&self) -> Result<String> {
        let mut names_with = BTreeMap::<String, usize>::new();
        for (name, _) in &self.files {
            let mut words: Vec<String> = name
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| word.chars().count() >= 4 && word.chars().all(char::is_alphabetic))
                .map(str::to_lowercase)
                .collect();
            words.sort();
            words.dedup();
            for word in words {
                *names_with.entry(word).or_default() += 1;
            }
        }
        let enough = 2..=6.max(self.files.len() / 6);
        let best = names_with
            .iter()
            .filter(|(_, names)| enough.contains(names))
            .max_by_key(|(word, names)| (**names, word.len()))
            .or_else(|| names_with.iter().next());
        match best {
            Some((word, _)) => Ok(word.clone()),
            None => bail!("no name in {} has a word of four letters", self.from.display()),
        }
    }
}

/// Files below the folder, some at random, each name once.
fn collect(folder: &Path, size_min: u64, size_max: u64, dice: &mut Dice) -> Vec<(String, PathBuf)> {
    let mut found = walk(folder, size_min, size_max);
    dice.shuffle(&mut found);
    let mut files = BTreeMap::new();
    for path in found {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let Some(own) = name(&path).filter(|_| fs::File::open(&path).is_ok()) else { continue };
        // The folder says what a README is about.
        let about = path.parent().filter(|parent| *parent != folder).and_then(name);
        files.entry(about.map_or(own.clone(), |about| format!("{about} {own}"))).or_insert(path);
        if files.len() == FILES_MAX {
            break;
        }
    }
    files.into_iter().collect()
}

/// Plain files below the folder, in a fixed order; hidden ones and build output are left out.
fn walk(folder: &Path, size_min: u64, size_max: u64) -> Vec<PathBuf> {
    let (mut found, mut folders, mut looked_at) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                break;
            }
            let name = entry.file_name();
            let hidden = name.to_str().is_none_or(|name| name.starts_with('.') || name == "target");
            match entry.metadata() {
                Ok(meta) if !hidden && meta.is_dir() => folders.push(entry.path()),
                Ok(meta)
                    if !hidden && meta.is_file() && (size_min..=size_max).contains(&meta.len()) =>
                {
                    found.push(entry.path());
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}
