//! Hosts, disks, network and time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hive_inventory::seed::{KnownSwarm, Member as Membership};
use hive_membership::member::Fault;
use hive_membership::{Action, Config, Effect, Event, HiveEntry, Local, Member, Message, Record};

use crate::docker::{Engine, Group, local};
use crate::random::Random;

/// What outlives a power cut, and what the stick brought.
#[derive(Debug, Clone)]
pub struct Disk {
    pub record: Record,
    pub engine: Engine,
    pub seed: Option<KnownSwarm>,
}

pub struct Host {
    pub disk: Disk,
    pub on: bool,
    pub member: Option<Member>,
    /// Counts power-ons; what was under way in the machine before is void.
    pub boot: u64,
    /// Counts starts of the daemon.
    pub start: u64,
    /// World time at which its clock showed zero.
    pub zero: u64,
    pub stalled: bool,
    pub engine_up_at: u64,
    pub joining: bool,
    pub asked_before: bool,
}

#[derive(Debug, Clone)]
pub enum Happening {
    Deliver {
        from: usize,
        to: usize,
        message: Message,
    },
    Tick {
        host: usize,
        start: u64,
    },
    Ask {
        host: usize,
        start: u64,
    },
    Done {
        host: usize,
        boot: u64,
        start: u64,
        action: Action,
    },
    PowerOn {
        host: usize,
        boot: u64,
    },
    Restart {
        host: usize,
        start: u64,
    },
    Resume {
        host: usize,
        boot: u64,
        lost: u64,
    },
    Heal {
        a: usize,
        b: usize,
    },
    Raft,
    Chaos,
}

/// How rough it is.
pub struct Weather {
    pub loss: u64,
    pub twice: u64,
    pub late: u64,
    pub latest: u64,
    pub fail: u64,
    pub crash_at_effect: u64,
    pub power: u64,
    pub restart: u64,
    pub reflash: u64,
    pub storm: u64,
    pub part: u64,
    pub stall: u64,
    pub persons: u64,
    pub removals: u64,
    /// Bad luck at the worst moment: while a swarm is being made.
    pub spite: u64,
}

