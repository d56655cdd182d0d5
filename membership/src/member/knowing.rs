//! Learning which swarm is the site's.

use hive_inventory::seed::KnownSwarm;

use super::Member;
use crate::effect::Effect;
use crate::swarm::Local;

impl Member {
    /// Somebody says that this is the site's swarm.
    pub(super) fn learn(&mut self, known: KnownSwarm, from: &str, out: &mut Vec<Effect>) {
        if let Some(mine) = &self.record.known {
            if known.epoch < mine.epoch {
                return;
            }
            if known.epoch == mine.epoch {
                if known.cluster != mine.cluster {
                    self.rival = Some((known, from.to_owned()));
                }
                return;
            }
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
        self.rival = None;
        self.store(record, out);
    }

    /// Docker is a manager of this swarm already, though this hive did not know it for the site's. A
    /// later epoch of the same cluster is another one: only some of its managers are in it.
    fn is_of(&self, known: &KnownSwarm) -> bool {
        self.record.known.is_none()
            && matches!(&self.local, Local::Manager { cluster: Some(cluster), .. } if *cluster == known.cluster)
    }

    pub(super) fn tell_two_swarms(&mut self, out: &mut Vec<Effect>) {
        if let Some(text) = self.two_swarms()
            && self.told.insert(text.clone())
        {
            out.push(Effect::Tell(text));
        }
    }
}
