//! `$VAR`, `${VAR}`, `${VAR:-x}`, `${VAR:?why}`, `${VAR:+x}` and `$$` in values.

use std::collections::BTreeSet;

use hive_site::yaml::report::Report;
use hive_site::yaml::tree::{Node, Value};

/// Variables within variables, so deep.
const DEPTH: usize = 20;

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Puts variables into all scalars of a tree. Keys and `x-` parts stay as they are.
pub(crate) fn interpolate(node: &mut Node, lookup: &Lookup<'_>, report: &mut Report<'_>) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            let mut unset = BTreeSet::new();
            match substitute(text, lookup, &mut unset, 0) {
                Ok(substituted) => *text = substituted,
                Err(error) => report.error(node.place, error.message, error.help),
            }
            for name in unset {
                report.warn(
                    node.place,
                    format!("the variable {name} is not set; it is taken as empty"),
                    format!("set it, or write ${{{name}:-DEFAULT}}, or ${{{name}:?}} to insist"),
                );
            }
        }
        Value::List(items) => {
            for item in items {
                interpolate(item, lookup, report);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                if !entry.key.starts_with("x-") {
                    interpolate(&mut entry.node, lookup, report);
                }
            }
        }
        _ => {}
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Invalid {
    message: String,
    help: String,
}

fn invalid(text: &str) -> Invalid {
    Invalid {
        message: format!("`{text}` is not a variable"),
        help: "write ${NAME}, or $$ if a dollar sign is meant".into(),
    }
}

fn substitute(
    text: &str,
    lookup: &Lookup<'_>,
    unset: &mut BTreeSet<String>,
    depth: usize,
) -> Result<String, Invalid> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        rest = if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            after
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = closing(inner).ok_or_else(|| Invalid {
                message: format!("`{}` has no closing brace", &rest[at..]),
                help: "write ${NAME}, or $$ if a dollar sign is meant".into(),
            })?;
            out.push_str(&braced(&inner[..end], lookup, unset, depth)?);
            &inner[end + 1..]
        } else {
            let end = name_length(after);
            if end == 0 {
                return Err(invalid(&format!(
                    "${}",
                    after.chars().take(10).collect::<String>()
                )));
            }
            out.push_str(&value(&after[..end], lookup, unset));
            &after[end..]
        };
    }
    out.push_str(rest);
    Ok(out)
}

fn value(name: &str, lookup: &Lookup<'_>, unset: &mut BTreeSet<String>) -> String {
    lookup(name).unwrap_or_else(|| {
        unset.insert(name.to_owned());
        String::new()
    })
}

/// How many bytes at the beginning are a name.
fn name_length(text: &str) -> usize {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !text.starts_with(letter) {
        return 0;
    }
    let end = text.find(|c: char| !letter(c) && !c.is_ascii_digit());
    end.unwrap_or(text.len())
}

/// Where the brace closes that was opened just before.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = letter;
    }
    None
}

fn braced(
    inner: &str,
    lookup: &Lookup<'_>,
    unset: &mut BTreeSet<String>,
    depth: usize,
) -> Result<String, Invalid> {
    let whole = || invalid(&format!("${{{inner}}}"));
    let end = name_length(inner);
    if end == 0 || depth > DEPTH {
        return Err(whole());
    }
    let (name, operation) = inner.split_at(end);
    if operation.is_empty() {
        return Ok(value(name, lookup, unset));
    }
    // With a colon, an empty variable counts as none.
    let (strict, operation) = match operation.strip_prefix(':') {
        Some(operation) => (true, operation),
        None => (false, operation),
    };
    let found = lookup(name).filter(|value| !strict || !value.is_empty());
    let mut letters = operation.chars();
    let sign = letters.next();
    let word = letters.as_str();
    match (sign, found) {
        (Some('-' | '?'), Some(value)) => Ok(value),
        (Some('-'), None) | (Some('+'), Some(_)) => substitute(word, lookup, unset, depth + 1),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => {
            let why = substitute(word, lookup, unset, depth + 1)?;
            let why = match why.is_empty() {
                true => String::new(),
                false => format!(": {why}"),
            };
            Err(Invalid {
                message: format!("the variable {name} is required{why}"),
                help: format!("set it: {name}=… hive stack deploy …"),
            })
        }
        _ => Err(whole()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut unset = BTreeSet::new();
        substitute(text, &lookup, &mut unset, 0).map_err(|invalid| invalid.message)
    }

    #[test]
    fn every_form_of_variable_is_known() {
        for (text, expected) in [
            ("$A-${A}", "a-a"),
            ("$$A $${A}", "$A ${A}"),
            ("${NO}", ""),
            ("${NO-x}${EMPTY-x}", "x"),
            ("${NO:-x}${EMPTY:-y}${A:-z}", "xya"),
            ("${A:+set}${EMPTY:+set}${EMPTY+set}", "setset"),
            ("${NO:-${ALSO:-deep}/$A}", "deep/a"),
            ("${A:?no}${EMPTY?no}", "a"),
            ("${NO:-}", ""),
            ("ü$A", "üa"),
        ] {
            assert_eq!(said(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_told() {
        for (text, expected) in [
            ("$", "`$` is not a variable"),
            ("5$ x", "`$ x` is not a variable"),
            ("${A", "`${A` has no closing brace"),
            ("${}", "`${}` is not a variable"),
            ("${1}", "`${1}` is not a variable"),
            ("${A:}", "`${A:}` is not a variable"),
            ("${NO:?ask me}", "the variable NO is required: ask me"),
            ("${EMPTY:?}", "the variable EMPTY is required"),
        ] {
            assert_eq!(said(text).unwrap_err(), expected, "{text}");
        }
    }
}
