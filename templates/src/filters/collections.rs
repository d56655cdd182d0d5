//! Filters that rebuild lists: `join`, `flatten`, `zip`, `batch`, `first`.

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, undefined, value};
use crate::{Error, ErrorKind, Value};

/// Combinations beyond this come from a mistake.
const MAX_ITEMS: usize = 1_000_000;

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("list", |_, a| Ok(value::list(a.input_items()?))),
    ("length", |_, a| length(a)),
    ("count", |_, a| length(a)),
    ("first", |_, a| one(a, false)),
    ("last", |_, a| one(a, true)),
    ("reverse", |_, a| {
        if let Some(text) = a.input().as_str() {
            return Ok(Value::from(text.chars().rev().collect::<String>()));
        }
        Ok(value::list(a.input_items()?.into_iter().rev()))
    }),
    ("join", join),
    ("flatten", |_, a| {
        let levels = a.integer(1, "levels")?;
        let skip = a.flag(2, "skip_nulls", true)?;
        let mut out = Vec::new();
        flatten(a.input_items()?, levels, skip, &mut out)?;
        Ok(value::list(out))
    }),
    ("zip", |_, a| zip(a, false)),
    ("zip_longest", |_, a| zip(a, true)),
    ("product", |_, a| product(a)),
    ("permutations", |_, a| {
        let items = a.input_items()?;
        let size = a
            .integer(1, "r")?
            .and_then(|size| usize::try_from(size).ok());
        let size = size.unwrap_or(items.len());
        chosen(&items, size, |picked, next| !picked.contains(&next))
    }),
    ("combinations", |_, a| {
        let items = a.input_items()?;
        let size = a
            .integer(1, "r")?
            .and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| Error::new(ErrorKind::Operation, "the size is missing"))?;
        chosen(&items, size, |picked, next| {
            picked.last().is_none_or(|last| *last < next)
        })
    }),
    ("batch", |_, a| {
        let size = a.integer(1, "linecount")?.unwrap_or(1);
        let size = usize::try_from(size.max(1)).unwrap_or(1);
        let fill = a.get(2, "fill_with");
        Ok(value::list(a.input_items()?.chunks(size).map(|chunk| {
            let mut chunk = chunk.to_vec();
            if let Some(fill) = fill {
                chunk.resize(size, fill.clone());
            }
            value::list(chunk)
        })))
    }),
    ("slice", |_, a| slice(a)),
    ("subelements", subelements),
];

fn length(arguments: &Arguments) -> Result<Value, Error> {
    Ok(Value::from(match arguments.input().as_str() {
        Some(text) => text.chars().count(),
        None => arguments.input_items()?.len(),
    }))
}

fn one(arguments: &Arguments, last: bool) -> Result<Value, Error> {
    let items = arguments.input_items()?;
    let item = if last { items.last() } else { items.first() };
    Ok(item.cloned().unwrap_or_else(|| {
        undefined::Undefined::named(if last { "last" } else { "first" }.into())
            .saying(
                "an empty list has no first or last item".into(),
                Some("give another value for this case with `| default(…)`".into()),
            )
            .value()
    }))
}

fn join(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let separator = arguments.text(1, "d")?.unwrap_or_default();
    let attribute = arguments.get(2, "attribute").cloned();
    let mut texts = Vec::new();
    for item in arguments.input_items()? {
        let item = match &attribute {
            Some(attribute) => super::selection::attribute(evaluator, &item, attribute)?,
            None => item,
        };
        texts.push(printing::text(&item)?);
    }
    Ok(Value::from(texts.join(&separator)))
}

fn flatten(
    items: Vec<Value>,
    levels: Option<i128>,
    skip: bool,
    out: &mut Vec<Value>,
) -> Result<(), Error> {
    for item in items {
        if skip && (item.is_none() || matches!(item.as_str(), Some("None" | "null"))) {
            continue;
        }
        if value::is_list(&item) && levels.is_none_or(|levels| levels >= 1) {
            let inner = value::items(&item)?;
            flatten(inner, levels.map(|levels| levels - 1), skip, out)?;
        } else {
            out.push(item);
        }
    }
    Ok(())
}

