//! Tests of texts.

use super::Test;
use crate::evaluation::arguments::Arguments;
use crate::filters::patterns::Pattern;
use crate::python::printing;
use crate::{Error, Value};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("lower", |_, a| cased(a, "islower")),
    ("upper", |_, a| cased(a, "isupper")),
    ("match", |_, a| matches(a, "match")),
    ("search", |_, a| matches(a, "search")),
    ("regex", |_, a| {
        let kind = a.text(4, "match_type")?;
        matches(a, kind.as_deref().unwrap_or("search"))
    }),
    ("url", |_, a| {
        let text = a.input_text()?;
        Ok(text.split_once("://").is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                && !rest.is_empty()
        }))
    }),
    ("uri", |_, a| {
        Ok(a.input_text()?
            .split_once(':')
            .is_some_and(|(s, _)| !s.is_empty()))
    }),
    ("urn", |_, a| Ok(a.input_text()?.starts_with("urn:"))),
    ("ip", |_, a| {
        Ok(bare(a)?.parse::<std::net::IpAddr>().is_ok())
    }),
    ("ip_address", |_, a| {
        Ok(bare(a)?.parse::<std::net::IpAddr>().is_ok())
    }),
    ("ipv4", |_, a| {
        Ok(bare(a)?.parse::<std::net::Ipv4Addr>().is_ok())
    }),
    ("ipv4_address", |_, a| {
        Ok(bare(a)?.parse::<std::net::Ipv4Addr>().is_ok())
    }),
    ("ipv6", |_, a| {
        Ok(bare(a)?.parse::<std::net::Ipv6Addr>().is_ok())
    }),
    ("ipv6_address", |_, a| {
        Ok(bare(a)?.parse::<std::net::Ipv6Addr>().is_ok())
    }),
];

fn bare(arguments: &Arguments) -> Result<String, Error> {
    arguments.input_text()
}

fn cased(arguments: &Arguments, method: &str) -> Result<bool, Error> {
    let text = Value::from(arguments.input_text()?);
    let answer = crate::python::methods::call(&text, method, &Arguments::default())?;
    Ok(answer.is_some_and(|answer| answer.is_true()))
}

fn matches(arguments: &Arguments, kind: &str) -> Result<bool, Error> {
    let text = printing::text(arguments.input())?;
    let pattern = Pattern::new(
        &arguments.need_text(1, "pattern")?,
        arguments.flag(2, "ignorecase", false)?,
        arguments.flag(3, "multiline", false)?,
    )?;
    let Some(found) = pattern.find(&text)? else {
        return Ok(false);
    };
    Ok(match kind {
        "match" => pattern.at_start(&text)?.is_some(),
        "fullmatch" => found == (0..text.len()),
        _ => true,
    })
}
