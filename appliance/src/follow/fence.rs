//! Whether this host may hold virtual IPs at all: it has a fresh proof that it belongs to the
//! majority, or it has not.
//!
//! A proof has three parts, each counted from the moment at which its question was *asked*: the swarm's word
//! on which tasks are wanted where, words with a majority of the managers, and an answer of this host's own engine
//! (which containers run). The swarm's answer alone proves nothing: a leader that
//! lost its majority goes on answering from its own memory until it notices, 10 to 20 s later. The
//! managers are asked one by one, hived to hived, past the swarm.
//!
//! While the managers choose a leader, the swarm answers nobody, and changes nothing. Then its word is what it
//! said last, as long as a majority of the managers knows of nothing else: whoever led would need one of
//! them, and that one would know.
//!
//! The bound. A host that is cut off at a moment gets no part of a proof that was asked for later, so it
//! drops its addresses [`PROOF_AGE`] after that moment at the latest. The swarm takes a node for dead
//! three heartbeat periods after the last heartbeat; periods are 5 s with up to half a second more or
//! less, and the last heartbeat was at most one period before the cut. So nothing that ran on the host is placed
//! elsewhere before [`DECLARED_DEAD`], two of the shortest periods. That is when the leader is on the other
//! side; when the leader itself was cut off, the others elect a new one first (10 s at least), which
//! gives every node twice the time. What is left between the two is for clocks and processors that are slow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::view::SwarmView;

/// A proof is worth so long, from the moment at which it was asked for.
pub const PROOF_AGE: Duration = Duration::from_secs(6);
/// The swarm places nothing anew earlier than this after it lost sight of a node.
pub const DECLARED_DEAD: Duration = Duration::from_secs(9);
/// What is left for slow clocks and processors: the address goes long before the task comes up elsewhere.
const _: () = assert!(PROOF_AGE.as_millis() + 2000 < DECLARED_DEAD.as_millis());

/// Words of a hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// When it was asked.
    pub asked: Duration,
    /// What the swarm told it last, if it is a manager, and the moment at which it knew of nothing newer.
    pub last: Option<(Duration, Arc<SwarmView>)>,
}

/// Until when the proofs at hand hold, on the clock of their moments; `None`: there is no proof.
///
/// `asked` is when the swarm was asked for `view`, `engine` when this host's engine was asked for its
/// containers, `words` are those of other nodes by Docker's id. `me` is Docker's id of this node.
pub fn proved_until(
    view: &SwarmView,
    asked: Duration,
    engine: Duration,
    words: &BTreeMap<String, Word>,
    me: &str,
) -> Option<Duration> {
    // Of this host its own engine speaks: it told at `engine` that it runs.
    let heard = majority(view, |node| match node == me {
        true => Some(engine),
        false => words.get(node).map(|word| word.asked),
    });
    let confirmed = majority(view, |node| match node == me {
        true => Some(engine),
        false => {
            let (known, last) = words.get(node)?.last.as_ref()?;
            last.agrees_with(view).then_some(*known)
        }
    });
    let swarm = confirmed.map_or(asked, |confirmed| confirmed.max(asked));
    Some(heard?.min(swarm).min(engine) + PROOF_AGE)
}

/// The moment from which on a majority of the managers spoke: as old as its stalest member, if the
/// freshest are taken.
fn majority(view: &SwarmView, spoke: impl Fn(&str) -> Option<Duration>) -> Option<Duration> {
    let managers = view.nodes.iter().filter(|node| node.manager);
    let mut moments: Vec<Option<Duration>> = managers.map(|node| spoke(&node.id)).collect();
    moments.sort_unstable_by(|a, b| b.cmp(a));
    *moments.get(moments.len() / 2)?
}

#[cfg(test)]
mod tests {
    use super::super::sample::{node, running, view};
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn words(heard: &[(&str, u64)], last: Option<&SwarmView>) -> BTreeMap<String, Word> {
        let word = |at: u64| Word {
            asked: seconds(at),
            last: last.map(|last| (seconds(at), Arc::new(last.clone()))),
        };
        heard
            .iter()
            .map(|&(id, at)| (id.to_owned(), word(at)))
            .collect()
    }

    fn until(me: &str, heard: &[(&str, u64)]) -> Option<u64> {
        let mut view = view(Vec::new());
        view.nodes.push(node("w"));
        let heard = words(heard, None);
        let until = proved_until(&view, seconds(100), seconds(100), &heard, me);
        until.map(|until| until.as_secs())
    }

    #[test]
    fn while_there_is_no_leader_the_last_word_counts_if_a_majority_knows_no_other() {
        let then = view(vec![running("web", "1", &[])]);
        let mut moved = then.clone();
        moved.services[0].tasks[0].wanted = false;
        let until = |me: &str, last: &SwarmView, heard: &[(&str, u64)]| {
            let words = words(heard, Some(last));
            proved_until(&then, seconds(50), seconds(100), &words, me).unwrap()
        };
        assert_eq!(until("1", &then, &[("2", 99)]), seconds(105));
        assert_eq!(until("1", &moved, &[("2", 99)]), seconds(56));
        // A worker does not count itself.
        assert_eq!(until("w", &then, &[("2", 99), ("3", 98)]), seconds(104));
    }

    #[test]
    fn a_manager_needs_one_of_the_two_others_and_a_worker_two_of_three() {
        assert_eq!(until("1", &[]), None);
        assert_eq!(until("1", &[("2", 97), ("3", 40)]), Some(103));
        assert_eq!(until("1", &[("w", 100)]), None);
        assert_eq!(until("w", &[("2", 99)]), None);
        assert_eq!(until("w", &[("2", 99), ("3", 98)]), Some(104));
    }

    #[test]
    fn the_oldest_part_decides() {
        let heard = words(&[("2", 100)], None);
        let view = view(Vec::new());
        let until = |asked, engine| {
            proved_until(&view, seconds(asked), seconds(engine), &heard, "1").unwrap()
        };
        assert_eq!(until(90, 100), seconds(96));
        assert_eq!(until(100, 95), seconds(101));
    }

    #[test]
    fn one_manager_is_its_own_majority_and_no_manager_is_none() {
        let mut view = view(Vec::new());
        view.nodes.truncate(1);
        let until =
            |view: &SwarmView| proved_until(view, seconds(1), seconds(1), &BTreeMap::new(), "1");
        assert_eq!(until(&view), Some(seconds(7)));
        view.nodes.clear();
        assert_eq!(until(&view), None);
    }
}
