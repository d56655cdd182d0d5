//! Arithmetic and what else `+ - * / // % **` do in Python.

use minijinja::machinery::ast::BinOpKind;

use super::{printing, undefined, value};
use crate::{Error, ErrorKind, Value};

/// Texts and lists longer than this come from a mistake.
const MAX_REPEATED: usize = 10_000_000;

/// The result of an operator on two values.
pub(crate) fn apply(operator: BinOpKind, left: &Value, right: &Value) -> Result<Value, Error> {
    undefined::refuse(left)?;
    undefined::refuse(right)?;
    match operator {
        BinOpKind::Add => add(left, right),
        BinOpKind::Mul => multiply(left, right),
        BinOpKind::Rem if left.as_str().is_some() => format_percent(left, right),
        BinOpKind::Sub => arithmetic("-", left, right, i128::checked_sub, |a, b| a - b),
        BinOpKind::Div => {
            let (Some(a), Some(b)) = (value::float(left), value::float(right)) else {
                return Err(impossible("/", left, right));
            };
            if b == 0.0 {
                return Err(division_by_zero());
            }
            Ok(Value::from(a / b))
        }
        BinOpKind::FloorDiv | BinOpKind::Rem => divide(operator, left, right),
        BinOpKind::Pow => power(left, right),
        _ => Err(impossible("this operator", left, right)),
    }
}

fn impossible(operator: &str, left: &Value, right: &Value) -> Error {
    let next_step = match (operator, left.as_str(), right.as_str()) {
        ("+", Some(_), None) | ("+", None, Some(_)) => {
            "join texts with `~`, or convert the text to a number with `| int`"
        }
        _ => "convert with `| int`, `| float`, `| string` or `| list` first",
    };
    Error::new(
        ErrorKind::Operation,
        format!(
            "`{operator}` does not work on {} and {}",
            value::described(left),
            value::described(right)
        ),
    )
    .with_next_step(next_step)
}

fn division_by_zero() -> Error {
    Error::new(ErrorKind::Operation, "division by zero")
}

fn too_large() -> Error {
    Error::new(ErrorKind::Operation, "the result is too large")
}

fn arithmetic(
    name: &str,
    left: &Value,
    right: &Value,
    whole: impl Fn(i128, i128) -> Option<i128>,
    real: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (value::integer(left), value::integer(right)) {
        return whole(a, b).map(value::from_integer).ok_or_else(too_large);
    }
    if let Some(result) = crate::filters::dates::subtract(name, left, right) {
        return Ok(result);
    }
    match (value::float(left), value::float(right)) {
        (Some(a), Some(b)) => Ok(Value::from(real(a, b))),
        _ => Err(impossible(name, left, right)),
    }
}

fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        return Ok(Value::from(format!("{a}{b}")));
    }
    if value::is_list(left) && value::is_list(right) && left.is_tuple() == right.is_tuple() {
        let mut items = value::items(left)?;
        items.extend(value::items(right)?);
        return Ok(if left.is_tuple() {
            value::tuple(items)
        } else {
            value::list(items)
        });
    }
    arithmetic("+", left, right, i128::checked_add, |a, b| a + b)
}

fn multiply(left: &Value, right: &Value) -> Result<Value, Error> {
    for (repeated, count) in [(left, right), (right, left)] {
        let Some(count) = value::integer(count) else {
            continue;
        };
        let count = usize::try_from(count.max(0)).map_err(|_| too_large())?;
        if let Some(text) = repeated.as_str() {
            if text.len().saturating_mul(count) > MAX_REPEATED {
                return Err(too_large());
            }
            return Ok(Value::from(text.repeat(count)));
        }
        if value::is_list(repeated) {
            let items = value::items(repeated)?;
            if items.len().saturating_mul(count) > MAX_REPEATED {
                return Err(too_large());
            }
            return Ok(value::list((0..count).flat_map(|_| items.iter().cloned())));
        }
    }
    arithmetic("*", left, right, i128::checked_mul, |a, b| a * b)
}

