//! A person's decision to found without some hives: how it spreads, and when it is void.

use std::time::Duration;

use super::Member;
use crate::effect::Effect;
use crate::message::Hello;
use crate::record::Decision;

impl Member {
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
