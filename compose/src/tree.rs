//! A file as a tree in which every key and value knows where it stands. Scalars stay as they were
//! written, so that a version `5.10` is not read as 5.1.

use std::fmt;

use hive_site::SourceFile;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, MessageFormatter, NonFiniteFloatPolicy, Spanned};

use crate::report::{Place, Report};

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool { value: bool, written: String },
    Number { written: String },
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
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

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

/// Reads one file. On an error the report has it.
pub(crate) fn read(sources: &[SourceFile], file: usize, report: &mut Report<'_>) -> Option<Node> {
    let text = &sources[file].text;
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => node(raw, file, text, report),
        Err(error) => {
            let error = error.without_snippet();
            let (message, help) = match error {
                Error::DuplicateMappingKey { key: Some(key), .. } => (
                    format!("the key `{key}` is given twice"),
                    "keep one of them",
                ),
                Error::MultipleDocuments { .. } => (
                    "a second YAML document begins here".to_owned(),
                    "give each document a file of its own, and name them one after the other",
                ),
                other => (
                    format!(
                        "not valid YAML: {}",
                        serde_saphyr::UserMessageFormatter.format_message(other)
                    ),
                    "mend the YAML at this place; a colon, quote or indentation is the usual cause",
                ),
            };
            let location = error.location();
            let place = location.map_or((1, 1, 1), |l| (l.line(), l.column(), l.span().len()));
            let place = Place {
                file,
                line: (place.0 as usize).max(1),
                column: (place.1 as usize).max(1),
                length: (place.2 as usize).max(1),
            };
            report.error(place, message, help);
            None
        }
    }
}

/// Puts file and written text into what the parser gave.
fn node(raw: Spanned<Raw>, file: usize, text: &str, report: &mut Report<'_>) -> Option<Node> {
    // A merged or aliased value is shown where it was written: that is what must be changed.
    let defined = raw.defined;
    let place = Place {
        file,
        line: (defined.line() as usize).max(1),
        column: (defined.column() as usize).max(1),
        length: (defined.span().len() as usize).max(1),
    };
    let written = || {
        let span = defined.span();
        let range = span.byte_offset().zip(span.byte_len());
        let written = range.and_then(|(at, len)| text.get(at as usize..(at + len) as usize));
        written.unwrap_or_default().to_owned()
    };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool {
            value,
            written: written(),
        },
        Raw::Number => Value::Number { written: written() },
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => {
            let items = items.into_iter();
            Value::List(
                items
                    .filter_map(|item| node(item, file, text, report))
                    .collect(),
            )
        }
        Raw::Map(pairs) => {
            let mut entries = Vec::new();
            for (key, value) in pairs {
                let key = node(key, file, text, report)?;
                let Some(name) = key.as_text() else {
                    report.error(
                        key.place,
                        format!("a key must be a word, this is {}", key.kind()),
                        "put it in quotes if it is meant as text",
                    );
                    continue;
                };
                entries.push(Entry {
                    key: name.to_owned(),
                    place: key.place,
                    node: node(value, file, text, report)?,
                });
            }
            Value::Map(entries)
        }
    };
    Some(Node { value, place })
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
