//! Numbers as Python writes them.

use super::value;
use crate::Value;

/// A number as in a program: `5`, `0x1f`, `1_000`, `2.5`, `1e3`.
pub(crate) fn parse_literal(written: &str) -> Option<Value> {
    let lower = written.to_ascii_lowercase();
    if lower.is_empty() || lower.starts_with('_') || lower.ends_with('_') || lower.contains("__") {
        return None;
    }
    let digits = lower.replace('_', "");
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return i128::from_str_radix(digits, base)
                .ok()
                .map(value::from_integer);
        }
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse().ok().map(value::from_integer);
    }
    parse_float(&digits).map(Value::from)
}

/// What `int()` makes of a text, in a base.
pub(crate) fn parse_integer(text: &str, base: u32) -> Option<i128> {
    let text = text.trim().to_ascii_lowercase();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text.as_str()),
    };
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = match digits.strip_prefix(prefix) {
        Some(rest) if !prefix.is_empty() => rest.strip_prefix('_').unwrap_or(rest),
        _ => digits,
    };
    if digits.is_empty()
        || digits.starts_with(['_', '-', '+'])
        || digits.ends_with('_')
        || digits.contains("__")
        || !(2..=36).contains(&base)
    {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(if negative { -number } else { number })
}

/// What `float()` makes of a text.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.trim_start_matches(['-', '+']).to_ascii_lowercase();
    let spelled = matches!(unsigned.as_str(), "inf" | "infinity" | "nan");
    if !spelled
        && !unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'-' | b'+' | b'_'))
    {
        return None;
    }
    text.replace('_', "").parse().ok()
}
