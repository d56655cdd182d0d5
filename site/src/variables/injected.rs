//! Variables that a command puts over all others.

use std::collections::BTreeMap;

use hive_templates::Value;

use crate::service::Kept;

/// What a command knows: variables stronger than any file, and numbers kept from earlier runs.
#[derive(Debug, Clone, Default)]
pub struct Injected {
    variables: BTreeMap<String, Value>,
    /// Published ports and device ids given so far.
    pub kept: Kept,
    /// The number of the host that is the first hive of the stage that is worked on.
    pub first_hive: usize,
}

impl Injected {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a variable: `hive_root_dir`, `hive_context_dir`, `hive_temp_dir`, `hive_phase` and others.
    /// `hive_stage` is there anyway.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a variable whose value is known as JSON.
    #[must_use]
    pub fn with_json(self, name: &str, value: &serde_json::Value) -> Self {
        self.with(name, of_json(value))
    }

    /// Continues with these numbers.
    #[must_use]
    pub fn with_kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    /// Another hive than that of number 0 is the first: the one that founded the swarm.
    #[must_use]
    pub fn with_first_hive(mut self, number: usize) -> Self {
        self.first_hive = number;
        self
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

fn of_json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(of_json).collect(),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(k, v)| (k.as_str(), of_json(v)))),
    }
}
