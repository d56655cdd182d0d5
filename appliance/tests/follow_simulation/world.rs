//! Hosts, the swarm, the network between them, and what befalls them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hive_appliance::follow::fence::Word;
use hive_appliance::follow::view::Stage;
use hive_appliance::follow::vip::{Order, Outcome};
use hive_links::Mac;

use super::host::{Host, Work, moment, ms};
use super::random::Random;
use super::swarm::Swarm;

const STEP: u64 = 50;
const NAMES: [&str; 3] = ["web", "zabbix", "mail"];
const VIPS: [&str; 3] = ["10.0.0.101", "10.0.0.102", "10.0.0.103"];

/// A daemon that was built wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It needs no proof at all.
    NoFence,
    /// It takes the swarm's answer alone for a proof.
    SwarmAlone,
}

pub struct World {
    pub now: u64,
    pub random: Random,
    hosts: Vec<Host>,
    swarm: Swarm,
    storm: bool,
    fault: Option<Fault>,
    trace: bool,
    pub takeovers: u64,
    pub violation: Option<String>,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>, trace: bool) -> Self {
        let mut random = Random::new(seed + 1);
        let managers = [1, 3, 3, 3][random.within(0, 3) as usize];
        let hosts = managers + random.within(0, 2) as usize;
        let mut swarm = Swarm::new(hosts, managers);
        for (name, vip) in NAMES.iter().zip(VIPS) {
            swarm.create(name, vip, 0);
        }
        Self {
            now: 0,
            random,
            hosts: (0..hosts).map(|_| Host::new()).collect(),
            swarm,
            storm: true,
            fault,
            trace,
            takeovers: 0,
            violation: None,
        }
    }

    pub fn stormy(&mut self, length: u64) {
        self.storm = true;
        self.run(length);
    }

    pub fn calm(&mut self, length: u64) {
        self.storm = false;
        for host in &mut self.hosts {
            host.group = 0;
            host.on_at = self.now;
        }
        self.run(length);
    }

    fn run(&mut self, length: u64) {
        let end = self.now + length;
        while self.now < end && self.violation.is_none() {
            self.now += STEP;
            if self.storm && self.random.chance(8) {
                self.mishap();
            }
            self.step();
            self.judge();
        }
    }

    fn say(&self, words: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>7} {}", self.now, words());
        }
    }

    fn mishap(&mut self) {
        let host = self.random.within(0, self.hosts.len() as u64 - 1) as usize;
        let services = self.swarm.truth.services.len() as u64;
        let service = self.random.within(0, services.max(1) - 1) as usize;
        let kind = match self.swarm.stale.is_some() && self.swarm.leader.is_some() {
            // The moment at which a leader's own word is worth nothing: somebody moves a service.
            true => self.random.within(8, 9),
            false => self.random.within(0, 11),
        };
        self.say(|| format!("mishap {kind} host {host} service {service}"));
        match kind {
            // The network: somebody is cut off, or all hear each other again.
            0..=2 => {
                let group = self.random.within(0, 1) as usize;
                self.hosts[host].group = group;
            }
            3 => self.hosts.iter_mut().for_each(|host| host.group = 0),
            4..=5 => {
                let daemon = &mut self.hosts[host];
                daemon.daemon = None;
                daemon.start_at = self.now + self.random.within(300, 1500);
            }
            6 => self.power_cut(host),
            7 => {
                // A container dies.
                let ids: Vec<String> = self.swarm.containers.keys().cloned().collect();
                if let Some(id) = ids.last() {
                    let life = &mut self.swarm.containers.get_mut(id).unwrap().1;
                    life.until = life.until.min(self.now);
                }
            }
            // Persons need a majority.
            _ if self.swarm.leader.is_none() || services == 0 => {}
            8 | 9 => {
                let start_first = self.random.chance(500);
                let now = self.now;
                self.swarm
                    .update(service, host, start_first, now, &mut self.random);
            }
            10 => {
                let old = self.swarm.truth.services.remove(service);
                let vip = VIPS[self.random.within(0, 2) as usize];
                self.swarm.create(&old.name, vip, self.now);
            }
            _ => {
                let vip = VIPS[self.random.within(0, 2) as usize];
                let labels = &mut self.swarm.truth.services[service].labels;
                labels.insert("HIVE_VIP".into(), vip.into());
            }
        }
    }

    fn power_cut(&mut self, id: usize) {
        let host = &mut self.hosts[id];
        (host.on, host.daemon, host.report, host.last) = (false, None, None, None);
        host.addresses.clear();
        host.on_at = self.now + self.random.within(5_000, 60_000);
        for (on, life) in self.swarm.containers.values_mut() {
            if *on == id {
                life.until = life.until.min(self.now);
            }
        }
    }

    fn step(&mut self) {
        let now = self.now;
        for (id, host) in self.hosts.iter_mut().enumerate() {
            if !host.on && now >= host.on_at {
                (host.on, host.start_at) = (true, now + 500);
            }
            if host.on && host.daemon.is_none() && now >= host.start_at {
                host.start(id, now);
            }
        }
        let links: Vec<(bool, usize)> = self.hosts.iter().map(|h| (h.on, h.group)).collect();
        let hears =
            |a: usize, b: usize| links[a].0 && links[b].0 && (a == b || links[a].1 == links[b].1);
        self.swarm.step(now, &hears, &mut self.random);
        for id in 0..self.hosts.len() {
            if self.hosts[id].on && now >= self.hosts[id].renew_at {
                self.hosts[id].renew_at = now + self.random.within(800, 2500);
                let view = self.swarm.answer(id, now, &hears);
                let host = &mut self.hosts[id];
                let view = match (view, host.last.take()) {
                    (Some(view), _) => Some(Arc::new(view)),
                    (None, last) => last.map(|(_, view)| view),
                };
                host.last = view.map(|view| (ms(now), view));
            }
            self.daemon(id, &hears);
        }
    }

    fn daemon(&mut self, id: usize, hears: &dyn Fn(usize, usize) -> bool) {
        let now = self.now;
        let others: BTreeMap<IpAddr, usize> = self
            .hosts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != id && hears(id, *other))
            .flat_map(|(other, host)| host.addresses.iter().map(move |ip| (*ip, other)))
            .collect();
        let Some(mut daemon) = self.hosts[id].daemon.take() else {
            return;
        };
        if now >= daemon.ask_at {
            daemon.ask_at = now + 1000;
            let slow = match self.random.chance(100) {
                true => 4000,
                false => 300,
            };
            // Answered some time between the two.
            let late = self.random.within(10, slow);
            let view = self.swarm.answer(id, now, hears);
            daemon.views.push((now + late, now, view));
            for manager in 0..self.hosts.len() {
                let is = self.swarm.truth.nodes[manager].manager;
                if is && manager != id && hears(id, manager) {
                    let late = self.random.within(5, slow);
                    let last = self.hosts[manager].last.clone();
                    daemon.words.push((now + late, now, manager, last));
                }
            }
        }
        let came = daemon.receive(now);
        let looked = now >= daemon.engine_at || self.random.chance(200);
        if looked {
            let here = self
                .swarm
                .containers
                .iter()
                .filter(|(_, (on, life))| *on == id && life.from <= now && now < life.until);
            daemon.engine(now, here.map(|(task, _)| task.clone()).collect());
        }
        let look = now >= daemon.kernel_at;
        self.hosts[id].daemon = Some(daemon);
        let worked = self.work(id, &others);
        let host = &mut self.hosts[id];
        if look || worked {
            host.look(now);
        }
        let Some(mut daemon) = host.daemon.take() else {
            return;
        };
        match self.fault {
            Some(Fault::NoFence) => {
                if let Some(answer) = &mut daemon.seen.swarm {
                    answer.asked = ms(now);
                }
                daemon.seen.heard = all(&self.swarm, now);
            }
            Some(Fault::SwarmAlone) => daemon.seen.heard = all(&self.swarm, now),
            None => {}
        }
        if !(look || worked || came || looked || now >= daemon.wake) {
            host.daemon = Some(daemon);
            return;
        }
        let decision = daemon.follower.decide(moment(now), &daemon.seen);
        daemon.wake = decision
            .wake
            .map_or(u64::MAX, |wake| wake.as_millis() as u64);
        for (ip, turn, order) in decision.orders {
            daemon.work.entry(ip).or_default().1 = Some((turn, order));
        }
        for change in decision.relabels {
            daemon
                .relabels
                .push((now + self.random.within(20, 500), change));
        }
        for (_, change) in daemon.relabels.extract_if(.., |(at, _)| *at <= now) {
            daemon.follower.relabelled(moment(now), &change.node);
            let leads = self.swarm.leader.is_some_and(|leader| hears(id, leader));
            let nodes = &mut self.swarm.truth.nodes;
            let node = nodes
                .iter_mut()
                .find(|node| node.id == change.node)
                .unwrap();
            if leads && node.version == change.version {
                node.version += 1;
                for (label, value) in change.labels {
                    match value {
                        Some(value) => node.labels.insert(label, value),
                        None => node.labels.remove(&label),
                    };
                }
            }
        }
        host.report = Some(decision.report);
        host.daemon = Some(daemon);
    }

    /// Carries out orders one after the other; whether the kernel was changed.
    fn work(&mut self, id: usize, others: &BTreeMap<IpAddr, usize>) -> bool {
        let now = self.now;
        let mut changed = false;
        let Some(mut daemon) = self.hosts[id].daemon.take() else {
            return false;
        };
        let mut ended = Vec::new();
        for (ip, (work, next)) in &mut daemon.work {
            if let Some(work) = work {
                work.met |= others.contains_key(ip);
            }
            let waits = |work: &Work| !matches!(work.order, Order::Add(_) | Order::Remove(_));
            if next.is_some() && work.as_ref().is_some_and(waits) {
                *work = None;
            }
            if let Some(done) = work.take_if(|work| work.done_at <= now) {
                let addresses = &mut self.hosts[id].addresses;
                let outcome = match done.order {
                    Order::Probe(_) => {
                        Outcome::Probed(Ok(done.met.then_some(Mac([2, 0, 0, 0, 0, 1]))))
                    }
                    Order::Add(_) => {
                        changed = true;
                        if !addresses.contains(ip) {
                            addresses.push(*ip);
                            self.takeovers += 1;
                        }
                        Outcome::Added(Ok(()))
                    }
                    Order::Remove(_) => {
                        changed = true;
                        addresses.retain(|other| other != ip);
                        Outcome::Removed(Ok(()))
                    }
                    Order::Announce(_) => Outcome::Announced(Ok(())),
                    Order::Ping(..) => Outcome::Pinged(Ok(true)),
                };
                ended.push((*ip, done.turn, outcome));
            }
            if work.is_none()
                && let Some((turn, order)) = next.take()
            {
                let takes = match order {
                    Order::Probe(_) => 1000,
                    _ => self.random.within(0, 100),
                };
                *work = Some(Work {
                    turn,
                    order,
                    done_at: now + takes,
                    met: others.contains_key(ip),
                });
            }
        }
        for (ip, turn, outcome) in ended {
            if self.trace {
                println!("{now:>7} host {id} {ip}: {outcome:?}");
            }
            daemon.outcome(now, ip, turn, outcome);
        }
        self.hosts[id].daemon = Some(daemon);
        changed
    }

    fn judge(&mut self) {
        let mut holders: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (id, host) in self.hosts.iter().enumerate() {
            for ip in &host.addresses {
                if let Some(other) = holders.insert(*ip, id) {
                    self.violation = Some(format!(
                        "at {}: {ip} is on hosts {other} and {id}",
                        self.now
                    ));
                    return;
                }
            }
        }
    }

    /// Once nothing went wrong for long: each address where its task runs, each mark too, nothing else.
    pub fn judge_rest(&mut self) {
        if self.violation.is_some() {
            return;
        }
        let view = &self.swarm.truth;
        let mut wrong = Vec::new();
        let mut expected: BTreeMap<IpAddr, Option<usize>> = BTreeMap::new();
        for service in &view.services {
            let task = service
                .tasks
                .iter()
                .find(|t| t.wanted && t.stage == Stage::Running);
            let Some(task) = task else {
                wrong.push(format!("{} does not run", service.name));
                continue;
            };
            let on = self.swarm.containers[&task.id].0;
            let ip: IpAddr = service.labels["HIVE_VIP"].parse().unwrap();
            expected.entry(ip).or_insert(Some(on));
            for (i, node) in view.nodes.iter().enumerate() {
                let marked = node.labels.contains_key(&service.name);
                if marked != (i == on) {
                    wrong.push(format!("mark {} on {i}: {marked}", service.name));
                }
            }
        }
        for (id, host) in self.hosts.iter().enumerate() {
            for ip in VIPS.map(|ip| ip.parse::<IpAddr>().unwrap()) {
                let should = expected.get(&ip).copied().flatten() == Some(id);
                if host.addresses.contains(&ip) != should {
                    wrong.push(format!("{ip} on {id}: {}", !should));
                }
            }
        }
        if !wrong.is_empty() {
            self.violation = Some(format!("at rest: {}", wrong.join("; ")));
        }
    }
}

/// As if every manager had answered, and knew of nothing.
fn all(swarm: &Swarm, now: u64) -> BTreeMap<String, Word> {
    let nodes = swarm.truth.nodes.iter();
    let word = Word {
        asked: ms(now),
        last: None,
    };
    nodes.map(|node| (node.id.clone(), word.clone())).collect()
}
