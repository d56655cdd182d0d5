//! What Docker does with orders and by itself.

use std::collections::BTreeMap;

use hive_membership::Action;

use crate::docker::{Engine, Entry, Group};
use crate::world::World;

impl World {
    /// Carries an action out, or fails, or carries it out and says that it failed.
    pub fn carry_out(&mut self, host: usize, action: &Action) -> Result<(), String> {
        let fail = if self.calm { 0 } else { self.weather.fail };
        if self.random.chance(fail) {
            return Err("no luck".to_owned());
        }
        self.written = true;
        self.try_out(host, action)?;
        if self.random.chance(fail / 2) {
            return Err("done, but nobody heard of it".to_owned());
        }
        Ok(())
    }

    fn try_out(&mut self, host: usize, action: &Action) -> Result<(), String> {
        let err = |text: &str| Err(text.to_owned());
        match action {
            Action::Init => {
                if self.hosts[host].disk.engine != Engine::Inactive {
                    return err("This node is already part of a swarm");
                }
                self.made += 1;
                let cluster = format!("cluster{}", self.made);
                let (entries, leader) = (BTreeMap::new(), None);
                self.groups.push(Group {
                    cluster,
                    entries,
                    leader,
                });
                let node = self.add(self.groups.len() - 1, host, true);
                let group = self.groups.len() - 1;
                self.hosts[host].disk.engine = Engine::In {
                    group,
                    node,
                    manager: true,
                };
                Ok(())
            }
            Action::Join {
                token, managers, ..
            } => {
                if self.hosts[host].disk.engine != Engine::Inactive {
                    return err("This node is already part of a swarm");
                }
                let through = managers.iter().find_map(|name| {
                    let other = self.hives.iter().position(|hive| hive.name == *name)?;
                    let group = self.group_with_quorum(other)?;
                    let fits = format!("token of {}", self.groups[group].cluster) == *token;
                    (fits && self.linked(host, other)).then_some(group)
                });
                let Some(group) = through else {
                    return err("no manager answers");
                };
                let node = self.add(group, host, false);
                if !self.calm && self.random.chance(self.weather.fail / 2) {
                    // The list has the node, the node does not know.
                    return err("Timeout was reached before node joined");
                }
                self.hosts[host].disk.engine = Engine::In {
                    group,
                    node,
                    manager: false,
                };
                Ok(())
            }
            Action::Leave => {
                self.hosts[host].disk.engine = Engine::Inactive;
                Ok(())
            }
            Action::ForceNewCluster => {
                let Engine::In {
                    group,
                    node,
                    manager: true,
                } = self.hosts[host].disk.engine.clone()
                else {
                    return err("This node is not a swarm manager");
                };
                let mut new = self.groups[group].clone();
                // A manager that the others have taken out, and that has not heard of it, goes by its own
                // log, in which it is still one.
                new.entries.entry(node.clone()).or_insert(Entry {
                    host,
                    manager: true,
                    member: true,
                    ready: true,
                    labels: BTreeMap::new(),
                });
                for (id, entry) in &mut new.entries {
                    let me = *id == node;
                    entry.manager = me;
                    entry.member = me;
                    entry.ready = me;
                }
                new.leader = Some(node.clone());
                self.groups.push(new);
                let group = self.groups.len() - 1;
                self.hosts[host].disk.engine = Engine::In {
                    group,
                    node,
                    manager: true,
                };
                Ok(())
            }
            Action::Promote(node)
            | Action::Demote(node)
            | Action::Remove(node)
            | Action::Label { node, .. } => {
                let Some(group) = self.group_with_quorum(host) else {
                    return err("The swarm does not have a leader");
                };
                self.change(group, node, action)
            }
        }
    }

