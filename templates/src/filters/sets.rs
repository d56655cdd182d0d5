//! Lists as sets, in the order in which items come first: `union`, `difference`, `unique`.

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, value};
use crate::{Error, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("union", |_, a| {
        let (mut left, right) = both(a)?;
        left.extend(right);
        Ok(value::list(distinct(left)))
    }),
    ("intersect", |_, a| {
        let (left, right) = both(a)?;
        Ok(value::list(
            distinct(left)
                .into_iter()
                .filter(|item| right.contains(item)),
        ))
    }),
    ("difference", |_, a| {
        let (left, right) = both(a)?;
        Ok(value::list(
            distinct(left)
                .into_iter()
                .filter(|item| !right.contains(item)),
        ))
    }),
    ("symmetric_difference", |_, a| {
        let (left, right) = both(a)?;
        let common = |item: &Value| left.contains(item) && right.contains(item);
        let all = distinct(left.iter().chain(&right).cloned().collect());
        Ok(value::list(all.into_iter().filter(|item| !common(item))))
    }),
    ("unique", unique),
];

fn both(arguments: &Arguments) -> Result<(Vec<Value>, Vec<Value>), Error> {
    Ok((
        arguments.input_items()?,
        value::items(arguments.need(1, "second")?)?,
    ))
}

fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}

fn unique(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let case_sensitive = arguments.flag(1, "case_sensitive", false)?;
    let attribute = arguments.get(2, "attribute").cloned();
    let mut seen = Vec::new();
    let mut out = Vec::new();
    for item in arguments.input_items()? {
        let mut key = match &attribute {
            Some(attribute) => super::selection::attribute(evaluator, &item, attribute)?,
            None => item.clone(),
        };
        if !case_sensitive {
            key = comparison::ignoring_case(&key);
        }
        if !seen.contains(&key) {
            seen.push(key);
            out.push(item);
        }
    }
    Ok(value::list(out))
}
