//! Filters that choose between values and convert them: `default`, `ternary`, `bool`.

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{number, printing, undefined, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("default", |_, a| default(a)),
    ("d", |_, a| default(a)),
    ("mandatory", |_, a| mandatory(a)),
    ("ternary", |_, a| ternary(a)),
    ("bool", |_, a| Ok(boolean(a.input()))),
    ("int", |_, a| int(a)),
    ("float", |_, a| float(a)),
    ("string", |_, a| {
        Ok(Value::from_safe_string(printing::shown(a.input())?))
    }),
    ("type_debug", |_, a| {
        let name = value::type_name(a.input());
        Ok(Value::from(match name {
            "object" => crate::filters::dates::type_name(a.input()).unwrap_or(name),
            name => name,
        }))
    }),
    ("safe", |_, a| Ok(a.input().clone())),
    ("ppretty", |_, a| {
        Ok(Value::from_safe_string(a.input_text()?))
    }),
];

fn default(arguments: &Arguments) -> Result<Value, Error> {
    let input = arguments.input();
    let for_false = arguments.flag(2, "boolean", false)?;
    if undefined::is(input) || (for_false && !input.is_true()) {
        return Ok(match arguments.get(1, "default_value") {
            Some(default) => default.clone(),
            None => Value::from(""),
        });
    }
    Ok(input.clone())
}

fn mandatory(arguments: &Arguments) -> Result<Value, Error> {
    let input = arguments.input();
    let Some(error) = undefined::error(input) else {
        return Ok(input.clone());
    };
    let message = match arguments.text(1, "msg")? {
        Some(message) => message,
        None => match error.kind() {
            ErrorKind::Undefined(name) => format!("the mandatory variable `{name}` is undefined"),
            _ => "a mandatory variable is undefined".into(),
        },
    };
    Err(Error::new(error.kind().clone(), message).with_cause(error))
}

fn ternary(arguments: &Arguments) -> Result<Value, Error> {
    let input = arguments.input();
    let missing = || Error::new(ErrorKind::Operation, "two values are needed to choose from");
    if input.is_none()
        && let Some(none) = arguments.get(3, "none_val")
        && !none.is_none()
    {
        return Ok(none.clone());
    }
    let chosen = match input.is_true() {
        true => arguments.get(1, "true_val"),
        false => arguments.get(2, "false_val"),
    };
    chosen.cloned().ok_or_else(missing)
}

fn boolean(input: &Value) -> Value {
    if input.is_none() || value::type_name(input) == "bool" {
        return input.clone();
    }
    let text = match input.as_str() {
        Some(text) => text.to_lowercase(),
        None => String::new(),
    };
    let one = value::integer(input) == Some(1) || value::float(input) == Some(1.0);
    Value::from(one || matches!(text.as_str(), "yes" | "on" | "1" | "true"))
}

fn int(arguments: &Arguments) -> Result<Value, Error> {
    let input = arguments.input();
    let base = arguments.integer(2, "base")?.unwrap_or(10);
    let base = u32::try_from(base).unwrap_or(10);
    let found = match input.as_str() {
        Some(text) => number::parse_integer(text, base).or_else(|| {
            number::parse_float(text)
                .filter(|n| n.is_finite())
                .map(|n| n as i128)
        }),
        None => value::integer(input).or_else(|| {
            value::float(input)
                .filter(|n| n.is_finite())
                .map(|n| n as i128)
        }),
    };
    Ok(match found {
        Some(number) => value::from_integer(number),
        None => arguments
            .get(1, "default")
            .cloned()
            .unwrap_or_else(|| Value::from(0)),
    })
}

fn float(arguments: &Arguments) -> Result<Value, Error> {
    let input = arguments.input();
    let found = match input.as_str() {
        Some(text) => number::parse_float(text),
        None => value::float(input),
    };
    Ok(match found {
        Some(number) => Value::from(number),
        None => arguments
            .get(1, "default")
            .cloned()
            .unwrap_or_else(|| Value::from(0.0)),
    })
}

/// Whether something reads as true in an option: `yes`, `true`, `1`.
pub(crate) fn option_is_true(option: &Value) -> bool {
    match boolean(option) {
        answer if value::type_name(&answer) == "bool" => answer.is_true(),
        _ => printing::text(option).is_ok_and(|text| !text.is_empty()),
    }
}
