//! What must always hold, and what must hold in the end.

use std::collections::{BTreeMap, BTreeSet};

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Member as Membership;
use hive_membership::{Local, Order};

use crate::docker::Engine;
use crate::world::{Happening, World};

impl World {
    /// Never two: clusters on disks and in seeds without `recover`, and clusters of one epoch always.
    pub fn two_swarms(&self) -> Option<String> {
        if !self.recovered {
            let mut clusters = self.clusters();
            let seeds = self.hosts.iter().filter_map(|host| host.disk.seed.as_ref());
            let valid = seeds.filter(|known| known.epoch >= self.epoch);
            clusters.extend(valid.map(|known| known.cluster.as_str()));
            if clusters.len() > 1 {
                return Some(format!("two swarms: {clusters:?}"));
            }
        }
        let mut epochs: BTreeMap<u64, &str> = BTreeMap::new();
        for host in &self.hosts {
            if let Some(known) = &host.disk.record.known {
                let first = *epochs.entry(known.epoch).or_insert(&known.cluster);
                if first != known.cluster {
                    return Some(format!(
                        "epoch {}: {first} and {}",
                        known.epoch, known.cluster
                    ));
                }
            }
        }
        None
    }

    /// What is missing to one swarm with everybody in it.
    pub fn missing(&self) -> Option<String> {
        let mut group = None;
        let mut known = BTreeSet::new();
        for (i, host) in self.hosts.iter().enumerate() {
            let Engine::In { group: g, node, .. } = &host.disk.engine else {
                return Some(format!("h{i} is in no swarm"));
            };
            if *group.get_or_insert(*g) != *g {
                return Some(format!("h{i} is in another swarm"));
            }
            if host.disk.record.joined.as_ref() != Some(node) {
                return Some(format!("h{i} has not recorded that it joined"));
            }
            known.insert(host.disk.record.known.clone());
            let waiting = host
                .member
                .as_ref()
                .map(|m| m.status(self.clock(i)).waiting_for);
            if waiting.as_ref().is_none_or(|waiting| !waiting.is_empty()) {
                return Some(format!("h{i} waits: {waiting:?}"));
            }
        }
        let group = &self.groups[group?];
        if known.len() != 1 {
            return Some("they know different swarms".to_owned());
        }
        if group.entries.len() != self.hosts.len() {
            return Some(format!("{} entries", group.entries.len()));
        }
        let fit = self
            .hives
            .iter()
            .filter(|hive| hive.member == Membership::Manager)
            .count();
        let managers = group.entries.values().filter(|entry| entry.manager).count();
        if managers != fit - (1 - fit % 2) || group.members().count() != managers {
            return Some(format!("{managers} managers"));
        }
        for (id, entry) in &group.entries {
            let labels: BTreeSet<String> = entry.labels.keys().cloned().collect();
            if !entry.ready || labels != self.hives[entry.host].groups {
                return Some(format!("entry {id}: {entry:?}"));
            }
            if entry.manager && self.hives[entry.host].member == Membership::Worker {
                return Some(format!("{id} is a manager and should be none"));
            }
        }
        None
    }

    /// Heals everything and waits for one swarm; a person helps where a person must.
    pub fn heal_and_settle(&mut self) {
        self.note(|| "---- all is mended".to_owned());
        self.calm = true;
        self.cut.clear();
        for host in 0..self.hosts.len() {
            self.hosts[host].stalled = false;
            if !self.hosts[host].on {
                let boot = self.hosts[host].boot;
                self.after(50_000, Happening::PowerOn { host, boot });
            }
        }
        let mut quiet = 0;
        for second in 0..1500 {
            self.run(self.now + 1000);
            if self.violation.is_some() {
                return;
            }
            quiet = if self.missing().is_none() {
                quiet + 1
            } else {
                0
            };
            if quiet > 20 {
                self.recovered = false;
                self.written = true;
                let known = self.hosts[0].disk.record.known.as_ref();
                self.epoch = known.map_or(0, |known| known.epoch);
                return;
            }
            // Docker's own lag, back-off and elections have their time before a person thinks that
            // something is stuck.
            if second > 240 && second % 60 == 0 && quiet == 0 {
                self.person_helps();
            }
        }
        let missing = self.missing().unwrap_or_default();
        self.violation = Some(format!("it does not settle: {missing}"));
    }

    /// Does what `waiting_for` names, where it names something.
    fn person_helps(&mut self) {
        let count = self.hosts.len();
        let roles: Vec<SwarmRole> = (0..count)
            .filter_map(|host| {
                Some(
                    self.hosts[host]
                        .member
                        .as_ref()?
                        .status(self.clock(host))
                        .role,
                )
            })
            .collect();
        let lives = (0..count).any(|host| {
            self.group_with_quorum(host).is_some() && roles.get(host) == Some(&SwarmRole::Manager)
        });
        if lives {
            for (host, role) in roles.iter().enumerate() {
                if matches!(role, SwarmRole::Removed | SwarmRole::Lost) {
                    self.order(host, Order::Rejoin);
                }
            }
            return;
        }
        let mut hosts: Vec<usize> = (0..count).collect();
        hosts.sort_by_key(|host| {
            let known = self.hosts[*host]
                .disk
                .record
                .known
                .as_ref()
                .map_or(0, |k| k.epoch + 1);
            let manager = matches!(self.local(*host), Local::Manager { .. });
            let fit = self.hives[*host].member == Membership::Manager;
            std::cmp::Reverse((known, manager, fit))
        });
        self.recovered = true;
        for host in hosts {
            if self.order(host, Order::Recover) {
                return;
            }
        }
    }
}
