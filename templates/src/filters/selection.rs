//! Filters that apply others to each item: `map`, `select`, `selectattr`, `groupby`.

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, printing, undefined, value};
use crate::{Error, ErrorKind, Value, predicates};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("map", map),
    ("select", |e, a| choose(e, a, false, true)),
    ("reject", |e, a| choose(e, a, false, false)),
    ("selectattr", |e, a| choose(e, a, true, true)),
    ("rejectattr", |e, a| choose(e, a, true, false)),
    ("groupby", groupby),
    ("attr", |e, a| {
        // Unlike a dot, it sees what Python calls attributes, so no entries of mappings.
        let name = a.need_text(1, "name")?;
        if let Some(method) = crate::evaluation::method(a.input(), &name) {
            return Ok(method);
        }
        if value::is_map(a.input()) || a.input().as_str().is_some() {
            let missing = undefined::Undefined::named(name.clone());
            let of = value::described(a.input());
            return Ok(missing
                .saying(format!("{of} has no attribute `{name}`"), None)
                .value());
        }
        attribute(e, a.input(), &Value::from(name))
    }),
];

/// An attribute by its path: `a.b.0`; a number is a place in a list.
pub(super) fn attribute(_: &mut Evaluator<'_>, item: &Value, path: &Value) -> Result<Value, Error> {
    let parts: Vec<Value> = match path.as_str() {
        Some(path) => path
            .split('.')
            .map(|part| match part.parse::<i64>() {
                Ok(place) => Value::from(place),
                Err(_) => Value::from(part),
            })
            .collect(),
        None => vec![path.clone()],
    };
    let mut found = item.clone();
    for part in parts {
        if undefined::is(&found) {
            return Ok(found);
        }
        let mut next = crate::evaluation::member(&found, &part)?;
        if next.is_none() && value::is_map(&found) && part.as_str().is_none() {
            // A mapping may have `0` as a text for its key.
            let key = Value::from(printing::text(&part)?);
            next = crate::evaluation::member(&found, &key)?;
        }
        found = match next {
            Some(next) => next,
            None => {
                let (name, of) = (printing::text(&part)?, value::described(&found));
                undefined::Undefined::named(name.clone())
                    .saying(format!("{of} has no attribute `{name}`"), None)
                    .value()
            }
        };
    }
    Ok(found)
}

fn map(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let items = arguments.input_items()?;
    let mut out = Vec::new();
    if let Some(path) = arguments.named("attribute").cloned() {
        let default = arguments.named("default").cloned();
        for item in items {
            let found = attribute(evaluator, &item, &path)?;
            out.push(match &default {
                Some(default) if undefined::is(&found) => default.clone(),
                _ => found,
            });
        }
        return Ok(value::list(out));
    }
    let filter = match arguments.positional.get(1) {
        Some(filter) => printing::text(filter)?,
        None => {
            return Err(Error::new(
                ErrorKind::Operation,
                "a filter's name or `attribute=…` is needed",
            ));
        }
    };
    for item in items {
        let mut inner = Arguments {
            positional: vec![item],
            named: arguments.named.clone(),
        };
        inner.positional.extend_from_slice(arguments.rest(2));
        out.push(super::apply(evaluator, &filter, &inner)?);
    }
    Ok(value::list(out))
}

fn choose(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
    by_attribute: bool,
    wanted: bool,
) -> Result<Value, Error> {
    let mut next = 1;
    let path = if by_attribute {
        next += 1;
        Some(arguments.need(1, "attribute")?.clone())
    } else {
        None
    };
    let test = match arguments.positional.get(next) {
        Some(test) => Some(printing::text(test)?),
        None => None,
    };
    let mut out = Vec::new();
    for item in arguments.input_items()? {
        let subject = match &path {
            Some(path) => attribute(evaluator, &item, path)?,
            None => item.clone(),
        };
        let answer = match &test {
            Some(test) => {
                let mut inner = Arguments {
                    positional: vec![subject],
                    named: arguments.named.clone(),
                };
                inner.positional.extend_from_slice(arguments.rest(next + 1));
                predicates::apply(evaluator, test, &inner)?
            }
            None => {
                undefined::refuse(&subject)?;
                subject.is_true()
            }
        };
        if answer == wanted {
            out.push(item);
        }
    }
    Ok(value::list(out))
}

fn groupby(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let path = arguments.need(1, "attribute")?.clone();
    let default = arguments.get(2, "default").cloned();
    let case_sensitive = arguments.flag(3, "case_sensitive", false)?;
    let mut keyed = Vec::new();
    for item in arguments.input_items()? {
        let mut key = attribute(evaluator, &item, &path)?;
        if let (true, Some(default)) = (undefined::is(&key), &default) {
            key = default.clone();
        }
        keyed.push(value::tuple(vec![key, item]));
    }
    let pair = |pair: &Value| {
        let items = value::items(pair)?;
        let key = items.first().cloned().unwrap_or_default();
        let compared = match case_sensitive {
            true => key.clone(),
            false => comparison::ignoring_case(&key),
        };
        Ok::<_, Error>((key, compared, items.get(1).cloned().unwrap_or_default()))
    };
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for entry in comparison::sort_by(keyed, false, |entry| Ok(pair(entry)?.1))? {
        let (key, compared, item) = pair(&entry)?;
        match groups.last_mut() {
            Some((_, known, items)) if *known == compared => items.push(item),
            _ => groups.push((key, compared, vec![item])),
        }
    }
    Ok(value::list(groups.into_iter().map(|(key, _, items)| {
        value::tuple(vec![key, value::list(items)])
    })))
}
