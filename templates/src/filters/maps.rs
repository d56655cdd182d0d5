//! Filters of mappings: `combine`, `dict2items`, `dictsort`.

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::{comparison, printing, undefined, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("combine", |_, a| combine(a)),
    ("dict2items", |_, a| dict2items(a)),
    ("items2dict", |_, a| items2dict(a)),
    ("dictsort", |_, a| dictsort(a)),
    ("items", |_, a| {
        let entries = value::entries(a.input())?.into_iter();
        Ok(value::list(
            entries.map(|(key, entry)| value::tuple(vec![key, entry])),
        ))
    }),
    ("dict", |_, a| {
        let pairs = a.input_items()?;
        let pairs = pairs
            .iter()
            .map(|pair| match value::items(pair)?.as_slice() {
                [key, entry] => Ok((key.clone(), entry.clone())),
                _ => Err(Error::new(ErrorKind::Operation, "pairs are needed")),
            });
        Ok(value::map(pairs.collect::<Result<Vec<_>, _>>()?))
    }),
    ("dict_kv", |_, a| {
        let key = a.need(1, "key")?.clone();
        Ok(value::map([(key, a.input().clone())]))
    }),
    ("extract", extract),
    ("rekey_on_member", |_, a| rekey(a)),
];

/// How lists of the same name are put together.
#[derive(Clone, Copy, PartialEq)]
enum Lists {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendMissing,
    PrependMissing,
}

/// Mappings under what one of their entries says.
fn rekey(arguments: &Arguments) -> Result<Value, Error> {
    let key = arguments.need(1, "key")?;
    let overwrite = match arguments.text(2, "duplicates")?.as_deref() {
        None | Some("error") => false,
        Some("overwrite") => true,
        Some(other) => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("`duplicates` can't be `{other}`"),
            )
            .with_next_step("write `duplicates='error'` or `duplicates='overwrite'`"));
        }
    };
    let found: Vec<Value> = match value::is_map(arguments.input()) {
        true => value::entries(arguments.input())?
            .into_iter()
            .map(|(_, entry)| entry)
            .collect(),
        false => arguments.input_items()?,
    };
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for item in found {
        let name = value::entry(&item, key)?.ok_or_else(|| {
            let (key, of) = (value::described(key), value::described(&item));
            Error::new(ErrorKind::Operation, format!("{of} has no entry for {key}"))
        })?;
        undefined::refuse(&name)?;
        if !overwrite && entries.iter().any(|(known, _)| *known == name) {
            let name = value::described(&name);
            return Err(
                Error::new(ErrorKind::Operation, format!("two of them have {name}"))
                    .with_next_step("with `duplicates='overwrite'` the last one counts"),
            );
        }
        entries.push((name, item));
    }
    Ok(value::map(entries))
}

fn combine(arguments: &Arguments) -> Result<Value, Error> {
    let recursive = match arguments.named("recursive") {
        Some(recursive) => super::choices::option_is_true(recursive),
        None => false,
    };
    let lists = match arguments
        .named("list_merge")
        .map(printing::text)
        .transpose()?
        .as_deref()
    {
        None | Some("replace") => Lists::Replace,
        Some("keep") => Lists::Keep,
        Some("append") => Lists::Append,
        Some("prepend") => Lists::Prepend,
        Some("append_rp") => Lists::AppendMissing,
        Some("prepend_rp") => Lists::PrependMissing,
        Some(other) => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("`list_merge` can't be `{other}`"),
            )
            .with_next_step("use replace, keep, append, prepend, append_rp or prepend_rp"));
        }
    };
    let mut flat = Vec::new();
    for argument in &arguments.positional {
        undefined::refuse(argument)?;
        match value::is_list(argument) {
            true => flat.extend(value::items(argument)?),
            false => flat.push(argument.clone()),
        }
    }
    let mut result = value::map([]);
    for other in flat {
        if !value::is_map(&other) {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("mappings are needed, not {}", value::described(&other)),
            ));
        }
        result = merged(&result, &other, recursive, lists)?;
    }
    Ok(result)
}

