//! What can happen next.

use hive_membership::Member;
use stateright::{Model, Property};

use crate::docker::Engine;
use crate::healing::Healing;
use crate::intern::Id;
use crate::properties;
use crate::reaction::{self, Happening, Outcome};
use crate::state::{Letter, State, WHOLE};
use crate::steps::Step;

/// A site as it begins, with its budget of bad luck.
pub struct Site {
    pub first: State,
    pub healing: Healing,
}

/// Adds a step, and the same with the machine dying after each outcome that somebody can notice.
fn add(
    state: &State,
    member: Id<Member>,
    happening: Happening,
    make: impl Fn(u8) -> Step,
    steps: &mut Vec<Step>,
) {
    steps.push(make(WHOLE));
    if state.budget.crashes == 0 {
        return;
    }
    let outcomes = &reaction::react(member, happening).outcomes;
    for (index, outcome) in (1..).zip(outcomes) {
        let more = outcomes[usize::from(index)..]
            .iter()
            .any(|outcome| !matches!(outcome, Outcome::Void(_)));
        if more && matches!(outcome, Outcome::Store(_) | Outcome::Send(..)) {
            steps.push(make(index));
        }
    }
}

impl State {
    fn hearing(&self, letter: Letter) -> Option<(Id<Member>, Happening)> {
        let member = self.hosts[usize::from(letter.to)].member?;
        Some((member, Happening::Heard(letter.from, letter.message)))
    }

    fn of_host(&self, host: usize, steps: &mut Vec<Step>) {
        let h = &self.hosts[host];
        let Some(member) = h.member else {
            let member = reaction::start(host, h.flashed, h.disk, h.seed, self.fault);
            let mut on = self.clone();
            on.hosts[host].member = Some(member);
            let happening = Happening::Swarm(on.local(host));
            let start = |slow, die| Step::Start { host, slow, die };
            add(self, member, happening, |die| start(false, die), steps);
            if self.budget.slow > 0 {
                steps.push(start(true, WHOLE));
            }
            return;
        };
        for other in (0..3).filter(|other| *other != host) {
            let Some(letter) = self.hello(other, host) else {
                continue;
            };
            if let Some((member, happening)) = self.hearing(letter) {
                add(
                    self,
                    member,
                    happening,
                    |die| Step::Hear { letter, die },
                    steps,
                );
            }
            if self.budget.copies > 0 {
                steps.push(Step::Delay { letter });
            }
        }
        let happening = Happening::Swarm(self.local(host));
        let asked = reaction::react(member, happening).member == member;
        add(
            self,
            member,
            happening,
            |die| Step::Ask { host, die },
            steps,
        );
        if let Some(action) = h.acting {
            let mut after = self.clone();
            after.finish(host);
            let good = after.carry_out(host, &action);
            let happening = Happening::Done(action, good, after.local(host));
            add(
                self,
                member,
                happening,
                |die| Step::Done { host, die },
                steps,
            );
        } else {
            for long in [false, true] {
                // Docker is asked many times in the longest time-out, and what it is at ends within it.
                if !long || (h.orphan.is_none() && asked) {
                    let tick = |die| Step::Tick { host, long, die };
                    add(self, member, Happening::Tick { long }, tick, steps);
                }
            }
        }
        if h.orphan.is_some() {
            steps.push(Step::Finish { host });
        }
        if self.budget.crashes > 0 {
            steps.push(Step::Crash { host, done: false });
            for slow in [false, true] {
                if !slow || self.budget.slow > 0 {
                    steps.push(Step::Restart { host, slow });
                }
            }
            if h.acting.is_some() || h.orphan.is_some() {
                steps.push(Step::Crash { host, done: true });
            }
        }
    }

    /// What a person can say in truth: that host was never in a swarm, or is off for good.
    fn orders(&self, host: usize, steps: &mut Vec<Step>) {
        if self.hosts[host].member.is_none() {
            return;
        }
        for other in (0..3).filter(|other| *other != host) {
            let o = &self.hosts[other];
            if o.engine == Engine::Inactive && o.disk.known.is_none() && o.seed.is_none() {
                steps.push(Step::Without { host, other });
            }
        }
    }

    /// No round and nothing at Docker is under way.
    fn calm(&self) -> bool {
        self.hosts.iter().all(|h| {
            let round = h.member.is_some_and(|member| member.asked()[0].is_some());
            h.acting.is_none() && h.orphan.is_none() && !round
        })
    }

    /// A new seed names the swarm that somebody is in with a majority.
    fn flashes(&self, host: usize, steps: &mut Vec<Step>) {
        steps.push(Step::Flash { host, seed: None });
        for swarm in (0..).take(self.swarms.len()) {
            let recorded = self.hosts.iter().any(|h| {
                h.disk.joined.is_some()
                    && matches!(h.engine, Engine::In { swarm: s, .. } if s == swarm)
            });
            if recorded && self.leader(swarm).is_some() {
                let seed = Some(swarm);
                steps.push(Step::Flash { host, seed });
            }
        }
    }
}

impl Model for Site {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.first.clone()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, letter) in state.wire.iter().enumerate() {
            if let Some((member, happening)) = state.hearing(*letter) {
                let deliver = |copy, die| Step::Deliver { index, copy, die };
                add(state, member, happening, |die| deliver(false, die), steps);
                if state.budget.copies > 0 {
                    steps.push(deliver(true, WHOLE));
                }
            }
        }
        for (index, letter) in state.late.iter().enumerate() {
            if let Some((member, happening)) = state.hearing(*letter) {
                add(
                    state,
                    member,
                    happening,
                    |die| Step::Late { index, die },
                    steps,
                );
            }
        }
        for host in 0..3 {
            state.of_host(host, steps);
            // With orders, the protocol relies on flashing to take longer than a founding.
            let time = self.first.budget.orders == 0 || state.calm();
            if state.budget.flashes > 0 && time {
                state.flashes(host, steps);
            }
            if state.budget.orders > 0 {
                state.orders(host, steps);
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        state.step(step);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
