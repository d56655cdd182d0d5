//! Functions that every template can call, and what attributes and slices mean.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::Evaluator;
use super::arguments::Arguments;
use crate::filters::dates;
use crate::python::undefined::Undefined;
use crate::python::{undefined, value};
use crate::{Error, ErrorKind, Value, lookups};

/// The names of all functions.
pub(super) const NAMES: &[&str] = &[
    "lookup",
    "query",
    "q",
    "range",
    "dict",
    "namespace",
    "now",
    "undef",
    "joiner",
    "cycler",
];

/// Ranges longer than this come from a mistake.
const MAX_RANGE: i128 = 1_000_000;

/// The result of a function, if there is one of that name.
pub(super) fn call(
    evaluator: &mut Evaluator<'_>,
    name: &str,
    arguments: &Arguments,
) -> Option<Result<Value, Error>> {
    Some(match name {
        "lookup" => lookups::lookup(evaluator, arguments, false),
        "query" | "q" => lookups::lookup(evaluator, arguments, true),
        "range" => range(arguments),
        "dict" => dict(arguments),
        "namespace" => dict(arguments).and_then(|entries| {
            let entries = value::entries(&entries)?;
            Ok(Value::from_object(Namespace(Mutex::new(entries))))
        }),
        "now" => dates::now(evaluator, arguments),
        "undef" => undef(arguments),
        "joiner" | "cycler" => Err(Error::new(
            ErrorKind::Function(name.to_owned()),
            format!("`{name}` is not supported in templates of an inventory"),
        )
        .with_next_step("use `join`, `loop.first` or `loop.cycle`")),
        _ => return None,
    })
}

fn range(arguments: &Arguments) -> Result<Value, Error> {
    let number = |place: usize| arguments.integer(place, "number");
    let (start, stop) = match (number(0)?, number(1)?) {
        (Some(stop), None) => (0, stop),
        (Some(start), Some(stop)) => (start, stop),
        _ => return Err(Error::new(ErrorKind::Operation, "`range` needs a number")),
    };
    let step = number(2)?.unwrap_or(1);
    if step == 0 {
        return Err(Error::new(ErrorKind::Operation, "the step of `range` is 0"));
    }
    let count = (stop - start + step - step.signum()) / step;
    if count > MAX_RANGE {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("a `range` of {count} numbers is too long"),
        ));
    }
    Ok(value::list(
        (0..count.max(0)).map(|index| value::from_integer(start + index * step)),
    ))
}

fn dict(arguments: &Arguments) -> Result<Value, Error> {
    let mut entries = Vec::new();
    if let Some(first) = arguments.positional.first() {
        if value::is_map(first) {
            entries = value::entries(first)?;
        } else {
            for pair in value::items(first)? {
                match value::items(&pair)?.as_slice() {
                    [key, entry] => entries.push((key.clone(), entry.clone())),
                    _ => {
                        return Err(Error::new(
                            ErrorKind::Operation,
                            "`dict` needs pairs of a key and a value",
                        ));
                    }
                }
            }
        }
    }
    let named = arguments.named.iter();
    entries.extend(named.map(|(name, found)| (Value::from(name.as_str()), found.clone())));
    Ok(value::map(entries))
}

fn undef(arguments: &Arguments) -> Result<Value, Error> {
    let hint = arguments.text(0, "hint")?;
    let undefined = Undefined::named("undef()".into());
    Ok(match hint {
        Some(hint) => undefined.saying(hint, None),
        None => undefined,
    }
    .value())
}

/// An entry, item or attribute of a value.
pub(crate) fn member(parent: &Value, key: &Value) -> Result<Option<Value>, Error> {
    if value::is_map(parent) || (!value::is_list(parent) && parent.as_object().is_some()) {
        if let Some(found) = value::entry(parent, key)? {
            return Ok((!found.is_undefined()).then_some(found));
        }
        return Ok(parent
            .as_object()
            .filter(|_| !value::is_map(parent))
            .and_then(|object| object.get_value(key)));
    }
    if parent.is_tuple() && matches!(key.as_str(), Some("grouper" | "list")) {
        // What `groupby` gives are pairs with names.
        let place = usize::from(key.as_str() == Some("list"));
        let items = value::items(parent)?;
        return Ok(items.get(place).filter(|_| items.len() == 2).cloned());
    }
    let Some(index) = value::integer(key) else {
        return Ok(None);
    };
    if let Some(text) = parent.as_str() {
        let length = text.chars().count() as i128;
        let index = if index < 0 { index + length } else { index };
        return Ok(usize::try_from(index)
            .ok()
            .and_then(|index| text.chars().nth(index))
            .map(|c| Value::from(c.to_string())));
    }
    if !value::is_list(parent) {
        return Ok(None);
    }
    let items = value::items(parent)?;
    let index = if index < 0 {
        index + items.len() as i128
    } else {
        index
    };
    Ok(usize::try_from(index)
        .ok()
        .and_then(|index| items.get(index).cloned()))
}

/// `value[start:stop:step]`.
pub(super) fn slice(
    sliced: &Value,
    start: Option<Value>,
    stop: Option<Value>,
    step: Option<Value>,
) -> Result<Value, Error> {
    undefined::refuse(sliced)?;
    let bound = |bound: Option<Value>| match bound {
        None => Ok(None),
        Some(bound) if bound.is_none() => Ok(None),
        Some(bound) => {
            undefined::refuse(&bound)?;
            value::integer(&bound).map(Some).ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!(
                        "a slice needs whole numbers, not {}",
                        value::described(&bound)
                    ),
                )
            })
        }
    };
    let (start, stop) = (bound(start)?, bound(stop)?);
    let step = bound(step)?.unwrap_or(1);
    if step == 0 {
        return Err(Error::new(ErrorKind::Operation, "the step of a slice is 0"));
    }
    if !value::is_list(sliced) && sliced.as_str().is_none() {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("{} can't be sliced", value::described(sliced)),
        ));
    }
    let items = value::items(sliced)?;
    let length = items.len() as i128;
    let clamp = |bound: i128| {
        let bound = if bound < 0 { bound + length } else { bound };
        if step > 0 {
            bound.clamp(0, length)
        } else {
            bound.clamp(-1, length - 1)
        }
    };
    let (first, end) = if step > 0 {
        (start.map_or(0, clamp), stop.map_or(length, clamp))
    } else {
        (start.map_or(length - 1, clamp), stop.map_or(-1, clamp))
    };
    let mut chosen = Vec::new();
    let mut at = first;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if let Some(item) = usize::try_from(at).ok().and_then(|at| items.get(at)) {
            chosen.push(item.clone());
        }
        at += step;
    }
    if sliced.as_str().is_some() {
        let text: String = chosen.iter().filter_map(Value::as_str).collect();
        return Ok(Value::from(text));
    }
    Ok(if sliced.is_tuple() {
        value::tuple(chosen)
    } else {
        value::list(chosen)
    })
}

/// `namespace()`: what a loop may change for those after it.
#[derive(Debug)]
pub(super) struct Namespace(Mutex<Vec<(Value, Value)>>);

impl Namespace {
    pub fn set(&self, name: &str, found: Value) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match entries
            .iter_mut()
            .find(|(known, _)| known.as_str() == Some(name))
        {
            Some((_, old)) => *old = found,
            None => entries.push((Value::from(name), found)),
        }
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, found) = entries.iter().find(|(known, _)| known == key)?;
        Some(found.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Enumerator::Values(entries.iter().map(|(key, _)| key.clone()).collect())
    }
}
