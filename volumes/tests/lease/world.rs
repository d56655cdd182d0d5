//! Two hosts, a link, a Raft, and what happens to them, one thing after the other.

use std::collections::{BTreeSet, VecDeque};

use hive_volumes::State;
use hive_volumes::lease::{Lease, Link, View};

use crate::copy::{Host, Role};
use crate::raft::{Change, Raft};
use crate::random::Random;

/// A protocol broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The handler calls the peer fenced without asking Raft.
    FencedUnasked,
    /// A copy is promoted whether it is current or not, and without a fence.
    StalePromoted,
    /// Whether the copies are complete is looked up before the record is read.
    SeenBeforeRead,
    /// Admissions carry no version.
    BlindAdmission,
    /// A record from before `recover` is believed.
    EpochIgnored,
    /// After `recover`, DRBD's word for it that both are connected is enough.
    PeerUnasked,
}

pub const NAMES: [&str; 2] = ["h0", "h1"];

/// A write, or the word that it arrived, on its way to the other host.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub session: u64,
    pub write: u64,
    pub arrived: bool,
}

pub struct World {
    pub random: Random,
    pub raft: Raft,
    pub hosts: [Host; 2],
    pub link: bool,
    /// Packets to each host, in order.
    pub wire: [VecDeque<Packet>; 2],
    /// The host whose copy is being filled.
    pub filling: Option<usize>,
    pub numbers: u64,
    pub acked: BTreeSet<u64>,
    pub calm: bool,
    pub recovers: bool,
    pub fault: Option<Fault>,
    pub violation: Option<String>,
    pub trace: Option<Vec<String>>,
    pub promotions: u64,
    pub takeovers: u64,
}

impl World {
    pub fn new(seed: u64, first: State, fault: Option<Fault>, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let recovers = random.chance(300);
        Self {
            random,
            raft: Raft {
                history: vec![first],
                queue: Vec::new(),
                epoch: 0,
            },
            hosts: [Host::new(), Host::new()],
            link: true,
            wire: [VecDeque::new(), VecDeque::new()],
            filling: None,
            numbers: 0,
            acked: BTreeSet::new(),
            calm: false,
            recovers,
            fault,
            violation: None,
            trace: trace.then(Vec::new),
            promotions: 0,
            takeovers: 0,
        }
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(text());
        }
    }

    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Whether both sides believe in one connection, and it works.
    pub fn connected(&self) -> bool {
        let [a, b] = &self.hosts;
        self.link && a.up && b.up && a.session.is_some() && a.session == b.session
    }

    /// What DRBD tells on a host. Of a peer that vanished it tells what was true before, until it notices:
    /// nothing changed there that this side would have to know, since it would have been asked.
    pub fn view(&self, host: usize) -> View<'static> {
        let (me, peer) = (&self.hosts[host], &self.hosts[1 - host]);
        let link = match me.session {
            None => Link::Cut,
            Some(_) => Link::Connected {
                primary: peer.up && peer.session == me.session && peer.role == Role::Primary,
                up_to_date: self.filling.is_none() && (!peer.up || peer.disk.up_to_date),
            },
        };
        let ignored = self.fault == Some(Fault::EpochIgnored);
        View {
            me: NAMES[host],
            epoch: if ignored { 0 } else { self.raft.epoch },
            link,
            up_to_date: me.disk.up_to_date,
            peer_agrees: self.fault == Some(Fault::PeerUnasked)
                || (self.link
                    && peer.up
                    && peer.session.is_some()
                    && peer.disk.up_to_date
                    && peer.role == Role::Secondary),
            // The swarm calls a host down that it does not hear, too.
            holder_down: !peer.up || !peer.reaches_raft,
        }
    }

    /// Sends a change on its way.
    pub fn ask(&mut self, host: usize, expected: usize, state: State, blind: bool) -> u64 {
        let ticket = self.number();
        self.raft.queue.push(Change {
            host,
            ticket,
            expected,
            state,
            blind,
        });
        ticket
    }

    /// One thing happens.
    pub fn step(&mut self) {
        let host = self.random.index(2);
        if !self.calm {
            self.mishap(host);
        }
        match self.random.index(8) {
            0 => self.notice(host),
            1 => self.connect(),
            2 => self.filled(),
            3 => self.write(host),
            4 => self.deliver(host),
            5 => self.raft_step(),
            6 => self.handler_step(host),
            _ => self.hived_step(host),
        }
    }

    fn mishap(&mut self, host: usize) {
        if self.random.chance(12) {
            self.link = !self.link;
            let link = self.link;
            self.note(|| format!("link {link}"));
        }
        if self.random.chance(12) {
            let reaches = !self.hosts[host].reaches_raft;
            self.hosts[host].reaches_raft = reaches;
            self.note(|| format!("h{host} reaches raft: {reaches}"));
        }
        if self.random.chance(6) && self.hosts[host].up {
            self.power_off(host);
        } else if self.random.chance(30) && !self.hosts[host].up {
            self.hosts[host].up = true;
            self.note(|| format!("h{host} starts"));
        }
        if self.random.chance(8) {
            self.hosts[host].task = crate::copy::Task::Idle;
            self.note(|| format!("hived on h{host} starts anew"));
        }
        if self.random.chance(15) {
            // The service moves, or the swarm wants it twice for a moment.
            let both = self.random.chance(200);
            self.hosts[host].wanted = true;
            self.hosts[1 - host].wanted = both;
        }
        if self.recovers && self.random.chance(1) {
            let lost = self.random.index(4);
            self.raft.recover(lost);
            self.note(|| format!("recover, {lost} changes forgotten"));
        }
    }

    pub fn power_off(&mut self, host: usize) {
        self.note(|| format!("h{host} loses power"));
        let random = &mut self.random;
        self.hosts[host].power_off(|| random.chance(500));
        if self.filling == Some(host) || self.filling == Some(1 - host) {
            self.filling = None;
        }
    }
}

/// The first state: both have everything, nobody holds it.
pub fn first(mut state: State) -> State {
    state.lease = Lease {
        holder: None,
        current: NAMES.iter().map(|name| (*name).to_owned()).collect(),
        epoch: 0,
    };
    state
}
