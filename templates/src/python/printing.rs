//! `str()` and `repr()`.

use std::fmt::Write;

use minijinja::value::ValueKind;

use super::{undefined, value};
use crate::{Error, Value};

/// What `{{ value }}` prints inside of a longer text.
pub(crate) fn text(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    repr(value)
}

/// `str(value)`: the text, but bytes as in a program.
pub(crate) fn shown(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Bytes => repr(value),
        _ => text(value),
    }
}

/// The value as Python would write it in a program.
pub(crate) fn repr(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value) -> Result<(), Error> {
    undefined::refuse(value)?;
    match value.kind() {
        ValueKind::String => quote(out, value.as_str().unwrap_or_default()),
        ValueKind::Bytes => {
            out.push('b');
            quote_bytes(out, value.as_bytes().unwrap_or_default());
        }
        ValueKind::Number => match value::integer(value) {
            Some(whole) => out.push_str(&whole.to_string()),
            None => match value::float(value) {
                Some(number) if !value.is_integer() => out.push_str(&float(number)),
                _ => out.push_str(&value.to_string()),
            },
        },
        ValueKind::Map => {
            out.push('{');
            for (index, (key, entry)) in value::entries(value)?.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, key)?;
                out.push_str(": ");
                write(out, entry)?;
            }
            out.push('}');
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value::items(value)?;
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, item)?;
            }
            if tuple && items.len() == 1 {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

fn quote_bytes(out: &mut String, bytes: &[u8]) {
    let ascii: String = bytes
        .iter()
        .map(|byte| {
            if byte.is_ascii() {
                *byte as char
            } else {
                '\u{0}'
            }
        })
        .collect();
    let mut quoted = String::new();
    quote(&mut quoted, &ascii);
    let mut beyond = bytes.iter().filter(|byte| **byte == 0 || !byte.is_ascii());
    // Bytes beyond ASCII are written by their numbers, as NUL is.
    let mut parts = quoted.split("\\x00");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let byte = beyond.next().copied().unwrap_or_default();
        let _ = write!(out, "\\x{byte:02x}");
        out.push_str(part);
    }
}

fn quote(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                // Writing to a String does not fail.
                let _ = match u32::from(c) {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code => write!(out, "\\u{code:04x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// A float: the shortest digits that give it back, with an exponent as late as Python uses one.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let written = format!("{number:e}");
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
}
