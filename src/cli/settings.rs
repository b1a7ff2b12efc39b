//! The settings in effect: flags, then FILBERT_* variables, then filbert.toml, then defaults; each
//! remembers where it came from.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use etcetera::{AppStrategy, AppStrategyArgs};
use toml::Value;

use super::args::{Common, Run};
use crate::servent::Config;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Environment(name) => write!(f, "variable {name}"),
            Origin::Flag => f.write_str("command line"),
        }
    }
}

/// A setting of the node's own that people name without its group.
const ROLE: &str = "role";

/// Every setting by its name. Those of the node's own configuration are named `node.FIELD`.
#[derive(Debug)]
pub(super) struct Settings {
    values: BTreeMap<String, (Value, Origin)>,
}

impl Settings {
    /// Gathers the settings of this command line, this environment and the settings file.
    pub(super) fn load(common: &Common, run: Option<&Run>) -> Result<Settings> {
        let folders = folders()?;
        let mut settings = Settings { values: defaults(&folders)? };
        let named = common.config.clone().or_else(|| env::var_os("FILBERT_CONFIG").map(Into::into));
        let path = named.clone().unwrap_or_else(|| folders.config_dir().join("filbert.toml"));
        if named.is_some() || path.exists() {
            settings.take_file(&path)?;
        }
        settings.take_environment()?;
        settings.take_flags(common, run)?;
        Ok(settings)
    }

    /// Every setting with its value and origin, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.values.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// A setting that is text.
    pub(super) fn text(&self, key: &str) -> &str {
        self.values.get(key).and_then(|(value, _)| value.as_str()).unwrap_or_default()
    }

    /// A setting that is a list of texts.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let values = self.values.get(key).and_then(|(value, _)| value.as_array());
        values.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }

    /// A setting that is a path.
    pub(super) fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(self.text(key))
    }

    /// Where the servent listens.
    pub(super) fn listen(&self) -> Result<SocketAddr> {
        let text = self.text("listen");
        text.parse().map_err(|_| anyhow!("setting listen = {text} is not ADDRESS:PORT"))
    }

    /// The node's own configuration, without its address.
    pub(super) fn node(&self) -> Result<Config> {
        let mut table = toml::Table::new();
        for (key, (value, _)) in &self.values {
            let field = key.strip_prefix("node.").or((key == ROLE).then_some(ROLE));
            if let Some(field) = field {
                table.insert(field.to_owned(), value.clone());
            }
        }
        // One by one, so that a value that does not fit can be named.
        let mut config = Config::default();
        for (field, value) in table {
            let mut whole = toml::Table::try_from(&config)?;
            whole.insert(field.clone(), value.clone());
            config = whole.try_into().map_err(|error: toml::de::Error| {
                let group = if field == ROLE { "" } else { "node." };
                anyhow!("setting {group}{field} = {value} does not fit: {}", error.message())
            })?;
        }
        Ok(config)
    }

    fn take_file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the settings file {} cannot be read", path.display()))?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("the settings file {} is not valid TOML", path.display()))?;
        let origin = Origin::File(path.to_owned());
        for (key, value) in table {
            match (key.as_str(), value) {
                ("node", Value::Table(fields)) => {
                    for (field, value) in fields {
                        self.put(&format!("node.{field}"), value, origin.clone())?;
                    }
                }
                (_, value) => self.put(&key, value, origin.clone())?,
            }
        }
        Ok(())
    }

    fn take_environment(&mut self) -> Result<()> {
        let keys: Vec<String> = self.values.keys().cloned().collect();
        for key in keys {
            let name = format!("FILBERT_{}", key.replace('.', "_").to_uppercase());
            if let Ok(text) = env::var(&name) {
                self.put_text(&key, &text, Origin::Environment(name))?;
            }
        }
        Ok(())
    }

    /// A node's configuration with some settings changed (`--set`); nothing else is looked at.
    pub(super) fn changed(config: &Config, set: &[String]) -> Result<Config> {
        let mut values = BTreeMap::new();
        put_node(&mut values, config)?;
        let mut settings = Settings { values };
        settings.take_pairs(set)?;
        Ok(Config { listen: config.listen, ..settings.node()? })
    }

    fn take_pairs(&mut self, pairs: &[String]) -> Result<()> {
        for pair in pairs {
            let (key, text) = pair
                .split_once('=')
                .ok_or_else(|| anyhow!("--set {pair}: write it as --set KEY=VALUE"))?;
            self.put_text(key.trim(), text.trim(), Origin::Flag)?;
        }
        Ok(())
    }

    fn take_flags(&mut self, common: &Common, run: Option<&Run>) -> Result<()> {
        self.take_pairs(&common.set)?;
        let flag = |path: &Path| Value::String(path.to_string_lossy().into_owned());
        if let Some(dir) = &common.data_dir {
            self.put("data_dir", flag(dir), Origin::Flag)?;
        }
        let Some(run) = run else { return Ok(()) };
        for (key, value) in [("listen", &run.listen), ("api", &run.api), (ROLE, &run.role)] {
            if let Some(value) = value {
                self.put(key, Value::String(value.clone()), Origin::Flag)?;
            }
        }
        if let Some(word) = &run.port_mapping {
            self.put("node.port_mapping", Value::Boolean(word == "on"), Origin::Flag)?;
        }
        if let Some(dir) = &run.download_dir {
            self.put("download_dir", flag(dir), Origin::Flag)?;
        }
        if !run.share.is_empty() {
            let shares = run.share.iter().map(|dir| flag(dir)).collect();
            self.put("share", Value::Array(shares), Origin::Flag)?;
        }
        if !run.connect.is_empty() {
            let peers = run.connect.iter().cloned().map(Value::String).collect();
            self.put("connect", Value::Array(peers), Origin::Flag)?;
        }
        if !run.bootstrap.is_empty() {
            let words = run.bootstrap.iter().flat_map(|words| words.split(','));
            let words = words.map(|word| Value::String(word.trim().to_owned())).collect();
            self.put("bootstrap", Value::Array(words), Origin::Flag)?;
        }
        Ok(())
    }

    /// Takes a value written as text: as the kind of value that the default has.
    fn put_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<()> {
        let value = match self.values.get(key) {
            Some((Value::String(_), _)) => Value::String(text.to_owned()),
            Some((Value::Array(_), _)) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
            }
            Some(_) => format!("value = {text}")
                .parse::<toml::Table>()
                .ok()
                .and_then(|mut table| table.remove("value"))
                .ok_or_else(|| anyhow!("setting {key} = {text} ({origin}) is not a value"))?,
            None => return Err(self.unknown(key, &origin)),
        };
        self.put(key, value, origin)
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) -> Result<()> {
        let Some(slot) = self.values.get_mut(key) else { return Err(self.unknown(key, &origin)) };
        // Some choices are words or tables: `flood`, `{ random-neighbours = { k = 2 } }`. Whether they
        // are right is seen when the node's settings are put together.
        let may_be_table = key.starts_with("node.") && slot.0.is_str() && value.is_table();
        if slot.0.type_str() != value.type_str() && !may_be_table {
            let wanted = match slot.0.type_str() {
                "array" => "a list",
                "boolean" => "true or false",
                "integer" => "a whole number",
                _ => "text",
            };
            bail!("setting {key} = {value} ({origin}) should be {wanted}");
        }
        *slot = (value, origin);
        Ok(())
    }

    fn unknown(&self, key: &str, origin: &Origin) -> anyhow::Error {
        let nearest = self
            .values
            .keys()
            .map(|known| (strsim::jaro_winkler(known, key), known))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(likeness, _)| *likeness > 0.7);
        match nearest {
            Some((_, known)) => anyhow!("there is no setting {key} ({origin}); is it {known}?"),
            None => anyhow!("there is no setting {key} ({origin}); `filbert config` lists them"),
        }
    }
}

