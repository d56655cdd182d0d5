//! Sizes for people: `human_readable`, `human_to_bytes`, `filesizeformat`.

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{number, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("human_readable", |_, a| readable(a)),
    ("human_to_bytes", |_, a| to_bytes(a)),
    ("filesizeformat", |_, a| file_size(a)),
];

const UNITS: &[(&str, u32)] = &[
    ("Y", 80),
    ("Z", 70),
    ("E", 60),
    ("P", 50),
    ("T", 40),
    ("G", 30),
    ("M", 20),
    ("K", 10),
];

fn size(found: &Value) -> Result<f64, Error> {
    value::float(found)
        .or_else(|| number::parse_float(found.as_str()?))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Operation,
                format!("a size is needed, not {}", value::described(found)),
            )
        })
}

fn readable(arguments: &Arguments) -> Result<Value, Error> {
    let bits = arguments.flag(1, "isbits", false)?;
    let unit = arguments.text(2, "unit")?;
    let size = size(arguments.input())?;
    let base = if bits { "bits" } else { "Bytes" };
    let letter = if bits { "b" } else { "B" };
    let chosen = UNITS.iter().find(|(name, power)| match &unit {
        Some(unit) => unit.to_uppercase().starts_with(name),
        None => size >= 2f64.powi(*power as i32),
    });
    Ok(Value::from(match chosen {
        Some((name, power)) => {
            format!("{:.2} {name}{letter}", size / 2f64.powi(*power as i32))
        }
        None => format!("{size:.2} {base}"),
    }))
}

fn to_bytes(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let default_unit = arguments.text(1, "default_unit")?;
    let bits = arguments.flag(2, "isbits", false)?;
    let wrong = || {
        Error::new(ErrorKind::Operation, format!("`{text}` is not a size"))
            .with_next_step("write a size like 10M, 1.5GB or 512K")
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(end);
    let amount: f64 = digits.parse().map_err(|_| wrong())?;
    let unit = match unit.trim() {
        "" => default_unit.unwrap_or_default(),
        unit => unit.to_owned(),
    };
    let upper = unit.to_uppercase();
    let rest = upper.get(1..).unwrap_or_default();
    let factor = match UNITS.iter().find(|(name, _)| upper.starts_with(name)) {
        Some((_, power)) if matches!(rest, "" | "B" | "IB" | "BIT" | "BYTE") => {
            2f64.powi(*power as i32)
        }
        None if matches!(upper.as_str(), "" | "B" | "BIT" | "BITS" | "BYTE" | "BYTES") => 1.0,
        _ => return Err(wrong()),
    };
    // `Mb` are bits and `MB` bytes, to Ansible's eye.
    let says_bits = unit.len() == 2 && unit.ends_with('b');
    let says_bytes = unit.len() == 2 && unit.ends_with('B');
    if (bits && says_bytes) || (!bits && says_bits) {
        return Err(wrong());
    }
    Ok(value::from_integer(
        (amount * factor).round_ties_even() as i128
    ))
}

fn file_size(arguments: &Arguments) -> Result<Value, Error> {
    let binary = arguments.flag(1, "binary", false)?;
    let size = size(arguments.input())?;
    let (base, suffix) = if binary {
        (1024.0, "iB")
    } else {
        (1000.0, "B")
    };
    if size == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if size < base {
        return Ok(Value::from(format!("{} Bytes", size.trunc())));
    }
    let names = [
        if binary { "K" } else { "k" },
        "M",
        "G",
        "T",
        "P",
        "E",
        "Z",
        "Y",
    ];
    let mut scaled = size / base;
    let mut name = names[0];
    for next in &names[1..] {
        if scaled < base {
            break;
        }
        scaled /= base;
        name = next;
    }
    Ok(Value::from(format!("{scaled:.1} {name}{suffix}")))
}
