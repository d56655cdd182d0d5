//! Joining the known swarm as a worker, giving out tokens, and hearing that one was taken out.

use std::time::Duration;

use hive_inventory::seed::KnownSwarm;

use super::Member;
use super::peers::send;
use crate::effect::{Action, Effect};
use crate::message::Message;
use crate::swarm::Local;

const FIRST_WAIT: Duration = Duration::from_secs(3);
const LAST_WAIT: Duration = Duration::from_secs(24);
/// What a manager says of the list counts so long.
const UNLISTED: Duration = Duration::from_secs(30);

/// A question for a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenAsk {
    pub nonce: u64,
    pub again_at: Duration,
    pub wait: Duration,
}

impl TokenAsk {
    /// Somebody who can give one has come up.
    pub fn again_soon(&mut self, now: Duration) {
        self.wait = FIRST_WAIT;
        self.again_at = self.again_at.min(now);
    }
}

impl Member {
    /// This hive is to join, and free to.
    fn may_join(&self) -> bool {
        self.record.known.is_some()
            && self.record.joined.is_none()
            && self.record.founding.is_none()
            && self.inactive()
    }

    pub(super) fn join(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.may_join() {
            if self.acting.is_none() {
                self.token = None;
            }
            return;
        }
        if self.token.as_ref().is_some_and(|ask| now < ask.again_at) {
            return;
        }
        let wait = self.token.as_ref().map_or(FIRST_WAIT, |ask| ask.wait);
        let nonce = self.next_nonce();
        self.token = Some(TokenAsk {
            nonce,
            again_at: now + wait,
            wait: (wait * 2).min(LAST_WAIT),
        });
        for peer in self.peers.keys() {
            out.push(send(peer, Message::AskToken { nonce }));
        }
    }

    pub(super) fn on_ask_token(&mut self, from: String, nonce: u64, out: &mut Vec<Effect>) {
        let (Some(quorum), Some(known), None) =
            (self.quorum(), self.record.known.clone(), &self.rival)
        else {
            return;
        };
        let reachable = |name: &String| {
            let host = short(name);
            quorum
                .nodes
                .iter()
                .any(|node| node.host == host && node.manager && node.reachable)
        };
        let me = std::iter::once(self.config.me.clone());
        let others = self.peers.keys().filter(|name| reachable(name)).cloned();
        let message = Message::Token {
            nonce,
            known,
            token: quorum.worker_token.clone(),
            managers: me.chain(others).collect(),
        };
        out.push(send(&from, message));
    }

    pub(super) fn on_token(
        &mut self,
        now: Duration,
        nonce: u64,
        known: KnownSwarm,
        token: String,
        managers: Vec<String>,
        out: &mut Vec<Effect>,
    ) {
        let join = Action::Join {
            known: known.clone(),
            token,
            managers,
        };
        if self.may_join()
            && self.deferred.is_none()
            && self.record.known == Some(known)
            && self.token.as_ref().is_some_and(|ask| ask.nonce == nonce)
            && !self.waits(now, &join)
        {
            self.act(join, out);
        }
    }

    pub(super) fn tell_unlisted(&self, to: &str, out: &mut Vec<Effect>) {
        let node = self
            .peers
            .get(to)
            .and_then(|p| p.hello.as_ref()?.node.clone());
        if self.quorum().is_some()
            && self.rival.is_none()
            && let (Some(node), Some(known)) = (node, self.record.known.clone())
        {
            out.push(send(to, Message::Unlisted { node, known }));
        }
    }

    pub(super) fn on_unlisted(&mut self, now: Duration, node: &str, known: &KnownSwarm) {
        let quorum = matches!(
            self.local,
            Local::Manager {
                quorum: Some(_),
                ..
            }
        );
        if !quorum
            && self.node().is_some_and(|mine| mine == node)
            && self.record.known.as_ref() == Some(known)
        {
            self.unlisted_until = Some(now + UNLISTED);
        }
    }
}

/// The first label of a host's name, as Docker has it.
pub(super) fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
