//! What a plan is asked for.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, owned};
use crate::actual::Actual;
use crate::desired::Desired;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Kind {
    Network,
    Volume,
    Secret,
    Config,
    Service,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Secret => "secret",
            Self::Config => "config",
            Self::Service => "service",
        })
    }
}

/// What a plan is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The kinds of objects that it is about.
    pub kinds: BTreeSet<Kind>,
    /// Only these (`-l`): services if it is about services, else networks or volumes.
    pub only: Option<BTreeSet<String>>,
    /// Removes instead (`-D`).
    pub remove: bool,
    /// Removes what the owner made and does not want any more.
    pub prune: bool,
}

impl Request {
    fn about(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Services with their secrets and configs; networks and volumes have to be there.
    pub fn services() -> Self {
        Self::about(&[Kind::Service, Kind::Secret, Kind::Config])
    }

    /// Networks.
    pub fn networks() -> Self {
        Self::about(&[Kind::Network])
    }

    /// Volumes.
    pub fn volumes() -> Self {
        Self::about(&[Kind::Volume])
    }

    /// Everything, as for a stack.
    pub fn everything() -> Self {
        use Kind::{Config, Network, Secret, Service, Volume};
        Self::about(&[Network, Volume, Secret, Config, Service])
    }

    /// Only these names.
    pub fn only(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.only = Some(names.into_iter().collect());
        self
    }

    /// Removes instead.
    pub fn removing(mut self) -> Self {
        self.remove = true;
        self
    }

    /// Removes what is not wanted any more, too.
    pub fn pruning(mut self) -> Self {
        self.prune = true;
        self
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The kind that `only` names.
    fn named(&self) -> Kind {
        let order = [Kind::Service, Kind::Network, Kind::Volume];
        let kind = order.into_iter().find(|kind| self.has(*kind));
        kind.unwrap_or(Kind::Service)
    }

    /// Whether an object of this kind and name is asked for.
    pub(super) fn picks(&self, kind: Kind, name: &str) -> bool {
        let Some(only) = &self.only else {
            return self.has(kind);
        };
        self.has(kind) && (kind != self.named() || only.contains(name))
    }

    /// A name that is asked for has to mean something.
    pub(super) fn check(&self, desired: &Desired, actual: &Actual) -> Result<(), Error> {
        let kind = self.named();
        let known: BTreeSet<&str> = match kind {
            Kind::Service => desired.services.iter().map(|s| s.name.as_str()).collect(),
            Kind::Network => {
                let networks = desired.networks.iter();
                networks.map(|n| n.request.name.as_str()).collect()
            }
            _ => desired.volumes.iter().map(|v| v.name.as_str()).collect(),
        };
        for name in self.only.iter().flatten() {
            let there = match (kind, self.remove) {
                (Kind::Service, true) => actual
                    .services
                    .get(name)
                    .is_some_and(|found| owned(&desired.owner, found.spec.labels.iter().flatten())),
                _ => false,
            };
            if !known.contains(name.as_str()) && !there {
                return Err(Error::Unknown {
                    kind,
                    name: name.clone(),
                    known: known.into_iter().map(str::to_owned).collect(),
                });
            }
        }
        Ok(())
    }
}