pub struct World {
    pub now: u64,
    pub random: Random,
    pub hosts: Vec<Host>,
    pub hives: Vec<HiveEntry>,
    pub groups: Vec<Group>,
    pub cut: BTreeSet<(usize, usize)>,
    pub queue: BTreeMap<(u64, u64), Happening>,
    pub sequence: u64,
    pub weather: Weather,
    pub calm: bool,
    pub fault: Option<Fault>,
    pub steps: u64,
    pub made: u64,
    /// Whether a person ordered `recover` since all was one the last time.
    pub recovered: bool,
    /// Seeds of earlier epochs name swarms that a person gave up.
    pub epoch: u64,
    pub orders: u64,
    pub trace: Option<Vec<String>>,
    pub violation: Option<String>,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let count = if random.chance(600) { 3 } else { 5 };
        let odd_one = random.chance(300).then(|| random.index(count));
        let hives = (0..count)
            .map(|i| HiveEntry {
                name: format!("h{i}.site"),
                member: if Some(i) == odd_one {
                    Membership::Worker
                } else {
                    Membership::Manager
                },
                groups: std::iter::once("hives".to_owned())
                    .chain((i == 0).then(|| "first".to_owned()))
                    .collect(),
            })
            .collect();
        let mut pick = |values: &[u64]| values[random.index(values.len())];
        let weather = Weather {
            loss: pick(&[0, 10, 100, 300]),
            twice: pick(&[0, 50, 200]),
            late: pick(&[0, 50, 200]),
            latest: pick(&[2_000, 8_000, 60_000]),
            fail: pick(&[0, 50, 200]),
            crash_at_effect: pick(&[0, 0, 1, 5]),
            power: pick(&[0, 10, 40, 80]),
            restart: pick(&[0, 20, 100]),
            reflash: pick(&[0, 5, 20, 50]),
            storm: pick(&[0, 0, 5]),
            part: pick(&[0, 20, 80, 150]),
            stall: pick(&[0, 0, 20]),
            persons: pick(&[0, 50, 300, 1000]),
            removals: pick(&[0, 0, 0, 5]),
            spite: pick(&[0, 300, 800]),
        };
        let host = || Host {
            disk: Disk {
                record: Record::default(),
                engine: Engine::Inactive,
                seed: None,
            },
            on: false,
            member: None,
            boot: 0,
            start: 0,
            zero: 0,
            stalled: false,
            engine_up_at: 0,
            joining: false,
            asked_before: false,
        };
        let mut world = Self {
            now: 0,
            random,
            hosts: (0..count).map(|_| host()).collect(),
            hives,
            groups: Vec::new(),
            cut: BTreeSet::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            weather,
            calm: false,
            fault,
            steps: 0,
            made: 0,
            recovered: false,
            epoch: 0,
            orders: 0,
            trace: trace.then(Vec::new),
            violation: None,
        };
        for host in 0..count {
            let late = world.random.within(0, 60_000);
            world.after(late, Happening::PowerOn { host, boot: 0 });
        }
        world.after(500, Happening::Raft);
        world.after(1000, Happening::Chaos);
        world
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {}", now as f64 / 1000.0, text()));
        }
    }

    pub fn after(&mut self, wait: u64, what: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now + wait, self.sequence), what);
    }

    pub fn linked(&self, a: usize, b: usize) -> bool {
        a == b || !self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Runs until `end` or a violation.
    pub fn run(&mut self, end: u64) {
        while self.violation.is_none()
            && let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= end
        {
            let ((now, _), what) = entry.remove_entry();
            self.now = now;
            self.steps += 1;
            self.happen(what);
            self.violation = self.two_swarms();
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Deliver { from, to, message } => {
                if self.linked(from, to) {
                    let from = self.hives[from].name.clone();
                    self.event(to, Event::Heard { from, message });
                }
            }
            Happening::Tick { host, start } => {
                if self.hosts[host].start == start && self.hosts[host].member.is_some() {
                    self.after(1000, Happening::Tick { host, start });
                    self.event(host, Event::Tick);
                }
            }
            Happening::Ask { host, start } => {
                if self.hosts[host].start == start && self.hosts[host].member.is_some() {
                    self.after(2000, Happening::Ask { host, start });
                    self.ask(host);
                }
            }
            Happening::Done {
                host,
                boot,
                start,
                action,
            } => {
                if self.hosts[host].boot != boot || !self.hosts[host].on {
                    return;
                }
                let result = self.carry_out(host, &action);
                self.hosts[host].joining = false;
                self.note(|| format!("h{host} Docker {action:?}: {result:?}"));
                if self.hosts[host].start == start {
                    self.event(host, Event::Done { action, result });
                    self.ask(host);
                }
            }
            Happening::PowerOn { host, boot } => {
                if self.hosts[host].boot == boot && !self.hosts[host].on {
                    self.power_on(host);
                }
            }
            Happening::Restart { host, start } => {
                if self.hosts[host].start == start && self.hosts[host].on {
                    self.start(host);
                }
            }
            Happening::Resume { host, boot, lost } => {
                if self.hosts[host].boot == boot {
                    self.hosts[host].stalled = false;
                    self.hosts[host].zero += lost;
                }
            }
            Happening::Heal { a, b } => {
                self.cut.remove(&(a, b));
            }
            Happening::Raft => {
                self.after(500, Happening::Raft);
                self.raft();
            }
            Happening::Chaos => {
                self.after(1000, Happening::Chaos);
                if !self.calm {
                    self.chaos();
                }
            }
        }
    }

    pub fn config(&self, host: usize) -> Config {
        Config {
            me: self.hives[host].name.clone(),
            hives: self.hives.clone(),
            known: self.hosts[host].disk.seed.clone(),
        }
    }

    pub fn power_on(&mut self, host: usize) {
        self.note(|| format!("h{host} power on"));
        let wait = self.random.within(0, 5000);
        let zero = self.now - self.random.within(0, self.now.min(5000));
        let h = &mut self.hosts[host];
        h.on = true;
        h.stalled = false;
        h.joining = false;
        h.asked_before = false;
        h.zero = zero;
        h.engine_up_at = self.now + wait;
        self.start(host);
    }

    /// Starts the daemon.
    fn start(&mut self, host: usize) {
        let config = self.config(host);
        let instance = self.random.next();
        let h = &mut self.hosts[host];
        h.start += 1;
        let start = h.start;
        h.asked_before = false;
        let member = Member::new(config, h.disk.record.clone(), instance);
        h.member = Some(member.with_fault(self.fault));
        self.after(0, Happening::Tick { host, start });
        self.after(100, Happening::Ask { host, start });
    }

    /// The daemon dies and comes back; Docker goes on.
    pub fn restart(&mut self, host: usize) {
        self.note(|| format!("h{host} daemon dies"));
        self.hosts[host].member = None;
        self.hosts[host].start += 1;
        let start = self.hosts[host].start;
        let wait = self.random.within(500, 3000);
        self.after(wait, Happening::Restart { host, start });
    }

    /// The power is cut. What Docker was at may have happened or not.
    pub fn power_off(&mut self, host: usize) {
        self.note(|| format!("h{host} power cut"));
        let boot = self.hosts[host].boot;
        let mut under_way = Vec::new();
        self.queue.retain(|_, what| match what {
            Happening::Done {
                host: of,
                boot: at,
                action,
                ..
            } if *of == host && *at == boot => {
                under_way.push(action.clone());
                false
            }
            _ => true,
        });
        for action in under_way {
            if self.random.chance(500) {
                let result = self.carry_out(host, &action);
                self.note(|| format!("h{host} {action:?} in the last moment: {result:?}"));
            }
        }
        let h = &mut self.hosts[host];
        h.on = false;
        h.member = None;
        h.boot += 1;
        h.start += 1;
    }

    pub fn local(&self, host: usize) -> Local {
        let h = &self.hosts[host];
        if self.now < h.engine_up_at {
            return Local::Unknown;
        }
        if h.joining {
            return Local::Pending;
        }
        local(
            &self.groups,
            &h.disk.engine,
            h.asked_before,
            |other, node| self.linked(host, other) && self.live(other, node),
        )
    }

    /// Whether that node's engine runs on that host.
    pub fn live(&self, host: usize, id: &str) -> bool {
        let h = &self.hosts[host];
        h.on && self.now >= h.engine_up_at
            && matches!(&h.disk.engine, Engine::In { node, .. } if node == id)
    }

    fn ask(&mut self, host: usize) {
        let local = self.local(host);
        if matches!(
            &local,
            Local::Manager {
                cluster: Some(_),
                ..
            }
        ) {
            self.hosts[host].asked_before = true;
        }
        self.event(host, Event::Swarm(local));
    }

    pub fn clock(&self, host: usize) -> Duration {
        Duration::from_millis(self.now.saturating_sub(self.hosts[host].zero))
    }

    pub fn event(&mut self, host: usize, event: Event) {
        let now = self.clock(host);
        if self.hosts[host].stalled {
            // Time goes by for a machine that stands still; what was to happen then is lost, but for
            // the end of an action.
            if matches!(event, Event::Done { .. }) {
                self.restart(host);
                self.hosts[host].stalled = false;
            }
            return;
        }
        let Some(member) = &mut self.hosts[host].member else {
            return;
        };
        let loud =
            matches!(event, Event::Heard { message: ref m, .. } if !matches!(m, Message::Hello(_)));
        let shown = (loud && self.trace.is_some()).then(|| format!("h{host} <- {event:?}"));
        let effects = member.handle(now, event);
        if let Some(shown) = shown {
            self.note(|| shown);
        }
        self.carry_all(host, effects);
    }

    /// Effects in order, up to where the machine or its daemon dies.
    pub fn carry_all(&mut self, host: usize, effects: Vec<Effect>) {
        for effect in effects {
            if !self.calm && self.random.chance(self.weather.crash_at_effect) {
                if self.random.chance(500) {
                    self.power_off(host);
                    let wait = self.random.within(1_000, 20_000);
                    let boot = self.hosts[host].boot;
                    self.after(wait, Happening::PowerOn { host, boot });
                } else {
                    self.restart(host);
                }
                return;
            }
            match effect {
                Effect::Store(record) => {
                    self.note(|| format!("h{host} stores {record:?}"));
                    self.hosts[host].disk.record = record;
                }
                Effect::Send { to, message } => self.send(host, &to, message),
                Effect::Act(action) => {
                    self.note(|| format!("h{host} acts: {action:?}"));
                    let founds = action == Action::Init;
                    let wait = self.random.within(200, if founds { 15_000 } else { 5_000 });
                    let h = &mut self.hosts[host];
                    h.joining = matches!(action, Action::Join { .. });
                    let (boot, start) = (h.boot, h.start);
                    let done = Happening::Done {
                        host,
                        boot,
                        start,
                        action,
                    };
                    self.after(wait, done);
                    if founds && !self.calm && self.random.chance(self.weather.spite) {
                        self.spite(host);
                    }
                }
                Effect::Tell(text) => self.note(|| format!("h{host} tells: {text}")),
            }
        }
    }

    fn send(&mut self, from: usize, to: &str, message: Message) {
        let Some(to) = self.hives.iter().position(|hive| hive.name == to) else {
            return;
        };
        let (loss, twice) = if self.calm {
            (0, 0)
        } else {
            (self.weather.loss, self.weather.twice)
        };
        if !self.linked(from, to) || self.random.chance(loss) {
            return;
        }
        for _ in 0..=u64::from(self.random.chance(twice)) {
            let late = !self.calm && self.random.chance(self.weather.late);
            let wait = self
                .random
                .within(2, if late { self.weather.latest } else { 50 });
            let message = message.clone();
            self.after(wait, Happening::Deliver { from, to, message });
        }
    }
}
