//! `[node]`: the settings of a node, by the names of `filbert config` or by shorter ones.

use toml::Value as Toml;

use super::document::{Item, Place, Value, nearest, same_key};
use super::section::{Read, Section};
use crate::node::Config;
use crate::node::config::Strategy;
use crate::scenario::quantity;

/// Settings that differ from the usual ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By their names in [`Config`].
    fields: Vec<(String, Toml)>,
}

/// Shorter names, and those they stand for.
const SHORT: &[(&str, &str)] = &[
    ("ttl", "query_ttl_default"),
    ("compress", "compress_links"),
    ("neighbours", "neighbours_wanted"),
    ("results", "results_per_search_max"),
    ("queue", "send_queue_bytes_max"),
    ("query-limit", "queries_per_minute_max"),
];

impl Settings {
    /// Reads the keys of a table, all of which must be settings.
    pub(super) fn read(section: &Section<'_>) -> Read<Settings> {
        let usual = fields_of(&Config::default());
        let mut settings = Settings::default();
        for (key, place, item) in section.entries() {
            let wrong = |place: &Place, message: String| {
                section.document.mistake(place, &format!("node.{key}"), message)
            };
            let Some((name, default)) = find(&usual, key) else {
                let names =
                    usual.keys().map(String::as_str).chain(SHORT.iter().map(|(short, _)| *short));
                let near = nearest(&key.replace('-', "_"), names);
                let near =
                    if near.is_empty() { "; `filbert config` lists them".to_owned() } else { near };
                return Err(wrong(place, format!("there is no such setting{near}")));
            };
            let value =
                value_of(name, default, item).map_err(|message| wrong(&item.place, message))?;
            if name == "query_ttl_default" && value == Toml::Integer(0) {
                return Err(wrong(
                    &item.place,
                    "a question must cross one link at least".to_owned(),
                ));
            }
            settings.put(name, value);
            settings.apply(Config::default()).map_err(|message| wrong(&item.place, message))?;
        }
        Ok(settings)
    }

    /// Sets one, in place of what it was.
    pub(super) fn put(&mut self, name: &str, value: Toml) {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value));
    }

    /// Whether a setting is among these.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// Whether a key names a setting.
    pub(super) fn knows(key: &str) -> bool {
        find(&fields_of(&Config::default()), key).is_some()
    }

    /// The shorter names.
    pub(super) fn short_names() -> impl Iterator<Item = &'static str> {
        SHORT.iter().map(|(short, _)| *short).chain([
            "strategy",
            "forward",
            "query-routing",
            "one-hop-replication",
        ])
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A configuration with these settings changed.
    ///
    /// # Errors
    /// If a value does not fit.
    pub fn apply(&self, config: Config) -> Result<Config, String> {
        if self.fields.is_empty() {
            return Ok(config);
        }
        let mut fields = fields_of(&config);
        for (name, value) in &self.fields {
            fields.insert(name.clone(), value.clone());
        }
        let mut config: Config =
            fields.try_into().map_err(|error: toml::de::Error| plainly(error.message()))?;
        // A query that may go far must be let through, too.
        if !self.has("ttl_and_hops_max") {
            config.ttl_and_hops_max = config.ttl_and_hops_max.max(config.query_ttl_default);
        }
        Ok(config)
    }
}

/// What is wrong with a number, in other words than those of the program.
fn plainly(message: &str) -> String {
    let most = [("u8", u64::from(u8::MAX)), ("u16", u16::MAX.into()), ("u32", u32::MAX.into())];
    let range = message.rsplit_once("expected ").and_then(|(_, kind)| match kind {
        "u64" | "usize" => Some("this must be a whole number from 0 on".to_owned()),
        _ => most
            .iter()
            .find(|(name, _)| *name == kind)
            .map(|(_, most)| format!("this must be a whole number from 0 to {most}")),
    });
    range.unwrap_or_else(|| message.to_owned())
}

fn fields_of(config: &Config) -> toml::Table {
    toml::Table::try_from(config).unwrap_or_default()
}

