//! What happens, one thing after the other.

use std::collections::{BTreeMap, BTreeSet};

use hive_membership::member::Fault;
use hive_membership::{Action, Event, HiveEntry, Message};

use crate::docker::Group;
use crate::machine::Host;
use crate::random::Random;
use crate::weather::{Weather, site, wide};

#[derive(Debug, Clone)]
pub enum Happening {
    Deliver {
        from: usize,
        to: usize,
        message: Message,
        /// From then on it is too old to be handled.
        until: u64,
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
    /// Whether some disk is another one since it was last looked whether there are two swarms.
    pub written: bool,
    pub orders: u64,
    /// Times that a person ordered `recover` in the middle of it all.
    pub recoveries: u64,
    pub trace: Option<Vec<String>>,
    pub violation: Option<String>,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let wide = wide(seed);
        let hives = site(&mut random, wide);
        let weather = Weather::new(&mut random, wide);
        let count = hives.len();
        let mut world = Self {
            now: 0,
            random,
            hosts: (0..count).map(|_| Host::default()).collect(),
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
            written: false,
            orders: 0,
            recoveries: 0,
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
            if std::mem::take(&mut self.written) {
                self.violation = self.two_swarms();
            }
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Deliver {
                from,
                to,
                message,
                until,
            } => self.deliver(from, to, message, until),
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
}
