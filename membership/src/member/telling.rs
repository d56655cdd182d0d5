//! The hive's status.

use std::time::Duration;

use super::Member;
use super::joining::short;
use super::sentences::list;
use crate::status::{PeerView, Status};
use crate::swarm::Local;

impl Member {
    /// How this hive is at `now`.
    pub fn status(&self, now: Duration) -> Status {
        let quorum = self.quorum();
        let managers = |fit: fn(&crate::swarm::Node) -> bool| {
            quorum.map(|quorum| {
                let count = quorum.nodes.iter().filter(|n| n.manager && fit(n)).count();
                u32::try_from(count).unwrap_or(u32::MAX)
            })
        };
        Status {
            role: self.role(now),
            node: self.node().cloned(),
            known: self.record.known.clone(),
            quorum: match &self.local {
                Local::Manager { quorum, .. } if self.node().is_some() => Some(quorum.is_some()),
                _ => None,
            },
            managers: managers(|_| true),
            managers_reachable: managers(|node| node.reachable),
            waiting_for: self.waiting_for(now),
            notices: self.notices(),
            peers: self.peer_views(now),
        }
    }

    fn notices(&self) -> Vec<String> {
        let mut notices: Vec<String> = self.two_swarms().into_iter().collect();
        if let (Some(seed), Some(known)) = (&self.config.known, &self.record.known)
            && seed.epoch == known.epoch
            && seed.cluster != known.cluster
        {
            notices.push(format!(
                "the seed names {} as the site's swarm, this hive knows {}; what it knows counts. Write the seed anew: `hive seed {}`",
                seed.cluster,
                known.cluster,
                self.short_me()
            ));
        }
        if !self.strangers.is_empty() {
            notices.push(format!(
                "{} of this site talk to this hive but are not in its seed; if they are new: `hive seed {}`",
                list(self.strangers.iter().map(|name| short(name))),
                self.short_me()
            ));
        }
        if let (Some(decision), None) = (&self.record.decision, &self.record.known) {
            notices.push(format!(
                "a person decided to found without {}",
                list(decision.without.iter().map(|name| short(name)))
            ));
        }
        let Some(quorum) = self.quorum() else {
            return notices;
        };
        let ours = |host: &str| {
            self.config
                .hives
                .iter()
                .any(|hive| short(&hive.name) == host)
        };
        // An entry has no name until its node has first reported.
        let named = quorum.nodes.iter().filter(|node| !node.host.is_empty());
        for node in named.filter(|node| !ours(&node.host)) {
            notices.push(format!(
                "the swarm has an entry {} ({}) that is no hive of this stage; it is left alone. If it is dead: `docker node rm --force {}`",
                node.host, node.id, node.id
            ));
        }
        if quorum
            .nodes
            .iter()
            .filter(|node| node.manager)
            .count()
            .is_multiple_of(2)
        {
            notices.push("the swarm has an even number of managers just now".to_owned());
        }
        if quorum.leader {
            for (what, failed) in &self.postponed {
                notices.push(failed.words(what, quorum));
            }
        }
        notices
    }

    fn peer_views(&self, now: Duration) -> Vec<PeerView> {
        let hives = self.hive_names();
        let mut views = Vec::new();
        for name in hives.iter().filter(|name| **name != self.config.me) {
            let Some(peer) = self.peers.get(name) else {
                continue;
            };
            let hello = peer.hello.as_ref();
            let trouble = hello.and_then(|hello| {
                if hello.hives != hives {
                    let theirs = list(hello.hives.iter().map(|name| short(name)));
                    return Some(format!("its seed lists other hives: {theirs}"));
                }
                let (mine, theirs) = (self.record.known.as_ref()?, hello.known.as_ref()?);
                (mine.epoch == theirs.epoch && mine.cluster != theirs.cluster)
                    .then(|| format!("it knows another swarm: {}", theirs.cluster))
            });
            views.push(PeerView {
                host: name.clone(),
                heard: peer.fresh(now).is_some(),
                last_heard: peer.last_heard,
                role: hello.map(|hello| hello.role),
                trouble,
            });
        }
        views
    }
}
