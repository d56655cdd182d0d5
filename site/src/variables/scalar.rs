//! From YAML nodes to the values that templates work with, and back.
//!
//! Variables mean what they mean to Ansible, which reads YAML 1.1: a bare `yes` is true, `0644` is
//! octal, `1_000` is a number.

use hive_templates::Value;
use minijinja::value::ValueKind;

use super::time;
use crate::SourceFile;
use crate::yaml::report::Place;
use crate::yaml::tree::{self, Entry, Node};

/// How an encrypted text begins.
const VAULT: &str = "$ANSIBLE_VAULT";

/// Whether a text is encrypted.
pub(crate) fn is_encrypted(text: &str) -> bool {
    text.starts_with(VAULT)
}

/// The value of a node, its templates as they are written.
pub(crate) fn plain(node: &Node, sources: &[SourceFile]) -> Value {
    match &node.value {
        tree::Value::Null => Value::from(()),
        tree::Value::Bool { value, .. } => Value::from(*value),
        tree::Value::Number { written } => number(written),
        tree::Value::Text(text) => match truth(text) {
            Some(value) if is_bare(node, text, sources) => Value::from(value),
            _ => bare_number(node, text, sources)
                .or_else(|| bare_time(node, text, sources).map(Value::from))
                .unwrap_or_else(|| Value::from(text.as_str())),
        },
        tree::Value::List(items) => items.iter().map(|item| plain(item, sources)).collect(),
        tree::Value::Map(entries) => Value::from_pairs(
            entries
                .iter()
                .map(|entry| (entry.key.as_str(), plain(&entry.node, sources))),
        ),
    }
}

/// The words of YAML 1.1 that YAML 1.2 takes for texts.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" => Some(true),
        "no" | "off" => Some(false),
        _ => None,
    }
}

/// Numbers of YAML 1.1 that YAML 1.2 takes for texts: `1_000`.
fn bare_number(node: &Node, text: &str, sources: &[SourceFile]) -> Option<Value> {
    let digits = text.trim_start_matches(['-', '+']);
    let possible = digits.contains('_')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || c == '_' || c == '.');
    (possible && is_bare(node, text, sources)).then(|| number(text))
}

/// A point in time, which YAML 1.1 knows as such, in the notation in which it is printed.
fn bare_time(node: &Node, text: &str, sources: &[SourceFile]) -> Option<String> {
    (time::begins_like_one(text) && is_bare(node, text, sources))
        .then(|| time::normal(text))
        .flatten()
}

/// Whether a text stands in its file without quotes.
fn is_bare(node: &Node, text: &str, sources: &[SourceFile]) -> bool {
    let source = sources.get(node.place.file);
    let line = source.and_then(|s| s.text.lines().nth(node.place.line.saturating_sub(1)));
    line.is_some_and(|line| {
        let rest: String = line.chars().skip(node.place.column - 1).collect();
        rest.starts_with(text)
    })
}

/// Whether a text is tagged `!unsafe`: it looks like a template and is none.
pub(crate) fn is_unsafe(node: &Node, sources: &[SourceFile]) -> bool {
    let source = sources.get(node.place.file);
    let line = source.and_then(|s| s.text.lines().nth(node.place.line.saturating_sub(1)));
    line.is_some_and(|line| {
        let before: String = line.chars().take(node.place.column - 1).collect();
        let after: String = line.chars().skip(node.place.column - 1).collect();
        before.trim_end().ends_with("!unsafe") || after.starts_with("!unsafe")
    })
}

/// A number as it is written.
fn number(written: &str) -> Value {
    // A tag may make one of a quoted text.
    let text = written.trim_matches(['"', '\'']).replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let whole = if let Some(hex) = digits.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()
    } else if digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        i128::from_str_radix(digits, 8).ok()
    } else {
        digits.parse().ok()
    };
    if let Some(whole) = whole {
        let whole: i128 = sign * whole;
        return i64::try_from(whole).map_or(Value::from(whole), Value::from);
    }
    let float = match digits.to_ascii_lowercase().as_str() {
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        // Without a dot it is a text to YAML 1.1: `1e3`.
        other if other.contains('.') => other.parse().ok(),
        _ => None,
    };
    match float {
        Some(float) => Value::from(if sign < 0 { -float } else { float }),
        None => Value::from(written),
    }
}

