//! The swarm, with the timing that swarmkit has: heartbeats of 5 s give or take half a second, a node is dead
//! three of them after the last one, a leader without majority steps down after 10 to 20 s and
//! answers from its own memory until then, a new one gives every node twice the time.

use std::collections::BTreeMap;

use hive_appliance::follow::view::{Node, Service, Stage, SwarmView, Task};

use super::random::Random;

/// A container that is being started, stopped or runs, on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// It runs from then on.
    pub from: u64,
    /// And is gone from then on.
    pub until: u64,
}

pub struct Swarm {
    /// What the majority has agreed on.
    pub truth: SwarmView,
    /// The leader that the majority follows.
    pub leader: Option<usize>,
    /// A leader that has not noticed yet, until when it answers, and what it remembers.
    pub stale: Option<(usize, u64, SwarmView)>,
    elect_at: Option<u64>,
    dead_at: Vec<u64>,
    beat_at: Vec<u64>,
    /// By task id; on its host, whatever the swarm thinks.
    pub containers: BTreeMap<String, (usize, Life)>,
    count: u64,
    /// By service id: not placed again sooner.
    place_at: BTreeMap<String, u64>,
}

/// Whether two hosts hear each other.
pub type Hears<'a> = &'a dyn Fn(usize, usize) -> bool;

impl Swarm {
    pub fn new(hosts: usize, managers: usize) -> Self {
        let node = |i: usize| Node {
            id: format!("n{i}"),
            host: format!("h{i}"),
            version: 1,
            manager: i < managers,
            ..Node::default()
        };
        Self {
            truth: SwarmView {
                services: Vec::new(),
                nodes: (0..hosts).map(node).collect(),
            },
            leader: Some(0),
            stale: None,
            elect_at: None,
            dead_at: vec![15_000; hosts],
            beat_at: vec![0; hosts],
            containers: BTreeMap::new(),
            count: 0,
            place_at: BTreeMap::new(),
        }
    }

    fn managers(&self) -> Vec<usize> {
        (0..self.truth.nodes.len())
            .filter(|&i| self.truth.nodes[i].manager)
            .collect()
    }

    fn has_majority(&self, of: usize, hears: Hears) -> bool {
        let managers = self.managers();
        managers.iter().filter(|&&m| hears(of, m)).count() > managers.len() / 2
    }

    /// What host `asks` is told, if anybody tells it anything.
    pub fn answer(&self, asks: usize, now: u64, hears: Hears) -> Option<SwarmView> {
        let mut view = None;
        if let Some((leader, until, old)) = &self.stale
            && now < *until
            && hears(asks, *leader)
        {
            view = Some((*leader, old.clone()));
        }
        if view.is_none()
            && let Some(leader) = self.leader
            && hears(asks, leader)
        {
            view = Some((leader, self.truth.clone()));
        }
        let (leader, mut view) = view?;
        view.nodes[leader].leader = true;
        Some(view)
    }

    /// One step of 50 ms.
    pub fn step(&mut self, now: u64, hears: Hears, random: &mut Random) {
        self.lead(now, hears, random);
        let Some(leader) = self.leader else {
            return;
        };
        for i in 0..self.truth.nodes.len() {
            if hears(i, leader) && hears(i, i) && now >= self.beat_at[i] {
                let period = random.within(4500, 5500);
                self.beat_at[i] = now + period;
                self.dead_at[i] = now + 3 * period;
                self.truth.nodes[i].down = false;
            }
            if now >= self.dead_at[i] {
                self.truth.nodes[i].down = true;
            }
        }
        self.report(now, leader, hears);
        self.place(now, leader, hears, random);
    }

