//! What the engine is in, as it told in full last.
//!
//! For that answer Docker starts programs each time, which costs a small host more than all other questions
//! together. So while the word that comes with each sign of life stays what it was, the answer holds for a while.

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::{LocalNodeState, SwarmInfo};
use tokio::task::spawn_blocking;

use super::{Engine, EngineError};
use crate::docker;

/// A manager that has lost its majority keeps this question for 20 s before it says so.
const INFO: Duration = Duration::from_secs(25);
/// Longest that an answer holds: a person may have left the swarm and joined it again between two looks.
const HOLDS: Duration = Duration::from_secs(60);

/// What the engine is in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Standing {
    pub swarm: SwarmInfo,
    /// Docker's folder.
    pub root: Option<String>,
}

/// Whether the engine has a working part in a swarm.
///
/// Once it had to start its part anew (a manager that nobody reached in time when it was promoted), Docker calls the
/// state an error for good, also when the part works again (moby's `daemon/cluster/noderunner.go`: the mark of a
/// pending restart is never taken away). Then it has no words for an error, or those of a majority that is lost; and
/// a manager can be asked, which one whose part has ended can't.
pub fn takes_part(swarm: &SwarmInfo) -> bool {
    let wordless = swarm.error.as_ref().is_none_or(String::is_empty);
    let works = match swarm.local_node_state {
        Some(LocalNodeState::ACTIVE) => true,
        Some(LocalNodeState::ERROR) => swarm.control_available == Some(true) || wordless,
        _ => false,
    };
    works && swarm.node_id.as_ref().is_some_and(|id| !id.is_empty())
}

/// What the engine told, and what has happened since.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Counts our changes: an answer to a question of before one is not kept.
    changes: u64,
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    standing: Standing,
    /// The word that came with the sign of life before it.
    sign: String,
    asked: Instant,
}

impl Told {
    /// Nothing that was told before holds.
    pub(super) fn changed(&mut self) {
        self.changes += 1;
        self.known = None;
    }

    fn holds(&self, sign: &str, now: Instant) -> Option<Standing> {
        let known = self.known.as_ref()?;
        let holds = known.sign == sign && now.duration_since(known.asked) < HOLDS;
        holds.then(|| known.standing.clone())
    }

    /// Keeps an answer to a question that was asked after `changes` of ours. Only what a member of a swarm says
    /// of itself is kept: all else is on its way to something.
    fn keep(&mut self, changes: u64, known: Known) {
        let swarm = &known.standing.swarm;
        let id = swarm
            .cluster
            .as_ref()
            .and_then(|cluster| cluster.id.as_ref());
        let sworn = swarm.control_available != Some(true) || id.is_some_and(|id| !id.is_empty());
        self.known = (changes == self.changes && takes_part(swarm) && sworn).then_some(known);
    }
}

impl Engine {
    /// What the engine is in, at most [`HOLDS`] old.
    pub(super) async fn standing(&self, docker: &Docker) -> Result<Standing, EngineError> {
        let asked = Instant::now();
        let changes = self.told().changes;
        let sign = self.sign().await;
        if let Some(sign) = &sign
            && let Some(standing) = self.told().holds(sign, asked)
        {
            return Ok(standing);
        }
        let info = self
            .bounded("telling how it is", INFO, docker.info())
            .await?;
        let standing = Standing {
            swarm: info.swarm.unwrap_or_default(),
            root: info.docker_root_dir,
        };
        if let Some(sign) = sign {
            let standing = standing.clone();
            self.told().keep(
                changes,
                Known {
                    standing,
                    sign,
                    asked,
                },
            );
        }
        Ok(standing)
    }

    /// The state of the engine's swarm; one that works is active, whatever Docker calls it.
    pub(super) async fn state(&self, docker: &Docker) -> Result<LocalNodeState, EngineError> {
        if let Some(sign) = self.sign().await
            && let Some(state) = state(&sign)
            && state != LocalNodeState::ERROR
        {
            return Ok(state);
        }
        let info = self.bounded("telling how it is", INFO, docker.info());
        let swarm = info.await?.swarm.unwrap_or_default();
        if takes_part(&swarm) {
            return Ok(LocalNodeState::ACTIVE);
        }
        Ok(swarm.local_node_state.unwrap_or(LocalNodeState::EMPTY))
    }

