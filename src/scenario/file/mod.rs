//! The scenario file: TOML that can be read aloud, and what it means.
//!
//! ```toml
//! title = "Who hears a question?"
//!
//! [network]                       # who is there
//! topology = "random-regular"
//! nodes = 200
//! degree = 4
//!
//! [node]                          # settings of every node, as `filbert config` names them
//! strategy = "flood"
//! ttl = 4
//!
//! [links]
//! latency = "exponential 50ms"
//!
//! [[share]]
//! nodes = "3 of all"
//! files = ["apricot jam.txt"]
//!
//! [[step]]                        # what happens
//! search = "apricot"
//! by = 0
//!
//! [expect]                        # what should come of it
//! that = ["reached >= 100", "messages >= reached"]
//! ```
//!
//! Every mistake is an error that says the file, the line and the key, and proposes the nearest
//! name that exists. `examples/experiments/` has more, and a README there lists all keys.

mod document;
mod harm;
mod links;
mod network;
mod nodes;
mod regions;
mod section;
mod settings;
mod shares;
mod steps;
mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use document::{Document, Item, Mistake, Place, Value, nearest, value_of};
pub use harm::Harm;
pub use links::latency;
pub use network::{Group, Network};
pub use nodes::Nodes;
pub use settings::{Settings, strategy, strategy_name};
pub use shares::{File, Share};
pub use steps::{Act, Step, When};
pub use workload::{Asking, Workload};

use super::expect::{self, Condition};
use super::report::Axis;
use crate::node::Config;
use crate::node::config::Strategy;
use crate::sim::{NetConfig, Regions};
use section::{Read, Section};

/// A scenario: who is there, what they share, what happens, and what should come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name in one line.
    pub title: String,
    /// What it shows.
    pub about: String,
    /// The seed, if the user says none.
    pub seed: u64,
    /// How long it is played at least.
    pub lasts: Duration,
    /// How long nodes that look for neighbours by themselves are given for it before the play.
    pub warm_up: Duration,
    /// How long the network is left alone at the end, so that late hits come home.
    pub afterwards: Duration,
    /// The network.
    pub network: Network,
    /// Settings of every node.
    pub settings: Settings,
    /// Nodes that differ.
    pub groups: Vec<Group>,
    /// The links.
    pub links: NetConfig,
    /// Where the nodes live, and how far it is from region to region; nowhere if `None`.
    pub regions: Option<Arc<Regions>>,
    /// Files by name.
    pub shares: Vec<Share>,
    /// What nodes do by themselves.
    pub workload: Workload,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What should come of it, and in which line it stands.
    pub expectations: Vec<(Condition, u32)>,
    /// Why real servents are not to play it, if the file says that they are not.
    pub simulated_only: Option<String>,
}

/// The tables and keys of a file.
const KEYS: &[&str] = &[
    "title",
    "about",
    "seed",
    "lasts",
    "warm-up",
    "afterwards",
    "compare",
    "theatres",
    "because",
    "network",
    "node",
    "group",
    "links",
    "share",
    "files",
    "questions",
    "churn",
    "crowd",
    "step",
    "sweep",
    "expect",
];

/// The tables whose keys can be swept by their name alone, in the order in which they are looked
/// through; `[node]` comes after `[network]`.
const SWEPT: &[(&str, &[&str])] = &[
    ("", &["seed", "lasts", "warm-up", "afterwards"]),
    ("network", network::KEYS),
    ("node", &[]),
    ("links", links::KEYS),
    ("files", workload::FILES_KEYS),
    ("questions", workload::QUESTIONS_KEYS),
    ("churn", workload::CHURN_KEYS),
    ("crowd", workload::CROWD_KEYS),
];

/// What varies from run to run.
#[derive(Clone, Debug)]
pub struct Varied {
    /// The key, as the user writes it.
    pub key: String,
    /// Where it stands in the file.
    path: String,
    /// Its values.
    values: Vec<Item>,
}

/// Values of one axis at most.
const VALUES_MAX: usize = 1_000;

