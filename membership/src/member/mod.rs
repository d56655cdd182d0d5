//! The hive's part in the protocol.
//!
//! # How one swarm comes to be, or none
//!
//! Hives say [`Hello`] to each other all the time. From it a hive learns of the site's swarm
//! ([`KnownSwarm`]: Docker's cluster id and an epoch), and writes what it learned to disk before it
//! does anything else.
//!
//! **Founding.** The candidate is the first hive of the inventory that may be a manager. It needs a
//! fresh Hello of *every* hive, each blank and with the same list of hives, then asks each for a
//! [`Grant`](Message::Grant) with a nonce that is used once. A hive grants only while it knows no
//! swarm, its Docker is in none, and it has granted to nobody else; the grant is on its disk
//! before it is on the wire, and is repeated to the same hive only. With all grants of one round, which
//! lasts [`ROUND`], the candidate writes that it is founding, and makes the swarm.
//!
//! **Why there can't be two.** To found, a hive needs the grant of every hive but those that a person
//! excluded, always more than half of all, so any two foundings have a granter in common. Its disk
//! either remembers the first grant, or knows the swarm, or is blank because it was
//! flashed since. If it was flashed after the first founding, the swarm lives on a disk that is asked
//! too (all are) and refuses, or on none at all, or a person's decision is void with the flashed disk.
//! If it was flashed before, the first candidate's round
//! is over by then: flashing and starting a machine takes longer than a round and an Init. That is the
//! protocol's first assumption about time, and it matters only together with `found --without`.
//! A hive that has granted may still hear a late word of a swarm that went with the disks that
//! were flashed since, believe it, and be in the way of the one that is just being founded: never two
//! swarms, but two names for one epoch, which only `hive recover` ends. The second assumption rules it out:
//! no word is older than [`MESSAGE_AGE`](crate::MESSAGE_AGE), and flashing takes longer.
//!
//! **Persons.** `found --without X` is refused unless X is silent, all others are heard and a majority,
//! and none of them has granted the founding to X. The decision travels in Hello and is good for one
//! founding by the very disks that were there when it was given (of a disk that was just flashed or
//! taken out a person can't speak before its last word is over): X, blank then, may have joined the
//! swarm that came of it, so it says nothing about a second one. It is dropped by whoever hears X, or
//! another disk of one of the others. `--even-if-granted` forgets this hive's own grant only and never travels: a
//! message that comes late must not undo a grant that was given after it was sent.
//!
//! **Handing back.** A hive that granted to X, hears X, and thinks that it is another's turn asks X
//! to let it off ([`AskRelease`](Message::AskRelease)). X answers only if it is in no swarm, makes none
//! and does not think itself the candidate; it drops its round first, so older grants are void.
//! The question's nonce is dropped when X is granted again.
//!
//! **Epochs.** `hive recover` makes the site's swarm out of what is left, one epoch higher. The intention
//! is on disk before Docker is touched and goes to others only when Docker is done. Who hears of a
//! higher epoch leaves what it is in and joins that one. The same epoch with another cluster means two
//! swarms: it is told, and nothing is done to either.
//!
//! **Leading.** Only the hived beside the swarm's leader changes roles, entries and labels, one
//! action at a time, planned from the newest view each time (see `duties`): a leader that dies in the
//! middle leaves nothing that the next one would not finish.

mod acting;
#[cfg(test)]
mod bench;
mod canonical;
mod deciding;
mod duties;
mod founding;
mod granting;
mod joining;
mod knowing;
mod orders;
mod peers;
mod place;
mod sentences;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hive_inventory::seed::{KnownSwarm, Member as Membership};

use crate::config::Config;
use crate::effect::{Action, Effect};
use crate::event::Event;
use crate::message::{Hello, Message};
use crate::record::{RECORD_VERSION, Record};
use crate::swarm::Local;

use acting::Postponed;
use founding::Round;
use granting::Release;
use joining::TokenAsk;
use peers::Peer;

/// A peer counts as heard so long after its last Hello.
pub const HEARD: Duration = Duration::from_secs(10);
/// A grant counts so long after it was asked for.
pub const ROUND: Duration = Duration::from_secs(10);
/// A manager without quorum is lost after so long; elections are over by then.
const LOST: Duration = Duration::from_secs(10);
/// So long Docker may still be at an Init that an earlier start of the daemon asked for.
const INIT: Duration = Duration::from_secs(60);

/// A protocol that is broken on purpose, to see that the simulation notices.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    GrantNotDurable,
    MajorityFounds,
    PeersUnchecked,
    SeedIgnored,
}

