//! Founding: the candidate's round, the others' grants, and how a grant is handed back.

use std::collections::BTreeSet;
use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Member as Membership;

use super::peers::send;
use super::{Fault, Member, ROUND};
use crate::effect::{Action, Effect};
use crate::message::{Hello, Message, Refusal};
use crate::record::Decision;

/// Questions are repeated so often within a round.
const AGAIN: Duration = Duration::from_secs(1);

/// A try to found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Round {
    pub nonce: u64,
    pub until: Duration,
    pub resend_at: Duration,
    pub grants: BTreeSet<String>,
}

/// A question to be let off a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Release {
    pub nonce: u64,
    pub again_at: Duration,
}

impl Member {
    /// Whose turn it is to found, under this decision.
    pub(super) fn candidate(&self, decision: Option<&Decision>) -> Option<&String> {
        let out = |name: &String| decision.is_some_and(|d| d.without.contains(name));
        self.config
            .hives
            .iter()
            .find(|hive| hive.member == Membership::Manager && !out(&hive.name))
            .map(|hive| &hive.name)
    }

    /// Whose turn it is to found.
    pub(super) fn turn(&self) -> Option<&String> {
        self.candidate(self.record.decision.as_ref())
    }

    pub(super) fn excluded(&self, name: &String) -> bool {
        self.record
            .decision
            .as_ref()
            .is_some_and(|d| d.without.contains(name))
    }

    /// Those whose Hello and grant this hive needs to found.
    pub(super) fn voters(&self) -> impl Iterator<Item = &String> {
        self.config
            .hives
            .iter()
            .map(|hive| &hive.name)
            .filter(|name| **name != self.config.me && !self.excluded(name))
    }

    /// Nothing is known, here or from others, and Docker is in no swarm.
    fn blank(&self) -> bool {
        self.record.known.is_none()
            && self.record.joined.is_none()
            && self.deferred.is_none()
            && self.inactive()
    }

    /// Whether a peer, by its Hello, may grant the founding to this hive.
    pub(super) fn willing(&self, hello: &Hello) -> bool {
        let blank = matches!(hello.role, SwarmRole::Blank | SwarmRole::Founding)
            && hello.known.is_none()
            && hello.node.is_none();
        let granted = hello.granted.as_ref();
        (blank || self.fault == Some(Fault::PeersUnchecked))
            && hello.hives == self.hive_names()
            && granted.is_none_or(|to| *to == self.config.me)
    }

    pub(super) fn found(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.round.as_ref().is_some_and(|round| now >= round.until) {
            self.round = None;
        }
        let me = &self.config.me;
        if !self.blank()
            || self.turn() != Some(me)
            || self.record.founding.is_some_and(|epoch| epoch > 0)
            || self.record.granted.as_ref().is_some_and(|to| to != me)
            || self.waits(now, &Action::Init)
        {
            self.round = None;
            return;
        }
        let voters: BTreeSet<String> = self.voters().cloned().collect();
        let enough = |count: usize| match self.fault {
            Some(Fault::MajorityFounds) => 2 * (count + 1) > self.config.hives.len(),
            _ => count == voters.len(),
        };
        if self
            .round
            .as_ref()
            .map_or(voters.is_empty(), |r| enough(r.grants.len()))
        {
            let mut record = self.record.clone();
            record.granted = Some(self.config.me.clone());
            record.founding = Some(0);
            self.round = None;
            self.inherited = false;
            self.store(record, out);
            self.act(Action::Init, out);
            return;
        }
        let willing = voters
            .iter()
            .filter(|name| self.heard(now, name).is_some_and(|h| self.willing(h)))
            .count();
        if self.round.is_none() {
            if !enough(willing) {
                return;
            }
            self.round = Some(Round {
                nonce: self.next_nonce(),
                until: now + ROUND,
                resend_at: now,
                grants: BTreeSet::new(),
            });
        }
        let decision = self.record.decision.as_ref();
        let without = decision.map_or_else(BTreeSet::new, |d| d.without.clone());
        let Some(round) = self.round.as_mut().filter(|round| now >= round.resend_at) else {
            return;
        };
        round.resend_at = now + AGAIN;
        let nonce = round.nonce;
        for voter in voters.difference(&round.grants) {
            let without = without.clone();
            out.push(send(voter, Message::AskGrant { nonce, without }));
        }
    }

    pub(super) fn on_ask_grant(
        &mut self,
        from: String,
        nonce: u64,
        without: &BTreeSet<String>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(why) = self.refusal(&from, without) {
            out.push(send(&from, Message::Refuse { nonce, why }));
            return;
        }
        let mut record = self.record.clone();
        record.granted = Some(from.clone());
        // A question to be let off that is still out must not undo this grant.
        self.release = None;
        // Written each time, also when it is only repeated: no grant without its record before it.
        self.store(record, out);
        out.push(send(&from, Message::Grant { nonce }));
    }

