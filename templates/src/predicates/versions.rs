//! `is version('1.2', '>=')`.

use std::cmp::Ordering;

use super::Test;
use crate::evaluation::arguments::Arguments;
use crate::{Error, ErrorKind};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("version", |_, a| compare(a)),
    ("version_compare", |_, a| compare(a)),
];

fn compare(arguments: &Arguments) -> Result<bool, Error> {
    let operator = arguments
        .text(2, "operator")?
        .unwrap_or_else(|| "eq".into());
    let (left, right) = (arguments.input_text()?, arguments.need_text(1, "version")?);
    if left.is_empty() || right.is_empty() {
        return Err(Error::new(
            ErrorKind::Test("version".into()),
            "an empty text is not a version",
        ));
    }
    let strict = arguments.flag(3, "strict", false)?;
    let kind = arguments.text(4, "version_type")?;
    let semantic = strict
        || matches!(
            kind.as_deref(),
            Some("strict" | "semver" | "semantic" | "pep440")
        );
    let order = if semantic {
        semantic_order(&left, &right)
    } else {
        loose_order(&left, &right)?
    };
    Ok(match operator.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        "!=" | "<>" | "ne" => order.is_ne(),
        other => {
            return Err(Error::new(
                ErrorKind::Test("version".into()),
                format!("`{other}` does not compare versions"),
            )
            .with_next_step("use one of ==, !=, <, <=, >, >="));
        }
    })
}

#[derive(Debug, PartialEq)]
enum Part {
    Number(u128),
    Word(String),
}

/// Numbers and words in turns: `1.2b3` is 1, 2, b, 3.
fn parts(version: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = version.trim();
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let letters = first.is_ascii_lowercase();
        let end = rest
            .find(|c: char| match (digits, letters) {
                (true, _) => !c.is_ascii_digit(),
                (_, true) => !c.is_ascii_lowercase(),
                _ => c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.',
            })
            .unwrap_or(rest.len());
        if first == '.' {
            rest = &rest[1..];
            continue;
        }
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        parts.push(match word.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Word(word.to_owned()),
        });
        rest = after;
    }
    parts
}

fn loose_order(left: &str, right: &str) -> Result<Ordering, Error> {
    let (left_parts, right_parts) = (parts(left), parts(right));
    for pair in left_parts.iter().zip(&right_parts) {
        let order = match pair {
            (Part::Number(a), Part::Number(b)) => a.cmp(b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            _ => {
                return Err(Error::new(
                    ErrorKind::Test("version".into()),
                    format!("the versions `{left}` and `{right}` can't be compared"),
                )
                .with_next_step("they have a number where the other has a word"));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left_parts.len().cmp(&right_parts.len()))
}

/// The order of numbers first; a version with a pre-release is before the one without.
fn semantic_order(left: &str, right: &str) -> Ordering {
    let split = |version: &str| {
        let version = version.split('+').next().unwrap_or_default();
        let (core, pre) = match version.split_once('-') {
            Some((core, pre)) => (core, Some(pre.to_owned())),
            None => (version, None),
        };
        let mut numbers: Vec<u128> = core
            .trim_start_matches('v')
            .split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect();
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        (numbers, pre)
    };
    let ((left, left_pre), (right, right_pre)) = (split(left), split(right));
    left.cmp(&right).then_with(|| match (left_pre, right_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let (a, b): (Vec<&str>, Vec<&str>) = (a.split('.').collect(), b.split('.').collect());
            for (a, b) in a.iter().zip(&b) {
                let order = match (a.parse::<u128>(), b.parse::<u128>()) {
                    (Ok(a), Ok(b)) => a.cmp(&b),
                    (Ok(_), Err(_)) => Ordering::Less,
                    (Err(_), Ok(_)) => Ordering::Greater,
                    (Err(_), Err(_)) => a.cmp(b),
                };
                if order.is_ne() {
                    return order;
                }
            }
            a.len().cmp(&b.len())
        }
    })
}
