//! What a hive waits for, in sentences with the cause and the next step.

use std::time::Duration;

use hive_inventory::node::SwarmRole;

use super::Member;
use super::joining::short;
use crate::effect::Action;
use crate::swarm::Local;

/// `a, b and c`.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        None => "nobody".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl Member {
    pub(super) fn waiting_for(&self, now: Duration) -> Vec<String> {
        let mut out = Vec::new();
        match &self.local {
            Local::Unknown => out.push("waiting for Docker Engine to answer".to_owned()),
            Local::Pending => {
                out.push("waiting for Docker Engine to get into the swarm".to_owned())
            }
            _ => {}
        }
        match self.role(now) {
            SwarmRole::Blank | SwarmRole::Founding if self.record.known.is_none() => {
                self.wait_to_found(now, &mut out);
            }
            SwarmRole::Joining => self.wait_to_join(now, &mut out),
            SwarmRole::Removed => out.push(self.removed()),
            SwarmRole::Lost => self.lost(now, &mut out),
            SwarmRole::Founding => {
                let why = self
                    .failed(&Action::Init)
                    .or(self.failed(&Action::ForceNewCluster));
                out.push(format!(
                    "making the site's new swarm, as a person ordered{}",
                    why.map(|why| format!("; it failed: {why}; trying again"))
                        .unwrap_or_default()
                ));
            }
            SwarmRole::Blank | SwarmRole::Worker => {}
            SwarmRole::Manager => {
                if matches!(self.local, Local::Manager { quorum: None, .. }) {
                    out.push("waiting for the managers to agree on a leader".to_owned());
                }
            }
        }
        out
    }

    fn wait_to_found(&self, now: Duration, out: &mut Vec<String>) {
        if self.deferred.is_some() {
            out.push(
                "the site has a swarm, and this hive joins it once Docker tells what it is in now"
                    .to_owned(),
            );
            return;
        }
        if self.foreign() {
            out.push(format!(
                "Docker here is in a swarm that hive did not make; nothing is founded while it is: `docker swarm leave --force` on {}",
                self.short_me()
            ));
        }
        if self.record.founding.is_some() {
            out.push(match self.failed(&Action::Init) {
                Some(why) => format!("Docker could not make the swarm: {why}; trying again"),
                None => "making the swarm: all hives have agreed to it".to_owned(),
            });
            return;
        }
        let Some(candidate) = self.turn().cloned() else {
            out.push("no hive of this stage may be a manager, so nobody can found the swarm; set number_of_managers of the stage in the inventory and write the seeds anew: `hive seed HOST`".to_owned());
            return;
        };
        let before = out.len();
        let mut silent = Vec::new();
        for name in self.voters() {
            let host = short(name);
            match self.heard(now, name) {
                None => silent.push(host),
                Some(hello) if hello.hives != self.hive_names() => out.push(format!(
                    "waiting for {host}: its seed lists other hives ({}); write the seed anew of whichever is out of date: `hive seed HOST`",
                    list(hello.hives.iter().map(|name| short(name)))
                )),
                // One that makes the site's own is in it a moment before it says so.
                Some(hello)
                    if hello.known.is_none()
                        && hello.node.is_some()
                        && hello.role != SwarmRole::Founding =>
                {
                    out.push(format!(
                        "waiting for {host}: its Docker is in a swarm that hive did not make: `docker swarm leave --force` there"
                    ));
                }
                Some(hello) => {
                    if let Some(to) = hello.granted.as_ref().filter(|to| **to != candidate) {
                        out.push(grant(host, short(to)));
                    }
                }
            }
        }
        if let Some(to) = self.record.granted.as_ref().filter(|to| **to != candidate) {
            out.push(grant(self.short_me(), short(to)));
        }
        if !silent.is_empty() {
            out.push(self.wait_for_silent(&silent));
        }
        if let Some(why) = self.failed(&Action::Init) {
            out.push(format!(
                "Docker could not make the swarm: {why}; trying again"
            ));
        }
        if out.len() == before {
            out.push(if candidate == self.config.me {
                "founding the swarm: all hives are heard, their grants are being collected"
                    .to_owned()
            } else {
                format!(
                    "waiting for {} to found the swarm: all hives are heard",
                    short(&candidate)
                )
            });
        }
    }

    fn wait_for_silent(&self, silent: &[&str]) -> String {
        let hosts = list(silent.iter().copied());
        let (may, on, its) = match silent {
            [_] => ("it", "it", "its disk"),
            _ => ("one of them", "them", "their disks"),
        };
        let out = self.record.decision.as_ref().map_or(0, |d| d.without.len());
        let left = self.config.hives.len() - out - silent.len();
        let else_found = if 2 * left > self.config.hives.len() {
            let without: Vec<String> = silent.iter().map(|h| format!("--without {h}")).collect();
            format!(
                " If {never} in a swarm and {its} will never come back: `hive found {}`",
                without.join(" "),
                never = if silent.len() == 1 {
                    "it never was"
                } else {
                    "they never were"
                },
            )
        } else {
            String::new()
        };
        format!(
            "waiting for {hosts}: not heard; {may} may carry the site's swarm, so none is founded before. Turn {on} on.{else_found}"
        )
    }

    fn wait_to_join(&self, now: Duration, out: &mut Vec<String>) {
        let me = self.short_me();
        if self.foreign() {
            out.push(format!("Docker here manages another swarm than the site's: `hive rejoin {me}` takes it out of that one and into the site's"));
            return;
        }
        if self.local.node().is_some() && self.node().is_none() {
            let why = self.failed(&Action::Leave);
            out.push(format!(
                "leaving a swarm that is not the site's any more{}",
                why.map(|why| format!("; it failed: {why}; trying again"))
                    .unwrap_or_default()
            ));
            return;
        }
        // A member whose engine starts may be the manager that is missed: no advice to give it up.
        if self.record.joined.is_some() && matches!(self.local, Local::Unknown | Local::Pending) {
            return;
        }
        let join = self.postponed.get("join").map(|failed| failed.why.as_str());
        if let Some(peer) = self.heard_quorum(now) {
            out.push(match join {
                Some(why) => format!(
                    "joining through {} failed: {why}; trying again",
                    short(peer)
                ),
                None => format!("joining the swarm through {}", short(peer)),
            });
            return;
        }
        let silent: Vec<&str> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.fresh(now).is_none())
            .map(|(name, _)| short(name))
            .collect();
        let cluster = self
            .record
            .known
            .as_ref()
            .map_or("", |known| &known.cluster);
        out.push(format!(
            "waiting for a manager of the site's swarm ({cluster}) that has a majority: {}. If its managers will never come back, make this hive the founder of a new one: `hive recover {me}`",
            if silent.is_empty() {
                "all hives are heard and none of them is one".to_owned()
            } else {
                format!("turn on those that are silent: {}", list(silent))
            }
        ));
    }

    fn removed(&self) -> String {
        let me = self.short_me();
        match &self.local {
            Local::Broken { why } => format!(
                "Docker can't use its part in the swarm ({why}); to bring this hive in anew: `hive rejoin {me}`"
            ),
            _ => format!(
                "this hive was taken out of the swarm and stays out; to bring it back: `hive rejoin {me}`"
            ),
        }
    }

    fn lost(&self, now: Duration, out: &mut Vec<String>) {
        let me = self.short_me();
        if let Some(peer) = self.heard_quorum(now) {
            out.push(format!(
                "this manager does not reach the others, though {} has a majority: look at the network (tcp 2377); or bring this hive in anew: `hive rejoin {me}`",
                short(peer)
            ));
            return;
        }
        let silent: Vec<&str> = self
            .peers
            .iter()
            .filter(|(name, peer)| self.may_manage(name) && peer.fresh(now).is_none())
            .map(|(name, _)| short(name))
            .collect();
        let other: Vec<String> = self
            .hellos(now)
            .filter(|(name, hello)| {
                self.may_manage(name)
                    && hello.role != SwarmRole::Lost
                    && hello.role != SwarmRole::Manager
            })
            .map(|(name, hello)| format!("{} {}", short(name), doing(hello.role)))
            .collect();
        out.push(format!(
            "the swarm lost the majority of its managers; {}{}. Bring them back and it goes on. If they are gone for good: `hive recover {me}` makes this manager's state the site's swarm, with it as the only manager; the others then leave what they have and join it",
            if silent.is_empty() { "all hives that may be managers are heard".to_owned() } else { format!("silent: {}", list(silent)) },
            if other.is_empty() { String::new() } else { format!("; {}", other.join(", ")) },
        ));
    }

    pub(super) fn two_swarms(&self) -> Option<String> {
        let (other, from) = self.rival.as_ref()?;
        let mine = self.record.known.as_ref()?;
        Some(format!(
            "TWO SWARMS: this hive knows {} as the site's, {} knows {}; nothing is done to either. Decide which one stays: `hive recover HOST` on a manager of it",
            mine.cluster,
            short(from),
            other.cluster
        ))
    }
}

/// What a hive does that could help and does not, after its name.
fn doing(role: SwarmRole) -> &'static str {
    match role {
        SwarmRole::Blank => "knows of no swarm",
        SwarmRole::Founding => "makes a new one",
        SwarmRole::Joining => "is not in it yet",
        SwarmRole::Worker => "is a worker",
        SwarmRole::Removed => "was taken out of it",
        SwarmRole::Manager | SwarmRole::Lost => "is a manager",
    }
}

fn grant(by: &str, to: &str) -> String {
    format!(
        "waiting for {to}: {by} has granted the founding to it; turn it on. If its disk is gone for good: `hive found --without {to} --even-if-granted --on {by}`"
    )
}

#[cfg(test)]
mod tests;
