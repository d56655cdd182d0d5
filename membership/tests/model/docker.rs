//! Docker as far as the model goes: who is listed as what, and what an engine says. An action happens
//! at once; the first living manager leads while a majority of them lives.

use std::collections::BTreeMap;

use hive_membership::{Action, Local, Node, Quorum};

use crate::intern::{Id, Memo, Table};
use crate::reaction::NAMES;
use crate::state::State;

/// Nodes that a host can have been, one after the other.
pub const LIVES: usize = 5;

static LOCALS: Table<Local> = Table::new();
static VIEWS: Memo<(Whom, List, Lives), Id<Local>> = Memo::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Absent,
    Worker,
    Manager,
}

/// The list of nodes of a swarm: by host, and by the host's lives.
pub type List = [[Role; LIVES]; 3];

/// The node as which each host's engine runs.
type Lives = [Option<u8>; 3];

/// A node: swarm, host, life.
type Whom = (u8, usize, u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    Inactive,
    In { swarm: u8, life: u8 },
}

fn id(host: usize, life: u8) -> String {
    format!("{}{life}", NAMES[host])
}

fn parse(node: &str) -> (usize, usize) {
    let host = NAMES
        .iter()
        .position(|name| node.starts_with(name))
        .unwrap();
    (host, node[1..].parse().unwrap())
}

fn managers(list: &List) -> impl Iterator<Item = (usize, u8)> {
    (0..3).flat_map(move |host| {
        (0..LIVES)
            .filter(move |life| list[host][*life] == Role::Manager)
            .map(move |life| (host, u8::try_from(life).unwrap()))
    })
}

fn leader(list: &List, lives: Lives) -> Option<usize> {
    let all = managers(list).count();
    let mut living = managers(list).filter(|(host, life)| lives[*host] == Some(*life));
    let (first, more) = (living.next()?, living.count());
    (2 * (more + 1) > all).then_some(first.0)
}

fn view((swarm, me, life): Whom, list: &List, lives: Lives) -> Local {
    match list[me][usize::from(life)] {
        Role::Absent => Local::Broken { why: String::new() },
        Role::Worker => Local::Worker { node: id(me, life) },
        Role::Manager => {
            let quorum = leader(list, lives).map(|leader| {
                let mut nodes = Vec::new();
                for (host, roles) in list.iter().enumerate() {
                    for (life, role) in (0..).zip(roles).filter(|(_, r)| **r != Role::Absent) {
                        let live = lives[host] == Some(life);
                        nodes.push(Node {
                            id: id(host, life),
                            host: NAMES[host].to_owned(),
                            manager: *role == Role::Manager,
                            reachable: *role == Role::Manager && live,
                            ready: live,
                            labels: BTreeMap::new(),
                        });
                    }
                }
                Quorum {
                    leader: leader == me,
                    worker_token: swarm.to_string(),
                    nodes,
                }
            });
            Local::Manager {
                node: id(me, life),
                cluster: quorum.as_ref().map(|_| format!("swarm{swarm}")),
                quorum,
            }
        }
    }
}

impl State {
    /// The node as which each host's engine runs in the swarm.
    fn lives(&self, swarm: u8) -> Lives {
        [0, 1, 2].map(|host: usize| match self.hosts[host].engine {
            Engine::In { swarm: s, life } if s == swarm && self.hosts[host].member.is_some() => {
                Some(life)
            }
            _ => None,
        })
    }

    pub fn managers(&self, swarm: u8) -> usize {
        managers(&self.swarms[usize::from(swarm)]).count()
    }

    /// The host whose engine leads.
    pub fn leader(&self, swarm: u8) -> Option<usize> {
        leader(&self.swarms[usize::from(swarm)], self.lives(swarm))
    }

    pub fn local(&self, host: usize) -> Id<Local> {
        let Engine::In { swarm, life } = self.hosts[host].engine else {
            return LOCALS.id(Local::Inactive);
        };
        let (list, lives) = (self.swarms[usize::from(swarm)], self.lives(swarm));
        let node = (swarm, host, life);
        VIEWS.answer((node, list, lives), || LOCALS.id(view(node, &list, lives)))
    }

    fn next_life(&mut self, host: usize) -> u8 {
        let h = &mut self.hosts[host];
        h.life += 1;
        assert!(usize::from(h.life) < LIVES, "more nodes than the model has");
        h.life
    }

    /// Docker does it; whether it could.
    pub fn carry_out(&mut self, host: usize, action: &Action) -> bool {
        let engine = self.hosts[host].engine;
        match action {
            Action::Init if engine == Engine::Inactive => {
                let life = self.next_life(host);
                let swarm = u8::try_from(self.swarms.len()).unwrap();
                let mut list = [[Role::Absent; LIVES]; 3];
                list[host][usize::from(life)] = Role::Manager;
                self.swarms.push(list);
                self.hosts[host].engine = Engine::In { swarm, life };
            }
            Action::Join { token, .. } if engine == Engine::Inactive => {
                let swarm: u8 = token.parse().unwrap();
                if self.leader(swarm).is_none() {
                    return false;
                }
                let life = self.next_life(host);
                self.swarms[usize::from(swarm)][host][usize::from(life)] = Role::Worker;
                self.hosts[host].engine = Engine::In { swarm, life };
            }
            Action::Leave => self.hosts[host].engine = Engine::Inactive,
            Action::Promote(node) | Action::Demote(node) | Action::Remove(node) => {
                let Engine::In { swarm, life } = engine else {
                    return false;
                };
                let quorum = self.leader(swarm).is_some();
                let list = &mut self.swarms[usize::from(swarm)];
                let (other, its) = parse(node);
                let now = list[other][its];
                let next = match action {
                    Action::Promote(_) => Role::Manager,
                    Action::Demote(_) => Role::Worker,
                    _ => Role::Absent,
                };
                let may = list[host][usize::from(life)] == Role::Manager && quorum;
                if !may || now == Role::Absent || (next == Role::Absent && now == Role::Manager) {
                    return false;
                }
                list[other][its] = next;
            }
            _ => return false,
        }
        true
    }
}
