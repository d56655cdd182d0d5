//! What can happen, and what comes of it.

use hive_membership::Action;

use crate::docker::Engine;
use crate::intern::Id;
use crate::reaction::{self, Happening};
use crate::state::{Letter, State, WHOLE};

/// `die`: the machine dies after so many outcomes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// `slow`: Docker tells later what it is in.
    Start {
        host: usize,
        slow: bool,
        die: u8,
    },
    /// A Hello as the other one would say it now.
    Hear {
        letter: Letter,
        die: u8,
    },
    /// From the wire; it may come again.
    Deliver {
        index: usize,
        copy: bool,
        die: u8,
    },
    /// A Hello of now comes at some later time.
    Delay {
        letter: Letter,
    },
    Late {
        index: usize,
        die: u8,
    },
    /// Docker is asked.
    Ask {
        host: usize,
        die: u8,
    },
    /// Docker is ready, and asked.
    Done {
        host: usize,
        die: u8,
    },
    Tick {
        host: usize,
        long: bool,
        die: u8,
    },
    /// Docker is ready with what hived asked for before it was started anew.
    Finish {
        host: usize,
    },
    /// hived is started anew, Docker goes on.
    Restart {
        host: usize,
        slow: bool,
    },
    Without {
        host: usize,
        other: usize,
    },
    /// With what Docker was at carried out, or not.
    Crash {
        host: usize,
        done: bool,
    },
    Flash {
        host: usize,
        seed: Option<u8>,
    },
}

impl State {
    pub fn receive(&mut self, letter: Letter, die: u8) {
        let happening = Happening::Heard(letter.from, letter.message);
        self.happen(usize::from(letter.to), happening, die);
    }

    /// What Docker was told is done, or can't be; nothing if nothing is under way.
    pub fn done(&mut self, host: usize, die: u8) {
        if let Some(action) = self.hosts[host].acting.take() {
            self.finish(host);
            let good = self.carry_out(host, &action);
            let local = self.local(host);
            self.happen(host, Happening::Done(action, good, local), die);
        }
    }

    /// Docker does one thing after the other: first what an earlier start of hived asked for.
    pub fn finish(&mut self, host: usize) {
        if let Some(action) = self.hosts[host].orphan.take() {
            self.carry_out(host, &action);
        }
    }

    pub fn ask(&mut self, host: usize, die: u8) {
        let local = self.local(host);
        self.happen(host, Happening::Swarm(local), die);
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Start { host, slow, die } => self.start(host, slow, die),
            Step::Hear { letter, die } => self.receive(letter, die),
            Step::Deliver { index, copy, die } => {
                let letter = self.wire.remove(index);
                if copy {
                    self.budget.copies -= 1;
                    self.late.push(letter);
                }
                self.receive(letter, die);
            }
            Step::Delay { letter } => {
                self.budget.copies -= 1;
                self.late.push(letter);
            }
            Step::Late { index, die } => {
                let letter = self.late.remove(index);
                self.receive(letter, die);
            }
            Step::Ask { host, die } => self.ask(host, die),
            Step::Done { host, die } => self.done(host, die),
            Step::Tick { host, long, die } => self.happen(host, Happening::Tick { long }, die),
            Step::Finish { host } => self.finish(host),
            Step::Restart { host, slow } => {
                self.budget.crashes -= 1;
                let h = &self.hosts[host];
                let under_way = h.acting.or(h.orphan);
                self.off(host);
                self.hosts[host].orphan = under_way;
                self.start(host, slow, WHOLE);
            }
            Step::Without { host, other } => {
                self.budget.orders -= 1;
                let even_if_granted = self.hosts[other].member.is_none();
                let without = Happening::Without {
                    host: u8::try_from(other).unwrap(),
                    even_if_granted,
                };
                self.happen(host, without, WHOLE);
            }
            Step::Crash { host, done } => {
                self.budget.crashes -= 1;
                if done {
                    self.finish(host);
                    let action: Option<Id<Action>> = self.hosts[host].acting.take();
                    action.map(|action| self.carry_out(host, &action));
                }
                self.off(host);
            }
            Step::Flash { host, seed } => {
                self.budget.flashes -= 1;
                self.off(host);
                let h = &mut self.hosts[host];
                h.disk = reaction::blank();
                h.engine = Engine::Inactive;
                h.seed = seed;
                h.flashed += 1;
            }
        }
    }
}
