//! Granting the founding to another hive, refusing it, and being let off.

use std::collections::BTreeSet;
use std::time::Duration;

use super::peers::send;
use super::{Fault, Member};
use crate::effect::Effect;
use crate::message::{Message, Refusal};

/// So long for an answer before the question is repeated.
const AGAIN: Duration = Duration::from_secs(3);

/// A question to be let off a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Release {
    pub nonce: u64,
    pub again_at: Duration,
}

impl Member {
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
            again_at: now + AGAIN,
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
}
