//! Variables as templates see them: evaluated when they are asked for, once a host.

mod asked;
mod scope;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use hive_templates::{Error, Surroundings, Templates, Value, Variables};

use super::injected::Injected;
use super::layers;
use super::trace::{self, Trace};
use super::world::World;
use crate::hive::stage::StageName;
use crate::service::Kept;
use crate::yaml::report::{Place, Report};
use crate::yaml::tree::{self, Entry, Node};
use scope::Scope;

/// What `omit` is: a value that leaves out the key that has it.
pub(crate) const OMIT: &str = "__omit_place_holder__";

/// The place of what stands in no file.
const NOWHERE: Place = Place {
    file: 0,
    line: 1,
    column: 1,
    length: 1,
};

/// The variables of a site while one stage is worked on.
#[derive(Clone)]
pub struct Evaluation {
    inner: Arc<Inner>,
}

/// What became of a variable.
type Outcome = Result<Value, Error>;

struct Inner {
    world: Arc<World>,
    stage: StageName,
    injected: Injected,
    /// What depends on kept numbers: ports and device ids, by host; stronger than the definition.
    numbered: BTreeMap<String, Vec<Entry>>,
    kept: Kept,
    templates: Templates,
    /// What variables of hosts turned out to be.
    known: Mutex<HashMap<(Arc<str>, String), Outcome>>,
}

impl std::fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation")
            .field("stage", &self.inner.stage)
            .finish_non_exhaustive()
    }
}

impl Evaluation {
    pub(crate) fn new(
        world: Arc<World>,
        stage: StageName,
        surroundings: Arc<dyn Surroundings>,
        injected: Injected,
    ) -> Self {
        let (numbered, kept) = super::numbers::numbered(&world, stage, &injected.kept);
        Self {
            inner: Arc::new(Inner {
                world,
                stage,
                injected,
                numbered,
                kept,
                templates: Templates::new(surroundings),
                known: Mutex::default(),
            }),
        }
    }

    /// The stage that is worked on.
    pub fn stage(&self) -> StageName {
        self.inner.stage
    }

    /// The variables of a host, service, image (`image_NAME`), volume (`volume_NAME`) or network.
    pub fn scope(&self, host: &str) -> Arc<dyn Variables> {
        Arc::new(self.scope_of(host))
    }

    /// The value of a variable of a host; `None` if there is none of that name.
    ///
    /// # Errors
    /// Its template has no value, or one that it needs.
    pub fn variable(&self, host: &str, name: &str) -> Option<Result<Value, crate::Diagnostics>> {
        let value = self.scope_of(host).value(name)?;
        Some(value.map_err(|error| {
            let mut report = Report::new(&self.inner.world.sources);
            let place = self.entry(host, name).map_or(NOWHERE, |entry| entry.place);
            self.trace(&error, place).report(&mut report);
            match report.finish() {
                Err(diagnostics) => diagnostics,
                Ok(_) => crate::Diagnostics(Vec::new()),
            }
        }))
    }

    /// Published ports and device ids as they are now: those of earlier runs, and new ones.
    pub fn numbers(&self) -> &Kept {
        &self.inner.kept
    }

    /// The files that places point into.
    pub(crate) fn sources(&self) -> &[crate::SourceFile] {
        &self.inner.world.sources
    }

    /// The numbers that were kept from earlier runs.
    pub(crate) fn kept(&self) -> &Kept {
        &self.inner.injected.kept
    }

    pub(crate) fn world(&self) -> &World {
        &self.inner.world
    }

    /// The strongest definition of a variable, as it is written.
    pub(crate) fn entry(&self, host: &str, name: &str) -> Option<&Entry> {
        self.inner.entry(host, name)
    }

    /// All definitions of a host's variables, the strongest of each name.
    pub(crate) fn entries(&self, host: &str) -> BTreeMap<&str, &Entry> {
        let mut found = BTreeMap::new();
        for part in self.inner.parts(host) {
            for entry in part.iter().rev() {
                found.entry(entry.key.as_str()).or_insert(entry);
            }
        }
        found
    }

    /// A tree with all its templates evaluated, as `host` sees them; places stay. What is wrong goes to
    /// the report, and then, or if the value asks to be left out, `None` comes back.
    pub(crate) fn node(&self, node: &Node, host: &str, report: &mut Report<'_>) -> Option<Node> {
        walk::tree(self.scope_of(host), node, report)
    }

    /// A key and its value with all templates evaluated; errors name the key.
    pub(crate) fn entry_value(
        &self,
        entry: &Entry,
        host: &str,
        report: &mut Report<'_>,
    ) -> Option<Entry> {
        let tree = Node {
            value: tree::Value::Map(vec![entry.clone()]),
            place: entry.node.place,
        };
        match self.node(&tree, host, report)?.value {
            tree::Value::Map(found) => found.into_iter().next(),
            _ => None,
        }
    }

    fn trace(&self, error: &Error, place: Place) -> Trace {
        Trace::of(error).cloned().unwrap_or_else(|| Trace {
            message: error.message().to_owned(),
            place,
            help: trace::advice(error),
            needed_by: Vec::new(),
        })
    }

    fn scope_of(&self, host: &str) -> Scope {
        Scope {
            evaluation: self.clone(),
            host: host.into(),
        }
    }
}

impl Inner {
    fn parts(&self, host: &str) -> Vec<&[Entry]> {
        let mut parts = self.world.parts(host, self.stage);
        if let Some(numbered) = self.numbered.get(host) {
            // Behind the host's own file, before its definition.
            parts.insert(1, numbered);
        }
        parts
    }

    fn entry(&self, host: &str, name: &str) -> Option<&Entry> {
        let own = self.parts(host);
        own.into_iter()
            .find_map(|part| layers::last(part, name))
            .or_else(|| self.world.default_for_others(host, name))
    }
}
