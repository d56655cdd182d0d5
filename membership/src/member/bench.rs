//! A hive on the bench: unit tests tell it what happens, one thing after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::{KnownSwarm, Member as Membership};

use super::Member;
use crate::config::{Config, HiveEntry};
use crate::effect::{Action, Effect};
use crate::event::{Event, Order};
use crate::message::{Hello, Message};
use crate::record::Record;
use crate::status::Status;
use crate::swarm::{Local, Node, Quorum};

/// The hive `h1`, and its time.
pub struct Bench {
    pub member: Member,
    now: Duration,
    hives: Vec<String>,
}

/// `h2` in full.
pub fn full(host: &str) -> String {
    format!("{host}.example.com")
}

/// Stage of hives that all may be managers.
pub fn config(hosts: &[&str]) -> Config {
    let hives = hosts
        .iter()
        .map(|host| HiveEntry {
            name: full(host),
            member: Membership::Manager,
            groups: BTreeSet::from(["hives".to_owned()]),
        })
        .collect();
    Config {
        me: full("h1"),
        hives,
        known: None,
    }
}

/// The site's swarm, for a person's so-manieth time.
pub fn swarm(epoch: u64) -> KnownSwarm {
    named(epoch, "cluster")
}

/// Another one.
pub fn named(epoch: u64, cluster: &str) -> KnownSwarm {
    let cluster = cluster.to_owned();
    KnownSwarm { epoch, cluster }
}

/// The record of a hive that is in the site's swarm as the node `n1`.
pub fn joined() -> Record {
    Record {
        known: Some(swarm(0)),
        joined: Some("n1".to_owned()),
        disk: 1,
        ..Record::default()
    }
}

/// `n1` as a worker.
pub fn worker() -> Local {
    let node = "n1".to_owned();
    Local::Worker { node }
}

/// `n1` as a manager of a swarm, without a majority.
pub fn manager(cluster: &str) -> Local {
    Local::Manager {
        node: "n1".to_owned(),
        cluster: Some(cluster.to_owned()),
        quorum: None,
    }
}

/// `n1` as the leader of the site's swarm, in which `h1`, `h2` and so on are `n1`, `n2` and so on.
pub fn leader(managers: usize) -> Local {
    let node = |number: usize| Node {
        id: format!("n{number}"),
        host: format!("h{number}"),
        manager: true,
        reachable: true,
        ready: true,
        labels: BTreeMap::from([("hives".to_owned(), "true".to_owned())]),
    };
    Local::Manager {
        node: "n1".to_owned(),
        cluster: Some("cluster".to_owned()),
        quorum: Some(Quorum {
            leader: true,
            worker_token: "token".to_owned(),
            nodes: (1..=managers).map(node).collect(),
        }),
    }
}

impl Bench {
    /// Of three hives `h1`, with a blank disk.
    pub fn blank() -> Self {
        Self::new(config(&["h1", "h2", "h3"]), Record::default())
    }

    /// Of three hives `h1`, with that record on its disk.
    pub fn with(record: Record) -> Self {
        Self::new(config(&["h1", "h2", "h3"]), record)
    }

    pub fn new(config: Config, record: Record) -> Self {
        let hives = config.hives.iter().map(|hive| hive.name.clone()).collect();
        let mut bench = Self {
            member: Member::new(config, record, 1000),
            now: Duration::from_secs(100),
            hives,
        };
        bench.tells(Event::Tick);
        bench
    }

    pub fn tells(&mut self, event: Event) -> Vec<Effect> {
        self.member.handle(self.now, event)
    }

    pub fn docker(&mut self, local: Local) -> Vec<Effect> {
        self.tells(Event::Swarm(local))
    }

    pub fn done(&mut self, action: Action, result: Result<(), &str>) -> Vec<Effect> {
        let result = result.map_err(str::to_owned);
        self.tells(Event::Done { action, result })
    }

    pub fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.tells(Event::Tick);
    }

    /// A blank hive says Hello, but for what is changed about it.
    pub fn hears(&mut self, host: &str, change: impl FnOnce(&mut Hello)) -> Vec<Effect> {
        let mut hello = Hello {
            role: SwarmRole::Blank,
            known: None,
            node: None,
            quorum: false,
            granted: None,
            decision: None,
            disk: 7,
            hives: self.hives.clone(),
            answer: false,
        };
        change(&mut hello);
        self.tells(Event::Heard {
            from: full(host),
            message: Message::Hello(hello),
        })
    }

    pub fn order(&mut self, order: Order) -> Result<Vec<Effect>, String> {
        self.member.order(self.now, order).map_err(|e| e.why)
    }

    /// The refusal of an order.
    pub fn refused(&mut self, order: Order) -> String {
        let before = self.member.record().clone();
        let why = self.order(order).expect_err("it should be refused");
        assert_eq!(*self.member.record(), before, "nothing is changed then");
        why
    }

    pub fn status(&self) -> Status {
        self.member.status(self.now)
    }

    /// The one thing that it waits for.
    pub fn wait(&self) -> String {
        let waiting = self.status().waiting_for;
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        waiting[0].clone()
    }
}