/// A value as a node that stands where its template stands. `None` for what can't be written down.
pub(crate) fn node(value: &Value, place: Place) -> Option<Node> {
    let value = match value.kind() {
        ValueKind::None => tree::Value::Null,
        ValueKind::Bool => tree::Value::Bool {
            value: value.is_true(),
            written: value.to_string(),
        },
        ValueKind::Number => tree::Value::Number {
            written: value.to_string(),
        },
        ValueKind::String | ValueKind::Bytes => tree::Value::Text(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        ),
        ValueKind::Seq | ValueKind::Iterable => tree::Value::List(
            value
                .try_iter()
                .ok()?
                .map(|item| node(&item, place))
                .collect::<Option<_>>()?,
        ),
        ValueKind::Map => tree::Value::Map(
            value
                .try_iter()
                .ok()?
                .map(|key| {
                    let item = value.get_item(&key).ok()?;
                    Some(Entry {
                        key: key.to_string(),
                        place,
                        node: node(&item, place)?,
                    })
                })
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    };
    Some(Node { value, place })
}

/// The place of some bytes of a scalar's text in its file; the scalar's own place when they can't be
/// found there, as they are written with escapes or over several lines.
pub(crate) fn place_within(
    node: Place,
    text: &str,
    range: std::ops::Range<usize>,
    sources: &[SourceFile],
) -> Place {
    find_within(node, text, range, sources).unwrap_or(Place {
        // What is left of its first line.
        length: node.length.max(1),
        ..node
    })
}

fn find_within(
    node: Place,
    text: &str,
    range: std::ops::Range<usize>,
    sources: &[SourceFile],
) -> Option<Place> {
    let meant = text.get(range.clone())?;
    let meant = meant.trim();
    let meant = meant.lines().next()?;
    if meant.is_empty() {
        return None;
    }
    let before = text.get(..range.start)?.matches(meant).count();
    let source = &sources.get(node.file)?.text;
    let start: usize = source
        .split_inclusive('\n')
        .take(node.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let mut column = node.column;
    let mut line = node.line;
    let rest = source.get(start..)?;
    let skip: usize = rest.chars().take(column - 1).map(char::len_utf8).sum();
    let written: String = rest.get(skip..)?.chars().take(node.length).collect();
    // What the parser calls the scalar may end where its indicator does; look a little further.
    let area = if written.contains(meant) {
        written.as_str()
    } else {
        rest.get(skip..)?
    };
    let (offset, _) = area.match_indices(meant).nth(before)?;
    for character in area.get(..offset)?.chars() {
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    Some(Place {
        file: node.file,
        line,
        column,
        length: meant.chars().count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::report::Report;

    fn read(text: &str) -> (Vec<SourceFile>, Node) {
        let sources = vec![SourceFile {
            path: "a.yml".into(),
            text: text.into(),
        }];
        let mut report = Report::new(&sources);
        let node = tree::read(&sources, 0, true, &mut report).unwrap();
        (sources, node)
    }

    #[test]
    fn scalars_mean_what_they_mean_to_ansible() {
        let (sources, tree) = read(
            "a: yes\nb: \"yes\"\nc: 0644\nd: 1_000\ne: 1.5\nf: ~\ng: 5.10\nh: \"1_000\"\ni: -3\nj: 0x1f\n\
             k: 1e3\nl: 0o17\nm: !!int \"12\"\nn: 2024-02-29 1:30:45\no: \"2024-02-29 1:30:45\"\n",
        );
        let value = plain(&tree, &sources);
        let json = serde_json::to_value(&value).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"a": true, "b": "yes", "c": 420, "d": 1000, "e": 1.5, "f": null,
                "g": 5.1, "h": "1_000", "i": -3, "j": 31, "k": "1e3", "l": "0o17", "m": 12,
                "n": "2024-02-29T01:30:45", "o": "2024-02-29 1:30:45"})
        );
        let (sources, tree) = read("a: 123456789012345678901234567890\n");
        assert_eq!(
            plain(&tree, &sources).to_string(),
            "{'a': 123456789012345678901234567890}"
        );
    }

    fn place_of(text: &str, meant: &str) -> (usize, usize) {
        let (sources, tree) = read(text);
        let node = &tree.get("a").unwrap().node;
        let scalar = node.as_text().unwrap();
        let start = scalar.rfind(meant).unwrap();
        let place = place_within(node.place, scalar, start..start + meant.len(), &sources);
        (place.line, place.column)
    }

    #[test]
    fn an_expression_is_found_in_every_style_of_scalar() {
        assert_eq!(place_of("a: x{{ b }}\n", "b"), (1, 8));
        assert_eq!(place_of("a: \"b {{ b }}\"\n", "b"), (1, 10));
        assert_eq!(place_of("a: 'it''s {{ b }}'\n", "b"), (1, 14));
        assert_eq!(place_of("a: |\n  x\n  {{ bb }}\nc: 1\n", "bb"), (3, 6));
        assert_eq!(place_of("a: >-\n  x\n  {{ bb }}\n", "bb"), (3, 6));
        // Escaped: the scalar itself.
        assert_eq!(place_of("a: \"{{ \\\"q\\\" }}\"\n", "\"q\""), (1, 4));
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let (sources, tree) = read("a: [1, {b: x}, true, null]\n");
        let value = plain(&tree, &sources);
        let back = node(&value, tree.place).unwrap();
        assert_eq!(
            serde_json::to_value(plain(&back, &sources)).unwrap(),
            serde_json::to_value(value).unwrap()
        );
    }
}
