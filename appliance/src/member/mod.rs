//! This host in the site's swarm: drives the protocol of `hive_membership` with a disk, a network and Docker.
//!
//! The protocol decides everything; here its effects are carried out, in order. When one can't be, the
//! state machine is thrown away and a new one starts from what is on the disk, exactly as after a
//! crash: that is the only way of failing that the protocol was proved with.

mod life;
mod record;
pub(crate) mod site;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::disk::HIVED_PORT;
use hive_inventory::node::{PeerStatus, SwarmStatus};
use hive_inventory::seed::Seed;
use hive_membership::{Order, OrderError};
use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::time::sleep;

use crate::calendar;
use crate::follow::answer::answers;
use crate::paths::Paths;
use crate::peers::{FOLLOW_PATH, Peers, Questions, Site};
use crate::swarm::Engine;

pub use record::RecordError;
use site::Place;

/// Pause before a host that can't take part looks again whether it can.
const PAUSE: Duration = Duration::from_secs(5);

/// What the node's status says about the swarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The host's place; `None` outside of any swarm.
    pub swarm: Option<SwarmStatus>,
    /// The other hives.
    pub peers: Vec<PeerStatus>,
    /// What is missing for the host to be where it belongs.
    pub waiting_for: Vec<String>,
    /// What a person should know all the same.
    pub notices: Vec<String>,
}

/// A person's decision, and where the answer goes: what comes of it, or why it is refused.
pub struct Decision {
    /// The decision.
    pub order: Order,
    /// The answer.
    pub answer: oneshot::Sender<Result<String, OrderError>>,
}

/// How often a person has decided which swarm is the site's, as this host's disk has it.
///
/// # Errors
/// The membership record can't be relied on, in words.
pub(crate) fn epoch(path: &Path) -> Result<u64, String> {
    let record = record::read(path).map_err(|e| e.to_string())?;
    Ok(record.known.map_or(0, |known| known.epoch))
}

/// What is told before the first look: a hive is not where it belongs until Docker has said so.
pub fn first_view(seed: &Result<Option<Seed>, String>) -> View {
    match seed.as_ref().map(|seed| site::place(seed.as_ref())) {
        Ok(Place::Outside { .. }) => View::default(),
        Ok(Place::Unproved { why }) => View {
            notices: vec![why],
            ..View::default()
        },
        Ok(Place::Hive(_)) => View::waiting("Docker was not asked yet which swarm it is in".into()),
        Err(fault) => View::waiting(fault.clone()),
    }
}

/// Takes part until the process ends, and lets other hives have `questions` answered. A host outside the swarm
/// answers decisions, and that is all.
pub async fn run(
    seed: Result<Option<Seed>, String>,
    paths: Paths,
    decisions: mpsc::Receiver<Decision>,
    view: channel::Sender<View>,
    mut questions: Questions,
) {
    let seed = match seed {
        Ok(seed) => seed,
        Err(fault) => return refuse(decisions, fault).await,
    };
    match site::place(seed.as_ref()) {
        Place::Outside { why } | Place::Unproved { why } => refuse(decisions, why).await,
        Place::Hive(hive) => {
            questions.insert(FOLLOW_PATH, answers(paths.docker.clone(), view.subscribe()));
            let started = Peers::start(&Site {
                me: &hive.config.me,
                hives: &hive.hives,
                identity: &hive.identity,
                port: HIVED_PORT,
                clock: calendar::now,
                questions,
            });
            let (peers, heard) = match started {
                Ok(started) => started,
                Err(fault) => {
                    let fault = format!("{fault}; write the host's seed again with `hive seed`");
                    view.send_replace(View::waiting(fault.clone()));
                    return refuse(decisions, fault).await;
                }
            };
            let engine = Engine::new(paths.docker, hive.options, hive.address, &hive.hives);
            let mut host = life::Host {
                config: hive.config,
                hives: hive.hives,
                record: paths.record,
                peers,
                heard,
                decisions,
                engine: Arc::new(engine),
                view,
            };
            loop {
                let Err(fault) = host.live().await;
                eprintln!("hived: {fault}");
                host.view.send_replace(View::waiting(fault.clone()));
                host.pause(&fault).await;
            }
        }
    }
}

impl View {
    fn waiting(fault: String) -> Self {
        Self {
            waiting_for: vec![fault],
            ..Self::default()
        }
    }
}

/// A refusal that does not pass by itself.
fn for_good(why: String) -> OrderError {
    OrderError {
        why,
        passing: false,
    }
}

/// Refuses every decision.
async fn refuse(mut decisions: mpsc::Receiver<Decision>, why: String) {
    while let Some(decision) = decisions.recv().await {
        // Whoever asked may be gone.
        let _ = decision.answer.send(Err(for_good(why.clone())));
    }
}

impl life::Host {
    /// Waits a while, refusing decisions for the reason of the wait.
    async fn pause(&mut self, why: &str) {
        let over = sleep(PAUSE);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                Some(decision) = self.decisions.recv() => {
                    let why = why.to_owned();
                    let _ = decision.answer.send(Err(OrderError { why, passing: true }));
                }
                // What peers say meanwhile is heard by nobody; they say it again.
                Some(_) = self.heard.recv() => {}
            }
        }
    }
}
