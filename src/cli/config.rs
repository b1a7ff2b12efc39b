//! `filbert config`: the settings in effect and where each comes from.

use anyhow::Result;

use super::Outcome;
use super::render::{Side, Table, say};
use super::settings::{Origin, Settings};

/// Prints every setting; as a table, or as JSON.
pub(super) fn print(settings: &Settings, json: bool) -> Result<Outcome> {
    // A value that does not fit is told here too, not only when a servent starts.
    settings.node()?;
    if json {
        let all: serde_json::Map<String, serde_json::Value> = settings
            .iter()
            .map(|(key, value, origin)| {
                let entry = serde_json::json!({ "value": value, "origin": origin.to_string() });
                (key.to_owned(), entry)
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(Outcome::Worked);
    }
    let mut table =
        Table::new(&[("setting", Side::Left), ("value", Side::Left), ("from", Side::Left)]);
    for (key, value, origin) in settings.iter() {
        let from = if *origin == Origin::Default { String::new() } else { origin.to_string() };
        table.row([key.to_owned(), value.to_string(), from]);
    }
    table.print();
    Ok(Outcome::Worked)
}
