//! Reads the keys of a mapping into Rust types. Every reader reports what it can't take and goes on,
//! so one run shows all mistakes. A key without a value counts as absent.

use std::ops::RangeInclusive;

use super::report::{Place, Report};
use super::spelling;
use super::tree::{Entry, Node, Value};

/// A mapping that is being read.
pub(crate) struct Fields<'t> {
    entries: &'t [Entry],
    /// Where the mapping is named: the key above it, or its first line.
    pub place: Place,
    /// What the mapping is, for messages: "stage `private`".
    pub what: String,
}

impl<'t> Fields<'t> {
    /// Opens a mapping; a key that is not among `known` is an error.
    pub fn open(
        node: &'t Node,
        place: Place,
        what: impl Into<String>,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let fields = Self::open_any(node, place, what, report)?;
        for entry in fields.entries {
            if !known.contains(&entry.key.as_str()) {
                report.error(
                    entry.place,
                    format!("unknown key `{}` in {}", entry.key, fields.what),
                    spelling::advice(&entry.key, known),
                );
            }
        }
        Some(fields)
    }

    /// Opens a mapping whose keys the caller checks.
    pub fn open_any(
        node: &'t Node,
        place: Place,
        what: impl Into<String>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let what = what.into();
        match &node.value {
            Value::Map(entries) => Some(Self {
                entries,
                place,
                what,
            }),
            // What is missing inside is reported by those who need it.
            Value::Null => Some(Self {
                entries: &[],
                place,
                what,
            }),
            _ => {
                report.error(
                    node.place,
                    format!("{what} must be a mapping, found {}", node.kind()),
                    "write its keys below it, indented, as `key: value`",
                );
                None
            }
        }
    }

    /// All entries as they stand, those without a value too.
    pub fn entries(&self) -> &'t [Entry] {
        self.entries
    }

    /// The entry of a key that has a value.
    pub fn entry(&self, key: &str) -> Option<&'t Entry> {
        self.entries
            .iter()
            .find(|entry| entry.key == key && !matches!(entry.node.value, Value::Null))
    }

    /// The entry of a key that must be there; `example` shows how it is written.
    pub fn required(&self, key: &str, example: &str, report: &mut Report<'_>) -> Option<&'t Entry> {
        let entry = self.entry(key);
        if entry.is_none() {
            // A key that stands there without a value is where the eye should go.
            let place = self.entries.iter().find(|entry| entry.key == key);
            report.error(
                place.map_or(self.place, |entry| entry.place),
                format!("{} lacks `{key}`", self.what),
                format!("add it, such as `{key}: {example}`"),
            );
        }
        entry
    }

    /// A text, or a scalar taken as it is written.
    pub fn text(&self, key: &str, report: &mut Report<'_>) -> Option<String> {
        let entry = self.entry(key)?;
        text(&entry.node, key, report)
    }

    /// A whole number within bounds.
    pub fn whole(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        report: &mut Report<'_>,
    ) -> Option<u64> {
        let entry = self.entry(key)?;
        whole(&entry.node, key, range, report)
    }

    /// `True` or `False`, in any of YAML's spellings.
    pub fn flag(&self, key: &str, report: &mut Report<'_>) -> Option<bool> {
        let node = &self.entry(key)?.node;
        let value = match &node.value {
            Value::Bool { value, .. } => Some(*value),
            Value::Text(text) => match text.to_lowercase().as_str() {
                "yes" | "true" | "on" => Some(true),
                "no" | "false" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            report.error(
                node.place,
                format!("`{key}` must be True or False, found {}", node.kind()),
                format!("write `{key}: True` or `{key}: False`"),
            );
        }
        value
    }

    /// The items of a list.
    pub fn list(&self, key: &str, report: &mut Report<'_>) -> Option<&'t [Node]> {
        let node = &self.entry(key)?.node;
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                report.error(
                    node.place,
                    format!("`{key}` must be a list, found {}", node.kind()),
                    "write the items below it, each on a line that begins with `- `",
                );
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str, report: &mut Report<'_>) -> Option<Vec<String>> {
        let items = self.list(key, report)?;
        Some(
            items
                .iter()
                .filter_map(|item| text(item, key, report))
                .collect(),
        )
    }
}

/// A text, or a scalar taken as it is written.
pub(crate) fn text(node: &Node, name: &str, report: &mut Report<'_>) -> Option<String> {
    let text = node.as_text();
    if text.is_none() {
        report.error(
            node.place,
            format!("`{name}` must be a text, found {}", node.kind()),
            "write it on the same line, in quotes if it has colons or braces",
        );
    }
    text.map(str::to_owned)
}

/// A whole number within bounds; digits in quotes are taken too, as the predecessor did.
pub(crate) fn whole(
    node: &Node,
    name: &str,
    range: RangeInclusive<u64>,
    report: &mut Report<'_>,
) -> Option<u64> {
    let bounds = format!(
        "write a whole number from {} to {}",
        range.start(),
        range.end()
    );
    let written = match &node.value {
        Value::Number { written } => written.as_str(),
        Value::Text(text) => text.as_str(),
        _ => "",
    };
    // YAML 1.1 reads a leading zero as octal, YAML 1.2 does not: nobody should have to know.
    let ambiguous = written.len() > 1 && written.starts_with('0');
    match written.parse::<u64>() {
        Ok(_) if ambiguous => {
            report.error(
                node.place,
                format!("`{name}` begins with a zero, which some read as octal"),
                "write it without the zero",
            );
            None
        }
        Ok(number) if range.contains(&number) => Some(number),
        Ok(number) => {
            report.error(node.place, format!("`{name}` can't be {number}"), bounds);
            None
        }
        Err(_) => {
            report.error(
                node.place,
                format!("`{name}` must be a whole number, found {}", node.kind()),
                bounds,
            );
            None
        }
    }
}
