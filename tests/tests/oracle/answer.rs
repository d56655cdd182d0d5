//! What a side says of one stage of a site.

use std::fmt;

use serde_json::{Map, Value};

use crate::corpus::Question;

/// An answer; the predecessor's is the JSON that `predecessor.py` writes.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Why there is nothing else.
    pub failed: Option<String>,
    /// What `hive inventory` prints.
    pub inventory: Value,
    /// Host → variable → `{"value": …}` or `{"error": …}`.
    pub values: Value,
    /// The same of services, as deploying sees them.
    pub seen: Value,
    /// The file of persisted values afterwards.
    pub persisted: Value,
}

/// How much was compared.
#[derive(Debug, Default)]
pub struct Counts {
    sites: Vec<String>,
    stages: usize,
    hosts: usize,
    services: usize,
    variables: usize,
    values: usize,
}

impl Answer {
    /// Nothing but a reason.
    pub fn failure(why: impl Into<String>) -> Self {
        Self {
            failed: Some(why.into()),
            ..Self::default()
        }
    }

    /// The variables of all hosts, as they are listed.
    pub fn hostvars(&self) -> Map<String, Value> {
        let found = self.inventory.pointer("/_meta/hostvars");
        found
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }
}

impl Counts {
    /// Counts what the predecessor says.
    pub fn add(&mut self, question: &Question, theirs: &Answer) {
        if self.sites.last() != Some(&question.site) {
            self.sites.push(question.site.clone());
        }
        self.stages += 1;
        let hostvars = theirs.hostvars();
        let services = theirs.inventory.pointer("/services/hosts");
        self.services += services.and_then(Value::as_array).map_or(0, Vec::len);
        self.hosts += hostvars.len();
        self.variables += inner(&hostvars);
        self.values += theirs.values.as_object().map_or(0, inner);
    }
}

fn inner(hosts: &Map<String, Value>) -> usize {
    let sizes = hosts.values().filter_map(Value::as_object);
    sizes.map(Map::len).sum()
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sites ({} stages), {} hosts, {} services, {} variables, {} evaluated values",
            self.sites.len(),
            self.stages,
            self.hosts,
            self.services,
            self.variables,
            self.values
        )
    }
}
