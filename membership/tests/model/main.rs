//! All ways in which three hosts can become one swarm, within bounds, with the code that hived runs.
//!
//! Time is taken out: every event comes at the same moment, and a tick is the moment at which all
//! time-outs of a host are over. Messages overtake each other and get lost freely; copies, crashes,
//! flashed disks, ticks and persons have a budget, which each test prints with the number of states.

mod state;

use std::collections::BTreeSet;
use std::time::Duration;

use hive_membership::{Effect, Event, Message, Order, Record};
use stateright::{Checker, Model, Property};

use state::{Budget, Engine, NAMES, State, Wire};

/// All time-outs of a host, the longest is an Init's.
const TICK: Duration = Duration::from_secs(70);
const NEVER: usize = usize::MAX;

struct Site(Budget);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Start(usize),
    Deliver {
        wire: Wire,
        copy: bool,
        die: usize,
    },
    Late {
        index: usize,
        die: usize,
    },
    Ask {
        host: usize,
        die: usize,
    },
    Done {
        host: usize,
        die: usize,
    },
    Tick {
        host: usize,
        die: usize,
    },
    /// With what Docker was at carried out, or not.
    Crash {
        host: usize,
        done: bool,
    },
    Flash {
        host: usize,
        new_seed: bool,
    },
    Without {
        host: usize,
        other: usize,
    },
}

impl Site {
    /// A step, and the same with the machine dying just after it wrote something. To die before is a
    /// crash and a lost message, to die between two messages is the loss of the second.
    fn with_deaths(
        &self,
        state: &State,
        (host, now, event): (usize, Duration, Event),
        steps: &mut Vec<Step>,
        make: impl Fn(usize) -> Step,
    ) {
        steps.push(make(NEVER));
        if state.budget.crashes == 0 {
            return;
        }
        let Some(mut member) = state.hosts[host].member.clone() else {
            return;
        };
        let effects = member.handle(now, event);
        for (index, effect) in effects.iter().enumerate() {
            if matches!(effect, Effect::Store(_)) && index + 1 < effects.len() {
                steps.push(make(index + 1));
            }
        }
    }
}

fn heard(from: usize, message: Message) -> Event {
    let from = NAMES[from].to_owned();
    Event::Heard { from, message }
}

