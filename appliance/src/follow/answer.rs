//! What hived tells the `follow-swarm-service` of another hive: which node it is, and on a manager
//! what the swarm says now, or what it said last. A hive proves its name with its certificate, and is
//! told of the swarm only as the node that has this name.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::engine::Engine;
use super::view::SwarmView;
use crate::member::View;
use crate::peers::Answers;

/// The version of question and answer.
const VERSION: u32 = 1;
/// Questions to the swarm at once; a hive waits its turn or asks another manager.
const AT_ONCE: usize = 4;

/// What the swarm said last is asked for anew when it is older.
const RENEW: Duration = Duration::from_millis(800);
/// Without a leader there is no answer. This and [`RENEW`] twice are well below the age of a proof.
const RENEWAL: Duration = Duration::from_millis(1500);

/// What a hive asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    version: u32,
    /// Docker's id of the node that the asking host is.
    pub node: Option<String>,
    /// Whether it wants to know what the swarm says now, and waits for it; else, what it said last.
    pub fresh: bool,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    version: u32,
    /// Docker's id of the node that answers; `None`: it is in no swarm.
    pub node: Option<String>,
    /// What the swarm says, or said last; `None` when this host can't tell.
    pub view: Option<SwarmView>,
    /// For what it said last: so many milliseconds ago it was asked whether there is anything newer, and
    /// that is over.
    pub tried: Option<u64>,
}

impl Question {
    /// As it goes over the wire.
    pub fn to_json(node: Option<String>, fresh: bool) -> Bytes {
        let question = Self {
            version: VERSION,
            node,
            fresh,
        };
        // Our own types always become JSON.
        Bytes::from(serde_json::to_vec(&question).unwrap_or_default())
    }
}

impl Answer {
    /// Reads it.
    ///
    /// # Errors
    /// It is none, or one of another release.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let answer: Self =
            serde_json::from_slice(text).map_err(|e| format!("answers something else: {e}"))?;
        match answer.version {
            VERSION => Ok(answer),
            other => Err(format!(
                "answers in version {other}, this host reads {VERSION}"
            )),
        }
    }
}

/// What the swarm said last.
#[derive(Default)]
struct Last(Mutex<Known>);

#[derive(Default)]
struct Known {
    view: Option<SwarmView>,
    /// When the last question to the swarm began that has ended, with or without an answer.
    tried: Option<Instant>,
    asking: bool,
}

impl Last {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Asks anew in the background, unless that goes on or was done just now.
    fn renew(self: &Arc<Self>, engine: Engine) {
        let mut known = self.lock();
        if known.asking || known.tried.is_some_and(|at| at.elapsed() < RENEW) {
            return;
        }
        known.asking = true;
        let (last, began) = (Arc::clone(self), Instant::now());
        tokio::spawn(async move {
            let view = timeout(RENEWAL, engine.view()).await;
            let mut known = last.lock();
            (known.asking, known.tried) = (false, Some(began));
            if let Ok(Ok(view)) = view {
                known.view = Some(view);
            }
        });
    }
}

/// Answers for the engine behind `socket`, as a node that `hived` knows by its own view.
pub fn answers(socket: PathBuf, seen: watch::Receiver<View>) -> Answers {
    let engine = Engine::new(socket);
    let (places, last) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Last::default()));
    Arc::new(move |name, question| {
        let (engine, seen) = (engine.clone(), seen.clone());
        let (places, last) = (Arc::clone(&places), Arc::clone(&last));
        Box::pin(async move {
            let question: Question = serde_json::from_slice(&question).ok()?;
            if question.version != VERSION {
                return None;
            }
            let swarm = seen.borrow().swarm.clone();
            let role = swarm.as_ref().map(|swarm| swarm.role);
            let manager = matches!(role, Some(SwarmRole::Manager | SwarmRole::Lost));
            let mut tried = None;
            let view = match question.node {
                Some(node) if manager => {
                    let view = if question.fresh {
                        let _place = places.acquire().await.ok()?;
                        engine.view().await.ok()
                    } else {
                        last.renew(engine);
                        let known = last.lock();
                        tried = known.tried.map(|at| at.elapsed().as_millis());
                        known.view.clone()
                    };
                    view.filter(|view| is(view, &node, &name))
                }
                _ => None,
            };
            let answer = Answer {
                version: VERSION,
                node: swarm.and_then(|swarm| swarm.node),
                view,
                tried: tried.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
            };
            serde_json::to_vec(&answer).ok()
        })
    })
}

/// Whether the node is the host of this full name.
fn is(view: &SwarmView, node: &str, host: &str) -> bool {
    let short = host.split('.').next();
    view.node(node)
        .is_some_and(|node| Some(node.host.as_str()) == short)
}

#[cfg(test)]
mod tests {
    use super::super::sample::view;
    use super::*;

    #[test]
    fn a_hive_asks_for_itself_only() {
        let view = view(Vec::new());
        assert!(is(&view, "1", "h1.example"));
        assert!(!is(&view, "1", "h2.example"));
        assert!(!is(&view, "9", "h1.example"));
    }

    #[tokio::test]
    async fn who_is_in_no_swarm_says_so_and_another_version_gets_no_answer() {
        let (_told, seen) = watch::channel(View::default());
        let answers = answers("/nowhere.sock".into(), seen);
        let asked = Question::to_json(Some("1".into()), true);
        let answer = answers("h1.example".into(), asked).await.unwrap();
        let answer = Answer::from_json(&answer).unwrap();
        assert_eq!((answer.node, answer.view), (None, None));
        let newer = Bytes::from_static(br#"{"version":2,"node":null,"fresh":true}"#);
        assert_eq!(answers("h1.example".into(), newer).await, None);
        assert!(
            Answer::from_json(br#"{"version":2,"node":null,"view":null,"tried":null}"#).is_err()
        );
    }
}
