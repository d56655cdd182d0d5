//! What a plain scalar means in YAML 1.1.

use crate::Value;
use crate::python::value;

/// The value of a plain scalar; `None` if it is text.
pub(super) fn resolved(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::from(())),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Some(Value::from(true));
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Some(Value::from(false));
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Value::from(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Value::from(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Value::from(f64::NAN)),
        _ => {}
    }
    integer(text)
        .map(value::from_integer)
        .or_else(|| float(text).map(Value::from))
}

/// Whether a plain scalar would be read as something else than text.
pub(super) fn is_special(text: &str) -> bool {
    resolved(text).is_some() || is_date(text) || matches!(text, "=" | "<<")
}

fn signed(text: &str) -> (i128, &str) {
    match text.strip_prefix(['-', '+']) {
        Some(rest) if text.starts_with('-') => (-1, rest),
        Some(rest) => (1, rest),
        None => (1, text),
    }
}

fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = signed(text);
    let plain = digits.replace('_', "");
    if digits.starts_with('_') {
        return None;
    }
    let number = if let Some(hex) = plain.strip_prefix("0x") {
        i128::from_str_radix(unsigned(hex)?, 16).ok()?
    } else if let Some(binary) = plain.strip_prefix("0b") {
        i128::from_str_radix(unsigned(binary)?, 2).ok()?
    } else if plain.contains(':') {
        sexagesimal(&plain)?
    } else if plain.len() > 1 && plain.starts_with('0') {
        i128::from_str_radix(unsigned(&plain)?, 8).ok()?
    } else {
        unsigned(&plain)?.parse().ok()?
    };
    Some(sign * number)
}

fn unsigned(digits: &str) -> Option<&str> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(digits)
}

/// `1:30` is ninety.
fn sexagesimal(text: &str) -> Option<i128> {
    let mut number: i128 = 0;
    for (index, part) in text.split(':').enumerate() {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty();
        let value: i128 = part.parse().ok()?;
        let fits = match index {
            0 => !part.starts_with('0'),
            _ => value < 60 && part.len() <= 2,
        };
        if !digits || !fits {
            return None;
        }
        number = number.checked_mul(60)?.checked_add(value)?;
    }
    Some(number)
}

/// A float needs its point, and a sign in its exponent.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = signed(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let is_digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    if !is_digits(whole)
        || !is_digits(fraction)
        || whole.starts_with('_')
        || (whole.is_empty() && fraction.is_empty())
    {
        return None;
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+'])?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    let number: f64 = digits.replace('_', "").parse().ok()?;
    Some(number * sign as f64)
}

fn is_date(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let digits = |part: &str, lengths: &[usize]| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(year, &[4]) && digits(month, &[1, 2]) && digits(day, &[1, 2])
}
