//! The hive for the model checker: states that go on alike are made equal, so that all of them can be
//! visited. Nothing here is used by hived. It forgets what `recover` and `rejoin` look
//! at, so those can't be modelled with it.

use std::time::Duration;

use hive_inventory::node::SwarmRole;

use super::{HEARD, INIT, Member, ROUND};
use crate::message::Hello;
use crate::swarm::Local;

/// Numbers of what is asked at the moment; a new question is told by a higher one.
const ASKED: [u64; 3] = [1, 2, 3];
const BASE: u64 = 10;

impl Member {
    /// What it says of itself now.
    #[doc(hidden)]
    pub fn present_hello(&self) -> Hello {
        self.hello(Duration::ZERO)
    }

    /// Nonces of the questions that are out: for a grant, to be let off one, for a token.
    #[doc(hidden)]
    pub fn asked(&self) -> [Option<u64>; 3] {
        [
            self.round.as_ref().map(|round| round.nonce),
            self.release.as_ref().map(|release| release.nonce),
            self.token.as_ref().map(|token| token.nonce),
        ]
    }

    /// Starts the clock anew at `now`, at which an event was just handled: what lies before it is over, and all
    /// that lies after it is over at the same moment, but for an Init's end, which comes later. Drops what only persons are told or their
    /// recovery depends on. Returns which questions are still the same ones.
    #[doc(hidden)]
    pub fn canonical(&mut self, now: Duration) -> [bool; 3] {
        let later = |at: Duration, wait: Duration| if at > now { wait } else { Duration::ZERO };
        self.started = self.started.map(|_| Duration::ZERO);
        self.idle_at = self.idle_at.map(|at| later(at, INIT));
        (self.lost_at, self.unlisted_until) = (None, None);
        self.hello_at = Duration::ZERO;
        self.said = None;
        self.told.clear();
        self.postponed.retain(|_, postponed| postponed.until > now);
        for postponed in self.postponed.values_mut() {
            postponed.until = ROUND;
            postponed.tries = 1;
            postponed.why.clear();
        }
        let same = [0, 1, 2].map(|i| self.asked()[i] == Some(ASKED[i]));
        if let Some(round) = &mut self.round {
            round.nonce = ASKED[0];
            round.until = later(round.until, ROUND);
            round.resend_at = later(round.resend_at, ROUND);
        }
        if let Some(release) = &mut self.release {
            release.nonce = ASKED[1];
            release.again_at = later(release.again_at, ROUND);
        }
        if let Some(token) = &mut self.token {
            token.nonce = ASKED[2];
            token.wait = ROUND;
            token.again_at = later(token.again_at, ROUND);
        }
        self.nonce = BASE;
        // Only the leader plans with the list.
        if let Local::Manager {
            quorum: Some(quorum),
            ..
        } = &mut self.local
            && !quorum.leader
        {
            quorum.nodes.clear();
        }
        self.canonical_peers(now);
        same
    }

    /// Of a peer's Hello stays what this hive may still look at.
    fn canonical_peers(&mut self, now: Duration) {
        let known = self.record.known.clone();
        let manager = matches!(self.local, Local::Manager { .. });
        let names: Vec<String> = self.peers.keys().cloned().collect();
        for name in names {
            let fresh = self.heard(now, &name).cloned();
            let kept = fresh.and_then(|mut hello| {
                hello.quorum = false;
                hello.answer = false;
                if known.is_some() {
                    // Which node it says it is, for the leader's plan; or that it is in another swarm.
                    hello.role = SwarmRole::Joining;
                    (hello.granted, hello.decision, hello.disk) = (None, None, 0);
                    if hello.known != known {
                        hello.node = None;
                        return hello.known.is_some().then_some(hello);
                    }
                    return (manager && hello.node.is_some()).then_some(hello);
                }
                // Whether it may grant.
                let blank = matches!(hello.role, SwarmRole::Blank | SwarmRole::Founding)
                    && hello.node.is_none();
                hello.role = if blank {
                    SwarmRole::Blank
                } else {
                    SwarmRole::Joining
                };
                hello.node = None;
                Some(hello)
            });
            if let Some(peer) = self.peers.get_mut(&name) {
                peer.fresh_until = kept.as_ref().map_or(Duration::ZERO, |_| HEARD);
                peer.hello = kept;
                peer.last_heard = None;
                peer.missing_at = None;
            }
        }
    }
}
