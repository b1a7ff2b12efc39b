//! `[[share]]`: files by their names on nodes.

use super::document::{Item, Mistake, Value};
use super::network::nodes;
use super::nodes::Nodes;
use super::section::{Read, Section};

/// A file that somebody shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
}

/// Files on nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Who; each of them has all of the files.
    pub nodes: Nodes,
    /// What.
    pub files: Vec<File>,
}

/// Size of a file of which nothing else is said.
const SIZE_BYTES: u64 = 100_000;
/// Files are hashed, so a simulation that is asked for more would take its time.
const SIZE_BYTES_MAX: u64 = 1 << 30;

/// The keys of a `[[share]]`.
pub(super) const KEYS: &[&str] = &["nodes", "files"];

/// Reads a `[[share]]`.
pub(super) fn read(section: &Section<'_>) -> Read<Share> {
    let nodes = section.need("nodes", nodes(section, "nodes")?)?;
    Ok(Share { nodes, files: files(section, "files")? })
}

/// Reads a list of files: names, or `{ name = "..", size = "3 MB" }`.
pub(super) fn files(section: &Section<'_>, key: &str) -> Read<Vec<File>> {
    let item = section.need(key, section.item(key))?;
    let items = match &item.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(item),
    };
    if items.is_empty() {
        return Err(section.mistake(key, "no file is named"));
    }
    items.iter().map(|item| file(section, key, item)).collect()
}

fn file(section: &Section<'_>, key: &str, item: &Item) -> Result<File, Mistake> {
    match &item.value {
        Value::Text(name) => Ok(File { name: name.clone(), size_bytes: SIZE_BYTES }),
        Value::Table(_) => {
            let inner = Section::of(section.document, "file", item, &["name", "size"])?;
            let name = inner.need("name", inner.text("name")?)?;
            let size_bytes =
                inner.parsed("size", crate::scenario::quantity::size)?.unwrap_or(SIZE_BYTES);
            if size_bytes > SIZE_BYTES_MAX {
                return Err(inner.mistake("size", "this is too large; 1 GB at most"));
            }
            Ok(File { name, size_bytes })
        }
        _ => Err(section.document.mistake(
            &item.place,
            key,
            "a file is a name, or { name = \"..\", size = \"3 MB\" }",
        )),
    }
}
