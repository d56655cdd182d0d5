//! The loop: take in what was seen, decide, hand out what is to be done, tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::disk::HIVED_PORT;
use hive_inventory::follow::{Complaint, FOLLOW_VERSION, FollowReport};
use hive_links::{Links, ports};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::decide::{Follower, Lead, Observation};
use super::engine::Engine;
use super::looks::{self, Look, Nudges, now};
use super::marks::COMPANION;
use super::report;
use super::view::SwarmView;
use super::vip::Moment;
use super::workers::{self, Workers};
use crate::member::site::{Place, place};
use crate::paths::Paths;
use crate::peers::Questioner;
use crate::{calendar, notify, observe};

/// The loop goes round at least so often; systemd is told each time.
const ROUND: Duration = Duration::from_secs(1);
/// Things that wait to be taken in.
const QUEUE: usize = 64;

/// Runs until the process is ended. What the host holds then stays: the next one goes on with it.
///
/// # Errors
/// The kernel or systemd can't be spoken to, in words.
pub fn run(paths: Paths) -> Result<(), String> {
    with_runtime(work(paths))
}

/// Takes everything with our mark off this host.
///
/// # Errors
/// Something stays, in words.
pub fn release() -> Result<(), String> {
    with_runtime(async {
        let links = Links::open().await.map_err(workers::words)?;
        let interfaces = links.interfaces().await.map_err(workers::words)?;
        let mut faults = Vec::new();
        for interface in interfaces {
            for address in interface.addresses.iter().filter(|address| address.ours) {
                match links.remove(interface.index, address.ip).await {
                    Ok(_) => eprintln!("<6>{} is off {} now", address.ip, interface.name),
                    Err(e) => faults.push(workers::words(e)),
                }
            }
        }
        faults.extend(ports::reconcile(&[]).await.err().map(workers::words));
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults.join("; ")),
        }
    })
}

fn with_runtime(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("starting: {e}"))?;
    runtime.block_on(work)
}

/// Where the outcome of everything comes in.
struct Ends {
    looks: mpsc::Receiver<Look>,
    done: mpsc::Receiver<workers::Done>,
    relabelled: mpsc::Receiver<(String, Result<(), String>)>,
    rules: watch::Receiver<Option<String>>,
}

/// What the loop hands out to.
struct Hands {
    engine: Engine,
    nudges: Arc<Nudges>,
    workers: Workers,
    relabelled: mpsc::Sender<(String, Result<(), String>)>,
    leads: watch::Sender<Option<Vec<Lead>>>,
}

async fn work(paths: Paths) -> Result<(), String> {
    let links = Links::open().await.map_err(workers::words)?;
    let engine = Engine::new(paths.docker.clone());
    let nudges = Arc::new(Nudges::default());
    let mut seen = Observation::default();
    let hives = match site(&paths, &mut seen.groups) {
        Ok(hives) => hives,
        Err(fault) => {
            // It goes on, to take off what an earlier daemon may have left.
            eprintln!("<4>{fault}");
            None
        }
    };
    let (look, looks) = mpsc::channel(QUEUE);
    let (done, all_done) = mpsc::channel(QUEUE);
    let (relabelled, all_relabelled) = mpsc::channel(QUEUE);
    let (leads, wanted) = watch::channel(None);
    let (trouble, rules) = watch::channel(None);
    looks::start(&engine, links, hives, &nudges, &look);
    tokio::spawn(workers::rules(wanted, trouble));
    let mut ends = Ends {
        looks,
        done: all_done,
        relabelled: all_relabelled,
        rules,
    };
    let mut hands = Hands {
        engine,
        nudges,
        workers: Workers::new(links, done),
        relabelled,
        leads,
    };
    let before = report::read(&paths.follow);
    let resumed = before
        .as_ref()
        .map(|r| Follower::resumed(r, calendar::from_rfc3339));
    let mut follower = resumed.unwrap_or_default();
    let mut told = before.unwrap_or_else(nothing);
    notify::ready().map_err(|e| format!("telling systemd that the daemon is up: {e}"))?;
    let mut pause = Duration::ZERO;
    loop {
        take_in(&mut ends, &mut follower, &mut seen, &hands.nudges, pause).await;
        let at = moment();
        let mut decision = follower.decide(at, &seen);
        for (ip, turn, order) in decision.orders {
            hands.workers.order(ip, turn, order);
        }
        for change in decision.relabels {
            let (engine, relabelled) = (hands.engine.clone(), hands.relabelled.clone());
            tokio::spawn(async move {
                let result = engine.relabel(&change).await;
                if result.is_ok() {
                    eprintln!(
                        "<6>labels of {} are changed: {:?} EVENT=relabelled NODE={}",
                        change.host, change.labels, change.host
                    );
                }
                let _ = relabelled.send((change.node, result)).await;
            });
        }
        // Without them it is not known yet how things are; what was told last stays.
        let known = decision.leads.is_some();
        if let Some(leads) = decision.leads {
            hands.leads.send_if_modified(|before| {
                let changed = before.as_ref() != Some(&leads);
                *before = Some(leads);
                changed
            });
        }
        let nothing_to_do = is_calm(&seen, &decision.report);
        hands.nudges.calm.send_if_modified(|calm| {
            let changed = *calm != nothing_to_do;
            *calm = nothing_to_do;
            changed
        });
        if let Some(text) = ends.rules.borrow().clone() {
            let service = String::new();
            decision
                .report
                .complaints
                .insert(0, Complaint { service, text });
        }
        if known && decision.report != told {
            for line in report::news(&told, &decision.report) {
                eprintln!("{line}");
            }
            report::write(&paths.follow, &decision.report).map_err(|e| e.to_string())?;
            told = decision.report;
        }
        notify::alive().map_err(|e| format!("telling systemd that the daemon lives: {e}"))?;
        pause = decision
            .wake
            .map_or(ROUND, |wake| wake.saturating_sub(now()).min(ROUND));
    }
}

