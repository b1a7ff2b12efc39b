//! Regions in `[links]`: who lives where, and how far it is from region to region.

use super::document::{Item, Value};
use super::section::{Read, Section};
use crate::scenario::quantity;
use crate::sim::{Regions, Settled};

/// The keys of regions.
pub(super) const KEYS: &[&str] = &["regions", "distances", "region-weights", "region-nodes"];

/// Reads the regions, if there are any.
pub(super) fn read(section: &Section<'_>) -> Read<Option<Regions>> {
    let names: Vec<String> = section.texts("regions")?.into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        let stray = KEYS.iter().find(|key| section.item(key).is_some());
        return match stray {
            Some(key) => {
                let message = "name the regions first: regions = [\"west\", \"east\"]";
                Err(section.mistake(key, message))
            }
            None => Ok(None),
        };
    }
    let settled = match (shares(section, "region-weights")?, shares(section, "region-nodes")?) {
        (None, None) => Settled::RoundRobin,
        (Some(weights), None) => Settled::Random { weights },
        (None, Some(nodes)) => Settled::Blocks { nodes },
        (Some(_), Some(_)) => {
            let message =
                "who lives where is said by region-weights or by region-nodes, not by both";
            return Err(section.mistake("region-nodes", message));
        }
    };
    let one_way_us = section.need("distances", matrix(section)?)?;
    let said = match settled {
        Settled::Random { .. } => "region-weights",
        Settled::Blocks { .. } => "region-nodes",
        Settled::RoundRobin => "distances",
    };
    let regions = Regions { names, one_way_us, settled };
    let wrong_matrix = regions.one_way_us.len() != regions.names.len()
        || regions.one_way_us.iter().any(|row| row.len() != regions.names.len());
    let key = if wrong_matrix { "distances" } else { said };
    regions.check().map_err(|wrong| section.mistake(key, wrong.to_string()))?;
    Ok(Some(regions))
}

/// A list for each region of the times to each region.
fn matrix(section: &Section<'_>) -> Read<Option<Vec<Vec<u64>>>> {
    let Some(item) = section.item("distances") else { return Ok(None) };
    let shape = || {
        let message = "for each region a list of the times to all regions, like [[\"1ms\", \"40ms\"], [\"40ms\", \"1ms\"]]";
        section.mistake("distances", message)
    };
    let list = |item: &'_ Item| match &item.value {
        Value::List(items) => Ok(items.clone()),
        _ => Err(shape()),
    };
    let time = |item: &Item| {
        let time = quantity::time(&item.value.to_string());
        let wrong = |wrong: String| section.document.mistake(&item.place, "links.distances", wrong);
        Ok(u64::try_from(time.map_err(wrong)?.as_micros()).unwrap_or(u64::MAX))
    };
    let rows = list(item)?;
    rows.iter().map(|row| list(row)?.iter().map(time).collect()).collect::<Read<_>>().map(Some)
}

fn shares(section: &Section<'_>, key: &str) -> Read<Option<Vec<u32>>> {
    if section.item(key).is_none() {
        return Ok(None);
    }
    let share = |(text, place): (String, _)| {
        let count = quantity::count(&text).and_then(|count| {
            u32::try_from(count).map_err(|_| format!("{count} is too large here"))
        });
        count.map_err(|wrong| section.document.mistake(&place, &format!("links.{key}"), wrong))
    };
    section.texts(key)?.into_iter().map(share).collect::<Read<_>>().map(Some)
}
