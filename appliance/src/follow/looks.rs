//! Looks at everything again and again, each thing by itself so that none waits for another, and hands in
//! what it saw. A question that fails is asked again; its moment never becomes part of a proof.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hive_links::Links;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::answer;
use super::decide::{Answer, Container, Containers, Kernel};
use super::engine::{Engine, Membership};
use super::fence::Word;
use super::view::SwarmView;
use crate::peers::{FOLLOW_PATH, Questioner};

/// Between two questions of a kind; a proof lives through two that fail.
const PAUSE: Duration = Duration::from_secs(1);
/// The same while no service asks for anything: nobody needs a proof then, Docker tells a manager of new services by
/// itself, and each question costs a small host something, and what is asked of the swarm its leader as well.
const CALM_PAUSE: Duration = Duration::from_secs(15);
/// The same for a worker's questions about the swarm: Docker tells it of no service.
const CALM_WORKER_PAUSE: Duration = Duration::from_secs(5);
/// At least this lies between two questions of a kind: containers that start together are one event.
const GAP: Duration = Duration::from_millis(200);
/// How long a manager that answers as one is taken for one unasked: for that question Docker starts two
/// programs each time.
const MANAGER: Duration = Duration::from_secs(60);
/// After a failure, where only events are lost.
const AGAIN: Duration = Duration::from_secs(1);
/// A hive's answer that takes longer is too old for a proof anyway.
const PATIENCE: Duration = Duration::from_secs(4);

/// Something that was seen.
pub enum Look {
    /// Docker's id of this node, if it is in a swarm.
    Me(Option<String>),
    /// What the swarm says.
    Swarm(Answer),
    /// Another node's hived answered.
    Heard(String, Word),
    /// Containers that run here.
    Containers(Containers),
    /// Interfaces and addresses.
    Kernel(Kernel),
}

/// The clock that everything here goes by: since boot, sleep included, so that a proof is old when a
/// machine wakes up.
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// What can be looked at now instead of in a moment, and what looks tell each other.
#[derive(Debug, Default)]
pub struct Nudges {
    /// Whether no service asks for anything.
    pub calm: watch::Sender<bool>,
    /// The swarm.
    pub swarm: Notify,
    /// This host's containers.
    pub engine: Notify,
    /// The kernel.
    pub kernel: Notify,
    /// Docker's id of this node, as it was told last.
    me: Mutex<Option<String>>,
}

impl Nudges {
    /// Waits for a while, which is `while_calm` as long as nothing is asked for, or until somebody calls, or until there
    /// is more to do.
    async fn pause(&self, call: &Notify, while_calm: Duration) {
        let mut calm = self.calm.subscribe();
        let is_calm = *calm.borrow_and_update();
        sleep(GAP).await;
        tokio::select! {
            () = sleep(if is_calm { while_calm } else { PAUSE }) => {}
            () = call.notified() => {}
            _ = calm.wait_for(|calm| !calm), if is_calm => {}
        }
    }

