//! Waiting for a seed: for a stick that is not there yet, a network card that is slow, a medium
//! that a person puts right, or a choice at the console. Every wait has an end, says what it is
//! for and counts down.

use std::time::Duration;

use hive_inventory::seed::Machine;

use crate::etc_layer::UNSEEDED;
use crate::seed_choice::{Chosen, Fault, FaultKind, Reader, Verdict, decide, wants_cards};
use crate::seed_menu::{Answer, understand};
use crate::seed_source::Source;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two words about the same wait.
const WORDS: Duration = Duration::from_secs(5);
/// For network cards whose addresses the seeds want.
const CARDS: Duration = Duration::from_secs(5);

/// What surrounds the wait: the machine, or a test.
pub trait Surroundings {
    /// Time since the wait began.
    fn elapsed(&self) -> Duration;
    /// Looks for seeds, and what machine this is.
    fn look(&mut self) -> Look;
    /// Waits, at most that long, and returns the lines that were typed meanwhile.
    fn pause(&mut self, at_most: Duration) -> Vec<String>;
    /// Tells what is going on.
    fn say(&mut self, text: &str);
    /// Tells what a person has to see.
    fn warn(&mut self, text: &str);
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Sources with documents, in order of precedence.
    pub sources: Vec<Source>,
    /// What machine this is.
    pub machine: Machine,
    /// Whether a stick may appear.
    pub sticks: bool,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a stick, where there is no seed.
    pub stick: Duration,
    /// For a person to put a fault right; `None` for ever.
    pub fault: Option<Duration>,
    /// For a person to choose among seeds; `None` for ever.
    pub choice: Option<Duration>,
}

/// How the wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With a seed; and whether a person chose it at the console.
    Seed(Box<Chosen>, bool),
    /// Without one, and there is none.
    Missing,
    /// Without one although there are some.
    Fault(Fault),
}

/// Waits for a seed. `named`: the host that the command line asks for.
pub fn wait(
    around: &mut dyn Surroundings,
    reader: &Reader<'_>,
    named: Option<&str>,
    patience: Patience,
) -> Outcome {
    let mut typed: Option<String> = None;
    let mut current = Wait::default();
    loop {
        let look = around.look();
        let wanted = typed.as_deref().or(named);
        let verdict = decide(&look.sources, reader, &look.machine, wanted);
        let now = around.elapsed();
        let cards =
            wanted.is_none() && now < CARDS && wants_cards(&look.sources, reader, &look.machine);
        let fault = match verdict {
            _ if cards => {
                current.go_on(
                    around,
                    "a seed names a network card that this machine does not show yet",
                    CARDS.checked_sub(now),
                    "it is decided without that card",
                );
                around.pause(PAUSE);
                continue;
            }
            Verdict::Chosen(chosen) => return Outcome::Seed(chosen, typed.is_some()),
            Verdict::Missing => {
                let since = current.begin("missing", now);
                let left = patience.stick.saturating_sub(now - since);
                if !look.sticks || left.is_zero() {
                    return Outcome::Missing;
                }
                current.go_on(
                    around,
                    "no seed was found yet",
                    Some(left),
                    &format!("this machine starts as {UNSEEDED} unless a stick with the label HIVE-SEED is plugged in"),
                );
                around.pause(PAUSE);
                typed = None;
                continue;
            }
            // What was chosen at the console was pulled out: ask again.
            Verdict::Fault(fault) if typed.is_some() => {
                around.warn(&fault.what);
                typed = None;
                continue;
            }
            Verdict::Fault(fault) => fault,
        };
        let table = fault.table();
        let new = current.key != table;
        let since = current.begin(&table, now);
        if new {
            around.warn(&table);
        }
        let whole = match fault.kind {
            FaultKind::Ambiguous => patience.choice,
            _ => patience.fault,
        };
        let left = whole.map(|whole| whole.saturating_sub(now - since));
        if left.is_some_and(|left| left.is_zero()) {
            return Outcome::Fault(fault);
        }
        current.go_on(
            around,
            "waiting for a choice at this console or a corrected medium",
            left,
            &format!("this machine starts as {UNSEEDED}, without an identity"),
        );
        for line in around.pause(PAUSE) {
            match understand(&line, &fault.candidates) {
                Answer::Host(host) => {
                    around.say(&format!("{host} was chosen at the console"));
                    typed = Some(host);
                }
                Answer::Nothing => {}
                Answer::Unclear(why) => around.warn(&why),
            }
        }
    }
}

/// The wait that is going on, and when it was last spoken of.
#[derive(Debug, Default)]
struct Wait {
    key: String,
    since: Duration,
    said: Option<Duration>,
}

impl Wait {
    /// Since when it waits for this.
    fn begin(&mut self, key: &str, now: Duration) -> Duration {
        if self.key != key {
            *self = Self {
                key: key.to_owned(),
                since: now,
                said: None,
            };
        }
        self.since
    }

    /// Says why it waits and how long still, now and then.
    fn go_on(
        &mut self,
        around: &mut dyn Surroundings,
        cause: &str,
        left: Option<Duration>,
        then: &str,
    ) {
        let now = around.elapsed();
        if self.said.is_some_and(|said| now < said + WORDS) {
            return;
        }
        self.said = Some(now);
        around.warn(&match left {
            // Rounded up, so that it never counts 0.
            Some(left) => format!("{cause}; in {} s {then}", left.as_millis().div_ceil(1000)),
            None => format!("{cause}, for as long as it takes (hive.seedwait=0)"),
        });
    }
}

#[cfg(test)]
mod tests;