/// Whether no service asks for anything, and nothing is left of one that did.
fn is_calm(seen: &Observation, report: &FollowReport) -> bool {
    let unmarked = |view: &SwarmView| {
        let mut labels = view.nodes.iter().flat_map(|node| node.labels.keys());
        !labels.any(|label| label.starts_with(COMPANION))
    };
    let answer = seen.swarm.as_ref();
    let unasked = answer.is_some_and(|a| a.view.services.is_empty() && unmarked(&a.view));
    unasked && report.addresses.is_empty()
}

/// The other hives, if this host is one and can prove it.
fn site(paths: &Paths, groups: &mut BTreeSet<String>) -> Result<Option<Arc<Questioner>>, String> {
    let seed = observe::seed(&paths.seed)?;
    match place(seed.as_ref()) {
        Place::Outside { .. } => Ok(None),
        Place::Unproved { why } => Err(why),
        Place::Hive(hive) => {
            let all = hive
                .config
                .hives
                .iter()
                .flat_map(|hive| hive.groups.iter().cloned());
            groups.extend(all);
            let me = &hive.config.me;
            let clock = calendar::now;
            let hives = Questioner::new(me, &hive.hives, &hive.identity, HIVED_PORT, clock)?;
            Ok(Some(Arc::new(hives)))
        }
    }
}

/// Waits for the first thing to come in, and takes all that is there.
async fn take_in(
    ends: &mut Ends,
    follower: &mut Follower,
    seen: &mut Observation,
    nudges: &Nudges,
    pause: Duration,
) {
    let first = timeout(pause, async {
        tokio::select! {
            Some(look) = ends.looks.recv() => see(seen, look),
            Some((ip, turn, outcome)) = ends.done.recv() => {
                follower.outcome(moment(), ip, turn, outcome);
                nudges.kernel.notify_one();
            }
            Some(end) = ends.relabelled.recv() => relabelled(follower, nudges, end),
            Ok(()) = ends.rules.changed() => {}
        }
    });
    let _ = first.await;
    while let Ok(look) = ends.looks.try_recv() {
        see(seen, look);
    }
    while let Ok((ip, turn, outcome)) = ends.done.try_recv() {
        follower.outcome(moment(), ip, turn, outcome);
        nudges.kernel.notify_one();
    }
    while let Ok(end) = ends.relabelled.try_recv() {
        relabelled(follower, nudges, end);
    }
}

fn relabelled(follower: &mut Follower, nudges: &Nudges, (node, end): (String, Result<(), String>)) {
    follower.relabelled(moment(), &node);
    if let Err(words) = end {
        eprintln!("<5>{words}");
    }
    nudges.swarm.notify_one();
}

fn see(seen: &mut Observation, look: Look) {
    match look {
        Look::Me(me) => {
            if me.is_none() {
                seen.swarm = None;
            }
            seen.me = me;
        }
        Look::Swarm(answer) => seen.swarm = Some(answer),
        Look::Heard(node, word) => {
            seen.heard.insert(node, word);
        }
        Look::Containers(containers) => seen.engine = Some(containers),
        Look::Kernel(kernel) => seen.kernel = Some(kernel),
    }
}

fn moment() -> Moment {
    Moment {
        now: now(),
        wall: calendar::now(),
    }
}

fn nothing() -> FollowReport {
    FollowReport {
        version: FOLLOW_VERSION,
        fenced: None,
        proved_until: None,
        addresses: Vec::new(),
        marks: Vec::new(),
        complaints: Vec::new(),
    }
}
