//! Three hosts, their disks and engines, and what is on the wire.

use hive_membership::member::Fault;
use hive_membership::{Action, Member, Message, Record};

use crate::docker::{Engine, List};
use crate::intern::Id;
use crate::reaction::{self, Happening, Outcome};

/// What may still go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Crashes of a machine at any step, between any two effects of an event too.
    pub crashes: u8,
    /// Disks that are flashed, with the first seed or with a new one that can only join.
    pub flashes: u8,
    /// Messages that come again, or late.
    pub copies: u8,
    /// Decisions of a person to found without a host.
    pub orders: u8,
    /// Starts at which Docker tells only later what it is in.
    pub slow: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Host {
    pub disk: Id<Record>,
    /// The swarm that the seed names.
    pub seed: Option<u8>,
    pub engine: Engine,
    /// How many disks came before this one.
    pub flashed: u8,
    /// The node that it was last.
    pub life: u8,
    /// `None`: off.
    pub member: Option<Id<Member>>,
    /// Under way at Docker.
    pub acting: Option<Id<Action>>,
    /// Under way at Docker since before hived was started anew.
    pub orphan: Option<Id<Action>>,
}

/// A message between two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Letter {
    pub from: u8,
    pub to: u8,
    pub message: Id<Message>,
}

impl Letter {
    /// Of each kind between two hosts the newest is on the wire; the one before is lost, or came.
    fn slot(&self) -> (u8, u8, u8) {
        let kind = match *self.message {
            Message::Hello(_) => 0,
            Message::AskGrant { .. } => 1,
            Message::Grant { .. } => 2,
            Message::Refuse { .. } => 3,
            Message::AskRelease { .. } => 4,
            Message::Release { .. } => 5,
            Message::AskToken { .. } => 6,
            Message::Token { .. } => 7,
            Message::Unlisted { .. } => 8,
        };
        (self.from, self.to, kind)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub hosts: [Host; 3],
    pub swarms: Vec<List>,
    /// Sorted by slot.
    pub wire: Vec<Letter>,
    /// Copies, which stay until they come.
    pub late: Vec<Letter>,
    pub budget: Budget,
    pub fault: Option<Fault>,
}

/// Nothing is cut short.
pub const WHOLE: u8 = u8::MAX;

impl State {
    pub fn new(budget: Budget, fault: Option<Fault>) -> Self {
        let host = Host {
            disk: reaction::blank(),
            seed: None,
            engine: Engine::Inactive,
            flashed: 0,
            life: 0,
            member: None,
            acting: None,
            orphan: None,
        };
        Self {
            hosts: [host; 3],
            swarms: Vec::new(),
            wire: Vec::new(),
            late: Vec::new(),
            budget,
            fault,
        }
    }

    /// Starts a host; Docker tells at once what it is in, or only later.
    pub fn start(&mut self, host: usize, slow: bool, most: u8) {
        let h = &mut self.hosts[host];
        let member = reaction::start(host, h.flashed, h.disk, h.seed, self.fault);
        h.member = Some(member);
        if slow {
            self.budget.slow -= 1;
        } else {
            self.ask(host, most);
        }
    }

    /// Hands an event in; the machine dies after so many outcomes.
    pub fn happen(&mut self, host: usize, happening: Happening, most: u8) {
        let Some(member) = self.hosts[host].member else {
            return;
        };
        let reaction = reaction::react(member, happening);
        self.hosts[host].member = Some(reaction.member);
        for outcome in reaction.outcomes.iter().take(usize::from(most)) {
            match outcome {
                Outcome::Store(record) => self.hosts[host].disk = *record,
                Outcome::Send(to, message) => self.post(host, *to, *message),
                Outcome::Act(action) => self.hosts[host].acting = Some(*action),
                Outcome::Void(kind) => self.void(host, *kind),
            }
        }
        if most != WHOLE {
            self.budget.crashes -= 1;
            self.off(host);
        }
    }

    /// The machine is dead: its connections with what is on them, its questions.
    pub fn off(&mut self, host: usize) {
        self.hosts[host].member = None;
        self.hosts[host].acting = None;
        self.hosts[host].orphan = None;
        for kind in 0..3 {
            self.void(host, kind);
        }
        self.wire.retain(|letter| usize::from(letter.to) != host);
    }

    fn post(&mut self, from: usize, to: u8, message: Id<Message>) {
        if self.hosts[usize::from(to)].member.is_none() {
            return;
        }
        let from = u8::try_from(from).unwrap();
        let letter = Letter { from, to, message };
        match self.wire.binary_search_by_key(&letter.slot(), Letter::slot) {
            Ok(index) => self.wire[index] = letter,
            Err(index) => self.wire.insert(index, letter),
        }
    }

    /// A question is asked anew or given up: answers to the old one count no more.
    fn void(&mut self, host: usize, kind: usize) {
        let keep = |letter: &mut Letter| match reaction::question(&letter.message) {
            Some((k, true)) if k == kind && usize::from(letter.from) == host => {
                reaction::late(&letter.message)
                    .map(|late| letter.message = late)
                    .is_some()
            }
            Some((k, false)) if k == kind && usize::from(letter.to) == host => false,
            _ => true,
        };
        self.wire.retain_mut(keep);
        self.late.retain_mut(keep);
    }

    /// What another host hears of this one now.
    pub fn hello(&self, from: usize, to: usize) -> Option<Letter> {
        let message = reaction::hello(self.hosts[from].member?);
        let [from, to] = [from, to].map(|host| u8::try_from(host).unwrap());
        Some(Letter { from, to, message })
    }
}
