//! What persons decide, and when that is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Member;
use super::joining::short;
use super::sentences::list;
use crate::effect::Effect;
use crate::event::{Order, OrderError};
use crate::record::{Decision, Record};
use crate::swarm::Local;

impl Member {
    /// A person decided something. The effects are to be carried out as those of
    /// [`handle`](Self::handle).
    ///
    /// # Errors
    /// It would endanger the one swarm, or has no sense here; nothing is changed then, and the text
    /// names the way out.
    pub fn order(&mut self, now: Duration, order: Order) -> Result<Vec<Effect>, OrderError> {
        let mut out = Vec::new();
        self.start(now, &mut out);
        let record = match order {
            Order::FoundWithout {
                hives,
                even_if_granted,
            } => self.found_without(now, &hives, even_if_granted),
            Order::Recover => self.recover(now),
            Order::Rejoin => self.rejoin(now),
        }
        .map_err(|why| OrderError {
            why,
            passing: self.unsure() || self.lost_at.is_some_and(|at| now < at),
        })?;
        self.inherited = false;
        self.forced = false;
        self.round = None;
        self.release = None;
        self.unlisted_until = None;
        self.store(record, &mut out);
        self.advance(now, false, &mut out);
        Ok(out)
    }

    fn found_without(
        &self,
        now: Duration,
        names: &[String],
        even_if_granted: bool,
    ) -> Result<Record, String> {
        if let Some(known) = self.record.known.as_ref().or(self.deferred.as_ref()) {
            return Err(format!(
                "the site has a swarm already ({}); nothing is founded any more. If none of its managers lives: `hive recover {}`",
                known.cluster,
                self.short_me()
            ));
        }
        if self.record.founding.is_some() {
            return Err("this hive is founding the swarm right now; see `hive status`".to_owned());
        }
        let mut decision = Decision {
            without: BTreeSet::new(),
            disks: BTreeMap::from([(self.config.me.clone(), self.record.disk)]),
        };
        for name in names {
            if *name == self.config.me {
                return Err(format!(
                    "{} is this hive itself; ask another one",
                    short(name)
                ));
            }
            if !self.peers.contains_key(name) {
                // A grant to a host that the inventory no longer has is still a grant.
                if self.record.granted.as_ref() == Some(name) && even_if_granted {
                    continue;
                }
                let hives = list(self.config.hives.iter().map(|h| short(&h.name)));
                return Err(format!("{name} is no hive of this stage; they are {hives}"));
            }
            if self.heard(now, name).is_some() {
                return Err(format!(
                    "{} is heard right now, so nobody needs to do without it; see `hive status` for what it waits for, or turn it off first",
                    short(name)
                ));
            }
            decision.without.insert(name.clone());
        }
        for name in self
            .peers
            .keys()
            .filter(|name| !decision.without.contains(*name))
        {
            let Some(hello) = self.heard(now, name) else {
                return Err(format!(
                    "{name} is silent too; turn it on, or name it too if the same is true of it: `--without {name}`",
                    name = short(name)
                ));
            };
            decision.disks.insert(name.clone(), hello.disk);
        }
        if !self.sound(&decision) {
            return Err(format!(
                "without {} there is no majority of the stage's {} hives with one among them that may be a manager; turn more of them on",
                list(decision.without.iter().map(|name| short(name))),
                self.config.hives.len()
            ));
        }
        self.no_grant_to(now, names, even_if_granted)?;
        let mut record = self.record.clone();
        if record.granted.as_ref().is_some_and(|to| names.contains(to)) {
            record.granted = None;
        }
        record.decision = (!decision.without.is_empty()).then_some(decision);
        Ok(record)
    }

    fn no_grant_to(
        &self,
        now: Duration,
        names: &[String],
        even_if_granted: bool,
    ) -> Result<(), String> {
        if even_if_granted {
            return Ok(());
        }
        let me = (&self.config.me, self.record.granted.as_ref());
        let peers = self
            .hellos(now)
            .map(|(name, hello)| (name, hello.granted.as_ref()));
        for (granter, granted) in std::iter::once(me).chain(peers) {
            if let Some(to) = granted
                && names.contains(to)
            {
                let without: Vec<String> = names
                    .iter()
                    .map(|name| format!("--without {}", short(name)))
                    .collect();
                return Err(format!(
                    "{by} has granted the founding to {to}, which may have founded the swarm since, or do so at any moment; turn {to} on, or if its disk is gone for good: `hive found {without} --even-if-granted --on {by}`",
                    by = short(granter),
                    to = short(to),
                    without = without.join(" "),
                ));
            }
        }
        Ok(())
    }

    fn recover(&self, now: Duration) -> Result<Record, String> {
        let Some(known) = &self.record.known else {
            return Err(
                "this hive knows of no swarm that could be recovered; if hives are silent that never were in one: `hive found --without HOST`"
                    .to_owned(),
            );
        };
        if self.unsure() {
            return Err(
                "Docker does not tell what it is in just now; ask again in a moment".to_owned(),
            );
        }
        if self.rival.is_none() {
            if self.quorum().is_some() {
                return Err("this manager has a majority; there is nothing to recover".to_owned());
            }
            if let Some(peer) = self.heard_quorum(now) {
                return Err(format!(
                    "{peer} is a manager with a majority, so the swarm lives; to bring this hive back into it: `hive rejoin {me}`",
                    peer = short(peer),
                    me = self.short_me()
                ));
            }
        }
        if self.lost_at.is_some_and(|at| now < at) {
            return Err(
                "the managers may be choosing a leader just now; ask again in ten seconds"
                    .to_owned(),
            );
        }
        let mut record = self.record.clone();
        record.founding = Some(known.epoch + 1);
        let own = match &self.local {
            Local::Manager { node, cluster, .. } if self.node().is_some() => {
                cluster.clone().or_else(|| self.recorded_cluster(node))
                    == Some(known.cluster.clone())
            }
            _ => false,
        };
        if !own {
            record.leave = self.local.node().cloned();
            record.joined = None;
        }
        Ok(record)
    }

    fn rejoin(&self, now: Duration) -> Result<Record, String> {
        if self.record.known.is_none() {
            return Err("this hive knows of no swarm yet; it joins by itself".to_owned());
        }
        if self.record.founding.is_some() || self.unsure() {
            return Err("Docker is at work; ask again in a moment".to_owned());
        }
        let out = self.unlisted_until.is_some_and(|until| now < until) || self.foreign();
        let removed = match &self.local {
            Local::Inactive | Local::Broken { .. } => true,
            Local::Manager { quorum: None, .. } => out || self.heard_quorum(now).is_some(),
            _ => out,
        };
        if !removed {
            return Err(format!(
                "this hive is in the swarm; if the swarm lost the majority of its managers: `hive recover {}` on one of them",
                self.short_me()
            ));
        }
        let mut record = self.record.clone();
        record.joined = None;
        record.leave = self.local.node().cloned();
        Ok(record)
    }

    pub(super) fn short_me(&self) -> &str {
        short(&self.config.me)
    }
}

#[cfg(test)]
mod tests;
