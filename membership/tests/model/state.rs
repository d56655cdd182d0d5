//! Three hosts, their disks and engines, and what is on the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hive_inventory::seed::{KnownSwarm, Member as Membership};
use hive_membership::{
    Action, Config, Effect, Event, HiveEntry, Local, Member, Message, Node, Quorum, Record,
};

pub const NAMES: [&str; 3] = ["a", "b", "c"];

/// What may still go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Crashes of a machine at any step.
    pub crashes: u8,
    /// Disks that are flashed.
    pub flashes: u8,
    /// Messages that come twice, the second time as late as you like.
    pub copies: u8,
    /// Times that a host's clock runs into all its time-outs.
    pub ticks: u8,
    /// Decisions of a person to found without a host.
    pub orders: u8,
    /// Hosts that may be in the swarm before it is good enough: what comes after is not explored.
    pub joins: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Engine {
    Inactive,
    In { swarm: usize, node: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    pub record: Record,
    pub engine: Engine,
    pub seed: Option<KnownSwarm>,
    pub member: Option<Member>,
    /// Under way at Docker.
    pub acting: Option<Action>,
    pub starts: u64,
}

/// Nodes: host, and whether it is a manager.
pub type Swarm = BTreeMap<String, (usize, bool)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wire {
    pub from: usize,
    pub to: usize,
    pub kind: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub hosts: Vec<Host>,
    pub swarms: Vec<Swarm>,
    /// Of each kind the newest between two hosts; the one before is lost, or came already.
    pub wire: BTreeMap<Wire, Message>,
    /// Copies, which stay until they come.
    pub late: Vec<(usize, usize, Message)>,
    pub budget: Budget,
}

fn kind(message: &Message) -> u8 {
    match message {
        Message::Hello(_) => 0,
        Message::AskGrant { .. } => 1,
        Message::Grant { .. } => 2,
        Message::Refuse { .. } => 3,
        Message::AskRelease { .. } => 4,
        Message::Release { .. } => 5,
        Message::AskToken { .. } => 6,
        Message::Token { .. } => 7,
        Message::Unlisted { .. } => 8,
    }
}

impl State {
    pub fn new(budget: Budget) -> Self {
        let host = || Host {
            record: Record::default(),
            engine: Engine::Inactive,
            seed: None,
            member: None,
            acting: None,
            starts: 0,
        };
        Self {
            hosts: (0..3).map(|_| host()).collect(),
            swarms: Vec::new(),
            wire: BTreeMap::new(),
            late: Vec::new(),
            budget,
        }
    }

    pub fn start(&mut self, host: usize) {
        let hives = NAMES.map(|name| HiveEntry {
            name: name.to_owned(),
            member: Membership::Manager,
            groups: BTreeSet::new(),
        });
        let h = &mut self.hosts[host];
        let config = Config {
            me: NAMES[host].to_owned(),
            hives: hives.to_vec(),
            known: h.seed.clone(),
        };
        h.starts += 1;
        let instance = 10_000 * (host as u64 + 1) + 100 * h.starts;
        h.member = Some(Member::new(config, h.record.clone(), instance));
    }

    /// Whether a node's engine runs.
    fn live(&self, swarm: usize, id: &str) -> bool {
        let Some((host, _)) = self.swarms[swarm].get(id) else {
            return false;
        };
        self.hosts[*host].member.is_some()
            && matches!(&self.hosts[*host].engine, Engine::In { swarm: s, node } if *s == swarm && node == id)
    }

    /// The first living manager leads while a majority of them lives.
    pub fn leader(&self, swarm: usize) -> Option<String> {
        let managers: Vec<&String> = self.swarms[swarm]
            .iter()
            .filter(|(_, (_, m))| *m)
            .map(|(id, _)| id)
            .collect();
        let living: Vec<&&String> = managers.iter().filter(|id| self.live(swarm, id)).collect();
        (2 * living.len() > managers.len()).then(|| (*living[0]).clone())
    }

    pub fn local(&self, host: usize) -> Local {
        let Engine::In { swarm, node } = &self.hosts[host].engine else {
            return Local::Inactive;
        };
        let list = &self.swarms[*swarm];
        match list.get(node) {
            None => Local::Broken { why: String::new() },
            Some((_, false)) => Local::Worker { node: node.clone() },
            Some((_, true)) => {
                let entry = |(id, (host, manager)): (&String, &(usize, bool))| Node {
                    id: id.clone(),
                    host: NAMES[*host].to_owned(),
                    manager: *manager,
                    reachable: *manager && self.live(*swarm, id),
                    ready: self.live(*swarm, id),
                    labels: BTreeMap::new(),
                };
                let quorum = self.leader(*swarm).map(|leader| Quorum {
                    leader: leader == *node,
                    worker_token: swarm.to_string(),
                    nodes: list.iter().map(entry).collect(),
                });
                let cluster = quorum.as_ref().map(|_| format!("swarm{swarm}"));
                Local::Manager {
                    node: node.clone(),
                    cluster,
                    quorum,
                }
            }
        }
    }

    /// Hands an event in; the machine dies after so many effects.
    pub fn event(&mut self, host: usize, now: Duration, event: Event, most: usize) {
        let Some(mut member) = self.hosts[host].member.take() else {
            return;
        };
        let effects = member.handle(now, event);
        member.rebase(now);
        self.hosts[host].member = Some(member);
        self.carry(host, effects, most);
    }

    pub fn carry(&mut self, host: usize, effects: Vec<Effect>, most: usize) {
        let whole = effects.len() <= most;
        for effect in effects.into_iter().take(most) {
            match effect {
                Effect::Store(record) => self.hosts[host].record = record,
                Effect::Send { to, message } => {
                    if let Some(to) = NAMES.iter().position(|name| *name == to) {
                        self.post(host, to, message);
                    }
                }
                Effect::Act(action) => self.hosts[host].acting = Some(action),
                Effect::Tell(_) => {}
            }
        }
        if !whole {
            self.budget.crashes -= 1;
            self.hosts[host].member = None;
        }
    }

    /// Puts a message on the wire. A machine that is off gets none: those that come after it was
    /// started again are copies. A Hello that changes nothing at its receiver is left out.
    fn post(&mut self, from: usize, to: usize, message: Message) {
        let Some(member) = &self.hosts[to].member else {
            return;
        };
        let wire = Wire {
            from,
            to,
            kind: kind(&message),
        };
        if let Message::Hello(hello) = &message
            && !hello.answer
            && member.last_hello(NAMES[from]) == Some(hello)
        {
            self.wire.remove(&wire);
            return;
        }
        self.wire.insert(wire, message);
    }

    /// Docker does it.
    pub fn carry_out(&mut self, host: usize, action: &Action) -> Result<(), String> {
        let id = |state: &Self| {
            let nodes: usize = state.swarms.iter().map(BTreeMap::len).sum();
            format!("n{}{}", nodes, NAMES[host])
        };
        let err = || Err("no".to_owned());
        match action {
            Action::Init if self.hosts[host].engine == Engine::Inactive => {
                let node = id(self);
                self.swarms
                    .push(BTreeMap::from([(node.clone(), (host, true))]));
                let swarm = self.swarms.len() - 1;
                self.hosts[host].engine = Engine::In { swarm, node };
            }
            Action::Join { token, .. } if self.hosts[host].engine == Engine::Inactive => {
                let swarm: usize = token.parse().map_err(|_| "token".to_owned())?;
                if self.leader(swarm).is_none() {
                    return err();
                }
                let node = id(self);
                self.swarms[swarm].insert(node.clone(), (host, false));
                self.hosts[host].engine = Engine::In { swarm, node };
            }
            Action::Leave => self.hosts[host].engine = Engine::Inactive,
            Action::Promote(node) | Action::Demote(node) | Action::Remove(node) => {
                let Engine::In { swarm, node: me } = self.hosts[host].engine.clone() else {
                    return err();
                };
                let manager = self.swarms[swarm]
                    .get(&me)
                    .is_some_and(|(_, manager)| *manager);
                let Some((_, role)) = self.swarms[swarm]
                    .get(node)
                    .filter(|_| manager && self.leader(swarm).is_some())
                else {
                    return err();
                };
                match (action, *role) {
                    (Action::Remove(_), true) => return err(),
                    (Action::Remove(_), false) => {
                        self.swarms[swarm].remove(node);
                    }
                    _ => {
                        let manager = matches!(action, Action::Promote(_));
                        self.swarms[swarm]
                            .entry(node.clone())
                            .and_modify(|e| e.1 = manager);
                    }
                }
            }
            _ => return err(),
        }
        Ok(())
    }
}