/// Division towards minus infinity and its remainder, which has the divisor's sign.
fn divide(operator: BinOpKind, left: &Value, right: &Value) -> Result<Value, Error> {
    let quotient_wanted = matches!(operator, BinOpKind::FloorDiv);
    if let (Some(a), Some(b)) = (value::integer(left), value::integer(right)) {
        if b == 0 {
            return Err(division_by_zero());
        }
        let quotient = a.checked_div_euclid(b).ok_or_else(too_large)?;
        let remainder = a - quotient * b;
        // Euclid's remainder is never negative.
        let (quotient, remainder) = if b < 0 && remainder != 0 {
            (quotient - 1, remainder + b)
        } else {
            (quotient, remainder)
        };
        return Ok(value::from_integer(if quotient_wanted {
            quotient
        } else {
            remainder
        }));
    }
    let name = if quotient_wanted { "//" } else { "%" };
    match (value::float(left), value::float(right)) {
        (Some(_), Some(0.0)) => Err(division_by_zero()),
        (Some(a), Some(b)) => {
            let mut remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                remainder += b;
            }
            Ok(Value::from(if quotient_wanted {
                ((a - remainder) / b).round()
            } else {
                remainder
            }))
        }
        _ => Err(impossible(name, left, right)),
    }
}

fn power(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (value::integer(left), value::integer(right))
        && b >= 0
    {
        let exponent = u32::try_from(b).map_err(|_| too_large())?;
        return a
            .checked_pow(exponent)
            .map(value::from_integer)
            .ok_or_else(too_large);
    }
    match (value::float(left), value::float(right)) {
        (Some(a), Some(b)) => Ok(Value::from(a.powf(b))),
        _ => Err(impossible("**", left, right)),
    }
}

/// `-value`.
pub(crate) fn negate(operand: &Value) -> Result<Value, Error> {
    undefined::refuse(operand)?;
    match (value::integer(operand), value::float(operand)) {
        (Some(whole), _) => Ok(value::from_integer(-whole)),
        (None, Some(number)) => Ok(Value::from(-number)),
        _ => Err(Error::new(
            ErrorKind::Operation,
            format!("`-` does not work on {}", value::described(operand)),
        )),
    }
}

/// `"%s and %d" % values`.
pub(crate) fn format_percent(format: &Value, values: &Value) -> Result<Value, Error> {
    let arguments = if values.is_tuple() {
        value::items(values)?
    } else {
        vec![values.clone()]
    };
    format_values(format.as_str().unwrap_or_default(), &arguments)
}

/// A printf format filled in: `%s`, `%(name)s`, `%5.2f`, `%03d`, `%x` and so on.
pub(crate) fn format_values(format: &str, arguments: &[Value]) -> Result<Value, Error> {
    let wrong = |why: &str| {
        Error::new(
            ErrorKind::Operation,
            format!("the format `{format}` can't be filled in: {why}"),
        )
    };
    let mut out = String::new();
    let mut next = arguments.iter();
    let mut named = false;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut chosen = None;
        if let Some(after) = rest.strip_prefix('(') {
            let (name, after) = after
                .split_once(')')
                .ok_or_else(|| wrong("a `)` is missing"))?;
            let map = arguments
                .first()
                .ok_or_else(|| wrong("there is no value"))?;
            chosen = value::entry(map, &Value::from(name))?;
            if chosen.is_none() {
                return Err(wrong(&format!("there is no `{name}`")));
            }
            named = true;
            rest = after;
        }
        let flags_end = rest
            .find(|c: char| !"-+ 0#".contains(c))
            .unwrap_or(rest.len());
        let (flags, after) = rest.split_at(flags_end);
        rest = after;
        let mut width_of = |rest: &mut &str| -> Result<Option<usize>, Error> {
            if let Some(after) = rest.strip_prefix('*') {
                *rest = after;
                let width = next.next().and_then(value::integer);
                return Ok(width.and_then(|width| usize::try_from(width).ok()));
            }
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            *rest = after;
            Ok(digits.parse().ok().filter(|width| *width < 10_000))
        };
        let width = width_of(&mut rest)?.unwrap_or(0);
        let precision = match rest.strip_prefix('.') {
            Some(after) => {
                rest = after;
                Some(width_of(&mut rest)?.unwrap_or(0))
            }
            None => None,
        };
        rest = rest.trim_start_matches(['h', 'l', 'L']);
        let conversion = rest.chars().next().ok_or_else(|| wrong("it ends early"))?;
        rest = &rest[conversion.len_utf8()..];
        let argument = match chosen {
            Some(value) => value,
            None => next
                .next()
                .cloned()
                .ok_or_else(|| wrong("there are too few values"))?,
        };
        out.push_str(
            &converted(conversion, flags, width, precision, &argument).map_err(
                |error| match error {
                    Some(error) => error,
                    None => wrong(&format!(
                        "`%{conversion}` does not work on {}",
                        value::described(&argument)
                    )),
                },
            )?,
        );
    }
    out.push_str(rest);
    if !named && next.next().is_some() {
        return Err(wrong("there are too many values"));
    }
    Ok(Value::from(out))
}

