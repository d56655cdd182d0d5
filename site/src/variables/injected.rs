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

    /// Continues with these numbers.
    #[must_use]
    pub fn with_kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}
