//! A mapping of the file with the keys that are known in it.

use std::collections::BTreeMap;

use crate::ignored::Ignored;
use crate::scalar;
use crate::shell;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::spelling;
use hive_site::yaml::tree::{Entry, Node, Value};

/// A mapping whose keys were checked.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    pub place: Place,
    /// What it is, for messages: "service `web`".
    what: String,
}

impl<'n> Fields<'n> {
    /// Checks the keys: unknown ones are errors, those without effect in a swarm warnings.
    pub fn of(
        node: &'n Node,
        what: impl Into<String>,
        known: &[&str],
        ignored: &[Ignored],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let what = what.into();
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let message = format!("{what} has to be a mapping, this is {}", node.kind());
                report.error(
                    node.place,
                    message,
                    format!("keys known here: {}", known.join(", ")),
                );
                return None;
            }
        };
        for Entry { key, place, .. } in entries {
            if key.starts_with("x-") || known.contains(&key.as_str()) {
                continue;
            }
            match ignored.iter().find(|ignored| ignored.key == key) {
                Some(ignored) => ignored.tell(*place, &what, report),
                None => {
                    let words = ignored.iter().map(|ignored| ignored.key);
                    let help = spelling::advice(key, known.iter().copied());
                    let help = match help.starts_with("known") {
                        true => match spelling::advice(key, words) {
                            meant if meant.starts_with("did") => meant,
                            _ => help,
                        },
                        false => help,
                    };
                    report.error(*place, format!("unknown key `{key}` in {what}"), help);
                }
            }
        }
        Some(Self {
            entries,
            place: node.place,
            what,
        })
    }

    /// The value under a key; nothing below a key counts as no key.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!entry.node.is_null()).then_some(&entry.node)
    }

    /// Where a key stands, else the mapping.
    pub fn place_of(&self, key: &str) -> Place {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or(self.place, |entry| entry.place)
    }

    fn wrong(&self, node: &Node, key: &str, shall: &str, report: &mut Report<'_>) {
        report.error(
            node.place,
            format!("`{key}` of {} is {}", self.what, node.kind()),
            format!("it has to be {shall}"),
        );
    }

    /// A scalar, read by `parse`.
    pub fn parsed<T>(
        &self,
        key: &str,
        shall: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        report: &mut Report<'_>,
    ) -> Option<T> {
        let node = self.get(key)?;
        let parsed = node.as_text().and_then(parse);
        if parsed.is_none() {
            self.wrong(node, key, shall, report);
        }
        parsed
    }

    pub fn text(&self, key: &str, report: &mut Report<'_>) -> Option<String> {
        self.parsed(key, "a text", |text| Some(text.to_owned()), report)
    }

    pub fn number(&self, key: &str, report: &mut Report<'_>) -> Option<i64> {
        let parse = |text: &str| text.trim().parse().ok().filter(|number| *number >= 0);
        self.parsed(key, "a whole number", parse, report)
    }

    pub fn duration(&self, key: &str, report: &mut Report<'_>) -> Option<i64> {
        let shall = "a duration with its unit: 1m30s, 10s, 500ms";
        self.parsed(key, shall, scalar::duration, report)
    }

    pub fn bytes(&self, key: &str, report: &mut Report<'_>) -> Option<i64> {
        let shall = "a size: 512M, 1G, or a number of bytes";
        self.parsed(key, shall, scalar::bytes, report)
    }

    pub fn flag(&self, key: &str, report: &mut Report<'_>) -> Option<bool> {
        if let Value::Bool { value, .. } = self.get(key)?.value {
            return Some(value);
        }
        let parse = |text: &str| match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "0" => Some(false),
            _ => None,
        };
        self.parsed(key, "true or false", parse, report)
    }

    /// One of some words.
    pub fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
        report: &mut Report<'_>,
    ) -> Option<T> {
        let node = self.get(key)?;
        let word = node.as_text();
        let found = choices.iter().find(|(name, _)| Some(*name) == word);
        if found.is_none() {
            let message = format!("`{key}` of {} is {}", self.what, node.kind());
            let words = choices.iter().map(|(name, _)| *name);
            let help = match word {
                Some(word) => spelling::advice(word, words),
                None => format!("one of: {}", words.collect::<Vec<_>>().join(", ")),
            };
            report.error(node.place, message, help);
        }
        found.map(|(_, value)| *value)
    }

    /// The nodes of a list; a scalar counts as a list of one.
    pub fn list(&self, key: &str, report: &mut Report<'_>) -> &'n [Node] {
        let Some(node) = self.get(key) else {
            return &[];
        };
        match &node.value {
            Value::List(items) => items,
            Value::Map(_) => {
                self.wrong(node, key, "a list", report);
                &[]
            }
            _ => std::slice::from_ref(node),
        }
    }

    /// A list of scalars.
    pub fn texts(&self, key: &str, report: &mut Report<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(key, report) {
            match item.as_text() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(item, key, "a list of texts", report),
            }
        }
        texts
    }

    /// A command: a list of words, or a text that is split as a shell does.
    pub fn command(&self, key: &str, report: &mut Report<'_>) -> Option<Vec<String>> {
        let node = self.get(key)?;
        if let Some(text) = node.as_text() {
            return match shell::words(text) {
                Ok(words) => Some(words),
                Err(why) => {
                    let message = format!("`{key}` of {}: {why}", self.what);
                    report.error(node.place, message, "close it, or write a list of words");
                    None
                }
            };
        }
        Some(self.texts(key, report))
    }

    /// `NAME: VALUE` or a list of `NAME=VALUE`; the later one of two counts.
    pub fn pairs(
        &self,
        key: &str,
        separator: char,
        report: &mut Report<'_>,
    ) -> Option<BTreeMap<String, Option<String>>> {
        let node = self.get(key)?;
        let mut pairs = BTreeMap::new();
        let shall = format!("a mapping, or a list of NAME{separator}VALUE");
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    let value = entry.node.as_text().map(str::to_owned);
                    if value.is_none() && !entry.node.is_null() {
                        let path = format!("{key}.{}", entry.key);
                        self.wrong(&entry.node, &path, "a text", report);
                        continue;
                    }
                    pairs.insert(entry.key.clone(), value);
                }
            }
            Value::List(items) => {
                for item in items {
                    let Some(text) = item.as_text() else {
                        self.wrong(item, key, &shall, report);
                        continue;
                    };
                    let (name, value) = match text.split_once(separator) {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (text, None),
                    };
                    pairs.insert(name.to_owned(), value);
                }
            }
            _ => self.wrong(node, key, &shall, report),
        }
        Some(pairs)
    }

    /// As [`Self::pairs`], where a name without value means an empty one.
    pub fn labels(&self, key: &str, report: &mut Report<'_>) -> BTreeMap<String, String> {
        let pairs = self.pairs(key, '=', report).unwrap_or_default();
        let pairs = pairs.into_iter();
        pairs
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect()
    }
}
