//! The groups of a site, and who is in them.
//!
//! Their names and how they hold each other are fixed; only their members differ. Groups that lie
//! deeper count more, and among those of one depth the later name does, as Ansible orders them.

use std::collections::{BTreeMap, BTreeSet};

use crate::hive::stage::StageName;

/// Groups that hold groups.
const CHILDREN: &[(&str, &[&str])] = &[
    ("hosts", &["servers", "mother"]),
    ("servers", &["hives", "repository"]),
];

/// The groups that hosts of all kinds are in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    /// Those directly below `all`, in the order in which they were made.
    top: Vec<&'static str>,
    /// The hosts that are in a group themselves, in order.
    members: BTreeMap<&'static str, Vec<String>>,
}

impl Groups {
    /// Makes sure that a group below `all` is there.
    pub fn declare(&mut self, group: &'static str) {
        if parent(group).is_none() && !self.top.contains(&group) {
            self.top.push(group);
        }
    }

    /// Puts a host into a group.
    pub fn add(&mut self, group: &'static str, host: &str) {
        self.declare(group);
        let members = self.members.entry(group).or_default();
        if !members.iter().any(|member| member == host) {
            members.push(host.to_owned());
        }
    }

    /// The groups directly below `all`.
    pub fn top(&self) -> &[&'static str] {
        &self.top
    }

    /// The hosts that are in a group themselves.
    pub fn members(&self, group: &str) -> &[String] {
        self.members.get(group).map_or(&[], Vec::as_slice)
    }

    /// Every group with hosts in it, or in groups that it holds.
    pub fn names(&self) -> BTreeSet<&'static str> {
        let own = self.members.keys().copied();
        own.clone().chain(own.flat_map(ancestors)).collect()
    }

    /// Every group, those without hosts too.
    pub fn all(&self) -> BTreeSet<&'static str> {
        let mut found: BTreeSet<&'static str> = self.names();
        let mut queue: Vec<&'static str> = self.top.clone();
        while let Some(name) = queue.pop() {
            found.insert(name);
            queue.extend(children(name));
        }
        found
    }

    /// The hosts of a group and of those it holds, in order.
    pub fn hosts(&self, group: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<&str> = match group {
            "all" => self.top.clone(),
            _ => vec![group],
        };
        let mut at = 0;
        while at < queue.len() {
            let name = queue[at];
            at += 1;
            for host in self.members(name) {
                if seen.insert(host.clone()) {
                    found.push(host.clone());
                }
            }
            queue.extend(children(name));
        }
        found
    }

    /// The groups that a host is in, those that hold them included but for `all`, by name.
    pub fn of(&self, host: &str) -> BTreeSet<&'static str> {
        let own: Vec<&'static str> = self
            .members
            .iter()
            .filter(|(_, members)| members.iter().any(|member| member == host))
            .map(|(name, _)| *name)
            .collect();
        own.iter()
            .copied()
            .chain(own.iter().flat_map(|name| ancestors(name)))
            .collect()
    }
}

/// The groups whose variables a host sees, from weak to strong, without `all`. Of the stages only
/// `stage` speaks where the host is in it: a service is in several, and sees the one that it is
/// deployed on. `priority` is a group's `ansible_group_priority`.
pub(crate) fn by_strength(
    groups: &BTreeSet<&'static str>,
    stage: StageName,
    priority: impl Fn(&str) -> i64,
) -> Vec<&'static str> {
    let in_stage = groups.contains(stage.name());
    let mut list: Vec<&'static str> = groups
        .iter()
        .copied()
        .filter(|name| !in_stage || *name == stage.name() || StageName::from_name(name).is_none())
        .collect();
    list.sort_by_key(|name| (depth(name), priority(name), *name));
    list
}

/// The groups that a group holds.
pub(crate) fn children(group: &str) -> &'static [&'static str] {
    CHILDREN
        .iter()
        .find(|(name, _)| *name == group)
        .map_or(&[], |(_, children)| *children)
}

fn parent(group: &str) -> Option<&'static str> {
    CHILDREN
        .iter()
        .find(|(_, children)| children.contains(&group))
        .map(|(name, _)| *name)
}

fn ancestors(group: &str) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::successors(parent(group), |name| parent(name))
}

fn depth(group: &str) -> usize {
    ancestors(group).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Groups {
        let mut groups = Groups::default();
        for group in ["first_hive", "hives", "private"] {
            groups.add(group, "p-hive0.x");
        }
        groups.add("repository", "p-hive1.x");
        groups.add("private", "p-hive1.x");
        groups.add("mother", "p-mother.x");
        groups.declare("hosts");
        for group in ["services", "private", "staging"] {
            groups.add(group, "web");
        }
        groups
    }

    #[test]
    fn deeper_groups_are_stronger_and_then_later_names() {
        let groups = site();
        let order = |host, stage| by_strength(&groups.of(host), stage, |_| 0);
        assert_eq!(
            order("p-hive0.x", StageName::Private),
            ["first_hive", "hosts", "private", "servers", "hives"]
        );
        let first = by_strength(&groups.of("p-hive0.x"), StageName::Private, |name| {
            i64::from(name == "first_hive")
        });
        assert_eq!(
            first,
            ["hosts", "private", "first_hive", "servers", "hives"]
        );
    }

    #[test]
    fn a_service_sees_the_stage_that_it_is_deployed_on() {
        let groups = site();
        let of = |stage| by_strength(&groups.of("web"), stage, |_| 0);
        assert_eq!(of(StageName::Private), ["private", "services"]);
        assert_eq!(of(StageName::Staging), ["services", "staging"]);
    }

    #[test]
    fn a_group_has_the_hosts_of_the_groups_in_it() {
        let mut groups = site();
        assert_eq!(groups.hosts("servers"), ["p-hive0.x", "p-hive1.x"]);
        assert_eq!(groups.hosts("hosts").len(), 3);
        assert_eq!(groups.hosts("all").len(), 4);
        assert!(groups.names().contains("hosts"));
        groups.declare("nfs_volumes");
        assert!(groups.all().contains("nfs_volumes") && groups.all().contains("hives"));
        assert!(!groups.names().contains("nfs_volumes"));
    }
}