/// The setting that a key names: by its name, a shorter one, or its name without its unit.
fn find<'f>(usual: &'f toml::Table, key: &str) -> Option<(&'f str, &'f Toml)> {
    let short = SHORT.iter().find(|(short, _)| same_key(short, key)).map(|(_, name)| *name);
    let key = short.unwrap_or(key);
    let exact = usual.iter().find(|(name, _)| same_key(name, key));
    let unitless = || {
        let mut fits = usual.iter().filter(|(name, _)| {
            ["_s", "_ms", "_bytes", "_percent", "_max"]
                .iter()
                .any(|unit| name.strip_suffix(unit).is_some_and(|name| same_key(name, key)))
        });
        fits.next().filter(|_| fits.next().is_none())
    };
    exact.or_else(unitless).map(|(name, value)| (name.as_str(), value))
}

/// The value as the setting wants it: times in its unit, sizes in bytes, strategies in words.
fn value_of(name: &str, default: &Toml, item: &Item) -> Result<Toml, String> {
    if name == "strategy" {
        let strategy = strategy(&item.value.to_string())?;
        return Toml::try_from(strategy).map_err(|error| error.to_string());
    }
    let whole = |number: u64| {
        i64::try_from(number).map(Toml::Integer).map_err(|_| format!("{number} is too large"))
    };
    match (&item.value, default) {
        (Value::Text(text), Toml::Integer(_)) if name.ends_with("_s") => {
            whole(quantity::time(text)?.as_secs())
        }
        (Value::Text(text), Toml::Integer(_)) if name.ends_with("_ms") => {
            whole(quantity::time(text)?.as_millis() as u64)
        }
        (Value::Text(text), Toml::Integer(_)) if name.contains("_bytes") => {
            whole(quantity::size(text)?)
        }
        (Value::Text(text), Toml::Integer(_)) if name.contains("_percent") => {
            whole((quantity::part(text)? * 100.0).round() as u64)
        }
        (Value::Text(text), Toml::Integer(_)) => whole(quantity::count(text)?),
        (Value::Whole(number), Toml::Integer(_)) => Ok(Toml::Integer(*number)),
        (Value::Truth(truth), Toml::Boolean(_)) => Ok(Toml::Boolean(*truth)),
        (Value::Text(text), Toml::String(_)) => Ok(Toml::String(text.clone())),
        (value, Toml::Integer(_)) => Err(format!("{value} should be a whole number")),
        (value, Toml::Boolean(_)) => Err(format!("{value} should be true or false")),
        (value, _) => Err(format!("{value} should be text: \"{value}\"")),
    }
}

/// The strategies by their names; some are preceded by a number.
const STRATEGIES: &[&str] =
    &["dynamic", "flood", "expanding-ring", "2 random-neighbours", "32 walkers"];

/// Reads a strategy: `flood`, `dynamic`, `expanding-ring`, `2 random-neighbours`, `32 walkers`.
///
/// # Errors
/// If there is none of this name.
pub fn strategy(text: &str) -> Result<Strategy, String> {
    let text = text.trim();
    let unknown =
        || format!("there is no strategy {text}{}", nearest(text, STRATEGIES.iter().copied()));
    let (number, word) = match quantity::split(text) {
        Some((number, word)) => (Some(number), word),
        None => (None, text),
    };
    let many = number
        .filter(|number| number.fract() == 0.0 && (1.0..=65_535.0).contains(number))
        .map(|n| n as u16);
    match (word, number, many) {
        ("dynamic", None, _) => Ok(Strategy::Dynamic),
        ("flood", None, _) => Ok(Strategy::Flood),
        ("expanding-ring", None, _) => Ok(Strategy::ExpandingRing),
        ("random-neighbours" | "random neighbours", _, Some(k)) => {
            Ok(Strategy::RandomNeighbours { k })
        }
        ("walkers", _, Some(walkers)) => Ok(Strategy::Walkers { walkers }),
        ("random-neighbours" | "random neighbours" | "walkers", ..) => {
            Err(format!("how many {word}? write it like 2 {word}"))
        }
        _ => Err(unknown()),
    }
}

/// A strategy as it is written in a file.
pub fn strategy_name(strategy: Strategy) -> String {
    match strategy {
        Strategy::Dynamic => "dynamic".to_owned(),
        Strategy::Flood => "flood".to_owned(),
        Strategy::ExpandingRing => "expanding-ring".to_owned(),
        Strategy::RandomNeighbours { k } => format!("{k} random-neighbours"),
        Strategy::Walkers { walkers } => format!("{walkers} walkers"),
    }
}
