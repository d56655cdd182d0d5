//! One action at Docker at a time: what has to happen so that Docker is in what the record says.

use std::time::Duration;

use super::{INIT, LOST, Member};
use crate::effect::{Action, Effect};
use crate::swarm::{Local, Node, Quorum};

/// How long a failed action waits: doubled with each failure, up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LAST_WAIT: Duration = Duration::from_secs(120);
/// A node may be missing so long in a manager's view because the view lags.
const LAG: Duration = Duration::from_secs(15);
/// An older founding's intention waits so long at the start for what peers know.
const LISTEN: Duration = Duration::from_secs(10);

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Postponed {
    pub until: Duration,
    pub tries: u32,
    pub why: String,
}

impl Postponed {
    /// What failed, with hosts' names for Docker's ids.
    pub fn words(&self, key: &str, quorum: &Quorum) -> String {
        let (what, id) = key.split_once(' ').unwrap_or((key, ""));
        let named = |node: &&Node| node.id == id && !node.host.is_empty();
        let host = quorum.nodes.iter().find(named);
        let host = host.map_or(id, |node| &node.host);
        let what = match what {
            "promote" => format!("making {host} a manager"),
            "demote" => format!("making {host} a worker"),
            "remove" => format!("removing the old entry of {host}"),
            "label" => format!("setting the labels of {host}"),
            _ => "the last change at Docker".to_owned(),
        };
        format!("{what} failed: {}; trying again", self.why)
    }
}

/// Failures are counted by kind of action and node.
fn key(action: &Action) -> String {
    match action {
        Action::Init => "init".to_owned(),
        Action::Join { .. } => "join".to_owned(),
        Action::Leave => "leave".to_owned(),
        Action::ForceNewCluster => "force".to_owned(),
        Action::Promote(node) => format!("promote {node}"),
        Action::Demote(node) => format!("demote {node}"),
        Action::Remove(node) => format!("remove {node}"),
        Action::Label { node, .. } => format!("label {node}"),
    }
}

impl Member {
    pub(super) fn act(&mut self, action: Action, out: &mut Vec<Effect>) {
        self.acting = Some(action.clone());
        out.push(Effect::Act(action));
    }

    /// Whether the action failed lately.
    pub(super) fn waits(&self, now: Duration, action: &Action) -> bool {
        self.postponed
            .get(&key(action))
            .is_some_and(|postponed| now < postponed.until)
    }

    /// Why it failed last.
    pub(super) fn failed(&self, action: &Action) -> Option<&str> {
        self.postponed.get(&key(action)).map(|p| p.why.as_str())
    }

    pub(super) fn on_done(&mut self, now: Duration, action: &Action, result: Result<(), String>) {
        self.acting = None;
        self.stale = true;
        let tries = self.postponed.remove(&key(action)).map_or(0, |p| p.tries);
        match result {
            Ok(()) => {
                if *action == Action::ForceNewCluster {
                    self.forced = true;
                }
            }
            Err(why) => {
                let wait = (FIRST_WAIT * 2u32.pow(tries.min(10))).min(LAST_WAIT);
                let postponed = Postponed {
                    until: now + wait,
                    tries: tries + 1,
                    why,
                };
                self.postponed.insert(key(action), postponed);
            }
        }
    }

    pub(super) fn on_swarm(&mut self, now: Duration, local: Local) {
        if self.acting.is_none() {
            self.stale = false;
        }
        if local.node() != self.local.node() {
            self.unlisted_until = None;
        }
        self.local = local;
        let lost = matches!(self.local, Local::Manager { quorum: None, .. });
        self.lost_at = lost.then(|| self.lost_at.unwrap_or(now + LOST));
        // Nodes that peers say they are and that the swarm does not list.
        let listed: Option<Vec<String>> = self
            .quorum()
            .map(|quorum| quorum.nodes.iter().map(|node| node.id.clone()).collect());
        let known = self.record.known.clone();
        for peer in self.peers.values_mut() {
            let missing = listed.as_ref().is_some_and(|listed| {
                peer.fresh(now).is_some_and(|hello| {
                    hello.known == known
                        && hello
                            .node
                            .as_ref()
                            .is_some_and(|node| !listed.contains(node))
                })
            });
            peer.missing_at = missing.then(|| peer.missing_at.unwrap_or(now + LAG));
        }
    }

    /// Brings record and Docker together.
    pub(super) fn settle(&mut self, now: Duration, asked: bool, out: &mut Vec<Effect>) {
        let idle = self.record.founding.is_some() && self.inactive();
        self.idle_at = idle.then(|| self.idle_at.unwrap_or(now + INIT));
        if !self.free() {
            return;
        }
        match self.local.clone() {
            Local::Manager { node, cluster, .. } if self.node().is_some() => {
                self.settle_manager(now, node, cluster, out);
            }
            Local::Worker { node } if self.node().is_some() => self.joined(node, out),
            Local::Manager { .. } | Local::Worker { .. } => self.leave(now, out),
            Local::Broken { .. } => {
                let half = self.record.known.is_some() || self.record.founding.is_some();
                if half && self.record.joined.is_none() {
                    self.leave(now, out);
                }
            }
            Local::Inactive => self.settle_idle(now, asked, out),
            Local::Unknown | Local::Pending => {}
        }
    }

    fn settle_manager(
        &mut self,
        now: Duration,
        node: String,
        cluster: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        let Some(cluster) = cluster.or_else(|| self.recorded_cluster(&node)) else {
            return;
        };
        let mut record = self.record.clone();
        let known = self.record.known.clone();
        let same = known.as_ref().is_some_and(|known| known.cluster == cluster);
        if let Some(epoch) = self.record.founding {
            if same && !self.forced {
                let listening = self.inherited && self.started.is_some_and(|at| now < at + LISTEN);
                if !listening && !self.waits(now, &Action::ForceNewCluster) {
                    self.act(Action::ForceNewCluster, out);
                }
                return;
            }
            record.known = Some(hive_inventory::seed::KnownSwarm { epoch, cluster });
            record.joined = Some(node);
            record.founding = None;
            record.leave = None;
            self.forced = false;
            self.store(record, out);
        } else if same {
            self.joined(node, out);
        }
    }

    /// A manager without quorum that was restarted can't say which swarm it is in; the record can.
    pub(super) fn recorded_cluster(&self, node: &str) -> Option<String> {
        let known = self.record.known.as_ref()?;
        (self.record.joined.as_deref() == Some(node)).then(|| known.cluster.clone())
    }

    fn joined(&mut self, node: String, out: &mut Vec<Effect>) {
        if self.record.known.is_some() && self.record.joined.as_ref() != Some(&node) {
            let mut record = self.record.clone();
            record.joined = Some(node);
            record.leave = None;
            self.store(record, out);
        }
    }

    fn settle_idle(&mut self, now: Duration, asked: bool, out: &mut Vec<Effect>) {
        let Some(epoch) = self.record.founding else {
            return;
        };
        if epoch > 0 && !self.inherited {
            if !self.waits(now, &Action::Init) {
                self.act(Action::Init, out);
            }
        } else if asked && self.idle_at.is_some_and(|at| now >= at) {
            // An older answer may be from before the end of an Init that went on over a restart.
            // Nothing came of it: what a person ordered then is not done on a later day.
            let mut record = self.record.clone();
            record.founding = None;
            self.inherited = false;
            self.store(record, out);
        }
    }

    fn leave(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.waits(now, &Action::Leave) {
            self.act(Action::Leave, out);
        }
    }
}