impl Varied {
    /// Values of a key of the file: of a key by its name alone, or with its table (`node.ttl`).
    ///
    /// # Errors
    /// If no such key exists.
    pub fn new(
        document: &Document,
        key: &str,
        place: &Place,
        values: Vec<Item>,
    ) -> Result<Varied, Mistake> {
        let wrong = |message: String| document.mistake(place, key, message);
        if values.is_empty() || values.len() > VALUES_MAX {
            return Err(wrong(format!("a sweep has 1 to {VALUES_MAX} values, like [1, 2, 3]")));
        }
        for (at, item) in values.iter().enumerate() {
            if values[..at].iter().any(|other| other.value == item.value) {
                return Err(wrong(format!("{} is named twice", item.value)));
            }
        }
        let path = path_of(document, key).map_err(wrong)?;
        Ok(Varied { key: key.to_owned(), path, values })
    }

    /// Whether both vary the same key.
    pub fn is_of(&self, other: &Varied) -> bool {
        self.path.len() == other.path.len()
            && self
                .path
                .split('.')
                .zip(other.path.split('.'))
                .all(|(a, b)| document::same_key(a, b))
    }

    /// As the report names it.
    pub fn axis(&self) -> Axis {
        let text = |item: &Item| match item.value.to_string() {
            text if self.path == "node.strategy" => strategy(&text).map_or(text, strategy_name),
            text => text,
        };
        Axis { key: self.key.clone(), values: self.values.iter().map(text).collect() }
    }
}

/// Where a key stands: the table that has it already, else the first that may have it.
fn path_of(document: &Document, key: &str) -> Result<String, String> {
    if key.contains('.') {
        let (table, _) = key.split_once('.').unwrap_or_default();
        return match SWEPT.iter().any(|(name, _)| *name == table) {
            true => Ok(key.to_owned()),
            false => Err(format!(
                "there is no table {table} to sweep{}",
                nearest(table, SWEPT.iter().map(|(name, _)| *name))
            )),
        };
    }
    let path =
        |table: &str| if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
    let has = |table: &str| match document.root.get(table).map(|item| &item.value) {
        Some(Value::Table(inner)) => inner.get(key).is_some(),
        _ => table.is_empty() && document.root.get(key).is_some(),
    };
    let may = |table: &str, keys: &[&str]| match table {
        "node" => Settings::knows(key),
        _ => keys.iter().any(|known| document::same_key(known, key)),
    };
    let there = SWEPT.iter().find(|(table, keys)| has(table) && may(table, keys));
    let found = there.or_else(|| SWEPT.iter().find(|(table, keys)| may(table, keys)));
    found.map(|(table, _)| path(table)).ok_or_else(|| {
        let names =
            SWEPT.iter().flat_map(|(_, keys)| keys.iter().copied()).chain(Settings::short_names());
        format!("there is no key {key} to sweep{}", nearest(key, names))
    })
}

/// What a file says of what varies: the strategies that are compared, then the sweep.
///
/// # Errors
/// Where something is wrong.
pub fn varied(document: &Document) -> Result<Vec<Varied>, Mistake> {
    let mut all = Vec::new();
    let root = Section::root(document, KEYS)?;
    let list = |item: &Item| match &item.value {
        Value::List(values) => values.clone(),
        _ => vec![item.clone()],
    };
    if let Some(item) = root.item("compare") {
        for one in list(item) {
            let known: Result<Strategy, String> = strategy(&one.value.to_string());
            known.map_err(|wrong| document.mistake(&one.place, "compare", wrong))?;
        }
        all.push(Varied::new(document, "strategy", &item.place, list(item))?);
    }
    for (key, place, item) in Section::named(document, "sweep", &[])?.entries() {
        all.push(Varied::new(document, key, place, list(item))?);
    }
    Ok(all)
}

/// The file with one combination of what varies; `chosen` is a place in the values of each.
pub fn variant(document: &Document, varied: &[Varied], chosen: &[usize]) -> Document {
    varied.iter().zip(chosen).fold(document.clone(), |document, (varied, &at)| {
        varied
            .values
            .get(at)
            .map_or(document.clone(), |item| document.with(&varied.path, item.clone()))
    })
}

/// How the text of a file that a scenario names is found.
pub type Load<'l> = dyn Fn(&str) -> Result<String, String> + Sync + 'l;

