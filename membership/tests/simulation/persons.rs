//! What persons do meanwhile, who know what is on the disks.

use hive_membership::{Action, MESSAGE_AGE, Order};

use crate::docker::{Engine, Entry, Group};
use crate::machine::Host;
use crate::world::{Happening, World};

impl World {
    /// Somebody sees that hosts are silent, knows that they are in no swarm, and says so.
    pub fn person_founds(&mut self) {
        let host = self.random.index(self.hosts.len());
        let now = self.clock(host);
        if self.hosts[host].stalled {
            return;
        }
        let Some(member) = &self.hosts[host].member else {
            return;
        };
        let heard: Vec<bool> = {
            let status = member.status(now);
            let view = |name: &String| status.peers.iter().any(|p| p.host == *name && p.heard);
            self.hives.iter().map(|hive| view(&hive.name)).collect()
        };
        let never = |host: usize| {
            let disk = &self.hosts[host].disk;
            disk.engine == Engine::Inactive
                && disk.record.known.is_none()
                && disk.seed.is_none()
                && self.silenced(host)
        };
        let silent: Vec<usize> = (0..self.hosts.len())
            .filter(|other| *other != host && !heard[*other])
            .collect();
        if silent.is_empty() || !silent.iter().all(|other| never(*other)) {
            return;
        }
        // Only who is off for sure can't use a grant any more.
        let off = silent.iter().all(|other| !self.hosts[*other].on);
        let even_if_granted = off && self.random.chance(500);
        let hives = silent
            .iter()
            .map(|other| self.hives[*other].name.clone())
            .collect();
        self.order(
            host,
            Order::FoundWithout {
                hives,
                even_if_granted,
            },
        );
    }

    /// Somebody takes a silent node out of the list.
    pub fn person_removes(&mut self) {
        let host = self.random.index(self.hosts.len());
        let Some(group) = self.group_with_quorum(host) else {
            return;
        };
        let down = self.groups[group]
            .entries
            .iter()
            .find(|(_, entry)| !entry.ready);
        if let Some(node) = down.map(|(id, _)| id.clone()) {
            let demoted = self.change(group, &node, &Action::Demote(node.clone()));
            let removed = self.change(group, &node, &Action::Remove(node.clone()));
            self.note(|| format!("a person removes {node}: {demoted:?} {removed:?}"));
        }
    }

    /// Somebody knows that no swarm has a majority of its managers left on any disk, and makes a new one
    /// of what there is, at one host at a time.
    pub fn person_recovers(&mut self) {
        let dead = |group: &Group, index: usize| {
            let there = |(id, entry): &(&String, &Entry)| {
                matches!(&self.hosts[entry.host].disk.engine,
                    Engine::In { group, node, .. } if *group == index && node == *id)
            };
            2 * group.members().filter(there).count() <= group.members().count()
        };
        let all_dead = self.groups.iter().enumerate().all(|(i, g)| dead(g, i));
        // What is just being made is waited for, and so is the last word of a disk that is gone.
        let making = self.hosts.iter().any(|h| h.disk.record.founding.is_some())
            || self.queue.values().any(|what| {
                matches!(what, Happening::Done { action, .. }
                    if matches!(action, Action::Init | Action::ForceNewCluster))
            });
        if !all_dead || making || !(0..self.hosts.len()).all(|host| self.silenced(host)) {
            return;
        }
        let of = |host: &Host| host.disk.record.known.clone().max(host.disk.seed.clone());
        let newest = self.hosts.iter().filter_map(of).max();
        let host = self.random.index(self.hosts.len());
        let knows = self.hosts[host].disk.record.known == newest && newest.is_some();
        if knows && !self.hosts[host].stalled && self.order(host, Order::Recover) {
            self.recovered = true;
            self.recoveries += 1;
        }
    }

    /// Whether the disk that the host had before was gone for so long that no word of it comes any more.
    fn silenced(&self, host: usize) -> bool {
        let late = u64::try_from(MESSAGE_AGE.as_millis()).expect("seconds");
        let flashed_at = self.hosts[host].disk.flashed_at;
        flashed_at.is_none_or(|at| self.now > at + late)
    }

    /// Whether it was obeyed.
    pub fn order(&mut self, host: usize, order: Order) -> bool {
        let now = self.clock(host);
        let Some(member) = &mut self.hosts[host].member else {
            return false;
        };
        let said = format!("{order:?}");
        match member.order(now, order) {
            Ok(effects) => {
                self.orders += 1;
                self.note(|| format!("a person at h{host}: {said}"));
                self.carry_all(host, effects);
                true
            }
            Err(why) => {
                self.note(|| format!("a person at h{host}: {said}: refused: {why}"));
                false
            }
        }
    }
}
