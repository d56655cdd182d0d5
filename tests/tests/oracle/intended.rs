//! The differences that are meant.

use std::fs;

use serde::Deserialize;

use crate::compare::{self, Difference};
use crate::corpus;

/// `intended.yml`.
#[derive(Debug)]
pub struct Intended {
    pub entries: Vec<Entry>,
}

/// A difference, and why it is one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What a person finds different, in a few words.
    pub title: String,
    /// Why that is better.
    pub reason: String,
    /// SITE/STAGE/KIND/HOST/VARIABLE, `*` for any text; each has to match something.
    #[serde(rename = "where")]
    pub places: Vec<String>,
    /// Text that their value has to contain, as JSON.
    pub theirs: Option<String>,
    /// Text that our value has to contain, as JSON.
    pub ours: Option<String>,
    /// Whether it is not meant at all, but not yet mended.
    #[serde(default)]
    pub gap: bool,
    /// Only the order may differ; it may also happen to be the same.
    #[serde(default)]
    pub unordered: bool,
}

/// What is left of the differences.
#[derive(Debug, Default)]
pub struct Verdict<'a> {
    pub unexplained: Vec<&'a Difference>,
    pub stale: Vec<String>,
    pub entries: usize,
    pub gaps: usize,
    pub excused: usize,
}

impl Intended {
    /// Reads the list.
    pub fn read() -> Self {
        let text = fs::read_to_string(corpus::folder().join("intended.yml")).unwrap();
        Self {
            entries: serde_saphyr::from_str(&text).unwrap(),
        }
    }

    /// Which differences nobody meant, and which entries explain nothing.
    pub fn judge<'a>(&self, differences: &'a [Difference], whole: bool) -> Verdict<'a> {
        let mut verdict = Verdict {
            entries: self.entries.iter().filter(|entry| !entry.gap).count(),
            gaps: self.entries.iter().filter(|entry| entry.gap).count(),
            ..Verdict::default()
        };
        let mut used = vec![Vec::new(); self.entries.len()];
        for (entry, used) in self.entries.iter().zip(&mut used) {
            used.resize(entry.places.len(), false);
        }
        for difference in differences {
            let mut excused = false;
            for (entry, used) in self.entries.iter().zip(&mut used) {
                for (place, used) in entry.places.iter().zip(used) {
                    if entry.covers(place, difference) {
                        *used = true;
                        excused = true;
                    }
                }
            }
            if excused {
                verdict.excused += 1;
            } else {
                verdict.unexplained.push(difference);
            }
        }
        if whole {
            for (entry, used) in self.entries.iter().zip(&used) {
                for (place, used) in entry.places.iter().zip(used) {
                    if !used && !entry.unordered {
                        verdict.stale.push(format!("{}: {place}", entry.title));
                    }
                }
            }
        }
        verdict
    }
}

impl Entry {
    fn covers(&self, place: &str, difference: &Difference) -> bool {
        let has = |wanted: &Option<String>, value| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|text| compare::shown(value).contains(text))
        };
        if !matches(place, &difference.place)
            || !has(&self.theirs, difference.theirs.as_ref())
            || !has(&self.ours, difference.ours.as_ref())
        {
            return false;
        }
        match (&difference.theirs, &difference.ours) {
            (Some(theirs), Some(ours)) if self.unordered => {
                compare::same_in_any_order(theirs, ours)
            }
            _ => !self.unordered,
        }
    }
}

/// Whether a place is of a pattern, part by part.
fn matches(pattern: &str, place: &str) -> bool {
    let mut parts = place.splitn(5, '/');
    let mut wanted = pattern.splitn(5, '/');
    loop {
        match (wanted.next(), parts.next()) {
            (Some(wanted), Some(part)) if is_like(wanted, part) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .any(|at| is_like(rest, &text[at..]))
}

#[test]
fn a_star_stands_for_any_text_of_one_part() {
    assert!(matches(
        "*/*/listed/*/hive_a*",
        "s/private/listed/h0.x/hive_ab"
    ));
    assert!(!matches(
        "*/*/listed/*/hive_a",
        "s/private/values/h0.x/hive_a"
    ));
    assert!(!matches("s/*/a", "s/private/listed/h0.x/a"));
}
