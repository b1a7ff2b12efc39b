//! A scenario file as a tree whose every value knows where it stands, and the mistakes that point
//! there.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file: its first byte, and the one after the last.
    File(Range<usize>),
    /// On the command line, in these words.
    Words(Arc<str>),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What TOML knows, moments of the calendar left out.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number with a point.
    Number(f64),
    /// True or false.
    Truth(bool),
    /// A list.
    List(Vec<Item>),
    /// Keys and their values.
    Table(Table),
}

/// Keys and their values, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The keys, where they stand, and their values.
    pub entries: Vec<(String, Place, Item)>,
}

impl Table {
    /// The value of a key; `_` and `-` are the same in keys.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries.iter().find(|(name, ..)| same_key(name, key)).map(|(.., item)| item)
    }
}

/// Whether two keys are the same: people write `query-routing`, settings are named `query_routing`.
pub(super) fn same_key(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .all(|(a, b)| a == b || matches!((a, b), (b'-' | b'_', b'-' | b'_')))
}

/// Something in a scenario that cannot be meant: where, which key, what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Mistake {
    /// The file, as the user named it.
    pub file: String,
    /// The line, counted from 1; 0 if it is not in the file.
    pub line: usize,
    /// The key, with the tables it is in: `network.degree`; empty if there is none.
    pub key: String,
    /// What is wrong, in one clear sentence.
    pub message: String,
    /// The line of the file, and from which to which character it is wrong.
    pub excerpt: Option<(String, Range<usize>)>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some((line, wrong)) = &self.excerpt {
            let number = self.line.to_string();
            let marks = "^".repeat(wrong.len().max(1));
            write!(f, "\n  {number} | {line}\n  {:1$} | ", "", number.len())?;
            write!(f, "{}{marks}", " ".repeat(wrong.start))?;
        }
        Ok(())
    }
}

/// A file that was parsed, not yet understood.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name, as the user gave it.
    pub name: Arc<str>,
    text: Arc<str>,
    /// Its keys.
    pub root: Table,
}

impl Document {
    /// Parses TOML.
    ///
    /// # Errors
    /// Where the text is not TOML.
    pub fn parse(name: &str, text: &str) -> Result<Document, Mistake> {
        let mut document =
            Document { name: name.into(), text: text.into(), root: Table::default() };
        let parsed = DeTable::parse(text).map_err(|error| {
            let place = Place::File(error.span().unwrap_or(0..0));
            document.mistake(&place, "", error.message())
        })?;
        document.root = table(parsed.get_ref());
        Ok(document)
    }

    /// A mistake at a place.
    pub fn mistake(&self, place: &Place, key: &str, message: impl Into<String>) -> Mistake {
        let (line, excerpt) = match place {
            Place::File(span) => self.excerpt(span),
            Place::Words(_) => (0, None),
        };
        let file = match place {
            Place::File(_) => self.name.to_string(),
            Place::Words(words) => words.to_string(),
        };
        Mistake { file, line, key: key.to_owned(), message: message.into(), excerpt }
    }

    /// The line of a place, counted from 1; 0 if it is not in the file.
    pub fn line(&self, place: &Place) -> u32 {
        match place {
            Place::File(span) => self.excerpt(span).0 as u32,
            Place::Words(_) => 0,
        }
    }

    fn excerpt(&self, span: &Range<usize>) -> (usize, Option<(String, Range<usize>)>) {
        let start = self.text.floor_char_boundary(span.start);
        let before = &self.text[..start];
        let line = before.matches('\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text[begin..].lines().next().unwrap_or_default();
        let column = self.text[begin..start].chars().count();
        let end = self.text.floor_char_boundary(span.end.min(begin + text.len()).max(start));
        let width = self.text[start..end].chars().count();
        (line, Some((text.to_owned(), column..column + width)))
    }

    /// The same with another value for a key (`network.nodes`), which need not be there yet.
    #[must_use]
    pub fn with(&self, path: &str, item: Item) -> Document {
        let mut varied = self.clone();
        let mut table = &mut varied.root;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            let at = table.entries.iter().position(|(name, ..)| same_key(name, key));
            let at = at.unwrap_or_else(|| {
                let nothing =
                    Item { value: Value::Table(Table::default()), place: item.place.clone() };
                table.entries.push((key.to_owned(), item.place.clone(), nothing));
                table.entries.len() - 1
            });
            let slot = &mut table.entries[at].2;
            if keys.peek().is_none() {
                *slot = item;
                break;
            }
            if !matches!(slot.value, Value::Table(_)) {
                slot.value = Value::Table(Table::default());
            }
            let Value::Table(inner) = &mut slot.value else { break };
            table = inner;
        }
        varied
    }
}

/// A value that was written outside a file (`--sweep ttl=1,2`): as TOML if it is that, else as text.
pub fn value_of(words: &str, place: &Place) -> Item {
    let text = format!("value = {words}");
    let parsed = DeTable::parse(&text).ok();
    let value = parsed.as_ref().and_then(|parsed| parsed.get_ref().get("value"));
    let value = value
        .map_or_else(|| Value::Text(words.to_owned()), |value| item(value.get_ref(), 0..0).value);
    Item { value, place: place.clone() }
}

fn table(parsed: &DeTable<'_>) -> Table {
    let mut entries: Vec<_> = parsed
        .iter()
        .map(|(key, value)| {
            let place = Place::File(key.span());
            (key.get_ref().to_string(), place, item(value.get_ref(), value.span()))
        })
        .collect();
    entries.sort_by_key(|(_, place, _)| match place {
        Place::File(span) => span.start,
        Place::Words(_) => usize::MAX,
    });
    Table { entries }
}

fn item(parsed: &DeValue<'_>, span: Range<usize>) -> Item {
    let value = match parsed {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Text(number.as_str().to_owned()), Value::Whole),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| Value::Text(number.as_str().to_owned()), Value::Number),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(moment) => Value::Text(moment.to_string()),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|one| item(one.get_ref(), one.span())).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner)),
    };
    Item { value, place: Place::File(span) }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Whole(number) => write!(f, "{number}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::List(items) => {
                let texts: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Value::Table(table) => {
                let texts: Vec<String> = table
                    .entries
                    .iter()
                    .map(|(key, _, item)| format!("{key} = {}", item.value))
                    .collect();
                write!(f, "{{ {} }}", texts.join(", "))
            }
        }
    }
}

/// The nearest of some names, if one is near enough to be meant: `; is it degree?`, else the list.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let likeness = |name: &&str| strsim::jaro_winkler(name, word);
    let best = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best {
        Some(name) if likeness(&name) > 0.75 => format!("; is it {name}?"),
        _ if names.is_empty() => String::new(),
        _ if names.len() <= 24 => format!("; there are {}", names.join(", ")),
        _ => String::new(),
    }
}