impl Model for Site {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.0.clone())]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let budget = &state.budget;
        let zero = Duration::ZERO;
        for (wire, message) in &state.wire {
            if state.hosts[wire.to].member.is_none() {
                continue;
            }
            let deliver = |die, copy| Step::Deliver {
                wire: wire.clone(),
                copy,
                die,
            };
            let event = heard(wire.from, message.clone());
            self.with_deaths(state, (wire.to, zero, event), steps, |die| {
                deliver(die, false)
            });
            if budget.copies > 0 {
                steps.push(deliver(NEVER, true));
            }
        }
        for (index, (from, to, message)) in state.late.iter().enumerate() {
            if state.hosts[*to].member.is_some() {
                let event = heard(*from, message.clone());
                self.with_deaths(state, (*to, zero, event), steps, |die| Step::Late {
                    index,
                    die,
                });
            }
        }
        for (host, h) in state.hosts.iter().enumerate() {
            if h.member.is_none() {
                steps.push(Step::Start(host));
            } else {
                let event = Event::Swarm(state.local(host));
                self.with_deaths(state, (host, zero, event), steps, |die| Step::Ask {
                    host,
                    die,
                });
                if h.acting.is_some() {
                    steps.push(Step::Done { host, die: NEVER });
                }
                if budget.ticks > 0 && h.acting.is_none() {
                    self.with_deaths(state, (host, TICK, Event::Tick), steps, |die| Step::Tick {
                        host,
                        die,
                    });
                }
                if budget.crashes > 0 {
                    steps.push(Step::Crash { host, done: false });
                    if h.acting.is_some() {
                        steps.push(Step::Crash { host, done: true });
                    }
                }
                if budget.orders > 0 {
                    for other in (0..3).filter(|other| *other != host) {
                        steps.push(Step::Without { host, other });
                    }
                }
            }
            // Flashing takes longer than a founding: rounds and Inits of others are over by then.
            if budget.flashes > 0 && state.hosts.iter().all(|h| h.acting.is_none()) {
                steps.push(Step::Flash {
                    host,
                    new_seed: false,
                });
                steps.push(Step::Flash {
                    host,
                    new_seed: true,
                });
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        let zero = Duration::ZERO;
        let heard = |from: usize, message| Event::Heard {
            from: NAMES[from].to_owned(),
            message,
        };
        match step {
            Step::Start(host) => state.start(host),
            Step::Deliver { wire, copy, die } => {
                let message = state.wire.remove(&wire)?;
                if copy {
                    state.budget.copies -= 1;
                    state.late.push((wire.from, wire.to, message.clone()));
                }
                state.event(wire.to, zero, heard(wire.from, message), die);
            }
            Step::Late { index, die } => {
                let (from, to, message) = state.late.remove(index);
                state.event(to, zero, heard(from, message), die);
            }
            Step::Ask { host, die } => {
                let local = state.local(host);
                state.event(host, zero, Event::Swarm(local), die);
            }
            Step::Done { host, die } => {
                let action = state.hosts[host].acting.take()?;
                let result = state.carry_out(host, &action);
                state.event(host, zero, Event::Done { action, result }, die);
            }
            Step::Tick { host, die } => {
                state.budget.ticks -= 1;
                state.event(host, TICK, Event::Tick, die);
            }
            Step::Crash { host, done } => {
                state.budget.crashes -= 1;
                if let Some(action) = state.hosts[host].acting.take().filter(|_| done) {
                    let _ = state.carry_out(host, &action);
                }
                state.hosts[host].member = None;
            }
            Step::Flash { host, new_seed } => {
                let quorum = |h: &state::Host| match &h.engine {
                    Engine::In { swarm, .. } => state.leader(*swarm).and(h.record.known.clone()),
                    Engine::Inactive => None,
                };
                let seed = state.hosts.iter().find_map(quorum);
                if new_seed && seed.is_none() {
                    return None;
                }
                state.budget.flashes -= 1;
                let h = &mut state.hosts[host];
                h.record = Record::default();
                h.engine = Engine::Inactive;
                h.seed = seed.filter(|_| new_seed);
                h.member = None;
                for member in state.hosts.iter_mut().filter_map(|h| h.member.as_mut()) {
                    member.rebase(TICK);
                }
            }
            Step::Without { host, other } => {
                let o = &state.hosts[other];
                let truth =
                    o.engine == Engine::Inactive && o.record.known.is_none() && o.seed.is_none();
                if !truth {
                    return None;
                }
                let even_if_granted = o.member.is_none();
                let hives = vec![NAMES[other].to_owned()];
                let order = Order::FoundWithout {
                    hives,
                    even_if_granted,
                };
                let effects = state.hosts[host].member.as_mut()?.order(zero, order).ok()?;
                state.budget.orders -= 1;
                state.carry(host, effects, NEVER);
            }
        }
        // A machine that died takes with it what Docker was told at the same moment.
        for host in &mut state.hosts {
            if host.member.is_none() {
                host.acting = None;
            }
        }
        (state != *last).then_some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        let inside = state
            .hosts
            .iter()
            .filter(|host| host.engine != Engine::Inactive)
            .count();
        inside <= usize::from(self.0.joins)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never two cluster ids", |_, state: &State| {
                let mut clusters = BTreeSet::new();
                for host in &state.hosts {
                    if let Engine::In { swarm, .. } = &host.engine {
                        clusters.insert(format!("swarm{swarm}"));
                    }
                    clusters.extend(host.seed.as_ref().map(|known| known.cluster.clone()));
                }
                clusters.len() <= 1
            }),
            Property::always("never at rest with two managers", |_, state: &State| {
                (0..state.swarms.len()).all(|swarm| !rests_even(state, swarm))
            }),
            Property::sometimes("a swarm is founded", |_, state: &State| {
                state.hosts.iter().any(|host| host.record.joined.is_some())
            }),
            Property::sometimes("all in one swarm", |site: &Site, state: &State| {
                let all = state.hosts.iter().all(|host| host.record.joined.is_some());
                let managers = state.swarms.first().map_or(0, |swarm| {
                    swarm.values().filter(|(_, manager)| *manager).count()
                });
                site.0.joins < 3 || (all && managers == 3)
            }),
        ]
    }
}

/// The leader has seen how it is, does nothing, and the number of managers is even.
fn rests_even(state: &State, swarm: usize) -> bool {
    let managers = state.swarms[swarm]
        .values()
        .filter(|(_, manager)| *manager)
        .count();
    let Some(leader) = state.leader(swarm).filter(|_| managers % 2 == 0) else {
        return false;
    };
    let host = state.swarms[swarm][&leader].0;
    if state.hosts[host].acting.is_some() {
        return false;
    }
    let mut next = state.clone();
    let local = next.local(host);
    next.event(host, Duration::ZERO, Event::Swarm(local), NEVER);
    next == *state
}

fn check(name: &str, budget: Budget) {
    let said = format!("{budget:?}");
    let start = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let checker = Site(budget).checker().threads(threads).spawn_bfs().join();
    println!(
        "{name}: {} states, {} different ones, {} steps deep, {:.1} s; {said}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

const NOTHING: Budget = Budget {
    crashes: 0,
    flashes: 0,
    copies: 0,
    ticks: 0,
    orders: 0,
    joins: 1,
};

#[test]
fn founding_has_no_second_swarm_in_any_order_of_messages() {
    check("any order", NOTHING);
}
