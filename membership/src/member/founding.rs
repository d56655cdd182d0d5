//! Founding: whose turn it is, and the candidate's round.

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
    pub(super) fn blank(&self) -> bool {
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
}
