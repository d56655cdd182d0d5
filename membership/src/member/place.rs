//! What this hive is in, as far as record and Docker say the same.

use std::time::Duration;

use hive_inventory::node::SwarmRole;

use super::Member;
use crate::effect::Action;
use crate::swarm::{Local, Quorum};

impl Member {
    /// What Docker is in can't be said now, or is just being changed.
    pub(super) fn unsure(&self) -> bool {
        // An Init that an earlier start of the daemon asked for may end at any moment.
        let making =
            self.inherited && self.record.founding.is_some() && self.local == Local::Inactive;
        self.stale
            || making
            || matches!(self.local, Local::Unknown | Local::Pending)
            || matches!(
                self.acting,
                Some(Action::Init | Action::Join { .. } | Action::Leave | Action::ForceNewCluster)
            )
    }

    /// Docker answers and nothing is under way.
    pub(super) fn free(&self) -> bool {
        !self.stale
            && self.acting.is_none()
            && !matches!(self.local, Local::Unknown | Local::Pending)
    }

    /// Docker is in no swarm, for sure.
    pub(super) fn inactive(&self) -> bool {
        self.free() && self.local == Local::Inactive
    }

    /// The node that this hive is in the site's swarm.
    pub(super) fn node(&self) -> Option<&String> {
        self.local
            .node()
            .filter(|node| self.record.leave.as_ref() != Some(node))
    }

    /// The managers' view, if this is a manager of exactly the known swarm with quorum.
    pub(super) fn quorum(&self) -> Option<&Quorum> {
        match &self.local {
            Local::Manager {
                cluster: Some(cluster),
                quorum: Some(quorum),
                ..
            } if self.node().is_some()
                && self.record.founding.is_none()
                && self
                    .record
                    .known
                    .as_ref()
                    .is_some_and(|k| k.cluster == *cluster) =>
            {
                Some(quorum)
            }
            _ => None,
        }
    }

    /// A manager, or the state of one, of a swarm that is not the site's and was not made by hive.
    pub(super) fn foreign(&self) -> bool {
        let Some(node) = self.node() else {
            return false;
        };
        match (&self.record.known, &self.local) {
            (None, _) => {
                self.record.founding.is_none() && self.record.joined.as_ref() != Some(node)
            }
            (
                Some(known),
                Local::Manager {
                    cluster: Some(cluster),
                    ..
                },
            ) => known.cluster != *cluster && self.record.founding.is_none(),
            _ => false,
        }
    }

    pub(super) fn role(&self, now: Duration) -> SwarmRole {
        if self.record.known.is_none() {
            return if self.record.founding.is_some() || self.round.is_some() {
                SwarmRole::Founding
            } else {
                SwarmRole::Blank
            };
        }
        if self.record.founding.is_some() {
            return SwarmRole::Founding;
        }
        match &self.local {
            _ if self.unlisted_until.is_some_and(|until| now < until) => SwarmRole::Removed,
            Local::Inactive | Local::Broken { .. } if self.record.joined.is_some() => {
                SwarmRole::Removed
            }
            Local::Worker { .. } if self.node().is_some() => SwarmRole::Worker,
            Local::Manager { quorum, .. } if self.node().is_some() && !self.foreign() => {
                if quorum.is_none() && self.lost_at.is_some_and(|at| now >= at) {
                    SwarmRole::Lost
                } else {
                    SwarmRole::Manager
                }
            }
            _ => SwarmRole::Joining,
        }
    }
}
