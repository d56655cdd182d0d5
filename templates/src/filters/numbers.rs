//! Filters of numbers.

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{operators, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("abs", |_, a| match number(a)? < 0.0 {
        true => operators::negate(a.input()),
        false => Ok(a.input().clone()),
    }),
    ("round", |_, a| round(a)),
    ("log", |_, a| {
        let base = match a.get(1, "base") {
            Some(base) => real(base)?,
            None => std::f64::consts::E,
        };
        let number = number(a)?;
        if number <= 0.0 {
            return Err(Error::new(
                ErrorKind::Operation,
                "only numbers above 0 have a logarithm",
            ));
        }
        Ok(Value::from(if base == 10.0 {
            number.log10()
        } else if base == std::f64::consts::E {
            number.ln()
        } else {
            number.ln() / base.ln()
        }))
    }),
    ("pow", |_, a| {
        Ok(Value::from(number(a)?.powf(real(a.need(1, "exponent")?)?)))
    }),
    ("root", |_, a| {
        let base = match a.get(1, "base") {
            Some(base) => real(base)?,
            None => 2.0,
        };
        let number = number(a)?;
        Ok(Value::from(if base == 2.0 {
            number.sqrt()
        } else {
            number.powf(1.0 / base)
        }))
    }),
];

fn real(found: &Value) -> Result<f64, Error> {
    value::float(found).ok_or_else(|| {
        Error::new(
            ErrorKind::Operation,
            format!("a number is needed, not {}", value::described(found)),
        )
        .with_next_step("convert it with `| int` or `| float` first")
    })
}

fn number(arguments: &Arguments) -> Result<f64, Error> {
    real(arguments.input())
}

fn round(arguments: &Arguments) -> Result<Value, Error> {
    let digits = arguments.integer(1, "precision")?.unwrap_or(0);
    let digits = i32::try_from(digits).unwrap_or(0).clamp(-300, 300);
    let method = arguments
        .text(2, "method")?
        .unwrap_or_else(|| "common".into());
    let number = number(arguments)?;
    let scale = 10f64.powi(digits);
    let rounded = match method.as_str() {
        "ceil" => (number * scale).ceil() / scale,
        "floor" => (number * scale).floor() / scale,
        "common" if value::integer(arguments.input()).is_some() && digits >= 0 => {
            return Ok(arguments.input().clone());
        }
        // Formatting rounds the exact value, half to even, as Python does.
        "common" if digits >= 0 => {
            let digits = usize::try_from(digits).unwrap_or(0);
            format!("{number:.digits$}").parse().unwrap_or(number)
        }
        "common" => (number * scale).round_ties_even() / scale,
        other => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("`{other}` is not a way to round"),
            )
            .with_next_step("use common, ceil or floor"));
        }
    };
    Ok(Value::from(rounded))
}
