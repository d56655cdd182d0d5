//! From every state, once nothing goes wrong any more, the hosts come to one swarm, or to rest in a way
//! that only a person can end.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::RwLock;
use std::time::Duration;

use hive_membership::Status;

use crate::docker::{Engine, Role};
use crate::reaction::Happening;
use crate::state::{Budget, State, WHOLE};

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// All three are managers of one swarm.
    Together,
    /// A swarm is known whose managers' disks are gone, and somebody says so: `hive recover`.
    Lost,
    /// A late word of a swarm that is on no disk any more was believed, and somebody says so.
    Misled,
    /// None of these.
    Stuck,
}

/// Where states lead that were looked at.
#[derive(Default)]
pub struct Healing(RwLock<HashMap<u64, End>>);

impl State {
    /// All are on, have heard the first one and granted it the founding: it is at the Init.
    pub fn found(&mut self) {
        for host in 0..3 {
            self.start(host, false, WHOLE);
        }
        for (host, other) in [(1, 0), (2, 0), (0, 1), (0, 2)] {
            if let Some(letter) = self.hello(other, host) {
                self.receive(letter, WHOLE);
            }
        }
        self.deliver();
        assert!(self.hosts[0].acting.is_some());
    }

    fn deliver(&mut self) {
        while !self.wire.is_empty() {
            let letter = self.wire.remove(0);
            self.receive(letter, WHOLE);
        }
    }

    /// Everything that can happen, once, in a fixed order.
    fn round(&mut self) {
        for host in 0..3 {
            self.finish(host);
            if self.hosts[host].member.is_none() {
                self.start(host, false, WHOLE);
            }
        }
        for host in 0..3 {
            self.ask(host, WHOLE);
            if self.hosts[host].acting.is_none() {
                self.happen(host, Happening::Tick { long: true }, WHOLE);
            }
        }
        for (host, other) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            if let Some(letter) = self.hello(other, host) {
                self.receive(letter, WHOLE);
            }
        }
        self.deliver();
        for host in 0..3 {
            self.done(host, WHOLE);
        }
        for host in 0..3 {
            self.ask(host, WHOLE);
        }
    }

    fn end(&self) -> End {
        if self.together() {
            return End::Together;
        }
        let count = u8::try_from(self.swarms.len()).unwrap();
        let known = |swarm: u8| {
            let swarm = Some(crate::reaction::known(swarm));
            self.hosts.iter().any(|host| host.disk.known == swarm)
        };
        let lives = |swarm: &u8| self.leader(*swarm).is_some();
        let gone = |swarm: u8| {
            self.hosts
                .iter()
                .all(|host| !matches!(host.engine, Engine::In { swarm: s, .. } if s == swarm))
        };
        let said = |what: fn(Status) -> Vec<String>| {
            let members = self.hosts.iter().filter_map(|host| host.member);
            members
                .into_iter()
                .any(|m| !what(m.status(Duration::ZERO)).is_empty())
        };
        if !(0..count).any(|swarm| lives(&swarm)) {
            let lost = (0..count).any(known) && said(|status| status.waiting_for);
            return if lost { End::Lost } else { End::Stuck };
        }
        let misled = (0..count).filter(lives).count() == 1
            && (0..count).any(|swarm| known(swarm) && gone(swarm))
            && said(|status| status.notices);
        if misled { End::Misled } else { End::Stuck }
    }

    /// All three are managers of one swarm, know it, and nobody else is listed.
    pub fn together(&self) -> bool {
        let Engine::In { swarm, .. } = self.hosts[0].engine else {
            return false;
        };
        let list = &self.swarms[usize::from(swarm)];
        let listed = list.iter().flatten().filter(|role| **role != Role::Absent);
        listed.count() == 3
            && self
                .hosts
                .iter()
                .enumerate()
                .all(|(i, host)| match host.engine {
                    Engine::In { swarm: s, life } => {
                        s == swarm
                            && list[i][usize::from(life)] == Role::Manager
                            && host.disk.joined.is_some()
                            && host.disk.known.as_ref() == Some(&crate::reaction::known(swarm))
                    }
                    Engine::Inactive => false,
                })
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

impl Healing {
    pub fn end(&self, state: &State) -> End {
        let mut state = state.clone();
        state.budget = Budget::default();
        state.late.clear();
        let mut way = Vec::new();
        let end = loop {
            let print = fingerprint(&state);
            if let Some(end) = self.0.read().unwrap().get(&print) {
                break *end;
            }
            way.push(print);
            let mut next = state.clone();
            next.round();
            if next == state {
                break state.end();
            }
            if way.len() > 60 {
                break End::Stuck;
            }
            state = next;
        };
        let mut known = self.0.write().unwrap();
        known.extend(way.into_iter().map(|print| (print, end)));
        end
    }
}
