//! Methods of mappings.

use super::failed;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, value};
use crate::{Error, Value};

/// For those who ask whether there is such a method.
pub(super) const NAMES: &[&str] = &["keys", "values", "items", "get", "copy"];

/// The result of a method that leaves the mapping as it is, if there is one of that name.
pub(super) fn method(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "keys" => value::list(value::items(object)?),
        "values" => value::list(value::entries(object)?.into_iter().map(|(_, entry)| entry)),
        "items" => {
            let entries = value::entries(object)?.into_iter();
            value::list(entries.map(|(key, entry)| value::tuple(vec![key, entry])))
        }
        "get" => {
            let key = arguments.need(0, "key")?;
            match value::entry(object, key)? {
                Some(entry) => entry,
                None => match arguments.get(1, "default") {
                    Some(default) => default.clone(),
                    None => Value::from(()),
                },
            }
        }
        "copy" => object.clone(),
        _ => return Ok(None),
    }))
}

/// The mapping after a method that changes it, and the result.
pub(super) fn change(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<(Value, Value)>, Error> {
    let mut result = Value::from(());
    if !matches!(name, "update" | "pop" | "setdefault" | "clear" | "popitem") {
        return Ok(None);
    }
    let mut entries = value::entries(object)?;
    match name {
        "update" => {
            if let Some(other) = arguments.positional.first() {
                entries.extend(value::entries(other)?);
            }
            let named = arguments.named.iter();
            entries.extend(named.map(|(name, found)| (Value::from(name.as_str()), found.clone())));
        }
        "setdefault" => {
            let key = arguments.need(0, "key")?;
            let default = arguments.get(1, "default").cloned();
            match entries.iter().find(|(known, _)| known == key) {
                Some((_, found)) => result = found.clone(),
                None => {
                    result = default.unwrap_or_else(|| Value::from(()));
                    entries.push((key.clone(), result.clone()));
                }
            }
        }
        "pop" => {
            let key = arguments.need(0, "key")?;
            match entries.iter().position(|(known, _)| known == key) {
                Some(at) => result = entries.remove(at).1,
                None => match arguments.get(1, "default") {
                    Some(default) => result = default.clone(),
                    None => {
                        let key = printing::text(key)?;
                        return Err(failed(format!("the mapping has no entry `{key}`")));
                    }
                },
            }
        }
        "popitem" => {
            let (key, found) = entries
                .pop()
                .ok_or_else(|| failed("the mapping is empty".into()))?;
            result = value::tuple(vec![key, found]);
        }
        _ => entries.clear(),
    }
    Ok(Some((value::map(entries), result)))
}
