//! A YAML text as a tree in which every key and value knows where it stands.
//!
//! The tree keeps scalars as they were written, so that a version `5.10` or a name `on` can be read
//! as text although YAML takes them for a number and a boolean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, MessageFormatter, NonFiniteFloatPolicy, Spanned};

use super::report::{Place, Report};
use crate::SourceFile;

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// What a node holds. Scalars keep the text as written, without quotes.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// A boolean in any of YAML's spellings.
    Bool {
        /// What it means.
        value: bool,
        /// How it stands there.
        written: String,
    },
    /// A number.
    Number {
        /// How it stands there.
        written: String,
    },
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A word for what the node holds, for messages.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool { written, .. } => format!("the boolean `{written}`"),
            Value::Number { written } => format!("the number `{written}`"),
            Value::Text(text) => format!("the text `{}`", text.lines().next().unwrap_or_default()),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }

    /// A scalar as it was written.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Bool { written, .. } | Value::Number { written } => Some(written),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

/// Reads one file. On an error the report has it, and `None` comes back.
///
/// With `tolerant`, a key given twice is a warning and the last one counts: that is how ansible
/// reads variables, and existing sites may live on it.
pub fn read(
    sources: &[SourceFile],
    file: usize,
    tolerant: bool,
    report: &mut Report<'_>,
) -> Option<Node> {
    let text = &sources[file].text;
    let spanned = match from_text(text, DuplicateKeyPolicy::Error) {
        Err(error @ Error::DuplicateMappingKey { .. }) if tolerant => {
            report.warn(
                error_place(file, &error),
                message(&error),
                "the last one counts; remove the others",
            );
            from_text(text, DuplicateKeyPolicy::LastWins)
        }
        other => other,
    };
    match spanned {
        Ok(raw) => node(raw, file, text, report),
        Err(error) => {
            let help = match &error {
                Error::DuplicateMappingKey { .. } => "keep one of them",
                Error::MultipleDocuments { .. } => {
                    "keep one document a file: remove the line `---` in the middle"
                }
                other if message(other).contains("tab") && text.contains('\t') => {
                    "indent with spaces: YAML takes no tabs at the beginning of a line, here or on the next one"
                }
                _ => {
                    "mend the YAML at this place; a colon, quote or indentation is the usual cause"
                }
            };
            report.error(error_place(file, &error), message(&error), help);
            None
        }
    }
}

fn from_text(text: &str, duplicates: DuplicateKeyPolicy) -> Result<Spanned<Raw>, Error> {
    let options = serde_saphyr::options! {
        duplicate_keys: duplicates,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn message(error: &Error) -> String {
    match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` is given twice")
        }
        Error::MultipleDocuments { .. } => "a second YAML document begins here".into(),
        other => format!(
            "not valid YAML: {}",
            serde_saphyr::UserMessageFormatter.format_message(other)
        ),
    }
}

fn error_place(file: usize, error: &Error) -> Place {
    let (line, column, length) = error.location().map_or((1, 1, 1), |location| {
        (
            location.line(),
            location.column(),
            location.span().len().max(1),
        )
    });
    Place {
        file,
        line: (line as usize).max(1),
        column: (column as usize).max(1),
        length: length as usize,
    }
}

/// Puts file and written text into what the parser gave.
fn node(raw: Spanned<Raw>, file: usize, text: &str, report: &mut Report<'_>) -> Option<Node> {
    let place = place(&raw, file);
    let written = || {
        let span = raw.defined.span();
        span.byte_offset()
            .zip(span.byte_len())
            .and_then(|(start, length)| text.get(start as usize..(start + length) as usize))
            .unwrap_or_default()
            .to_owned()
    };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool {
            value,
            written: written(),
        },
        Raw::Number => Value::Number { written: written() },
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .filter_map(|item| node(item, file, text, report))
                .collect(),
        ),
        Raw::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .filter_map(|(key, value)| entry(key, value, file, text, report))
                .collect(),
        ),
    };
    Some(Node { value, place })
}

fn entry(
    key: Spanned<Raw>,
    value: Spanned<Raw>,
    file: usize,
    text: &str,
    report: &mut Report<'_>,
) -> Option<Entry> {
    let key = node(key, file, text, report)?;
    let Some(name) = key.as_text() else {
        report.error(
            key.place,
            format!("a key must be a word, this is {}", key.kind()),
            "if a template was meant, put it in quotes: \"{{ name }}\"",
        );
        return None;
    };
    Some(Entry {
        key: name.to_owned(),
        place: key.place,
        node: node(value, file, text, report)?,
    })
}

fn place(raw: &Spanned<Raw>, file: usize) -> Place {
    // A merged or aliased value is shown where it was written: that is what must be changed.
    Place {
        file,
        line: (raw.defined.line() as usize).max(1),
        column: (raw.defined.column() as usize).max(1),
        length: (raw.defined.span().len() as usize).max(1),
    }
}

/// What the parser gives, before files and written texts are put in.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}