/// Every setting of a node by its name.
fn put_node(values: &mut BTreeMap<String, (Value, Origin)>, config: &Config) -> Result<()> {
    for (field, value) in toml::Table::try_from(config)? {
        let grouped = field != "listen" && field != ROLE;
        let key = if grouped { format!("node.{field}") } else { field };
        values.insert(key, (value, Origin::Default));
    }
    Ok(())
}

/// The folder of this user's programs for what goes on at the moment.
pub(super) fn state_dir() -> Result<PathBuf> {
    let folders = folders()?;
    Ok(folders.state_dir().unwrap_or_else(|| folders.data_dir()))
}

fn folders() -> Result<impl AppStrategy> {
    etcetera::choose_app_strategy(AppStrategyArgs {
        top_level_domain: String::new(),
        author: String::new(),
        app_name: "filbert".to_owned(),
    })
    .context("this user has no home directory; say --data-dir and --config")
}

fn defaults(folders: &impl AppStrategy) -> Result<BTreeMap<String, (Value, Origin)>> {
    let data_dir = folders.data_dir();
    let text = |path: &Path| Value::String(path.to_string_lossy().into_owned());
    let mut values = BTreeMap::new();
    put_node(&mut values, &Config::default())?;
    for (key, value) in [
        ("data_dir", text(&data_dir)),
        ("download_dir", Value::String(String::new())),
        ("api", Value::String("127.0.0.1:0".to_owned())),
        ("share", Value::Array(Vec::new())),
        ("connect", Value::Array(Vec::new())),
        ("bootstrap", Value::Array(vec![Value::String("default".to_owned())])),
    ] {
        values.insert(key.to_owned(), (value, Origin::Default));
    }
    Ok(values)
}
