//! One life of the state machine: from a record on the disk to the first effect that fails.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::node::{PeerStatus, SwarmStatus};
use hive_inventory::seed::Peer;
use hive_membership::{Action, Config, Effect, Event, Local, Member, Order};
use tokio::sync::{mpsc, watch as channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::site::full_name;
use super::watch::Watch;
use super::{Decision, View, for_good, record};
use crate::calendar;
use crate::peers::{Inbox, Peers};
use crate::swarm::Engine;

/// How often the protocol is told that time passes.
const TICK: Duration = Duration::from_secs(1);
/// Pause between tries to make the site's ingress network.
const INGRESS_PAUSE: Duration = Duration::from_secs(30);
/// Things told to a person that are kept, newest last.
const TOLD: usize = 8;

/// What outlives a state machine.
pub struct Host {
    pub config: Config,
    pub hives: Vec<Peer>,
    pub record: PathBuf,
    pub peers: Peers,
    pub heard: Inbox,
    pub decisions: mpsc::Receiver<Decision>,
    pub engine: Arc<Engine>,
    pub view: channel::Sender<View>,
}

/// What belongs to one.
struct Life {
    member: Member,
    started: Instant,
    watch: Arc<Watch>,
    /// Ends of actions come back here.
    done: mpsc::Sender<(Action, Result<(), String>)>,
    /// The change at Docker that is under way.
    acting: Option<JoinHandle<()>>,
    told: Vec<String>,
    /// When peers were heard last, in seconds since 1970.
    heard: BTreeMap<String, u64>,
    ingress: Ingress,
}

/// The site's ingress network, which the leader makes once.
#[derive(Default)]
struct Ingress {
    made: bool,
    again_at: Option<Instant>,
    trying: Option<JoinHandle<Result<(), String>>>,
    fault: Option<String>,
}

impl Host {
    /// Takes part in the protocol until something can't be carried out; says what.
    pub async fn live(&mut self) -> Result<Infallible, String> {
        let record = record::read(&self.record).map_err(|e| e.to_string())?;
        let instance = random().map_err(|e| format!("the system gives no random number: {e}"))?;
        let (done, mut ended) = mpsc::channel(1);
        let (looked, mut seen) = mpsc::channel(1);
        let watch = Arc::new(Watch::default());
        tokio::spawn(Arc::clone(&watch).run(Arc::clone(&self.engine), looked));
        let mut life = Life {
            member: Member::new(self.config.clone(), record, instance),
            started: Instant::now(),
            watch,
            done,
            acting: None,
            told: Vec::new(),
            heard: BTreeMap::new(),
            ingress: Ingress::default(),
        };
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let fault = loop {
            let event = tokio::select! {
                _ = tick.tick() => Event::Tick,
                Some((from, message)) = self.heard.recv() => Event::Heard { from, message },
                Some((action, result)) = ended.recv() => {
                    life.acting = None;
                    life.watch.changed();
                    if let Err(words) = &result {
                        eprintln!("hived: {action:?}: {words}");
                    } else {
                        eprintln!("hived: {action:?} is done");
                    }
                    Event::Done { action, result }
                }
                Some(answer) = seen.recv() => match life.watch.current(answer) {
                    Some(local) => {
                        life.ingress(&local, &self.engine).await;
                        Event::Swarm(local)
                    }
                    None => continue,
                },
                Some(decision) = self.decisions.recv() => {
                    if let Err(fault) = self.decide(&mut life, decision).await {
                        break fault;
                    }
                    self.show(&mut life);
                    continue;
                }
            };
            let effects = life.member.handle(life.now(), event);
            if let Err(fault) = self.carry_out(&mut life, effects).await {
                break fault;
            }
            self.show(&mut life);
        };
        // The next state machine must not meet a change at Docker that it did not ask for.
        if let Some(acting) = life.acting {
            let _ = acting.await;
        }
        Err(fault)
    }

    async fn decide(&mut self, life: &mut Life, decision: Decision) -> Result<(), String> {
        let order = match decision.order {
            Order::FoundWithout {
                hives,
                even_if_granted,
            } => Order::FoundWithout {
                hives: hives
                    .iter()
                    .map(|name| full_name(name, &self.config).to_owned())
                    .collect(),
                even_if_granted,
            },
            other => other,
        };
        eprintln!("hived: a person decides: {order:?}");
        let text = consequence(&order);
        match life.member.order(life.now(), order) {
            Err(refused) => {
                eprintln!("hived: refused: {refused}");
                // Whoever asked may be gone.
                let _ = decision.answer.send(Err(refused));
                Ok(())
            }
            Ok(effects) => {
                let carried = self.carry_out(life, effects).await;
                let answer = carried.clone().map(|()| text);
                let _ = decision.answer.send(answer.map_err(for_good));
                carried
            }
        }
    }

    /// Carries out effects in order; those behind one that fails are dropped.
    async fn carry_out(&self, life: &mut Life, effects: Vec<Effect>) -> Result<(), String> {
        for effect in effects {
            match effect {
                Effect::Store(record) => {
                    let path = self.record.clone();
                    let written = spawn_blocking(move || record::write(&path, &record)).await;
                    written
                        .map_err(io::Error::other)
                        .and_then(|written| written)
                        .map_err(|e| {
                            format!("{e}; until it can be written, this host promises and changes nothing")
                        })?;
                }
                Effect::Send { to, message } => self.peers.send(&to, message),
                Effect::Act(action) => self.act(life, action),
                Effect::Tell(text) => {
                    eprintln!("hived: {text}");
                    life.told.retain(|told| *told != text);
                    life.told.push(text);
                    if life.told.len() > TOLD {
                        life.told.remove(0);
                    }
                }
            }
        }
        Ok(())
    }

    fn act(&self, life: &mut Life, action: Action) {
        eprintln!("hived: {action:?} begins");
        life.watch.changed();
        let (engine, done) = (Arc::clone(&self.engine), life.done.clone());
        life.acting = Some(tokio::spawn(async move {
            let result = engine.act(&action).await;
            // Nobody listens when this life is over.
            let _ = done.send((action, result)).await;
        }));
    }

    fn show(&self, life: &mut Life) {
        let now = life.now();
        let status = life.member.status(now);
        life.watch.settled(status.waiting_for.is_empty());
        let peers = status.peers.into_iter().filter_map(|peer| {
            let hive = self.hives.iter().find(|hive| hive.host == peer.host)?;
            let ago = peer.last_heard.map(|at| now.saturating_sub(at).as_secs());
            let at = ago.map(|ago| steady(&mut life.heard, &peer.host, ago));
            Some(PeerStatus {
                address: hive.address,
                heard: peer.heard,
                last_heard: at.map(calendar::rfc3339),
                role: peer.role,
                trouble: self.peers.trouble(&peer.host).or(peer.trouble),
                host: peer.host,
            })
        });
        let mut notices = status.notices;
        let more = [life.told.clone(), self.peers.notices()].concat();
        for notice in more.into_iter().chain(life.ingress.fault.clone()) {
            if !notices.contains(&notice) && !status.waiting_for.contains(&notice) {
                notices.push(notice);
            }
        }
        let view = View {
            swarm: Some(SwarmStatus {
                role: status.role,
                node: status.node,
                known: status.known,
                quorum: status.quorum,
                managers: status.managers,
                managers_reachable: status.managers_reachable,
            }),
            peers: peers.collect(),
            waiting_for: status.waiting_for,
            notices,
        };
        self.view.send_if_modified(|before| {
            let changed = *before != view;
            *before = view;
            changed
        });
    }
}

impl Life {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// On the leader: sees to the site's ingress network, beside everything else.
    async fn ingress(&mut self, local: &Local, engine: &Arc<Engine>) {
        let ingress = &mut self.ingress;
        if ingress.trying.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(trying) = ingress.trying.take()
        {
            match trying
                .await
                .map_err(|e| e.to_string())
                .and_then(|made| made)
            {
                Ok(()) => {
                    ingress.made = true;
                    ingress.fault = None;
                }
                Err(words) => {
                    let fault = format!("the site's ingress network could not be made: {words}");
                    if ingress.fault.as_ref() != Some(&fault) {
                        eprintln!("hived: {fault}");
                    }
                    ingress.fault = Some(fault);
                    ingress.again_at = Some(Instant::now() + INGRESS_PAUSE);
                }
            }
        }
        let Local::Manager {
            quorum: Some(quorum),
            ..
        } = local
        else {
            return;
        };
        let due = ingress.again_at.is_none_or(|at| Instant::now() >= at);
        if quorum.leader && !ingress.made && due && ingress.trying.is_none() {
            let engine = Arc::clone(engine);
            ingress.trying = Some(tokio::spawn(async move { engine.ensure_ingress().await }));
        }
    }
}

/// What comes of a decision that is not refused.
fn consequence(order: &Order) -> String {
    match order {
        Order::FoundWithout { hives, .. } => format!(
            "decided and written down: the swarm is founded without {} as soon as all other hives agree; `hived status` shows how it goes",
            hives.join(", ")
        ),
        Order::Recover => "decided and written down: this host becomes the site's swarm, and hives that are heard give up what they had and join it; `hived status` shows how it goes".into(),
        Order::Rejoin => "decided and written down: this host joins the site's swarm again; `hived status` shows how it goes".into(),
    }
}

/// The moment `ago` seconds before now. The same moment as before when only rounding differs, so that
/// a silent peer does not look new every second; another one when the clock was set.
fn steady(heard: &mut BTreeMap<String, u64>, host: &str, ago: u64) -> u64 {
    let at = calendar::now().saturating_sub(ago);
    let before = heard.get(host).copied();
    let steady = before
        .filter(|before| before.abs_diff(at) < 2)
        .unwrap_or(at);
    heard.insert(host.to_owned(), steady);
    steady
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