    fn me(&self) -> Option<String> {
        self.me.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn is(&self, node: Option<&String>) {
        *self.me.lock().unwrap_or_else(|e| e.into_inner()) = node.cloned();
    }
}

/// Starts all looks; they end with the runtime.
pub fn start(
    engine: &Engine,
    links: Links,
    hives: Option<Arc<Questioner>>,
    nudges: &Arc<Nudges>,
    out: &mpsc::Sender<Look>,
) {
    tokio::spawn(swarm(
        engine.clone(),
        hives.clone(),
        Arc::clone(nudges),
        out.clone(),
    ));
    tokio::spawn(containers(engine.clone(), Arc::clone(nudges), out.clone()));
    tokio::spawn(kernel(links, Arc::clone(nudges), out.clone()));
    tokio::spawn(changes(links, Arc::clone(nudges)));
    tokio::spawn(events(engine.clone(), Arc::clone(nudges)));
    for hive in hives.iter().flat_map(|hives| hives.hives()) {
        let hives = hives.clone();
        tokio::spawn(words(hives, hive.clone(), Arc::clone(nudges), out.clone()));
    }
}

/// Tells the journal of a kind of failure once.
fn told(before: &mut Option<String>, result: Result<(), String>) {
    let now = result.err();
    if before.is_some() != now.is_some() {
        match &now {
            Some(words) => eprintln!("<5>{words}"),
            None => eprintln!("<6>mended: {}", before.as_deref().unwrap_or_default()),
        }
    }
    *before = now;
}

/// What the last question to the swarm told about the next one.
#[derive(Debug, Default)]
struct Before {
    /// The hive that answered this worker.
    hive: Option<String>,
    /// This manager's id, and when it was told.
    manager: Option<(String, Duration)>,
}

impl Before {
    /// What this host is; asks Docker if that is not known, and forgets it until there is an answer as a manager.
    async fn membership(&mut self, engine: &Engine) -> Result<(Membership, Duration), String> {
        let moment = now();
        match self.manager.take() {
            Some((node, told)) if moment.saturating_sub(told) < MANAGER => {
                Ok((Membership::Manager(node), told))
            }
            _ => Ok((engine.membership().await?, moment)),
        }
    }
}

async fn swarm(
    engine: Engine,
    hives: Option<Arc<Questioner>>,
    nudges: Arc<Nudges>,
    out: mpsc::Sender<Look>,
) {
    let mut trouble = None;
    let mut before = Before::default();
    loop {
        let looked = ask_swarm(&engine, hives.as_deref(), &mut before, &nudges, &out).await;
        told(&mut trouble, looked);
        if out.is_closed() {
            return;
        }
        let while_calm = match before.manager {
            Some(_) => CALM_PAUSE,
            None => CALM_WORKER_PAUSE,
        };
        nudges.pause(&nudges.swarm, while_calm).await;
    }
}

async fn ask_swarm(
    engine: &Engine,
    hives: Option<&Questioner>,
    before: &mut Before,
    nudges: &Nudges,
    out: &mpsc::Sender<Look>,
) -> Result<(), String> {
    let (membership, told) = before.membership(engine).await?;
    let node = match &membership {
        Membership::None => None,
        Membership::Worker(node) | Membership::Manager(node) => Some(node.clone()),
    };
    nudges.is(node.as_ref());
    // Nobody listens any more when the daemon ends.
    let _ = out.send(Look::Me(node)).await;
    let asked = now();
    let (asked, view) = match membership {
        Membership::None => return Ok(()),
        Membership::Manager(node) => {
            let view = engine.view().await?;
            before.manager = Some((node, told));
            (asked, view)
        }
        Membership::Worker(node) => through(hives, &node, &mut before.hive).await?,
    };
    let answer = Answer {
        asked,
        came: now(),
        view: Arc::new(view),
    };
    let _ = out.send(Look::Swarm(answer)).await;
    Ok(())
}

/// A worker asks the manager that answered last, and then the others.
async fn through(
    hives: Option<&Questioner>,
    node: &str,
    last_good: &mut Option<String>,
) -> Result<(Duration, SwarmView), String> {
    let Some(hives) = hives else {
        return Err("this host has no certificate to ask a manager with; write its seed again with `hive seed`".into());
    };
    let all: Vec<String> = hives.hives().cloned().collect();
    let first = last_good.take().into_iter();
    for hive in first.chain(all) {
        let asked = now();
        let question = answer::Question::to_json(Some(node.to_owned()), true);
        let Ok(Ok(text)) = timeout(PATIENCE, hives.ask(&hive, FOLLOW_PATH, question)).await else {
            continue;
        };
        if let Ok(answer) = answer::Answer::from_json(&text)
            && let Some(view) = answer.view
        {
            *last_good = Some(hive);
            return Ok((asked, view));
        }
    }
    Err("no manager tells what the swarm wants; `hived status` tells which hives are heard".into())
}

/// Words with one hive, which prove that it is there.
async fn words(
    hives: Option<Arc<Questioner>>,
    hive: String,
    nudges: Arc<Nudges>,
    out: mpsc::Sender<Look>,
) {
    let Some(hives) = hives else {
        return;
    };
    let mut trouble = None;
    while !out.is_closed() {
        let question = answer::Question::to_json(nudges.me(), false);
        let asked = now();
        let answer = timeout(PATIENCE, hives.ask(&hive, FOLLOW_PATH, question)).await;
        let answer = answer.unwrap_or_else(|_| Err("does not answer in time".into()));
        let answer = answer.and_then(|text| answer::Answer::from_json(&text));
        let heard = match answer {
            Ok(answer) => {
                if let Some(node) = answer.node {
                    let known = answer.tried.map(Duration::from_millis);
                    let last = answer.view.zip(known).and_then(|(view, ago)| {
                        // Counted from the question, the moment is rather too early than too late.
                        Some((asked.checked_sub(ago)?, Arc::new(view)))
                    });
                    let _ = out.send(Look::Heard(node, Word { asked, last })).await;
                }
                Ok(())
            }
            Err(words) => Err(format!("{hive} {words}")),
        };
        told(&mut trouble, heard);
        // Nobody else waits for this call.
        nudges.pause(&Notify::new(), CALM_PAUSE).await;
    }
}

async fn containers(engine: Engine, nudges: Arc<Nudges>, out: mpsc::Sender<Look>) {
    repeat(&nudges, &nudges.engine, &out, async || {
        let asked = now();
        let running: std::collections::BTreeMap<String, Container> = engine.containers().await?;
        Ok(Look::Containers(Containers { asked, running }))
    })
    .await;
}

async fn kernel(links: Links, nudges: Arc<Nudges>, out: mpsc::Sender<Look>) {
    repeat(&nudges, &nudges.kernel, &out, async || {
        let asked = now();
        let interfaces = links.interfaces().await.map_err(|e| e.to_string())?;
        Ok(Look::Kernel(Kernel { asked, interfaces }))
    })
    .await;
}

async fn repeat<F>(nudges: &Nudges, call: &Notify, out: &mpsc::Sender<Look>, look: impl Fn() -> F)
where
    F: Future<Output = Result<Look, String>>,
{
    let mut trouble = None;
    loop {
        let looked = match look().await {
            Ok(look) => match out.send(look).await {
                Ok(()) => Ok(()),
                // The daemon ends.
                Err(_) => return,
            },
            Err(words) => Err(words),
        };
        told(&mut trouble, looked);
        nudges.pause(call, CALM_PAUSE).await;
    }
}

/// Calls when the kernel tells of a change.
async fn changes(links: Links, nudges: Arc<Nudges>) {
    let mut trouble = None;
    loop {
        let ended = async {
            let mut watch = links.watch().await?;
            loop {
                watch.next().await?;
                nudges.kernel.notify_one();
            }
        };
        let ended: Result<(), hive_links::Error> = ended.await;
        told(&mut trouble, ended.map_err(|e| e.to_string()));
        nudges.kernel.notify_one();
        sleep(AGAIN).await;
    }
}

/// Calls when Docker tells of an event, and when events may have been lost.
async fn events(engine: Engine, nudges: Arc<Nudges>) {
    let mut trouble = None;
    loop {
        nudges.swarm.notify_one();
        nudges.engine.notify_one();
        let ended = engine.watch(|| {
            nudges.swarm.notify_one();
            nudges.engine.notify_one();
        });
        told(&mut trouble, ended.await);
        sleep(AGAIN).await;
    }
}