fn merged(low: &Value, high: &Value, recursive: bool, lists: Lists) -> Result<Value, Error> {
    let mut entries = value::entries(low)?;
    for (key, new) in value::entries(high)? {
        let Some((_, old)) = entries.iter_mut().find(|(known, _)| *known == key) else {
            entries.push((key, new));
            continue;
        };
        if recursive && value::is_map(old) && value::is_map(&new) {
            *old = merged(old, &new, recursive, lists)?;
        } else if value::is_list(old) && value::is_list(&new) {
            *old = joined(old, &new, lists)?;
        } else {
            *old = new;
        }
    }
    Ok(value::map(entries))
}

fn joined(old: &Value, new: &Value, lists: Lists) -> Result<Value, Error> {
    let (left, right) = (value::items(old)?, value::items(new)?);
    let without = |items: &[Value], others: &[Value]| -> Vec<Value> {
        items
            .iter()
            .filter(|item| !others.contains(item))
            .cloned()
            .collect()
    };
    Ok(value::list(match lists {
        Lists::Replace => right,
        Lists::Keep => left,
        Lists::Append => [left, right].concat(),
        Lists::Prepend => [right, left].concat(),
        Lists::AppendMissing => [without(&left, &right), right].concat(),
        Lists::PrependMissing => [right.clone(), without(&left, &right)].concat(),
    }))
}

fn names(arguments: &Arguments) -> Result<(String, String), Error> {
    Ok((
        arguments
            .text(1, "key_name")?
            .unwrap_or_else(|| "key".into()),
        arguments
            .text(2, "value_name")?
            .unwrap_or_else(|| "value".into()),
    ))
}

fn dict2items(arguments: &Arguments) -> Result<Value, Error> {
    let (key_name, value_name) = names(arguments)?;
    let entries = value::entries(arguments.input())?;
    Ok(value::list(entries.into_iter().map(|(key, entry)| {
        value::map([
            (Value::from(key_name.as_str()), key),
            (Value::from(value_name.as_str()), entry),
        ])
    })))
}

fn items2dict(arguments: &Arguments) -> Result<Value, Error> {
    let (key_name, value_name) = names(arguments)?;
    let mut entries = Vec::new();
    for item in arguments.input_items()? {
        let part = |name: &str| {
            value::entry(&item, &Value::from(name))?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!("an item has no `{name}`: {}", value::described(&item)),
                )
                .with_next_step("say what the entries are called: `items2dict(key_name='name', value_name='…')`")
            })
        };
        entries.push((part(&key_name)?, part(&value_name)?));
    }
    Ok(value::map(entries))
}

fn dictsort(arguments: &Arguments) -> Result<Value, Error> {
    let case_sensitive = arguments.flag(1, "case_sensitive", false)?;
    let by = arguments.text(2, "by")?.unwrap_or_else(|| "key".into());
    let reverse = arguments.flag(3, "reverse", false)?;
    let place = usize::from(by == "value");
    let entries = value::entries(arguments.input())?.into_iter();
    let pairs = entries
        .map(|(key, entry)| value::tuple(vec![key, entry]))
        .collect();
    let sorted = comparison::sort_by(pairs, reverse, |pair| {
        let key = value::items(pair)?.get(place).cloned().unwrap_or_default();
        Ok(match case_sensitive {
            true => key,
            false => comparison::ignoring_case(&key),
        })
    })?;
    Ok(value::list(sorted))
}

/// `key | extract(container, more keys)`.
fn extract(_: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let mut found = arguments.need(1, "container")?.clone();
    let mut keys = vec![arguments.input().clone()];
    if let Some(more) = arguments.get(2, "morekeys").filter(|more| !more.is_none()) {
        match value::is_list(more) {
            true => keys.extend(value::items(more)?),
            false => keys.push(more.clone()),
        }
    }
    for key in keys {
        undefined::refuse(&found)?;
        found = crate::evaluation::member(&found, &key)?.unwrap_or_else(|| {
            let key = printing::text(&key).unwrap_or_default();
            undefined::Undefined::named(key.clone())
                .saying(format!("there is no entry `{key}` to extract"), None)
                .value()
        });
    }
    Ok(found)
}
