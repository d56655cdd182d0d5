//! Learning which swarm is the site's.

use std::time::Duration;

use hive_inventory::seed::KnownSwarm;

use super::Member;
use crate::effect::Effect;
use crate::swarm::Local;

impl Member {
    /// Somebody says that this is the site's swarm.
    pub(super) fn learn(&mut self, known: KnownSwarm, out: &mut Vec<Effect>) {
        if let Some(mine) = &self.record.known
            && known.epoch <= mine.epoch
        {
            return;
        }
        // A person has told this hive to make a later one: it is about to overtake what it hears.
        if self
            .record
            .founding
            .is_some_and(|epoch| epoch > known.epoch)
        {
            return;
        }
        if self.unsure() {
            // What Docker is in must be told apart from what it is to be in, also after a crash.
            if self.deferred.as_ref().is_none_or(|d| d.epoch < known.epoch) {
                self.deferred = Some(known);
            }
            return;
        }
        let mut record = self.record.clone();
        if let Some(node) = self.local.node().cloned()
            && !self.is_of(&known)
            && (record.known.is_some() || record.founding.is_some())
        {
            record.leave = Some(node);
            record.joined = None;
        }
        record.known = Some(known);
        record.founding = None;
        self.round = None;
        self.release = None;
        self.token = None;
        self.store(record, out);
    }

    /// Docker is a manager of this swarm already, though this hive did not know it for the site's. A
    /// later epoch of the same cluster is another one: only some of its managers are in it.
    fn is_of(&self, known: &KnownSwarm) -> bool {
        self.record.known.is_none()
            && matches!(&self.local, Local::Manager { cluster: Some(cluster), .. } if *cluster == known.cluster)
    }

    /// Looks for another swarm of the same epoch. Only what is fresh counts: a late word of a swarm that
    /// is gone must not paralyse this one.
    pub(super) fn look_for_rival(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let mine = self.record.known.as_ref();
        let rival = self.hellos(now).find_map(|(name, hello)| {
            let (theirs, mine) = (hello.known.as_ref()?, mine?);
            let two = theirs.epoch == mine.epoch && theirs.cluster != mine.cluster;
            two.then(|| (theirs.clone(), name.clone()))
        });
        self.rival = rival;
        if let Some(text) = self.two_swarms()
            && self.told.insert(text.clone())
        {
            out.push(Effect::Tell(text));
        }
    }
}
