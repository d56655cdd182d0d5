//! Tests of what a value is and how it compares.

use super::Test;
use crate::python::{comparison, undefined, value};
use crate::{Error, ErrorKind, Value};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("none", |_, a| Ok(a.input().is_none())),
    ("boolean", |_, a| Ok(value::type_name(a.input()) == "bool")),
    ("true", |_, a| {
        Ok(a.input() == &Value::from(true) && is_bool(a.input()))
    }),
    ("false", |_, a| {
        Ok(a.input() == &Value::from(false) && is_bool(a.input()))
    }),
    ("integer", |_, a| Ok(value::type_name(a.input()) == "int")),
    ("float", |_, a| Ok(value::type_name(a.input()) == "float")),
    ("number", |_, a| Ok(value::float(a.input()).is_some())),
    ("string", |_, a| Ok(a.input().as_str().is_some())),
    ("mapping", |_, a| Ok(value::is_map(a.input()))),
    ("sequence", |_, a| {
        let input = a.input();
        Ok(input.as_str().is_some() || value::is_list(input) || value::is_map(input))
    }),
    ("iterable", |_, a| {
        let input = a.input();
        Ok(input.as_str().is_some() || value::is_list(input) || value::is_map(input))
    }),
    ("callable", |_, a| {
        Ok(crate::evaluation::is_callable(a.input()))
    }),
    ("escaped", |_, _| Ok(false)),
    ("sameas", |_, a| Ok(same(a.input(), a.need(1, "other")?))),
    ("odd", |_, a| Ok(number(a.input())?.rem_euclid(2) == 1)),
    ("even", |_, a| Ok(number(a.input())?.rem_euclid(2) == 0)),
    ("divisibleby", |_, a| {
        let by = a.integer(1, "num")?.unwrap_or(0);
        if by == 0 {
            return Err(Error::new(ErrorKind::Operation, "division by zero"));
        }
        Ok(number(a.input())? % by == 0)
    }),
    ("eq", equal),
    ("==", equal),
    ("equalto", equal),
    ("ne", |_, a| Ok(!comparison::equal(a.input(), other(a)?)?)),
    ("!=", |_, a| Ok(!comparison::equal(a.input(), other(a)?)?)),
    ("lt", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_lt())
    }),
    ("lessthan", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_lt())
    }),
    ("<", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_lt())
    }),
    ("le", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_le())
    }),
    ("<=", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_le())
    }),
    ("gt", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_gt())
    }),
    ("greaterthan", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_gt())
    }),
    (">", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_gt())
    }),
    ("ge", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_ge())
    }),
    (">=", |_, a| {
        Ok(comparison::order(a.input(), other(a)?)?.is_ge())
    }),
    ("in", |_, a| comparison::contains(other(a)?, a.input())),
    ("contains", |_, a| {
        comparison::contains(a.input(), other(a)?)
    }),
    ("subset", |_, a| within(a.input(), other(a)?)),
    ("issubset", |_, a| within(a.input(), other(a)?)),
    ("superset", |_, a| within(other(a)?, a.input())),
    ("issuperset", |_, a| within(other(a)?, a.input())),
    ("all", |_, a| {
        let items = a.input_items()?;
        items.iter().try_for_each(undefined::refuse)?;
        Ok(items.iter().all(Value::is_true))
    }),
    ("any", |_, a| {
        let items = a.input_items()?;
        items.iter().try_for_each(undefined::refuse)?;
        Ok(items.iter().any(Value::is_true))
    }),
    ("truthy", |_, a| truth(a)),
    ("falsy", |_, a| Ok(!truth(a)?)),
    ("nan", |_, a| {
        Ok(value::float(a.input()).is_some_and(f64::is_nan))
    }),
    ("isnan", |_, a| {
        Ok(value::float(a.input()).is_some_and(f64::is_nan))
    }),
    ("filter", |_, a| {
        Ok(a.input().as_str().is_some_and(crate::filters::exists))
    }),
    ("test", |_, a| {
        Ok(a.input()
            .as_str()
            .is_some_and(|name| super::find(name).is_some()))
    }),
    ("vault_encrypted", |_, a| {
        Ok(a.input()
            .as_str()
            .is_some_and(|text| text.starts_with("$ANSIBLE_VAULT;")))
    }),
];

fn is_bool(value: &Value) -> bool {
    value::type_name(value) == "bool"
}

fn equal(
    _: &mut crate::evaluation::Evaluator<'_>,
    arguments: &crate::evaluation::arguments::Arguments,
) -> Result<bool, Error> {
    comparison::equal(arguments.input(), other(arguments)?)
}

fn other(arguments: &crate::evaluation::arguments::Arguments) -> Result<&Value, Error> {
    arguments.need(1, "other")
}

fn same(left: &Value, right: &Value) -> bool {
    value::type_name(left) == value::type_name(right) && left == right
}

fn number(input: &Value) -> Result<i128, Error> {
    value::integer(input).ok_or_else(|| {
        Error::new(
            ErrorKind::Operation,
            format!(
                "a whole number is needed, this is {}",
                value::described(input)
            ),
        )
        .with_next_step("convert it with `| int` first")
    })
}

fn within(part: &Value, whole: &Value) -> Result<bool, Error> {
    let whole = value::items(whole)?;
    Ok(value::items(part)?.iter().all(|item| whole.contains(item)))
}

fn truth(arguments: &crate::evaluation::arguments::Arguments) -> Result<bool, Error> {
    let input = arguments.input();
    if arguments.flag(1, "convert_bool", false)?
        && let Some(text) = input.as_str()
    {
        return Ok(match text.to_lowercase().as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => true,
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => false,
            _ => !text.is_empty(),
        });
    }
    Ok(input.is_true())
}
