//! The predecessor as oracle: the same inventories read by both, variable by variable.
//!
//! `tests/oracle/corpus/` has the sites, `tests/oracle/intended.yml` the differences that are meant.
//! The predecessor is installed from PyPI into a virtual environment below `target/oracle`; what it
//! answers is kept there, under the hash of what it was asked. `ORACLE_SITES=kitchen,ports` asks
//! about some sites only, `UPDATE_DIFFERENCES=1` writes the list in the guide.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod answer;
mod compare;
mod corpus;
mod intended;
mod ours;
mod page;
mod predecessor;
mod refused;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use answer::{Answer, Counts};
use compare::Difference;
use corpus::Question;
use intended::Intended;

#[test]
fn the_predecessor_and_hive_read_the_same_inventory() {
    let Some(hive) = ours::program() else {
        hive_tests::skipped("no `hive` to compare: name it with HIVE, or build it with cargo");
        return;
    };
    let predecessor = match predecessor::install() {
        Ok(installed) => installed,
        Err(why) => {
            hive_tests::skipped(&format!("the predecessor cannot be installed: {why}"));
            return;
        }
    };
    let questions = corpus::questions();
    let both = |question: &Question| {
        let theirs = predecessor.ask(question);
        let ours = ours::ask(&hive, question);
        (theirs, ours)
    };
    let answers = at_once(&questions, both);

    let mut counts = Counts::default();
    let mut differences = Vec::new();
    for (question, (theirs, ours)) in questions.iter().zip(&answers) {
        counts.add(question, theirs);
        differences.extend(compare::answers(question, theirs, ours));
    }
    let intended = Intended::read();
    let verdict = intended.judge(&differences, !corpus::is_partial());
    println!(
        "compared {counts}, {} intended differences and {} gaps ({} values)",
        verdict.entries, verdict.gaps, verdict.excused
    );
    for difference in &verdict.unexplained {
        println!("{difference}");
    }
    for line in &verdict.stale {
        println!("intended difference that no longer exists: {line}");
    }
    assert!(
        verdict.unexplained.is_empty() && verdict.stale.is_empty(),
        "{} differences that nobody meant, {} entries of intended.yml that match nothing",
        verdict.unexplained.len(),
        verdict.stale.len()
    );
}

#[test]
fn the_predecessor_and_hive_refuse_the_same_mistakes() {
    let Some(hive) = ours::program() else {
        hive_tests::skipped("no `hive` to compare: name it with HIVE, or build it with cargo");
        return;
    };
    let predecessor = match predecessor::install() {
        Ok(installed) => installed,
        Err(why) => {
            hive_tests::skipped(&format!("the predecessor cannot be installed: {why}"));
            return;
        }
    };
    let (count, disagreements) = refused::disagreements(&hive, &predecessor);
    println!("{count} wrong files are refused by both");
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(count >= 12, "only {count}");
}

#[test]
fn the_guide_lists_what_is_different_on_purpose() {
    page::check(&Intended::read());
}

/// Answers in the order of the questions, as many at once as there are processors.
fn at_once(
    questions: &[Question],
    ask: impl Fn(&Question) -> (Answer, Answer) + Sync,
) -> Vec<(Answer, Answer)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(question) = questions.get(index) else {
                        break;
                    };
                    let answers = ask(question);
                    found.lock().unwrap().push((index, answers));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, answers)| answers).collect()
}

/// Differences as a person reads them.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.place)?;
        writeln!(f, "    theirs: {}", compare::shown(self.theirs.as_ref()))?;
        write!(f, "    ours:   {}", compare::shown(self.ours.as_ref()))
    }
}
