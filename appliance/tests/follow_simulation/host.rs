//! A host: its kernel, its daemon, and how long everything takes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hive_appliance::follow::decide::{
    Answer, Container, Containers, Follower, Kernel, Observation,
};
use hive_appliance::follow::fence::Word;
use hive_appliance::follow::marks::Relabel;
use hive_appliance::follow::view::SwarmView;
use hive_appliance::follow::vip::{Moment, Order, Outcome};
use hive_inventory::follow::FollowReport;
use hive_links::{Address, Interface};

pub fn ms(now: u64) -> Duration {
    Duration::from_millis(now)
}

pub fn moment(now: u64) -> Moment {
    Moment {
        now: ms(now),
        wall: 1_000_000 + now / 1000,
    }
}

/// An order that is being carried out.
pub struct Work {
    pub turn: u64,
    pub order: Order,
    pub done_at: u64,
    /// Whether somebody else was met meanwhile.
    pub met: bool,
}

/// What the swarm told a manager last, and when it knew of nothing newer.
pub type Last = Option<(Duration, Arc<SwarmView>)>;

/// What is under way for an address, and what comes after it.
pub type Line = (Option<Work>, Option<(u64, Order)>);

/// What the daemon's process has; gone with it.
pub struct Daemon {
    pub follower: Follower,
    pub seen: Observation,
    pub work: BTreeMap<IpAddr, Line>,
    pub relabels: Vec<(u64, Relabel)>,
    /// Answers under way: when they come, when they were asked for.
    pub views: Vec<(u64, u64, Option<SwarmView>)>,
    pub words: Vec<(u64, u64, usize, Last)>,
    pub ask_at: u64,
    pub wake: u64,
    pub engine_at: u64,
    pub kernel_at: u64,
}

pub struct Host {
    pub on: bool,
    pub group: usize,
    /// Addresses with our mark.
    pub addresses: Vec<IpAddr>,
    pub daemon: Option<Daemon>,
    /// When systemd or power bring it back.
    pub start_at: u64,
    pub on_at: u64,
    /// What the swarm told its hived last, and when that asks again.
    pub last: Last,
    pub renew_at: u64,
    /// What the daemon wrote down, in memory.
    pub report: Option<FollowReport>,
}

impl Host {
    pub fn new() -> Self {
        Self {
            on: true,
            group: 0,
            addresses: Vec::new(),
            daemon: None,
            start_at: 0,
            on_at: 0,
            last: None,
            renew_at: 0,
            report: None,
        }
    }

    pub fn start(&mut self, id: usize, now: u64) {
        let follower = match &self.report {
            Some(report) => Follower::resumed(report, |_| Some(0)),
            None => Follower::default(),
        };
        self.daemon = Some(Daemon {
            follower,
            seen: Observation {
                me: Some(format!("n{id}")),
                ..Observation::default()
            },
            work: BTreeMap::new(),
            relabels: Vec::new(),
            views: Vec::new(),
            words: Vec::new(),
            ask_at: now,
            wake: now,
            engine_at: now,
            kernel_at: now,
        });
    }

    pub fn interfaces(&self) -> Vec<Interface> {
        let own = Address {
            ip: [10, 0, 0, 200].into(),
            prefix: 24,
            ours: false,
        };
        let ours = self.addresses.iter().map(|&ip| Address {
            ip,
            prefix: 32,
            ours: true,
        });
        vec![Interface {
            name: "eth0".into(),
            index: 2,
            mac: None,
            up: true,
            addresses: [own].into_iter().chain(ours).collect(),
        }]
    }

    /// The daemon looks at the kernel.
    pub fn look(&mut self, now: u64) {
        let interfaces = self.interfaces();
        if let Some(daemon) = &mut self.daemon {
            daemon.seen.kernel = Some(Kernel {
                asked: ms(now),
                interfaces,
            });
            daemon.kernel_at = now + 1000;
        }
    }
}

impl Daemon {
    /// What came in by now. Whether anything did.
    pub fn receive(&mut self, now: u64) -> bool {
        let mut news = false;
        self.views.retain_mut(|(at, asked, view)| {
            if *at > now {
                return true;
            }
            if let Some(view) = view.take() {
                self.seen.swarm = Some(Answer {
                    asked: ms(*asked),
                    came: ms(now),
                    view: Arc::new(view),
                });
                news = true;
            }
            false
        });
        self.words.retain(|(at, asked, from, last)| {
            if *at > now {
                return true;
            }
            let word = Word {
                asked: ms(*asked),
                last: last.clone(),
            };
            self.seen.heard.insert(format!("n{from}"), word);
            news = true;
            false
        });
        news
    }

    pub fn engine(&mut self, now: u64, running: Vec<String>) {
        let running = running.into_iter().map(|task| (task, Container::default()));
        self.seen.engine = Some(Containers {
            asked: ms(now),
            running: running.collect(),
        });
        self.engine_at = now + 2000;
    }

    pub fn outcome(&mut self, now: u64, ip: IpAddr, turn: u64, outcome: Outcome) {
        self.follower.outcome(moment(now), ip, turn, outcome);
    }
}
