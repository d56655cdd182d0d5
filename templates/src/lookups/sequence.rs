//! `query('sequence', 'start=1 end=5 stride=2 format=host%02d')`.

use super::terms;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{number, operators, printing, value};
use crate::{Error, ErrorKind, Value};

pub(super) fn sequence(_: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Vec<Value>, Error> {
    let mut terms = terms(arguments)?;
    if terms.is_empty() {
        terms.push(String::new());
    }
    let mut out = Vec::new();
    for term in terms {
        let mut options = Vec::new();
        for (name, found) in &arguments.named {
            options.push((name.clone(), printing::text(found)?));
        }
        let (bare, written) = super::options_of(&term);
        options.extend(written);
        if !bare.is_empty() {
            options.extend(shortcut(&bare)?);
        }
        out.extend(one(&options)?);
    }
    Ok(out)
}

/// `1-10/2:host%02d`.
fn shortcut(term: &str) -> Result<Vec<(String, String)>, Error> {
    let (range, format) = match term.split_once(':') {
        Some((range, format)) => (range, Some(format)),
        None => (term, None),
    };
    let (range, stride) = match range.split_once('/') {
        Some((range, stride)) => (range, Some(stride)),
        None => (range, None),
    };
    let (start, end) = match range.split_once('-') {
        Some((start, end)) => (Some(start), end),
        None => (None, range),
    };
    let parts = [
        ("start", start),
        ("end", Some(end)),
        ("stride", stride),
        ("format", format),
    ];
    Ok(parts
        .into_iter()
        .filter_map(|(name, found)| Some((name.to_owned(), found?.to_owned())))
        .collect())
}

fn one(options: &[(String, String)]) -> Result<Vec<Value>, Error> {
    let text = |name: &str| {
        let found = options.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, found)| found.as_str())
    };
    let whole = |name: &str| -> Result<Option<i128>, Error> {
        let Some(written) = text(name) else {
            return Ok(None);
        };
        let base = if written.starts_with("0x") { 16 } else { 10 };
        number::parse_integer(written, base)
            .map(Some)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!("`{name}` has to be a whole number, not `{written}`"),
                )
            })
    };
    let start = whole("start")?.unwrap_or(1);
    let stride = whole("stride")?.unwrap_or(1);
    let end = match (whole("end")?, whole("count")?) {
        (Some(end), None) => end,
        (None, Some(0)) => return Ok(Vec::new()),
        (None, Some(count)) => start + (count - 1) * stride,
        _ => {
            return Err(Error::new(
                ErrorKind::Operation,
                "either `end` or `count` is needed",
            ));
        }
    };
    if stride == 0 || (end - start) / stride > 1_000_000 {
        return Err(Error::new(
            ErrorKind::Operation,
            "the sequence does not end",
        ));
    }
    let format = text("format").unwrap_or("%d");
    let mut out = Vec::new();
    let mut next = start;
    while (stride > 0 && next <= end) || (stride < 0 && next >= end) {
        out.push(operators::format_values(
            format,
            &[value::from_integer(next)],
        )?);
        next += stride;
    }
    Ok(out)
}
