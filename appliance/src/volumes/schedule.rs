//! When each volume gets its next turn: all that are as they should be with each reading of the records, which serves
//! them all; others when it is worth while.

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

/// A turn that begins.
#[derive(Debug)]
pub struct Turn {
    pub name: String,
    /// What was tried so far.
    pub effort: Effort,
    /// How old the record may be.
    pub oldest: Instant,
}

#[derive(Debug)]
struct Entry {
    /// `None`: with the next reading.
    due: Option<Instant>,
    /// The moment of the reading that it is due for.
    read: Option<Instant>,
    running: bool,
    /// It was asked for while its turn was under way, which may have looked before.
    again: bool,
    /// The version of the record that was seen to.
    version: Option<u64>,
    settled: bool,
    effort: Effort,
}

impl Schedule {
    /// Takes over records that were asked for at the moment `read`: new ones, changed ones and those that are as they
    /// should be are due now, and those that are gone get no more turns.
    pub fn take(&mut self, records: &Records, read: Instant, now: Instant) {
        self.0
            .retain(|name, entry| entry.running || records.volumes.contains_key(name));
        for (name, record) in &records.volumes {
            let entry = self.0.entry(name.clone()).or_insert_with(|| Entry {
                due: None,
                read: None,
                running: false,
                again: false,
                version: None,
                settled: false,
                effort: Effort::default(),
            });
            // What failed may work with another record. A turn that is under way reads it as well, or the next reading is
            // time enough for it, and what was not seen to yet keeps its time.
            let changed = entry.version.is_some_and(|v| v != record.version);
            if !entry.running && (changed || entry.due.is_none()) {
                (entry.due, entry.read) = (Some(now), Some(read));
            }
        }
    }

    /// A volume is to have its turn now; tells whether it is known.
    pub fn ask(&mut self, name: &str, now: Instant) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        (entry.due, entry.read, entry.again) = (Some(now), None, entry.running);
        true
    }

    /// The turns that are due; they are under way from now on.
    pub fn begin(&mut self, now: Instant) -> Vec<Turn> {
        let due = self.0.iter_mut();
        let due =
            due.filter(|(_, entry)| !entry.running && entry.due.is_some_and(|due| due <= now));
        due.map(|(name, entry)| {
            entry.running = true;
            Turn {
                name: name.clone(),
                effort: entry.effort.clone(),
                oldest: entry.read.take().unwrap_or(now),
            }
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
            Outcome::Later => Some(LATER),
            Outcome::Cared { version, pause } => {
                (entry.version, entry.settled) = (Some(*version), pause.is_none());
                *pause
            }
        };
        entry.due = if again {
            Some(now)
        } else {
            pause.map(|pause| now + pause)
        };
    }

    /// When the next turn is due, if none has to end first.
    pub fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|entry| !entry.running);
        waiting.filter_map(|entry| entry.due).min()
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

    fn settled(version: u64) -> Outcome {
        Outcome::Cared {
            version,
            pause: None,
        }
    }

    fn names(begun: Vec<Turn>) -> Vec<String> {
        begun.into_iter().map(|turn| turn.name).collect()
    }

    #[test]
    fn a_reading_is_the_turn_of_all_that_are_as_they_should_be_and_serves_them() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let all = records(&[("a", 1), ("b", 1), ("c", 1)]);
        schedule.take(&all, now, now);
        assert!(!schedule.is_settled());
        assert_eq!(names(schedule.begin(now)), ["a", "b", "c"]);
        assert_eq!(names(schedule.begin(now)), [""; 0]);
        schedule.end("a", Effort::default(), &settled(1), now);
        schedule.end("b", Effort::default(), &settled(1), now);
        let pause = Some(Duration::from_secs(5));
        let waits = Outcome::Cared { version: 1, pause };
        schedule.end("c", Effort::default(), &waits, now);
        let [read, later] = [3, 5].map(|s| now + Duration::from_secs(s));
        assert_eq!(schedule.next(), Some(later));
        assert_eq!(names(schedule.begin(read)), [""; 0]);
        schedule.take(&all, read, later);
        let turns = schedule.begin(later);
        let turns = turns.iter().map(|t| (t.name.as_str(), t.oldest));
        let turns: Vec<_> = turns.collect();
        assert_eq!(turns, [("a", read), ("b", read), ("c", later)]);
    }

    #[test]
    fn a_changed_record_and_a_question_are_reasons_for_a_turn_now() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let read = now - Duration::from_secs(1);
        schedule.take(&records(&[("a", 1)]), read, now);
        schedule.begin(now);
        assert!(schedule.ask("a", now), "its turn may have looked already");
        schedule.end("a", Effort::default(), &settled(1), now);
        let turn = schedule.begin(now).remove(0);
        assert_eq!(turn.oldest, now, "who asks wants to be told of now");
        let pause = Some(Duration::from_secs(5));
        let waits = Outcome::Cared { version: 1, pause };
        schedule.end("a", Effort::default(), &waits, now);
        assert!(!schedule.is_settled());
        schedule.take(&records(&[("a", 1)]), read, now);
        assert_eq!(names(schedule.begin(now)), [""; 0]);
        schedule.take(&records(&[("a", 2)]), read, now);
        assert_eq!(names(schedule.begin(now)), ["a"]);
        assert!(!schedule.ask("new", now));
    }

    #[test]
    fn what_is_gone_gets_no_more_turns() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.take(&records(&[("a", 1), ("b", 1)]), now, now);
        schedule.begin(now);
        schedule.end("a", Effort::default(), &Outcome::Gone, now);
        schedule.end("b", Effort::default(), &Outcome::Later, now);
        schedule.take(&records(&[("b", 1)]), now, now);
        assert_eq!(schedule.names(), BTreeSet::from(["b".to_owned()]));
        assert_eq!(schedule.next(), Some(now + LATER));
        schedule.take(&records(&[]), now, now);
        assert_eq!(schedule.next(), None);
    }
}
