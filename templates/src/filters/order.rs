//! Filters that compare: `sort`, `min`, `max`, `sum`.

use minijinja::machinery::ast::BinOpKind;

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, operators, printing, undefined, value};
use crate::{Error, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("sort", sort),
    ("min", |e, a| extreme(e, a, false)),
    ("max", |e, a| extreme(e, a, true)),
    ("sum", sum),
];

fn sort(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let reverse = arguments.flag(1, "reverse", false)?;
    let case_sensitive = arguments.flag(2, "case_sensitive", false)?;
    let attribute = arguments
        .get(3, "attribute")
        .filter(|a| !a.is_none())
        .cloned();
    let paths = attributes(attribute.as_ref())?;
    let sorted = comparison::sort_by(arguments.input_items()?, reverse, |item| {
        key(evaluator, item, &paths, case_sensitive)
    })?;
    Ok(value::list(sorted))
}

/// `a,b` is two attributes.
fn attributes(attribute: Option<&Value>) -> Result<Vec<Value>, Error> {
    Ok(match attribute {
        None => Vec::new(),
        Some(attribute) if attribute.as_str().is_none() => vec![attribute.clone()],
        Some(attribute) => printing::text(attribute)?
            .split(',')
            .map(|path| Value::from(path.trim()))
            .collect(),
    })
}

fn key(
    evaluator: &mut Evaluator<'_>,
    item: &Value,
    paths: &[Value],
    case_sensitive: bool,
) -> Result<Value, Error> {
    let mut keys = Vec::new();
    for path in paths {
        keys.push(super::selection::attribute(evaluator, item, path)?);
    }
    let key = match keys.len() {
        0 => item.clone(),
        1 => keys.swap_remove(0),
        _ => value::list(keys),
    };
    undefined::refuse(&key)?;
    Ok(match case_sensitive {
        true => key,
        false => comparison::ignoring_case(&key),
    })
}

fn extreme(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
    largest: bool,
) -> Result<Value, Error> {
    let case_sensitive = arguments.flag(1, "case_sensitive", false)?;
    let attribute = arguments.get(2, "attribute").cloned();
    let paths = attributes(attribute.as_ref())?;
    let mut best: Option<(Value, Value)> = None;
    for item in arguments.input_items()? {
        let key = key(evaluator, &item, &paths, case_sensitive)?;
        let better = match &best {
            None => true,
            Some((known, _)) => {
                let order = comparison::order(&key, known)?;
                if largest {
                    order.is_gt()
                } else {
                    order.is_lt()
                }
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(match best {
        Some((_, item)) => item,
        None => undefined::Undefined::named("min or max".into())
            .saying("an empty list has no smallest or largest item".into(), None)
            .value(),
    })
}

fn sum(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let attribute = arguments
        .get(1, "attribute")
        .filter(|a| !a.is_none())
        .cloned();
    let mut total = match arguments.get(2, "start") {
        Some(start) => start.clone(),
        None => Value::from(0),
    };
    for item in arguments.input_items()? {
        let item = match &attribute {
            Some(attribute) => super::selection::attribute(evaluator, &item, attribute)?,
            None => item,
        };
        total = operators::apply(BinOpKind::Add, &total, &item)?;
    }
    Ok(total)
}
