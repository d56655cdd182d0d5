//! Methods of lists.

use super::failed;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, value};
use crate::{Error, Value};

/// For those who ask whether there is such a method.
pub(super) const NAMES: &[&str] = &["count", "index", "copy"];

/// The result of a method that leaves the list as it is, if there is one of that name.
pub(super) fn method(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<Value>, Error> {
    let items = value::items(object)?;
    Ok(Some(match name {
        "count" => {
            let wanted = arguments.need(0, "value")?;
            Value::from(items.iter().filter(|item| *item == wanted).count())
        }
        "index" => {
            let wanted = arguments.need(0, "value")?;
            Value::from(place_of(&items, wanted)?)
        }
        "copy" => object.clone(),
        // What `dict.keys()` is in Python is a list here.
        _ => return Ok(None),
    }))
}

/// The list after a method that changes it, and the result.
pub(super) fn change(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<(Value, Value)>, Error> {
    let place = |length: usize, default: i128| -> Result<usize, Error> {
        let at = arguments.integer(0, "index")?.unwrap_or(default);
        let at = if at < 0 { at + length as i128 } else { at };
        Ok(usize::try_from(at.clamp(0, length as i128)).unwrap_or(0))
    };
    let mut result = Value::from(());
    let mut items = value::items(object)?;
    match name {
        "append" => items.push(arguments.need(0, "object")?.clone()),
        "extend" => items.extend(value::items(arguments.need(0, "iterable")?)?),
        "insert" => {
            let at = place(items.len(), 0)?;
            items.insert(at, arguments.need(1, "object")?.clone());
        }
        "pop" => {
            let at = place(items.len(), -1)?;
            if at >= items.len() {
                return Err(failed("`pop` from a list that has no such item".into()));
            }
            result = items.remove(at);
        }
        "remove" => {
            let wanted = arguments.need(0, "value")?;
            items.remove(place_of(&items, wanted)?);
        }
        "reverse" => items.reverse(),
        "sort" => {
            let reverse = arguments.flag(9, "reverse", false)?;
            items = comparison::sort_by(items, reverse, |item| Ok(item.clone()))?;
        }
        "clear" => items.clear(),
        _ => return Ok(None),
    }
    Ok(Some((value::list(items), result)))
}

fn place_of(items: &[Value], wanted: &Value) -> Result<usize, Error> {
    let place = items.iter().position(|item| item == wanted);
    place.ok_or_else(|| {
        failed(format!(
            "the list does not hold {}",
            value::described(wanted)
        ))
    })
}
