//! The experiments that come with the program, so that a name works where no file is.

use super::file::{Document, Value};

/// An experiment that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! bundle {
    ($($name:literal),* $(,)?) => {
        /// All of them, in the order in which one may read them.
        pub const ALL: &[Bundled] = &[$(Bundled {
            name: $name,
            text: include_str!(concat!("../../examples/experiments/", $name, ".toml")),
        }),*];
    };
}

bundle![
    "first",
    "compare",
    "transfer",
    "ritter",
    "flood-cost",
    "ttl",
    "latency",
    "strategies",
    "replication",
    "free-riders",
    "assignment",
    "query-routing",
    "growth",
    "growth-flat",
    "churn",
    "flash-crowd",
    "ultrapeers-killed",
    "partition",
    "storm",
    "attack",
];

/// The one of this name.
pub fn find(name: &str) -> Option<&'static Bundled> {
    ALL.iter().find(|experiment| experiment.name == name)
}

impl Bundled {
    /// Its title.
    pub fn title(&self) -> String {
        let document = Document::parse(self.name, self.text).ok();
        let title = document.as_ref().and_then(|document| document.root.get("title"));
        match title.map(|item| &item.value) {
            Some(Value::Text(title)) => title.clone(),
            _ => self.name.to_owned(),
        }
    }
}