    fn lead(&mut self, now: u64, hears: Hears, random: &mut Random) {
        if let Some(leader) = self.leader
            && !self.has_majority(leader, hears)
        {
            self.stale = hears(leader, leader).then(|| {
                (
                    leader,
                    now + random.within(10_000, 20_000),
                    self.truth.clone(),
                )
            });
            self.leader = None;
            self.elect_at = Some(now + random.within(10_000, 20_000));
        }
        if self.leader.is_none() && self.elect_at.is_some_and(|at| now >= at) {
            let able = self
                .managers()
                .into_iter()
                .find(|&m| self.has_majority(m, hears));
            if let Some(leader) = able {
                self.leader = Some(leader);
                self.stale = self.stale.take().filter(|(old, ..)| *old != leader);
                for i in 0..self.dead_at.len() {
                    self.dead_at[i] = now + 6 * random.within(4500, 5500);
                    self.beat_at[i] = self.beat_at[i].min(now + random.within(0, 3000));
                }
            }
        }
        // A leader that hears of the new one gives up at once.
        if let (Some((old, ..)), Some(leader)) = (&self.stale, self.leader)
            && hears(*old, leader)
        {
            self.stale = None;
        }
    }

    /// Agents tell how their tasks are, and end those that are not wanted.
    fn report(&mut self, now: u64, leader: usize, hears: Hears) {
        for service in &mut self.truth.services {
            for task in &mut service.tasks {
                let Some((host, life)) = self.containers.get_mut(&task.id) else {
                    continue;
                };
                if !hears(*host, leader) {
                    continue;
                }
                if !task.wanted && life.until > now + 1500 {
                    life.until = now + 300 + now % 1200;
                }
                task.stage = match now {
                    _ if now >= life.until => Stage::Ended,
                    _ if now >= life.from => Stage::Running,
                    _ => Stage::Starting,
                };
            }
        }
        // Containers of services that are gone.
        for (id, (host, life)) in &mut self.containers {
            if self.truth.task(id).is_none() && hears(*host, leader) && life.until > now + 1500 {
                life.until = now + 300;
            }
        }
    }

    fn place(&mut self, now: u64, leader: usize, hears: Hears, random: &mut Random) {
        for s in 0..self.truth.services.len() {
            let nodes = &self.truth.nodes;
            let service = &mut self.truth.services[s];
            for task in &mut service.tasks {
                let node = task.node.as_ref().unwrap();
                let dead = nodes.iter().any(|n| n.id == *node && n.down);
                task.wanted &= task.stage != Stage::Ended && !dead;
            }
            if service.tasks.iter().any(|task| task.wanted) {
                continue;
            }
            let at = self.place_at.entry(service.id.clone()).or_insert(now);
            if now < *at {
                continue;
            }
            let alive: Vec<usize> = (0..nodes.len()).filter(|&i| !nodes[i].down).collect();
            if alive.is_empty() {
                continue;
            }
            let to = alive[random.within(0, alive.len() as u64 - 1) as usize];
            if hears(to, leader) {
                let delay = random.within(200, 3000);
                self.start(s, to, now, delay);
            }
        }
    }

    fn start(&mut self, s: usize, host: usize, now: u64, delay: u64) {
        self.count += 1;
        let id = format!("t{:05}", self.count);
        let life = Life {
            from: now + delay,
            until: u64::MAX,
        };
        self.containers.insert(id.clone(), (host, life));
        let service = &mut self.truth.services[s];
        service.tasks.push(Task {
            id,
            node: Some(format!("n{host}")),
            created: format!("{now:012}"),
            wanted: true,
            stage: Stage::Coming,
        });
        // Docker forgets old tasks.
        if service.tasks.len() > 5 {
            service.tasks.remove(0);
        }
        self.place_at.insert(service.id.clone(), now + 1000);
    }

    /// A person makes a service.
    pub fn create(&mut self, name: &str, vip: &str, now: u64) {
        self.count += 1;
        let labels = [("HIVE_VIP", vip), ("HIVE_MARK", name)];
        self.truth.services.push(Service {
            id: format!("s{:05}", self.count),
            name: name.into(),
            created: format!("{now:012}"),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            single: true,
            tasks: Vec::new(),
        });
    }

    /// A person moves a service: the new task first and then the old one's end, or the other way round.
    pub fn update(
        &mut self,
        s: usize,
        to: usize,
        start_first: bool,
        now: u64,
        random: &mut Random,
    ) {
        for task in &mut self.truth.services[s].tasks {
            task.wanted = false;
        }
        let id = self.truth.services[s].id.clone();
        match start_first {
            true => self.start(s, to, now, random.within(200, 2000)),
            false => {
                self.place_at.insert(id, now + 2000);
            }
        }
    }
}
