//! Machines: disks, daemons, engines, power.

use std::time::Duration;

use hive_inventory::seed::KnownSwarm;
use hive_membership::{Action, Config, Effect, Event, Local, Member, Message, Record};

use crate::docker::{Engine, local};
use crate::world::{Happening, World};

/// What outlives a power cut, and what the stick brought.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub record: Record,
    pub engine: Engine,
    pub seed: Option<KnownSwarm>,
    /// When it was flashed; `None`: it is new.
    pub flashed_at: Option<u64>,
}

#[derive(Default)]
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

impl World {
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
    pub fn start(&mut self, host: usize) {
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

    pub fn ask(&mut self, host: usize) {
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
                    self.written = true;
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
}
