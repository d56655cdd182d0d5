//! What has to be done so that a swarm has what is wanted: a value that can be shown, saved as JSON,
//! compared and carried out. Pure: made from what is wanted and what was read.

mod image;
mod material;
mod network;
mod order;
mod request;
mod service;
mod volume;

use std::collections::BTreeMap;

use bollard::models::ServiceSpec;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::actual::Actual;
use crate::desired::{Desired, Owner};
use crate::shape::Shape;

pub use image::{Images, Outdated};
pub use request::{Kind, Request};

/// The version of the JSON form.
pub const PLAN_VERSION: u32 = 1;

/// A plan. The steps are in the order in which they are carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// What happens to each object that was asked for.
    pub steps: Vec<Step>,
    /// Objects of the same owner that are not wanted any more and stay, as nobody asked to remove
    /// them.
    pub leftovers: Vec<Leftover>,
}

/// An object that stays although nothing wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its name in the swarm.
    pub name: String,
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it is.
    pub kind: Kind,
    /// Its name in the swarm.
    pub name: String,
    /// Whose object it is, of what each host has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What happens.
    #[serde(flatten)]
    pub action: Action,
    /// What is written where; not part of what is shown.
    #[serde(skip)]
    pub(crate) target: Target,
}

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create {
        /// Its attributes, all of them new.
        changes: Vec<Change>,
    },
    /// It is changed.
    Update {
        /// What changes.
        changes: Vec<Change>,
        /// Why its tasks start anew although its definition is the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        force: Option<String>,
    },
    /// It is removed and made again, as docker can't change it and nothing uses it.
    Recreate {
        /// What changes.
        changes: Vec<Change>,
    },
    /// It is as it should be.
    Unchanged,
    /// It is removed.
    Remove {
        /// Why.
        why: String,
    },
    /// It can't become what is wanted; with such a step nothing of the plan is carried out.
    Blocked {
        /// What would have to change, if that is known.
        changes: Vec<Change>,
        /// What is in the way.
        why: String,
        /// What a person can do.
        way_out: String,
    },
    /// It is made by something else; nothing is done here.
    Elsewhere,
}

/// A change of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The attribute: `environment.MODE`, `ports.8080/tcp`.
    pub path: String,
    /// What it is now; nothing when it is not there.
    pub old: Option<String>,
    /// What it becomes; nothing when it goes.
    pub new: Option<String>,
}

/// What a write needs beside what is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Target {
    pub id: String,
    pub version: u64,
    pub spec: Option<Box<ServiceSpec>>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A name that was asked for means nothing.
    #[error("there is no {kind} {name:?}; {}", known_names(.known))]
    Unknown {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
        /// Names that there are.
        known: Vec<String>,
    },
}

fn known_names(known: &[String]) -> String {
    match known.is_empty() {
        true => "none is defined on this stage".into(),
        false => format!("defined are: {}", known.join(", ")),
    }
}

/// Makes the plan.
pub fn plan(
    desired: &Desired,
    actual: &Actual,
    images: &Images,
    request: &Request,
) -> Result<Plan, Error> {
    request.check(desired, actual)?;
    let mut steps = Vec::new();
    if !request.remove {
        steps.extend(network::steps(desired, actual, request));
        steps.extend(volume::steps(desired, actual, request));
        steps.extend(material::creations(desired, actual, request));
    }
    let services = service::steps(desired, actual, images, request, &steps);
    steps.extend(order::by_ports(services, actual));
    let (removals, leftovers) = material::removals(desired, actual, request, &steps);
    steps.extend(removals);
    let (removals, left) = network::removals(desired, actual, request, &steps);
    steps.extend(removals);
    let mut leftovers: Vec<Leftover> = leftovers.into_iter().chain(left).collect();
    leftovers.extend(service::leftovers(desired, actual, request, &steps));
    Ok(Plan {
        version: PLAN_VERSION,
        steps,
        leftovers,
    })
}

impl Plan {
    /// Whether carrying it out does nothing.
    pub fn is_empty(&self) -> bool {
        let quiet = |step: &Step| matches!(step.action, Action::Unchanged | Action::Elsewhere);
        self.steps.iter().all(quiet)
    }

    /// Steps that keep it from being carried out.
    pub fn blocked(&self) -> impl Iterator<Item = &Step> {
        let steps = self.steps.iter();
        steps.filter(|step| matches!(step.action, Action::Blocked { .. }))
    }

    /// How many steps of each action, for a last line.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.action.word()).or_default() += 1;
        }
        counts
    }

    /// Names of services that are created or updated: those to wait for.
    pub fn touched_services(&self) -> Vec<String> {
        let steps = self.steps.iter();
        steps
            .filter(|step| step.kind == Kind::Service)
            .filter(|step| matches!(step.action, Action::Create { .. } | Action::Update { .. }))
            .map(|step| step.name.clone())
            .collect()
    }
}

impl Action {
    /// The action in one word, as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Recreate { .. } => "recreate",
            Self::Unchanged => "unchanged",
            Self::Remove { .. } => "remove",
            Self::Blocked { .. } => "blocked",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl Step {
    fn new(kind: Kind, name: &str, action: Action) -> Self {
        Self {
            kind,
            name: name.into(),
            host: None,
            action,
            target: Target::default(),
        }
    }

    fn at(self, id: &str, version: u64) -> Self {
        let target = Target {
            id: id.into(),
            version,
            ..self.target
        };
        Self { target, ..self }
    }

    fn with(self, spec: ServiceSpec) -> Self {
        let target = Target {
            spec: Some(Box::new(spec)),
            ..self.target
        };
        Self { target, ..self }
    }

    /// Whether the object is there after the plan.
    fn leaves_it(&self) -> bool {
        !matches!(self.action, Action::Remove { .. } | Action::Blocked { .. })
    }
}

/// The attributes in which two shapes differ.
fn differences(old: &Shape, new: &Shape) -> Vec<Change> {
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    let changed = paths.into_iter().filter(|p| old.get(*p) != new.get(*p));
    changed
        .map(|path| Change {
            path: path.clone(),
            old: old.get(path).cloned(),
            new: new.get(path).cloned(),
        })
        .collect()
}

/// Whether labels say that the owner made it.
fn owned<'a>(owner: &Owner, labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> bool {
    let mut labels = labels.into_iter();
    labels.any(|(label, value)| *label == owner.label && *value == owner.value)
}

#[cfg(test)]
pub(crate) mod daemon;
#[cfg(test)]
mod tests;