    /// The word of the engine's sign of life. Why it gives none is told by the question that follows.
    async fn sign(&self) -> Option<String> {
        let socket = self.socket.clone();
        let sign = spawn_blocking(move || docker::swarm_sign(&socket)).await;
        sign.ok()?.ok()?
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// The part of the word that is not the node's role.
fn state(sign: &str) -> Option<LocalNodeState> {
    let word = sign.split('/').next()?;
    Some(match word {
        "inactive" => LocalNodeState::INACTIVE,
        "pending" => LocalNodeState::PENDING,
        "active" => LocalNodeState::ACTIVE,
        "error" => LocalNodeState::ERROR,
        "locked" => LocalNodeState::LOCKED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use bollard::models::ClusterInfo;

    use super::*;

    const SIGN: &str = "active/manager";

    fn manager(cluster: &str) -> Standing {
        let id = Some(cluster.to_owned());
        Standing {
            swarm: SwarmInfo {
                node_id: Some("n1".into()),
                local_node_state: Some(LocalNodeState::ACTIVE),
                control_available: Some(true),
                cluster: Some(ClusterInfo {
                    id,
                    ..ClusterInfo::default()
                }),
                ..SwarmInfo::default()
            },
            root: None,
        }
    }

    #[test]
    fn a_part_that_was_started_anew_and_works_is_told_from_one_that_has_ended() {
        let mut swarm = manager("c").swarm;
        swarm.local_node_state = Some(LocalNodeState::ERROR);
        swarm.error = Some("The swarm does not have a leader.".into());
        assert!(takes_part(&swarm), "a manager that lacks a majority only");
        swarm.control_available = Some(false);
        assert!(!takes_part(&swarm));
        swarm.error = Some(String::new());
        assert!(takes_part(&swarm), "a worker");
        swarm.node_id = Some(String::new());
        assert!(!takes_part(&swarm), "between two starts");
    }

    #[test]
    fn the_sign_begins_with_the_state() {
        assert_eq!(state(SIGN), Some(LocalNodeState::ACTIVE));
        assert_eq!(state("inactive"), Some(LocalNodeState::INACTIVE));
        assert_eq!(state(""), None);
    }

    fn known(standing: Standing, asked: Instant) -> Known {
        let sign = SIGN.to_owned();
        Known {
            standing,
            sign,
            asked,
        }
    }

    #[test]
    fn an_answer_holds_while_the_sign_is_the_same_but_not_for_ever() {
        let (mut told, asked) = (Told::default(), Instant::now());
        told.keep(0, known(manager("c"), asked));
        let soon = asked + HOLDS / 2;
        assert_eq!(told.holds(SIGN, soon), Some(manager("c")));
        assert_eq!(told.holds("active/worker", soon), None);
        assert_eq!(told.holds(SIGN, asked + HOLDS), None);
    }

    #[test]
    fn a_change_of_ours_ends_it_and_an_answer_on_its_way_is_not_kept() {
        let (mut told, asked) = (Told::default(), Instant::now());
        told.keep(0, known(manager("c"), asked));
        told.changed();
        assert_eq!(told.holds(SIGN, asked), None);
        told.keep(0, known(manager("c"), asked));
        assert_eq!(told.holds(SIGN, asked), None);
        told.keep(1, known(manager("c"), asked));
        assert_eq!(told.holds(SIGN, asked), Some(manager("c")));
    }

    #[test]
    fn a_manager_that_knows_no_swarm_is_asked_again() {
        let (mut told, asked) = (Told::default(), Instant::now());
        told.keep(0, known(manager(""), asked));
        assert_eq!(told.holds(SIGN, asked), None);
        let mut pending = manager("c");
        pending.swarm.local_node_state = Some(LocalNodeState::PENDING);
        told.keep(0, known(pending, asked));
        assert_eq!(told.holds(SIGN, asked), None);
    }
}
