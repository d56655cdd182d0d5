//! The other hives, and what they say of themselves.

use std::time::Duration;

use hive_inventory::node::SwarmRole;

use super::{Fault, HEARD, Member};
use crate::effect::Effect;
use crate::message::{Hello, Message};

/// Hellos while something is still missing.
const BUSY: Duration = Duration::from_secs(2);
/// Hellos when all is well.
const SETTLED: Duration = Duration::from_secs(5);

/// What this hive remembers of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub hello: Option<Hello>,
    pub last_heard: Option<Duration>,
    pub fresh_until: Duration,
    /// Its node is not in the swarm's list: from when on that is no matter of lag.
    pub missing_at: Option<Duration>,
}

impl Peer {
    pub fn fresh(&self, now: Duration) -> Option<&Hello> {
        self.hello.as_ref().filter(|_| now < self.fresh_until)
    }
}

impl Member {
    /// The peer's Hello, if it is fresh.
    pub(super) fn heard(&self, now: Duration, name: &str) -> Option<&Hello> {
        self.peers.get(name).and_then(|peer| peer.fresh(now))
    }

    /// All fresh Hellos.
    pub(super) fn hellos(&self, now: Duration) -> impl Iterator<Item = (&String, &Hello)> {
        self.peers
            .iter()
            .filter_map(move |(name, peer)| Some((name, peer.fresh(now)?)))
    }

    /// A manager with quorum of the known swarm, or of a later one.
    pub(super) fn heard_quorum(&self, now: Duration) -> Option<&String> {
        let mine = self.record.known.as_ref().map(|known| known.epoch);
        self.hellos(now)
            .find(|(_, hello)| hello.quorum && hello.known.as_ref().map(|k| k.epoch) >= mine)
            .map(|(name, _)| name)
    }

    pub(super) fn on_hello(
        &mut self,
        now: Duration,
        from: &str,
        hello: Hello,
        out: &mut Vec<Effect>,
    ) {
        let unchecked = self.fault == Some(Fault::PeersUnchecked)
            && self.record.known.is_none()
            && self.turn() == Some(&self.config.me);
        if let Some(known) = hello.known.clone()
            && !unchecked
        {
            self.learn(known, out);
        }
        let answer = hello.answer;
        let quorum = hello.quorum && self.heard(now, from).is_none_or(|old| !old.quorum);
        self.take_decision(now, from, &hello, out);
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        let missing = peer.missing_at.is_some_and(|at| now >= at)
            && peer
                .hello
                .as_ref()
                .is_some_and(|old| old.node == hello.node);
        peer.hello = Some(hello);
        peer.last_heard = Some(now);
        peer.fresh_until = now + HEARD;
        if missing {
            self.tell_unlisted(from, out);
        }
        if quorum && let Some(token) = &mut self.token {
            token.again_soon(now);
        }
        if answer {
            let hello = self.hello(now);
            out.push(send(from, Message::Hello(hello)));
        }
    }

    pub(super) fn hello(&self, now: Duration) -> Hello {
        Hello {
            role: self.role(now),
            known: self.record.known.clone(),
            node: self.node().cloned(),
            quorum: self.quorum().is_some(),
            granted: self.record.granted.clone(),
            decision: self.record.decision.clone(),
            disk: self.record.disk,
            hives: self.hive_names(),
            answer: false,
        }
    }

    /// To everybody: at the start, on a change, and every now and then.
    pub(super) fn say_hello(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let hello = self.hello(now);
        if now < self.hello_at && self.said.as_ref() == Some(&hello) {
            return;
        }
        let settled = matches!(hello.role, SwarmRole::Worker | SwarmRole::Manager)
            && self.hellos(now).count() == self.peers.len();
        self.hello_at = now + if settled { SETTLED } else { BUSY };
        for peer in self.peers.keys() {
            let answer = self.said.is_none();
            let hello = Hello {
                answer,
                ..hello.clone()
            };
            out.push(send(peer, Message::Hello(hello)));
        }
        self.said = Some(hello);
    }
}

pub(super) fn send(to: &str, message: Message) -> Effect {
    Effect::Send {
        to: to.to_owned(),
        message,
    }
}
