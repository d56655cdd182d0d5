//! Looking into values.

use minijinja::value::{Tuple, ValueKind};

use super::undefined;
use crate::variables::LazyMap;
use crate::{Error, ErrorKind, Value};

/// The name that Python has for the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    if undefined::is(value) {
        return "AnsibleUndefined";
    }
    match value.kind() {
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Map => "dict",
        ValueKind::Seq | ValueKind::Iterable if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        _ => "object",
    }
}

/// A value for a person: what it is, and what it says if that is short.
pub(crate) fn described(value: &Value) -> String {
    let word = match type_name(value) {
        "NoneType" => return "nothing (None)".into(),
        "bool" => return format!("the boolean {value}"),
        "int" | "float" => return format!("the number {value}"),
        "str" => "the text",
        "dict" => return "a mapping".into(),
        "list" | "tuple" => return "a list".into(),
        _ => return "this value".into(),
    };
    let text = value.as_str().unwrap_or_default();
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{word} `{short}`")
}

/// An integer, or a boolean as one.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// A number as a float.
pub(crate) fn float(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => match integer(value) {
            Some(whole) => Some(whole as f64),
            None => f64::try_from(value.clone()).ok(),
        },
        _ => None,
    }
}

/// An integer as a value.
pub(crate) fn from_integer(number: i128) -> Value {
    match i64::try_from(number) {
        Ok(small) => Value::from(small),
        Err(_) => Value::from(number),
    }
}

/// Whether it is a list or tuple.
pub(crate) fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) && !undefined::is(value)
}

/// Whether it is a mapping.
pub(crate) fn is_map(value: &Value) -> bool {
    value.kind() == ValueKind::Map
}

/// What iterating over a value gives: items, keys or characters.
pub(crate) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    undefined::refuse(value)?;
    let not_iterable = || {
        Error::new(
            ErrorKind::Operation,
            format!("{} has no items to go through", described(value)),
        )
    };
    if value.is_none() || !(is_list(value) || is_map(value) || value.as_str().is_some()) {
        return Err(not_iterable());
    }
    Ok(value.try_iter().map_err(|_| not_iterable())?.collect())
}

/// The entries of a mapping.
pub(crate) fn entries(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    undefined::refuse(value)?;
    if !is_map(value) {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("a mapping is needed, this is {}", described(value)),
        ));
    }
    items(value)?
        .into_iter()
        .map(|key| {
            let entry = entry(value, &key)?.unwrap_or_default();
            Ok((key, entry))
        })
        .collect()
}

/// An entry of a mapping, if it has it.
pub(crate) fn entry(map: &Value, key: &Value) -> Result<Option<Value>, Error> {
    if let Some(lazy) = map.downcast_object_ref::<LazyMap>() {
        let Some(name) = key.as_str() else {
            return Ok(None);
        };
        return match lazy.0.value(name) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(error)) if error.is_undefined() => {
                let undefined = undefined::Undefined::because(name.to_owned(), error);
                Ok(Some(undefined.value()))
            }
            Some(Err(error)) => Err(variable_failed(name, error)),
        };
    }
    if !is_map(map) {
        return Ok(None);
    }
    match map.as_object() {
        Some(object) => Ok(object.get_value(key)),
        None => Ok(None),
    }
}

/// Why an expression fails: a variable that it uses does.
pub(crate) fn variable_failed(name: &str, cause: Error) -> Error {
    Error::new(
        cause.kind().clone(),
        format!("the variable `{name}` can't be evaluated"),
    )
    .with_cause(cause)
}

/// A list.
pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::from(items.into_iter().collect::<Vec<_>>())
}

/// A tuple.
pub(crate) fn tuple(items: Vec<Value>) -> Value {
    Value::from(Tuple::from(items))
}

/// A mapping; later entries win, but keep the first's place.
pub(crate) fn map(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
    Value::from_pairs(entries)
}