impl Scenario {
    /// Understands a file, of which `axes` says what varies.
    ///
    /// # Errors
    /// The first mistake: where it is, and what is wrong.
    pub fn read(document: &Document, axes: &[Axis], load: &Load<'_>) -> Result<Scenario, Mistake> {
        let root = Section::root(document, KEYS)?;
        let network_section = Section::named(document, "network", network::KEYS)?;
        if network_section.is_empty() {
            return Err(document.mistake(
                &Place::File(0..0),
                "network",
                "there is no [network]; say who is there",
            ));
        }
        let varies = |axis: &Axis| axis.key.trim_start_matches("network.") == "topology";
        let network = network::read(&network_section, &load, axes.iter().any(varies))?;
        let links_section =
            Section::named(document, "links", &[links::KEYS, regions::KEYS].concat())?;
        let each = |name, known| Section::each(document, name, known);
        let groups = each("group", network::GROUP_KEYS)?
            .iter()
            .map(network::read_group)
            .collect::<Read<Vec<_>>>()?;
        let shares =
            each("share", shares::KEYS)?.iter().map(shares::read).collect::<Read<Vec<_>>>()?;
        let steps =
            each("step", &steps::keys())?.iter().map(steps::read).collect::<Read<Vec<_>>>()?;
        let workload = workload(document, &network)?;
        let scenario = Scenario {
            title: root.text("title")?.unwrap_or_else(|| document.name.to_string()),
            about: root.text("about")?.unwrap_or_default().trim().to_owned(),
            seed: root.count("seed")?.unwrap_or(1),
            lasts: root.time("lasts")?.unwrap_or_else(|| workload.lasts()),
            warm_up: root.time("warm-up")?.unwrap_or(Duration::from_secs(120)),
            afterwards: root.time("afterwards")?.unwrap_or(Duration::from_secs(10)),
            network,
            settings: Settings::read(&Section::named(document, "node", &[])?)?,
            groups,
            links: links::read(&links_section)?,
            regions: regions::read(&links_section)?.map(Arc::new),
            shares,
            workload,
            steps,
            expectations: expectations(document)?,
            simulated_only: simulated_only(&root)?,
        };
        scenario.check(document, axes)?;
        Ok(scenario)
    }

    /// The configuration of a node that no group names; `leaf` in networks with tiers.
    pub fn config(&self, leaf: bool) -> Config {
        let usual = super::simulated::usual_config(&self.network, leaf);
        self.settings.apply(usual.clone()).unwrap_or(usual)
    }

    /// Holds what sections say against each other: groups, labels and numbers that are named exist.
    fn check(&self, document: &Document, axes: &[Axis]) -> Read<()> {
        let groups: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        let count =
            self.network.nodes() + self.steps.iter().map(|step| joins(&step.act)).sum::<u32>();
        let meant = |nodes: &Nodes, section: &str, item: Option<&Item>| {
            // The value that names them, in the table that is given.
            let wrong = |word: &str, message: String| {
                let place = item.map_or(&Place::File(0..0), |item| names(item, word));
                Err(document.mistake(place, section, message))
            };
            if let Some(unknown) = nodes.groups().into_iter().find(|name| !groups.contains(name)) {
                let names = groups.iter().copied().chain(["all", "ultrapeers", "leaves", "any"]);
                return wrong(
                    unknown,
                    format!("no nodes are called {unknown}{}", nearest(unknown, names)),
                );
            }
            match nodes
                .highest()
                .filter(|&highest| highest >= count && self.workload.churn.is_none())
            {
                Some(highest) => {
                    let numbers = format!("they are numbered from 0 to {}", count - 1);
                    wrong(&highest.to_string(), format!("there is no node {highest}: {numbers}"))
                }
                None => Ok(()),
            }
        };
        let at = |name: &str, place: usize| match document.root.get(name).map(|item| &item.value) {
            Some(Value::List(items)) => items.get(place),
            _ => document.root.get(name),
        };
        for (place, group) in self.groups.iter().enumerate() {
            if groups[..place].contains(&group.name.as_str()) {
                let item = at("group", place);
                let place = item.map_or(&Place::File(0..0), |item| names(item, &group.name));
                let message = format!("there is a group {} already", group.name);
                return Err(document.mistake(place, "group.name", message));
            }
            meant(&group.nodes, "group", at("group", place))?;
        }
        for (place, share) in self.shares.iter().enumerate() {
            meant(&share.nodes, "share", at("share", place))?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            for nodes in step.act.nodes() {
                meant(&nodes, "step", at("step", place))?;
            }
        }
        if let Some(asking) = &self.workload.questions {
            meant(&asking.by, "questions.by", document.root.get("questions"))?;
        }
        self.check_conditions(document, axes)
    }

