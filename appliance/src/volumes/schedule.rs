//! When each volume gets its next turn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::care::Outcome;
use super::effort::Effort;
use crate::swarm::Records;

/// Pause after a turn without an end.
const LATER: Duration = Duration::from_secs(5);

/// The volumes of the swarm's records.
#[derive(Debug, Default)]
pub struct Schedule(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    due: Instant,
    running: bool,
    /// It was asked for while its turn was under way, which may have looked before.
    again: bool,
    /// The version of the record that was seen to.
    version: Option<u64>,
    settled: bool,
    effort: Effort,
}

impl Schedule {
    /// Takes the records over: new ones and changed ones are due now, those that are gone get no more turns.
    pub fn take(&mut self, records: &Records, now: Instant) {
        self.0
            .retain(|name, entry| entry.running || records.volumes.contains_key(name));
        for (name, record) in &records.volumes {
            let entry = self.0.entry(name.clone()).or_insert_with(|| Entry {
                due: now,
                running: false,
                again: false,
                version: None,
                settled: false,
                effort: Effort::default(),
            });
            // What failed may work with another record. A turn that is under way reads it anyway, and what
            // was not seen to yet keeps its time.
            let changed = entry.version.is_some_and(|v| v != record.version);
            if changed && !entry.running {
                entry.due = now;
            }
        }
    }

    /// A volume is to have its turn now; tells whether it is known.
    pub fn ask(&mut self, name: &str, now: Instant) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        (entry.due, entry.again) = (now, entry.running);
        true
    }

    /// The volumes whose turn it is, with what was tried so far; it is under way from now on.
    pub fn begin(&mut self, now: Instant) -> Vec<(String, Effort)> {
        let due = self.0.iter_mut();
        let due = due.filter(|(_, entry)| !entry.running && entry.due <= now);
        due.map(|(name, entry)| {
            entry.running = true;
            (name.clone(), entry.effort.clone())
        })
        .collect()
    }

    /// A turn is over.
    pub fn end(&mut self, name: &str, effort: Effort, outcome: &Outcome, now: Instant) {
        let Some(entry) = self.0.get_mut(name) else {
            return;
        };
        (entry.running, entry.effort) = (false, effort);
        let again = std::mem::take(&mut entry.again);
        let pause = match outcome {
            Outcome::Gone => {
                self.0.remove(name);
                return;
            }
            Outcome::Later => LATER,
            Outcome::Cared {
                version,
                pause,
                settled,
            } => {
                (entry.version, entry.settled) = (Some(*version), *settled);
                *pause
            }
        };
        entry.due = if again { now } else { now + pause };
    }

    /// When the next turn is due, if none has to end first.
    pub fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|entry| !entry.running);
        waiting.map(|entry| entry.due).min()
    }

    /// Whether every volume is as it should be.
    pub fn is_settled(&self) -> bool {
        self.0.values().all(|entry| entry.settled)
    }

    /// The volumes that are known.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn records(versions: &[(&str, u64)]) -> Records {
        let volumes = versions.iter().map(|(name, version)| {
            let mut record = sample::mesh(name, 1);
            record.version = *version;
            ((*name).to_owned(), record)
        });
        Records {
            volumes: volumes.collect(),
            unreadable: Vec::new(),
        }
    }

    fn cared(version: u64) -> Outcome {
        Outcome::Cared {
            version,
            pause: Duration::from_secs(15),
            settled: true,
        }
    }

    fn names(begun: Vec<(String, Effort)>) -> Vec<String> {
        begun.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn each_volume_has_its_own_time_and_one_turn_at_once() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.take(&records(&[("a", 1), ("b", 1)]), now);
        assert!(!schedule.is_settled());
        assert_eq!(names(schedule.begin(now)), ["a", "b"]);
        assert_eq!(names(schedule.begin(now)), [""; 0]);
        schedule.end("a", Effort::default(), &cared(1), now);
        let later = now + Duration::from_secs(15);
        assert_eq!(schedule.next(), Some(later));
        assert_eq!(names(schedule.begin(later)), ["a"]);
    }

    #[test]
    fn a_changed_record_and_a_question_are_reasons_for_a_turn_now() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.take(&records(&[("a", 1)]), now);
        schedule.begin(now);
        assert!(schedule.ask("a", now), "its turn may have looked already");
        schedule.end("a", Effort::default(), &cared(1), now);
        assert_eq!(names(schedule.begin(now)), ["a"]);
        schedule.end("a", Effort::default(), &cared(1), now);
        assert!(schedule.is_settled());
        assert_eq!(names(schedule.begin(now)), [""; 0]);
        schedule.take(&records(&[("a", 2)]), now);
        assert_eq!(names(schedule.begin(now)), ["a"]);
        assert!(!schedule.ask("new", now));
    }

    #[test]
    fn what_is_gone_gets_no_more_turns() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.take(&records(&[("a", 1), ("b", 1)]), now);
        schedule.begin(now);
        schedule.end("a", Effort::default(), &Outcome::Gone, now);
        schedule.end("b", Effort::default(), &Outcome::Later, now);
        schedule.take(&records(&[("b", 1)]), now);
        assert_eq!(schedule.names(), BTreeSet::from(["b".to_owned()]));
        assert_eq!(schedule.next(), Some(now + LATER));
        schedule.take(&records(&[]), now);
        assert_eq!(schedule.next(), None);
    }
}
