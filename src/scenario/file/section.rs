//! Reads the keys of one table: each by its kind, and none that nobody knows.

use std::time::Duration;

use super::document::{Document, Item, Mistake, Place, Table, Value, nearest, same_key};
use crate::scenario::quantity;

/// One table of a file and what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'d> {
    pub(super) document: &'d Document,
    /// Its name with a point at the end; empty for the whole file.
    name: &'d str,
    table: &'d Table,
    /// Where it begins.
    pub(super) place: &'d Place,
}

pub(super) type Read<T> = Result<T, Mistake>;

const NO_PLACE: &Place = &Place::File(0..0);
const NO_KEYS: &Table = &Table { entries: Vec::new() };

impl<'d> Section<'d> {
    /// The whole file.
    pub(super) fn root(document: &'d Document, known: &[&str]) -> Read<Section<'d>> {
        let table = &document.root;
        Section { document, name: "", table, place: NO_PLACE }.checked(known)
    }

    /// A table in the whole file; an empty one if it is not there.
    pub(super) fn named(
        document: &'d Document,
        name: &'d str,
        known: &[&str],
    ) -> Read<Section<'d>> {
        match document.root.get(name) {
            Some(item) => Section::of(document, name, item, known),
            None => Ok(Section { document, name, table: NO_KEYS, place: NO_PLACE }),
        }
    }

    /// The tables of a list (`[[step]]`) in the whole file.
    pub(super) fn each(
        document: &'d Document,
        name: &'d str,
        known: &[&str],
    ) -> Read<Vec<Section<'d>>> {
        match document.root.get(name) {
            None => Ok(Vec::new()),
            Some(Item { value: Value::List(items), .. }) => {
                items.iter().map(|item| Section::of(document, name, item, known)).collect()
            }
            Some(item) => Section::of(document, name, item, known).map(|section| vec![section]),
        }
    }

    /// This value, which must be a table.
    pub(super) fn of(
        document: &'d Document,
        name: &'d str,
        item: &'d Item,
        known: &[&str],
    ) -> Read<Section<'d>> {
        let Value::Table(table) = &item.value else {
            let message = format!("this is a group of keys; write [{name}] and the keys below it");
            return Err(document.mistake(&item.place, name, message));
        };
        Section { document, name, table, place: &item.place }.checked(known)
    }

    fn checked(self, known: &[&str]) -> Read<Section<'d>> {
        for (key, place, _) in &self.table.entries {
            if !known.is_empty() && !known.iter().any(|name| same_key(name, key)) {
                let near = nearest(key, known.iter().copied());
                return Err(self.document.mistake(
                    place,
                    &self.path(key),
                    format!("there is no such key{near}"),
                ));
            }
        }
        Ok(self)
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Whether it was left out, or is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.table.entries.is_empty()
    }

    /// Its keys, where they stand and their values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, &'d Place, &'d Item)> + use<'d> {
        self.table.entries.iter().map(|(key, place, item)| (key.as_str(), place, item))
    }

    pub(super) fn item(&self, key: &str) -> Option<&'d Item> {
        self.table.get(key)
    }

    /// A mistake at the value of a key, or at the table if the key is not there.
    pub(super) fn mistake(&self, key: &str, message: impl Into<String>) -> Mistake {
        let place = self.item(key).map_or(self.place, |item| &item.place);
        self.document.mistake(place, &self.path(key), message)
    }

    /// The key must be there.
    pub(super) fn need<T>(&self, key: &str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| {
            let message = format!("{key} is missing");
            self.document.mistake(self.place, self.name, message)
        })
    }

    fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Read<Option<T>> {
        let Some(item) = self.item(key) else { return Ok(None) };
        read(&item.value).map(Some).map_err(|message| self.mistake(key, message))
    }

    /// Reads a value whose text is read by `parse`.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Read<Option<T>> {
        self.read(key, |value| match value {
            Value::Text(_) | Value::Whole(_) | Value::Number(_) => parse(&value.to_string()),
            _ => Err("this should be one text or number".to_owned()),
        })
    }

    pub(super) fn text(&self, key: &str) -> Read<Option<String>> {
        self.read(key, |value| match value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(format!("this should be text: \"{value}\"")),
        })
    }

    pub(super) fn truth(&self, key: &str) -> Read<Option<bool>> {
        self.read(key, |value| match value {
            Value::Truth(truth) => Ok(*truth),
            _ => Err("this should be true or false".to_owned()),
        })
    }

    /// A time with its unit.
    pub(super) fn time(&self, key: &str) -> Read<Option<Duration>> {
        self.parsed(key, quantity::time)
    }

    /// A part of a whole.
    pub(super) fn part(&self, key: &str) -> Read<Option<f64>> {
        self.parsed(key, quantity::part)
    }

    /// A whole number that fits.
    pub(super) fn count<T: TryFrom<u64>>(&self, key: &str) -> Read<Option<T>> {
        self.parsed(key, |text| {
            let count = quantity::count(text)?;
            T::try_from(count).map_err(|_| format!("{count} is too large here"))
        })
    }

    /// Any number that is not negative.
    pub(super) fn number(&self, key: &str) -> Read<Option<f64>> {
        self.parsed(key, |text| match quantity::split(text) {
            Some((number, "")) => Ok(number),
            _ => Err(format!("{text} is not a number")),
        })
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, key: &str) -> Read<Vec<(String, Place)>> {
        let Some(item) = self.item(key) else { return Ok(Vec::new()) };
        let items = match &item.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(item),
        };
        let text = |item: &Item| match &item.value {
            Value::Text(text) => Ok((text.clone(), item.place.clone())),
            Value::Whole(_) | Value::Number(_) => Ok((item.value.to_string(), item.place.clone())),
            _ => Err(self.document.mistake(&item.place, &self.path(key), "this should be text")),
        };
        items.iter().map(text).collect()
    }
}

/// One of some words, each with its meaning.
pub(super) fn one_of<T: Clone>(word: &str, what: &str, table: &[(&str, T)]) -> Result<T, String> {
    let found =
        table.iter().find(|(name, _)| same_key(name, word)).map(|(_, meaning)| meaning.clone());
    found.ok_or_else(|| {
        format!("there is no {what} {word}{}", nearest(word, table.iter().map(|(name, _)| *name)))
    })
}
