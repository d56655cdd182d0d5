//! What the leader's hived does: entries of hosts that came back on another disk, the number of
//! managers, labels. A function of the newest view, so that whoever leads next goes on with it.
//!
//! The number of managers passes an even one only on the way from one odd number to another: an even
//! number is mended before anything else. A dead manager whose host is back makes way first (with one
//! of three dead, two of two are as good as two of three), then the new entry is promoted, and the
//! dead one, a worker by now, goes last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hive_inventory::seed::Member as Membership;

use super::Member;
use super::joining::short;
use crate::config::{Config, HiveEntry};
use crate::effect::{Action, Effect};
use crate::swarm::{Node, Quorum};

/// Docker's advice, and the predecessor's: more managers only make the swarm slower.
const MOST: usize = 7;

/// What the plan is made from.
struct View<'a> {
    config: &'a Config,
    me: &'a str,
    quorum: &'a Quorum,
    /// The node that a hive says it is now, by its first label.
    claims: BTreeMap<&'a str, &'a str>,
}

impl<'a> View<'a> {
    fn hive(&self, node: &Node) -> Option<&'a HiveEntry> {
        self.config
            .hives
            .iter()
            .find(|hive| short(&hive.name) == node.host)
    }

    fn may_manage(&self, node: &Node) -> bool {
        self.hive(node)
            .is_some_and(|hive| hive.member == Membership::Manager)
    }

    /// The entry of a disk that is no more: its host is another node now, which is there.
    fn replaced(&self, node: &Node) -> bool {
        let now = self
            .hive(node)
            .and_then(|hive| self.claims.get(short(&hive.name)));
        !node.ready
            && now.is_some_and(|now| {
                *now != node.id
                    && self
                        .quorum
                        .nodes
                        .iter()
                        .any(|other| other.id == **now && other.ready && other.host == node.host)
            })
    }

    fn claimed(&self, node: &Node) -> bool {
        self.claims
            .get(node.host.as_str())
            .is_none_or(|now| *now == node.id)
    }

    fn managers(&self) -> impl Iterator<Item = &'a Node> {
        self.quorum.nodes.iter().filter(|node| node.manager)
    }

    /// Workers that can be promoted, in the order of the inventory.
    fn candidates(&self) -> Vec<&'a Node> {
        let hosts: BTreeSet<&str> = self.managers().map(|node| node.host.as_str()).collect();
        let fit = |node: &&Node| {
            !node.manager
                && node.ready
                && self.may_manage(node)
                && self.claimed(node)
                && !hosts.contains(node.host.as_str())
        };
        let mut nodes: Vec<&Node> = self.quorum.nodes.iter().filter(fit).collect();
        nodes.sort_by_key(|node| {
            self.config
                .hives
                .iter()
                .position(|hive| short(&hive.name) == node.host)
        });
        nodes.dedup_by_key(|node| &node.host);
        nodes
    }

    /// How many managers there should be.
    fn target(&self) -> usize {
        let counts = |node: &&Node| match self.hive(node) {
            Some(_) => self.may_manage(node) && (node.ready || node.manager),
            None => node.manager,
        };
        let hosts: BTreeSet<&str> = self
            .quorum
            .nodes
            .iter()
            .filter(counts)
            .map(|node| node.host.as_str())
            .collect();
        let most = hosts.len().clamp(1, MOST);
        most - (1 - most % 2)
    }

    /// Which manager is dispensable most: a dead one, one that should be none, never this one gladly.
    fn dispensable(&self) -> Option<&'a Node> {
        self.managers()
            .filter(|node| self.hive(node).is_some())
            .max_by_key(|node| {
                (
                    self.replaced(node),
                    !node.ready && !node.reachable,
                    !self.may_manage(node),
                    node.id != self.me,
                    self.config
                        .hives
                        .iter()
                        .position(|hive| short(&hive.name) == node.host),
                )
            })
    }
}

/// All that is to be done, most urgent first; `postponed` are those that failed lately.
fn plan(view: &View<'_>, postponed: impl Fn(&Action) -> bool) -> Vec<Action> {
    let mut actions = Vec::new();
    let managers = view.managers().count();
    let target = view.target();
    let candidates: Vec<Action> = view
        .candidates()
        .iter()
        .map(|node| Action::Promote(node.id.clone()))
        .filter(|action| !postponed(action))
        .collect();
    let demote = |node: &Node| Action::Demote(node.id.clone());
    let stray = view
        .managers()
        .find(|node| view.hive(node).is_some() && !view.may_manage(node));
    let replaced = view.managers().find(|node| view.replaced(node));
    if managers.is_multiple_of(2) {
        if managers < target
            && let Some(promote) = candidates.first()
        {
            actions.push(promote.clone());
        } else if managers > 1 {
            actions.extend(view.dispensable().map(demote));
        }
    } else if let Some(dead) = replaced.filter(|_| managers > 1) {
        actions.push(demote(dead));
    } else if let Some(stray) = stray
        && (managers > target || !candidates.is_empty())
    {
        // One that may be a manager takes its place; without such a one, it goes, and one more with it.
        actions.push(match candidates.first() {
            Some(promote) => promote.clone(),
            None => demote(stray),
        });
    } else if managers > target {
        actions.extend(view.dispensable().map(demote));
    } else if managers + 2 <= target && candidates.len() >= 2 {
        actions.push(candidates[0].clone());
    }
    for node in &view.quorum.nodes {
        // Docker demotes no manager that died before the others took it in, but lets its entry go.
        if view.replaced(node) && (!node.manager || postponed(&demote(node))) {
            actions.push(Action::Remove(node.id.clone()));
        }
    }
    actions.extend(
        view.quorum
            .nodes
            .iter()
            .filter_map(|node| labels(view, node)),
    );
    actions
}

fn labels(view: &View<'_>, node: &Node) -> Option<Action> {
    let hive = view.hive(node)?;
    let mut change = BTreeMap::new();
    for group in view.config.hives.iter().flat_map(|hive| &hive.groups) {
        let has = node.labels.get(group).map(String::as_str);
        if hive.groups.contains(group) {
            if has != Some("true") {
                change.insert(group.clone(), Some("true".to_owned()));
            }
        } else if has.is_some() {
            change.insert(group.clone(), None);
        }
    }
    (!change.is_empty()).then(|| Action::Label {
        node: node.id.clone(),
        labels: change,
    })
}

impl Member {
    pub(super) fn lead(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.free() || self.rival.is_some() || self.deferred.is_some() {
            return;
        }
        let Some(quorum) = self.quorum().filter(|quorum| quorum.leader) else {
            return;
        };
        let mine = self.node().map(String::as_str).unwrap_or_default();
        let claim = |(name, hello)| -> Option<(&str, &str)> {
            let (name, hello): (&String, &crate::message::Hello) = (name, hello);
            (hello.known == self.record.known)
                .then_some(hello.node.as_deref().map(|node| (short(name), node)))
                .flatten()
        };
        let mut claims: BTreeMap<&str, &str> = self.hellos(now).filter_map(claim).collect();
        claims.insert(self.short_me(), mine);
        let view = View {
            config: &self.config,
            me: mine,
            quorum,
            claims,
        };
        let next = plan(&view, |action| self.waits(now, action))
            .into_iter()
            .find(|action| !self.waits(now, action));
        if let Some(action) = next {
            self.act(action, out);
        }
    }
}

#[cfg(test)]
mod tests;