/// A hive as a state machine. It has no clock, no randomness and does no I/O: see
/// [`handle`](Self::handle).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    config: Config,
    record: Record,
    /// The next nonce. Its base is unique to this start.
    nonce: u64,
    started: Option<Duration>,
    /// Whether `record.founding` was found on the disk: nobody knows how far Docker came.
    inherited: bool,
    /// Docker made the new swarm that a person ordered; the record is yet to say so.
    forced: bool,
    local: Local,
    /// An action ended since Docker was asked last.
    stale: bool,
    acting: Option<Action>,
    postponed: BTreeMap<String, Postponed>,
    peers: BTreeMap<String, Peer>,
    /// Names outside the seed that talked to this hive.
    strangers: BTreeSet<String>,
    /// A swarm that was heard of while it was unclear what Docker is in.
    deferred: Option<KnownSwarm>,
    /// Another swarm of the same epoch, and who told of it.
    rival: Option<(KnownSwarm, String)>,
    round: Option<Round>,
    release: Option<Release>,
    /// With an intention to found and Docker in no swarm: when nothing can be under way any more.
    idle_at: Option<Duration>,
    token: Option<TokenAsk>,
    /// Without quorum: when this manager counts as lost.
    lost_at: Option<Duration>,
    /// A manager with quorum says that this node is not in the list; until then.
    unlisted_until: Option<Duration>,
    said: Option<Hello>,
    hello_at: Duration,
    told: BTreeSet<String>,
    fault: Option<Fault>,
}

impl Member {
    /// A hive that starts. `instance` is random, of this start: nonces count up from it, and must never
    /// meet those of another start.
    pub fn new(config: Config, record: Record, instance: u64) -> Self {
        let peers = config
            .hives
            .iter()
            .filter(|hive| hive.name != config.me)
            .map(|hive| (hive.name.clone(), Peer::default()))
            .collect();
        Self {
            inherited: record.founding.is_some(),
            forced: false,
            config,
            record,
            nonce: instance,
            started: None,
            local: Local::Unknown,
            stale: false,
            acting: None,
            postponed: BTreeMap::new(),
            peers,
            strangers: BTreeSet::new(),
            deferred: None,
            rival: None,
            round: None,
            release: None,
            idle_at: None,
            token: None,
            lost_at: None,
            unlisted_until: None,
            said: None,
            hello_at: Duration::ZERO,
            told: BTreeSet::new(),
            fault: None,
        }
    }

    /// Something happened at `now`, on a clock that never goes back while this member lives.
    ///
    /// The effects are to be carried out in order; see [`Effect`] for what a failure means.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        self.start(now, &mut out);
        let asked = matches!(event, Event::Swarm(_));
        match event {
            Event::Tick => {}
            Event::Heard { from, message } => self.on_message(now, from, message, &mut out),
            Event::Swarm(local) => self.on_swarm(now, local),
            Event::Done { action, result } => self.on_done(now, &action, result),
        }
        self.advance(now, asked, &mut out);
        out
    }

    fn start(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.started.is_some() {
            return;
        }
        self.started = Some(now);
        if self.record.disk == 0 {
            let mut record = self.record.clone();
            record.disk = self.nonce.max(1);
            self.store(record, out);
        }
        if let Some(known) = self.config.known.clone()
            && self.fault != Some(Fault::SeedIgnored)
        {
            self.learn(known, out);
        }
    }

    fn on_message(&mut self, now: Duration, from: String, message: Message, out: &mut Vec<Effect>) {
        if !self.peers.contains_key(&from) {
            if from != self.config.me && self.strangers.len() < 16 {
                self.strangers.insert(from);
            }
            return;
        }
        match message {
            Message::Hello(hello) => self.on_hello(now, &from, hello, out),
            Message::AskGrant { nonce, without } => {
                self.on_ask_grant(from, nonce, &without, out);
            }
            Message::Grant { nonce } => self.on_grant(now, from, nonce),
            Message::Refuse { nonce, why } => self.on_refusal(nonce, why, out),
            Message::AskRelease { nonce } => self.on_ask_release(from, nonce, out),
            Message::Release { nonce } => self.on_release(&from, nonce, out),
            Message::AskToken { nonce } => self.on_ask_token(from, nonce, out),
            Message::Token {
                nonce,
                known,
                token,
                managers,
            } => self.on_token(now, nonce, known, token, managers, out),
            Message::Unlisted { node, known } => self.on_unlisted(now, &node, &known),
        }
    }

    /// Whatever can be done now, in the order in which it matters. `asked` tells that Docker has
    /// just been asked, so that its state is of this moment.
    fn advance(&mut self, now: Duration, asked: bool, out: &mut Vec<Effect>) {
        if !self.unsure()
            && let Some(known) = self.deferred.take()
        {
            self.learn(known, out);
        }
        self.look_for_rival(now, out);
        self.settle(now, asked, out);
        self.found(now, out);
        self.hand_back(now, out);
        self.join(now, out);
        self.lead(now, out);
        self.say_hello(now, out);
    }

    fn store(&mut self, record: Record, out: &mut Vec<Effect>) {
        self.record = record;
        self.record.version = RECORD_VERSION;
        let mut written = self.record.clone();
        if self.fault == Some(Fault::GrantNotDurable) {
            written.granted = None;
        }
        out.push(Effect::Store(written));
    }

    fn next_nonce(&mut self) -> u64 {
        self.nonce = self.nonce.wrapping_add(1);
        self.nonce
    }

    fn may_manage(&self, name: &str) -> bool {
        self.config
            .hives
            .iter()
            .any(|hive| hive.name == name && hive.member == Membership::Manager)
    }

    fn hive_names(&self) -> Vec<String> {
        self.config.hives.iter().map(|h| h.name.clone()).collect()
    }

    /// The durable part, as it was handed out to be stored.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The same hive with a broken protocol.
    #[doc(hidden)]
    #[must_use]
    pub fn with_fault(mut self, fault: Option<Fault>) -> Self {
        self.fault = fault;
        self
    }
}