fn converted(
    conversion: char,
    flags: &str,
    width: usize,
    precision: Option<usize>,
    argument: &Value,
) -> Result<String, Option<Error>> {
    let whole = || match (value::integer(argument), value::float(argument)) {
        (Some(whole), _) => Ok(whole),
        (None, Some(number)) => Ok(number.trunc() as i128),
        _ => Err(None),
    };
    let (negative, prefix, digits, numeric) = match conversion {
        's' | 'r' | 'a' => {
            let text = match conversion {
                's' => printing::text(argument),
                _ => printing::repr(argument),
            }
            .map_err(Some)?;
            let text = match precision {
                Some(length) => text.chars().take(length).collect(),
                None => text,
            };
            (false, "", text, false)
        }
        'c' => {
            let text = match argument.as_str() {
                Some(text) if text.chars().count() == 1 => text.to_owned(),
                _ => u32::try_from(whole()?)
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or(None)?
                    .to_string(),
            };
            (false, "", text, false)
        }
        'd' | 'i' | 'u' => (whole()? < 0, "", whole()?.unsigned_abs().to_string(), true),
        'x' | 'X' | 'o' => {
            let number = value::integer(argument).ok_or(None)?;
            let size = number.unsigned_abs();
            let (prefix, digits) = match conversion {
                'x' => ("0x", format!("{size:x}")),
                'X' => ("0X", format!("{size:X}")),
                _ => ("0o", format!("{size:o}")),
            };
            let prefix = if flags.contains('#') { prefix } else { "" };
            (number < 0, prefix, digits, true)
        }
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = value::float(argument).ok_or(None)?;
            let digits = real(conversion, number.abs(), precision.unwrap_or(6));
            (number.is_sign_negative(), "", digits, true)
        }
        _ => return Err(None),
    };
    let sign = match (negative, flags) {
        (true, _) => "-",
        (_, flags) if numeric && flags.contains('+') => "+",
        (_, flags) if numeric && flags.contains(' ') => " ",
        _ => "",
    };
    let digits = match precision {
        Some(precision) if "diuxXo".contains(conversion) => format!("{digits:0>precision$}"),
        _ => digits,
    };
    let length = sign.len() + prefix.len() + digits.chars().count();
    let padding = width.saturating_sub(length);
    Ok(if flags.contains('-') {
        format!("{sign}{prefix}{digits}{}", " ".repeat(padding))
    } else if flags.contains('0') && numeric {
        format!("{sign}{prefix}{}{digits}", "0".repeat(padding))
    } else {
        format!("{}{sign}{prefix}{digits}", " ".repeat(padding))
    })
}

fn real(conversion: char, number: f64, precision: usize) -> String {
    let exponent_form = |precision: usize| {
        let written = format!("{number:.precision$e}");
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        (
            digits.to_owned(),
            exponent,
            format!("e{sign}{:02}", exponent.abs()),
        )
    };
    let written = match conversion.to_ascii_lowercase() {
        'f' => format!("{number:.precision$}"),
        'e' => {
            let (digits, _, exponent) = exponent_form(precision);
            digits + &exponent
        }
        _ => {
            let precision = precision.max(1);
            let (digits, exponent, suffix) = exponent_form(precision - 1);
            let trim = |digits: &str| match digits.contains('.') {
                true => digits
                    .trim_end_matches('0')
                    .trim_end_matches('.')
                    .to_owned(),
                false => digits.to_owned(),
            };
            if exponent < -4 || exponent >= precision as i32 {
                trim(&digits) + &suffix
            } else {
                let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
                trim(&format!("{number:.decimals$}"))
            }
        }
    };
    if conversion.is_ascii_uppercase() {
        written.to_ascii_uppercase()
    } else {
        written
    }
}