fn zip(arguments: &Arguments, longest: bool) -> Result<Value, Error> {
    let lists = arguments
        .positional
        .iter()
        .map(value::items)
        .collect::<Result<Vec<_>, _>>()?;
    let lengths = lists.iter().map(Vec::len);
    let length = if longest {
        lengths.max()
    } else {
        lengths.min()
    };
    let fill = arguments
        .named("fillvalue")
        .cloned()
        .unwrap_or_else(|| Value::from(()));
    Ok(value::list((0..length.unwrap_or(0)).map(|at| {
        let row = lists
            .iter()
            .map(|list| list.get(at).cloned().unwrap_or_else(|| fill.clone()));
        value::tuple(row.collect())
    })))
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::Operation,
        "this would give more than a million items",
    )
}

fn product(arguments: &Arguments) -> Result<Value, Error> {
    let repeat = arguments
        .named("repeat")
        .and_then(value::integer)
        .and_then(|repeat| usize::try_from(repeat).ok())
        .unwrap_or(1);
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for _ in 0..repeat {
        for list in &arguments.positional {
            let items = value::items(list)?;
            if rows.len().saturating_mul(items.len()) > MAX_ITEMS {
                return Err(too_many());
            }
            rows = rows
                .iter()
                .flat_map(|row| {
                    items.iter().map(move |item| {
                        let mut row = row.clone();
                        row.push(item.clone());
                        row
                    })
                })
                .collect();
        }
    }
    Ok(value::list(rows.into_iter().map(value::tuple)))
}

/// All ways to pick so many items, as far as each next one is allowed.
fn chosen(
    items: &[Value],
    size: usize,
    allowed: impl Fn(&[usize], usize) -> bool,
) -> Result<Value, Error> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let mut longer = Vec::new();
        for row in &rows {
            longer.extend(
                (0..items.len())
                    .filter(|next| allowed(row, *next))
                    .map(|next| {
                        let mut row = row.clone();
                        row.push(next);
                        row
                    }),
            );
            if longer.len() > MAX_ITEMS {
                return Err(too_many());
            }
        }
        rows = longer;
    }
    Ok(value::list(rows.into_iter().map(|row| {
        value::tuple(row.into_iter().map(|at| items[at].clone()).collect())
    })))
}

/// A list in so many parts, the first ones longer by one.
fn slice(arguments: &Arguments) -> Result<Value, Error> {
    let items = arguments.input_items()?;
    let count = arguments.integer(1, "slices")?.unwrap_or(1).max(1);
    let count = usize::try_from(count).unwrap_or(1).min(MAX_ITEMS);
    let fill = arguments.get(2, "fill_with");
    let (size, longer) = (items.len() / count, items.len() % count);
    let mut rest = items.as_slice();
    let mut parts = Vec::new();
    for index in 0..count {
        let (part, after) = rest.split_at(size + usize::from(index < longer));
        rest = after;
        let mut part = part.to_vec();
        if let (Some(fill), true) = (fill, index >= longer && longer > 0) {
            part.push(fill.clone());
        }
        parts.push(value::list(part));
    }
    Ok(value::list(parts))
}

fn subelements(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let elements = match value::is_map(arguments.input()) {
        true => value::entries(arguments.input())?
            .into_iter()
            .map(|(_, v)| v)
            .collect(),
        false => arguments.input_items()?,
    };
    let wanted = arguments.need(1, "subelements")?;
    let path = match value::is_list(wanted) {
        true => value::items(wanted)?
            .iter()
            .map(printing::text)
            .collect::<Result<Vec<_>, _>>()?
            .join("."),
        false => printing::text(wanted)?,
    };
    let skip = arguments.flag(2, "skip_missing", false)?;
    let mut pairs = Vec::new();
    for element in elements {
        let found = super::selection::attribute(evaluator, &element, &Value::from(path.as_str()))?;
        if skip && (undefined::is(&found) || found.is_none()) {
            continue;
        }
        undefined::refuse(&found)?;
        if !value::is_list(&found) {
            return Err(Error::new(
                ErrorKind::Operation,
                format!(
                    "`{path}` has to be a list, it is {}",
                    value::described(&found)
                ),
            ));
        }
        for item in value::items(&found)? {
            pairs.push(value::tuple(vec![element.clone(), item]));
        }
    }
    Ok(value::list(pairs))
}
