//! Methods of texts, lists, mappings and numbers.

mod cutting;
mod lettering;
mod lists;
mod maps;
mod texts;

use super::value;
use crate::evaluation::arguments::Arguments;
use crate::{Error, ErrorKind, Value};

pub(crate) use cutting::{split, stripped};
pub(crate) use lettering::{capitalized, titled};

/// The result of a method, if the value has one of that name.
pub(crate) fn call(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<Value>, Error> {
    if let Some(text) = object.as_str() {
        return texts::method(text, name, arguments);
    }
    if value::is_map(object) {
        return maps::method(object, name, arguments);
    }
    if value::is_list(object) {
        return lists::method(object, name, arguments);
    }
    if let Some(result) = crate::filters::dates::method(object, name, arguments) {
        return result.map(Some);
    }
    Ok(match (name, value::float(object)) {
        ("is_integer", Some(number)) => Some(Value::from(number.fract() == 0.0)),
        ("bit_length", Some(_)) => value::integer(object)
            .map(|number| Value::from(128 - number.unsigned_abs().leading_zeros())),
        _ => None,
    })
}

/// Whether a value has a method of this name that leaves it as it is.
pub(crate) fn has(object: &Value, name: &str) -> bool {
    let known = if object.as_str().is_some() {
        texts::NAMES
    } else if value::is_map(object) {
        maps::NAMES
    } else if value::is_list(object) {
        lists::NAMES
    } else {
        return false;
    };
    known.contains(&name)
}

/// For a method that changes its object: what the object is afterwards, and the result.
pub(crate) fn change(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<(Value, Value)>, Error> {
    if value::is_list(object) && !object.is_tuple() {
        return lists::change(object, name, arguments);
    }
    if value::is_map(object) {
        return maps::change(object, name, arguments);
    }
    Ok(None)
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Operation, why)
}
