//! What is wrong, why, and what to do next.

mod hosts;
mod services;

use super::{About, Problem, Severity, Snapshot};

/// Milliseconds in a minute.
const MINUTE: i64 = 60_000;

/// The problems of a snapshot, worst first.
pub(super) fn of(snapshot: &Snapshot) -> Vec<Problem> {
    let mut problems = hosts::of(snapshot);
    problems.extend(services::of(snapshot));
    problems
        .sort_by(|a, b| (a.severity, &a.about, &a.title).cmp(&(b.severity, &b.about, &b.title)));
    problems
}

/// A problem without further words.
fn problem(severity: Severity, about: About, title: String) -> Problem {
    Problem {
        severity,
        about,
        title,
        reasons: Vec::new(),
        next: Vec::new(),
        said: Vec::new(),
        since: None,
    }
}

/// `1 task`, `2 tasks`.
fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Adds a sentence once.
fn add(sentences: &mut Vec<String>, sentence: &str) {
    if !sentence.is_empty() && !sentences.iter().any(|there| there == sentence) {
        sentences.push(sentence.to_owned());
    }
}