    fn check_conditions(&self, document: &Document, axes: &[Axis]) -> Read<()> {
        let labels: BTreeSet<&str> =
            self.steps.iter().filter_map(|step| step.label.as_deref()).collect();
        let list = document.root.get("expect").and_then(|item| match &item.value {
            Value::Table(table) => table.get("that"),
            _ => None,
        });
        for (place, (condition, _)) in self.expectations.iter().enumerate() {
            if let Some((name, names)) = expect::unknown_names(condition, axes, &labels) {
                let item = list.map(|list| match &list.value {
                    Value::List(items) => items.get(place).unwrap_or(list),
                    _ => list,
                });
                let place = item.map_or(Place::File(0..0), |item| item.place.clone());
                let near = nearest(&name, names.iter().map(String::as_str));
                return Err(document.mistake(
                    &place,
                    "expect.that",
                    format!("nothing is called {name}{near}"),
                ));
            }
        }
        Ok(())
    }
}

/// Where a file may be played, and why nowhere else.
fn simulated_only(root: &Section<'_>) -> Read<Option<String>> {
    let known = [("simulated", false), ("real", true)];
    let mut theatres = Vec::new();
    for (text, place) in root.texts("theatres")? {
        let read: Result<bool, Mistake> = section::one_of(&text, "theatre", &known)
            .map_err(|wrong| root.document.mistake(&place, "theatres", wrong));
        theatres.push(read?);
    }
    let because = root.text("because")?;
    match (theatres.is_empty() || theatres.contains(&true), because) {
        (true, Some(_)) => Err(root.mistake(
            "because",
            "this says why real servents do not play it, and theatres = [\"simulated\"] is missing",
        )),
        (true, None) => Ok(None),
        (false, because) => Ok(Some(because.unwrap_or_default())),
    }
}

/// Where a word stands in a table: at the value in which it is, or at the table.
fn names<'i>(item: &'i Item, word: &str) -> &'i Place {
    let Value::Table(table) = &item.value else { return &item.place };
    let mut values = table.entries.iter().map(|(.., item)| item);
    values
        .find(|item| item.value.to_string().contains(word))
        .map_or(&item.place, |item| &item.place)
}

/// New nodes that an act brings.
fn joins(act: &Act) -> u32 {
    if let Act::Join(count) = act { *count } else { 0 }
}

fn workload(document: &Document, network: &Network) -> Read<Workload> {
    let section = |name, keys| Section::named(document, name, keys);
    let files = section("files", workload::FILES_KEYS)?;
    let questions_section = section("questions", workload::QUESTIONS_KEYS)?;
    let crowd_section = section("crowd", workload::CROWD_KEYS)?;
    let workload = Workload {
        corpus: workload::files(&files, network.nodes())?,
        questions: workload::questions(&questions_section)?,
        churn: workload::churn(&section("churn", workload::CHURN_KEYS)?)?,
        crowd: workload::crowd(&crowd_section)?,
    };
    if workload.corpus.is_none() {
        for (asks, section, name) in [
            (workload.questions.is_some(), questions_section, "questions"),
            (workload.crowd.is_some(), crowd_section, "crowd"),
        ] {
            if asks {
                let message = format!("[{name}] ask for the files of [files], and there are none");
                return Err(document.mistake(section.place, name, message));
            }
        }
    }
    Ok(workload)
}

fn expectations(document: &Document) -> Read<Vec<(Condition, u32)>> {
    let section = Section::named(document, "expect", &["that"])?;
    let mut all = Vec::new();
    for (text, place) in section.texts("that")? {
        let condition =
            expect::read(&text).map_err(|wrong| document.mistake(&place, "expect.that", wrong))?;
        all.push((condition, document.line(&place)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