    pub fn change(&mut self, group: usize, node: &str, action: &Action) -> Result<(), String> {
        // As the swarm's leader counts: those that it would still reach without that one.
        let keeps_quorum = {
            let of = &self.groups[group];
            let leader = of.leader.as_ref().and_then(|id| of.entries.get(id));
            let reached = |(id, entry): &(&String, &Entry)| {
                *id != node
                    && leader.is_some_and(|leader| self.linked(leader.host, entry.host))
                    && self.live(entry.host, id)
            };
            2 * of.members().filter(reached).count() > of.members().count().saturating_sub(1)
        };
        let group = &mut self.groups[group];
        let managers = group.entries.values().filter(|entry| entry.manager).count();
        let Some(entry) = group.entries.get_mut(node) else {
            return Err(format!("node {node} not found"));
        };
        match action {
            Action::Promote(_) => entry.manager = true,
            Action::Demote(_) if entry.manager && managers == 1 => {
                return Err("attempting to demote the last manager of the swarm".to_owned());
            }
            Action::Demote(_) if entry.manager && !entry.member => {
                return Err("can't find manager in raft memberlist".to_owned());
            }
            Action::Demote(_) if entry.manager && !keeps_quorum => {
                return Err("this would result in a loss of quorum".to_owned());
            }
            Action::Demote(_) => entry.manager = false,
            Action::Remove(_) if entry.member => {
                return Err(
                    "node is a cluster manager and is a member of the raft cluster".to_owned(),
                );
            }
            Action::Remove(_) => {
                group.entries.remove(node);
            }
            Action::Label { labels, .. } => {
                for (label, value) in labels {
                    match value {
                        Some(value) => entry.labels.insert(label.clone(), value.clone()),
                        None => entry.labels.remove(label),
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, group: usize, host: usize, manager: bool) -> String {
        self.made += 1;
        let id = format!("n{}", self.made);
        let entry = Entry {
            host,
            manager,
            member: manager,
            ready: manager,
            labels: BTreeMap::new(),
        };
        self.groups[group].entries.insert(id.clone(), entry);
        if manager {
            self.groups[group].leader = Some(id.clone());
        }
        id
    }

    /// The group in which this host is a manager that has a majority.
    pub fn group_with_quorum(&self, host: usize) -> Option<usize> {
        let Engine::In {
            group,
            node,
            manager: true,
        } = &self.hosts[host].disk.engine
        else {
            return None;
        };
        let g = &self.groups[*group];
        let leader = g.leader.as_ref()?;
        let other = g.entries.get(leader)?.host;
        let member = g.entries.get(node).is_some_and(|entry| entry.member);
        (member && self.live(host, node) && self.linked(host, other)).then_some(*group)
    }

    /// Half a second of Raft: elections, members in and out, flags that follow the truth late.
    pub fn raft(&mut self) {
        for index in 0..self.groups.len() {
            let reached = |world: &Self, from: usize| {
                let group = &world.groups[index];
                let all = group.members().count();
                let there = group
                    .members()
                    .filter(|(id, entry)| {
                        world.live(entry.host, id) && world.linked(from, entry.host)
                    })
                    .count();
                (there, all)
            };
            let leads = |world: &Self, id: &String| {
                world.groups[index].entries.get(id).is_some_and(|entry| {
                    let (there, all) = reached(world, entry.host);
                    entry.member && world.live(entry.host, id) && 2 * there > all
                })
            };
            let keeps = self.groups[index]
                .leader
                .clone()
                .filter(|id| leads(self, id));
            if keeps.is_none() {
                let ids: Vec<String> = self.groups[index]
                    .members()
                    .map(|(id, _)| id.clone())
                    .collect();
                let next = ids.into_iter().find(|id| leads(self, id));
                self.groups[index].leader = next.filter(|_| self.random.chance(300));
            }
            let Some(leader) = self.groups[index].leader.clone() else {
                continue;
            };
            let at = self.groups[index].entries[&leader].host;
            let ids: Vec<String> = self.groups[index].entries.keys().cloned().collect();
            for id in ids {
                let entry = self.groups[index].entries[&id].clone();
                let there = self.live(entry.host, &id) && self.linked(at, entry.host);
                let (reach, all) = reached(self, at);
                let lag = self.random.chance(150);
                let swift = self.random.chance(400);
                let Some(e) = self.groups[index].entries.get_mut(&id) else {
                    continue;
                };
                if e.ready != there && lag {
                    e.ready = there;
                }
                if e.manager && !e.member && there && swift {
                    e.member = true;
                }
                if !e.manager && e.member && swift && 2 * (reach - usize::from(there)) > all - 1 {
                    e.member = false;
                }
                let member = e.member;
                if there
                    && swift
                    && let Engine::In { manager, .. } = &mut self.hosts[entry.host].disk.engine
                {
                    *manager = member;
                }
            }
            self.expel(index, at);
            if !self.groups[index]
                .entries
                .get(&leader)
                .is_some_and(|e| e.member)
            {
                self.groups[index].leader = None;
            }
        }
    }

    /// Nodes that the list has no more find out when they meet the leader.
    fn expel(&mut self, index: usize, at: usize) {
        for host in 0..self.hosts.len() {
            let gone = matches!(&self.hosts[host].disk.engine, Engine::In { group, node, .. }
                if *group == index && !self.groups[index].entries.contains_key(node));
            if gone && self.hosts[host].on && self.linked(at, host) && self.random.chance(100) {
                self.hosts[host].disk.engine = Engine::Broken;
            }
        }
    }
}
