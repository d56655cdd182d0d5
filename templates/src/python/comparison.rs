//! `<`, `in` and the order of sorting.

use std::cmp::Ordering;

use super::{undefined, value};
use crate::{Error, ErrorKind, Value};

/// The order of two values; those of different types have none.
pub(crate) fn order(left: &Value, right: &Value) -> Result<Ordering, Error> {
    undefined::refuse(left)?;
    undefined::refuse(right)?;
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(left.cmp(right));
    }
    if let (Some(left), Some(right)) = (value::integer(left), value::integer(right)) {
        return Ok(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (value::float(left), value::float(right)) {
        return Ok(left.partial_cmp(&right).unwrap_or(Ordering::Equal));
    }
    if value::is_list(left) && value::is_list(right) && left.is_tuple() == right.is_tuple() {
        let (left, right) = (value::items(left)?, value::items(right)?);
        for (left, right) in left.iter().zip(&right) {
            if left != right {
                return order(left, right);
            }
        }
        return Ok(left.len().cmp(&right.len()));
    }
    if value::type_name(left) == "object" && value::type_name(right) == "object" {
        return Ok(left.cmp(right));
    }
    Err(Error::new(
        ErrorKind::Operation,
        format!(
            "{} and {} can't be put in order",
            value::described(left),
            value::described(right)
        ),
    )
    .with_next_step("convert both to the same type first, for example with `| int`"))
}

/// Whether two values are equal.
pub(crate) fn equal(left: &Value, right: &Value) -> Result<bool, Error> {
    undefined::refuse(left)?;
    undefined::refuse(right)?;
    Ok(left == right)
}

/// Whether a container holds something.
pub(crate) fn contains(container: &Value, wanted: &Value) -> Result<bool, Error> {
    undefined::refuse(container)?;
    undefined::refuse(wanted)?;
    if let Some(text) = container.as_str() {
        let Some(wanted) = wanted.as_str() else {
            return Err(Error::new(
                ErrorKind::Operation,
                format!(
                    "{} can't be searched for in a text",
                    value::described(wanted)
                ),
            )
            .with_next_step("convert it with `| string` first"));
        };
        return Ok(text.contains(wanted));
    }
    if value::is_map(container) {
        return Ok(value::entry(container, wanted)?.is_some());
    }
    Ok(value::items(container)?.iter().any(|item| item == wanted))
}

/// Sorts, keeping the order of what is equal. `key` gives what to sort by.
pub(crate) fn sort_by(
    items: Vec<Value>,
    reverse: bool,
    mut key: impl FnMut(&Value) -> Result<Value, Error>,
) -> Result<Vec<Value>, Error> {
    let mut keyed = items
        .into_iter()
        .map(|item| Ok((key(&item)?, item)))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut failure = None;
    keyed.sort_by(|(left, _), (right, _)| {
        let order = match order(left, right) {
            Ok(order) => order,
            Err(error) => {
                failure.get_or_insert(error);
                Ordering::Equal
            }
        };
        if reverse { order.reverse() } else { order }
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
    }
}

/// Upper and lower case alike, for sorting and comparing as Jinja does by default.
pub(crate) fn ignoring_case(value: &Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(text.to_lowercase()),
        None if value::is_list(value) => {
            let items = value.try_iter().into_iter().flatten();
            let items: Vec<Value> = items.map(|item| ignoring_case(&item)).collect();
            if value.is_tuple() {
                value::tuple(items)
            } else {
                value::list(items)
            }
        }
        None => value.clone(),
    }
}