    fn refusal(&self, from: &str, without: &BTreeSet<String>) -> Option<Refusal> {
        let unchecked = self.fault == Some(Fault::PeersUnchecked);
        let granted = self.record.granted.as_ref();
        if let Some(to) = granted.filter(|to| *to != from) {
            return Some(Refusal::Granted { to: to.clone() });
        }
        if !unchecked {
            if let Some(known) = self.record.known.clone().or(self.deferred.clone()) {
                return Some(Refusal::Known { known });
            }
            if !self.blank() || self.record.founding.is_some() {
                return Some(Refusal::Unsure);
            }
        }
        let hives = self.hive_names();
        let Some(hello) = self.peers.get(from).and_then(|peer| peer.hello.as_ref()) else {
            return Some(Refusal::Unsure);
        };
        if hello.hives != hives {
            return Some(Refusal::OtherHives { hives });
        }
        // Under a decision, only if it is the very same one here. Else it asks everybody: always right.
        let mine = self.record.decision.as_ref();
        let decision =
            mine.filter(|mine| mine.without == *without && hello.decision.as_ref() == Some(mine));
        let same = decision.is_some() || without.is_empty();
        let turn = same && self.candidate(decision).is_some_and(|name| name == from);
        (!turn && !unchecked).then_some(Refusal::NotItsTurn)
    }

    pub(super) fn on_grant(&mut self, now: Duration, from: String, nonce: u64) {
        let voter = self.voters().any(|name| *name == from);
        if let Some(round) = &mut self.round
            && round.nonce == nonce
            && now < round.until
            && voter
        {
            round.grants.insert(from);
        }
    }

    pub(super) fn on_refusal(&mut self, nonce: u64, why: Refusal, out: &mut Vec<Effect>) {
        if self.round.as_ref().is_none_or(|round| round.nonce != nonce) {
            return;
        }
        if let Refusal::Known { known } = why
            && self.fault != Some(Fault::PeersUnchecked)
        {
            self.learn(known, out);
        }
    }

    /// A grant to a hive that is alive and not the candidate is in everybody's way.
    pub(super) fn hand_back(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(to) = self.record.granted.clone() else {
            return;
        };
        if !self.blank() || self.record.founding.is_some() || self.turn() == Some(&to) {
            self.release = None;
            return;
        }
        if to == self.config.me {
            let mut record = self.record.clone();
            record.granted = None;
            self.store(record, out);
            return;
        }
        if self.heard(now, &to).is_none()
            || self.release.as_ref().is_some_and(|ask| now < ask.again_at)
        {
            return;
        }
        let nonce = self.next_nonce();
        self.release = Some(Release {
            nonce,
            again_at: now + 3 * AGAIN,
        });
        out.push(send(&to, Message::AskRelease { nonce }));
    }

    pub(super) fn on_ask_release(&mut self, from: String, nonce: u64, out: &mut Vec<Effect>) {
        if self.blank() && self.record.founding.is_none() && self.turn() != Some(&self.config.me) {
            self.round = None;
            out.push(send(&from, Message::Release { nonce }));
        }
    }

    pub(super) fn on_release(&mut self, from: &str, nonce: u64, out: &mut Vec<Effect>) {
        if self.release.as_ref().is_some_and(|ask| ask.nonce == nonce)
            && self.record.granted.as_deref() == Some(from)
        {
            self.release = None;
            let mut record = self.record.clone();
            record.granted = None;
            self.store(record, out);
        }
    }

    /// A Hello may end a decision, or bring one.
    pub(super) fn take_decision(
        &mut self,
        now: Duration,
        from: &str,
        hello: &Hello,
        out: &mut Vec<Effect>,
    ) {
        if self.record.founding.is_none()
            && let Some(decision) = &self.record.decision
            && decision.disks.get(from) != Some(&hello.disk)
        {
            let mut record = self.record.clone();
            record.decision = None;
            self.round = None;
            self.store(record, out);
        }
        if let Some(decision) = &hello.decision
            && hello.hives == self.hive_names()
        {
            self.adopt(now, decision, out);
        }
    }

    /// Takes over another hive's decision, if nothing that is known here speaks against it.
    fn adopt(&mut self, now: Duration, decision: &Decision, out: &mut Vec<Effect>) {
        let mine = self.record.decision.as_ref();
        // Of two decisions the same one wins everywhere.
        if mine.is_some_and(|mine| (mine.without.len(), mine) >= (decision.without.len(), decision))
            || self.record.known.is_some()
            || self.record.founding.is_some()
            || decision.disks.get(&self.config.me) != Some(&self.record.disk)
            || self
                .hellos(now)
                .any(|(name, hello)| decision.disks.get(name) != Some(&hello.disk))
            || self
                .record
                .granted
                .as_ref()
                .is_some_and(|to| decision.without.contains(to))
            || !self.sound(decision)
        {
            return;
        }
        let mut record = self.record.clone();
        record.decision = Some(decision.clone());
        self.round = None;
        self.store(record, out);
    }

    /// Whether it speaks of all hives, and a majority of them is left, one fit to be a manager.
    pub(super) fn sound(&self, decision: &Decision) -> bool {
        let (out, left) = (&decision.without, &decision.disks);
        let hives = &self.config.hives;
        out.len() + left.len() == hives.len()
            && hives
                .iter()
                .all(|hive| out.contains(&hive.name) != left.contains_key(&hive.name))
            && 2 * left.len() > hives.len()
            && self.candidate(Some(decision)).is_some()
    }
}
