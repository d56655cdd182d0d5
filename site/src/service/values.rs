//! Reads values as leniently as existing definitions need: numbers as text, a map or a list of
//! `key=value`, one word where a list is meant.

use std::collections::BTreeMap;
use std::time::Duration;

use super::quantity;
use super::words;
use crate::StageName;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Node, Value};

/// Texts by name, from a mapping or a list of `NAME=value`.
pub(crate) fn text_map(
    node: &Node,
    name: &str,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    match &node.value {
        Value::Null => {}
        Value::Text(text) if text.is_empty() => {}
        Value::Map(entries) => {
            for entry in entries {
                match entry.node.as_text() {
                    Some(text) => {
                        map.insert(entry.key.clone(), text.to_owned());
                    }
                    None if matches!(entry.node.value, Value::Null) => report.error(
                        entry.place,
                        format!("`{}` in `{name}` has no value", entry.key),
                        format!("write `{}: \"\"` if it shall be empty", entry.key),
                    ),
                    None => report.error(
                        entry.node.place,
                        format!(
                            "`{}` in `{name}` must be a text, found {}",
                            entry.key,
                            entry.node.kind()
                        ),
                        "write it on the same line, in quotes if it has colons or braces",
                    ),
                }
            }
        }
        Value::List(items) => {
            for item in items {
                match item.as_text().and_then(|text| text.split_once('=')) {
                    Some((key, value)) if !key.is_empty() => {
                        map.insert(key.to_owned(), value.to_owned());
                    }
                    _ => report.error(
                        item.place,
                        format!(
                            "an item of `{name}` must be `NAME=value`, found {}",
                            item.kind()
                        ),
                        "write `- NAME=value`, or a mapping with `NAME: value`",
                    ),
                }
            }
        }
        _ => report.error(
            node.place,
            format!("`{name}` must be a mapping, found {}", node.kind()),
            "write its entries below it, indented, as `NAME: value`",
        ),
    }
    map
}

/// The texts by name under a key; none when it is not given.
pub(crate) fn map_field(
    fields: &Fields<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    fields
        .entry(key)
        .map(|entry| text_map(&entry.node, key, report))
        .unwrap_or_default()
}

/// The texts under a key; none when it is not given.
pub(crate) fn list_field(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    fields
        .entry(key)
        .map(|entry| texts(&entry.node, key, report))
        .unwrap_or_default()
}

/// Texts from a list, or from a single word.
pub(crate) fn texts(node: &Node, name: &str, report: &mut Report<'_>) -> Vec<String> {
    items(node, name, report)
        .into_iter()
        .filter_map(|item| fields::text(item, name, report))
        .collect()
}

/// The items of a list; a single word is a list of one, an empty text none.
pub(crate) fn items<'n>(node: &'n Node, name: &str, report: &mut Report<'_>) -> Vec<&'n Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        Value::Map(_) => {
            report.error(
                node.place,
                format!("`{name}` must be a list, found a mapping"),
                "write the items below it, each on a line that begins with `- `",
            );
            Vec::new()
        }
        _ if node.as_text() == Some("") => Vec::new(),
        _ => vec![node],
    }
}

/// A command line: a list of words, or one text that is split as a shell does. `None` when empty.
pub(crate) fn command(
    fields: &Fields<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let node = &fields.entry(key)?.node;
    let words = match node.as_text() {
        Some(text) => match words::split(text) {
            Ok(words) => words,
            Err(error) => {
                report.error(
                    node.place,
                    format!("`{key}` is not a command line: {error}"),
                    "close it, or write the words as a list",
                );
                return None;
            }
        },
        None => texts(node, key, report),
    };
    (!words.is_empty()).then_some(words)
}

/// A duration; a bare number counts nanoseconds, as in docker's API, which is seldom what is meant.
pub(crate) fn duration(
    fields: &Fields<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Duration> {
    let node = &fields.entry(key)?.node;
    let Some(duration) = node.as_text().and_then(quantity::duration) else {
        report.error(
            node.place,
            format!("`{key}` must be a duration, found {}", node.kind()),
            quantity::DURATION_EXAMPLES,
        );
        return None;
    };
    let written = node.as_text().unwrap_or_default();
    let bare = written.trim().bytes().all(|b| b.is_ascii_digit());
    if bare && !duration.is_zero() && duration < Duration::from_millis(1) {
        report.warn(
            node.place,
            format!("`{key}` is {written} nanoseconds, as a number without a unit counts them"),
            format!("write `{written}s` if seconds are meant"),
        );
    }
    Some(duration)
}

/// A number of bytes.
pub(crate) fn bytes(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<u64> {
    let node = &fields.entry(key)?.node;
    let bytes = node.as_text().and_then(quantity::bytes);
    if bytes.is_none() {
        report.error(
            node.place,
            format!("`{key}` must be a size, found {}", node.kind()),
            quantity::SIZE_EXAMPLES,
        );
    }
    bytes
}

/// Billionths of a processor.
pub(crate) fn nano_cpus(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<i64> {
    let node = &fields.entry(key)?.node;
    let cpus = node.as_text().and_then(quantity::nano_cpus);
    if cpus.is_none() {
        report.error(
            node.place,
            format!(
                "`{key}` must be a number of processors, found {}",
                node.kind()
            ),
            "write a number greater than 0, such as `0.5` or `2`",
        );
    }
    cpus
}

/// A whole number that may be negative.
pub(crate) fn integer(node: &Node) -> Option<i64> {
    node.as_text()?.trim().parse().ok()
}

/// One of several words.
pub(crate) fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    choices: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let node = &fields.entry(key)?.node;
    let written = node.as_text().unwrap_or_default();
    let found = choices.iter().find(|(word, _)| *word == written);
    if found.is_none() {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        report.error(
            node.place,
            format!(
                "`{key}` must be one of {}, found {}",
                words.join(", "),
                node.kind()
            ),
            spelling::advice(written, &words),
        );
    }
    found.map(|(_, value)| *value)
}

/// The stages of an `available_on`, `pull_on`.
pub(crate) fn stages(node: &Node, key: &str, report: &mut Report<'_>) -> Vec<StageName> {
    let known = StageName::ALL.map(StageName::name);
    let mut stages = Vec::new();
    for item in items(node, key, report) {
        let Some(word) = fields::text(item, key, report) else {
            continue;
        };
        match StageName::from_name(&word) {
            Some(stage) if stages.contains(&stage) => {}
            Some(stage) => stages.push(stage),
            None => report.error(
                item.place,
                format!("there is no stage `{word}`"),
                spelling::advice(&word, known),
            ),
        }
    }
    stages
}
