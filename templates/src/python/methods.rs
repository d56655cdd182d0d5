//! Methods of texts, lists, mappings and numbers.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::Kwargs;

use super::{comparison, printing, undefined, value};
use crate::evaluation::arguments::Arguments;
use crate::{Error, ErrorKind, Value};

/// The result of a method, if the value has one of that name.
pub(crate) fn call(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<Value>, Error> {
    if let Some(text) = object.as_str() {
        return text_method(text, name, arguments);
    }
    if value::is_map(object) {
        return map_method(object, name, arguments);
    }
    if value::is_list(object) {
        return list_method(object, name, arguments);
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

/// The methods of each type, for those who ask whether there is one.
const OF_TEXTS: &[&str] = &[
    "upper",
    "lower",
    "casefold",
    "capitalize",
    "title",
    "swapcase",
    "strip",
    "lstrip",
    "rstrip",
    "startswith",
    "endswith",
    "removeprefix",
    "removesuffix",
    "replace",
    "split",
    "rsplit",
    "splitlines",
    "partition",
    "rpartition",
    "join",
    "count",
    "find",
    "rfind",
    "index",
    "rindex",
    "isdigit",
    "isnumeric",
    "isdecimal",
    "isalpha",
    "isalnum",
    "isspace",
    "isascii",
    "isupper",
    "islower",
    "isidentifier",
    "istitle",
    "isprintable",
    "zfill",
    "ljust",
    "rjust",
    "center",
    "expandtabs",
    "encode",
    "format",
    "format_map",
];
const OF_MAPS: &[&str] = &["keys", "values", "items", "get", "copy"];
const OF_LISTS: &[&str] = &["count", "index", "copy"];

/// Whether a value has a method of this name that leaves it as it is.
pub(crate) fn has(object: &Value, name: &str) -> bool {
    let known = if object.as_str().is_some() {
        OF_TEXTS
    } else if value::is_map(object) {
        OF_MAPS
    } else if value::is_list(object) {
        OF_LISTS
    } else {
        return false;
    };
    known.contains(&name)
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Operation, why)
}

/// The bounds of a search: `text.find(x, start, end)`, in characters.
fn bounds(text: &str, arguments: &Arguments) -> Result<(usize, usize), Error> {
    let length = text.chars().count() as i128;
    let clamp = |bound: Option<i128>, default: i128| {
        let bound = bound.unwrap_or(default);
        let bound = if bound < 0 { bound + length } else { bound };
        usize::try_from(bound.clamp(0, length)).unwrap_or(0)
    };
    Ok((
        clamp(arguments.integer(1, "start")?, 0),
        clamp(arguments.integer(2, "end")?, length),
    ))
}

fn part(text: &str, start: usize, end: usize) -> String {
    text.chars()
        .skip(start)
        .take(end.saturating_sub(start))
        .collect()
}

fn text_method(text: &str, name: &str, arguments: &Arguments) -> Result<Option<Value>, Error> {
    let first = || arguments.need_text(0, "argument");
    let all = |check: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(check));
    let width = || -> Result<usize, Error> {
        let width = arguments.integer(0, "width")?.unwrap_or(0);
        Ok(usize::try_from(width.clamp(0, 100_000)).unwrap_or(0))
    };
    Ok(Some(match name {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        // By way of the large letters, so that `ß` becomes `ss`.
        "casefold" => Value::from(
            text.chars()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase)
                .collect::<String>(),
        ),
        "capitalize" => Value::from(capitalized(text)),
        "title" => Value::from(titled(text)),
        "swapcase" => Value::from(
            text.chars()
                .map(|c| match c.is_uppercase() {
                    true => c.to_lowercase().to_string(),
                    false => c.to_uppercase().to_string(),
                })
                .collect::<String>(),
        ),
        "strip" | "lstrip" | "rstrip" => {
            let set = arguments.text(0, "chars")?;
            Value::from(stripped(
                text,
                set.as_deref(),
                name != "rstrip",
                name != "lstrip",
            ))
        }
        "startswith" | "endswith" => {
            let wanted = arguments.need(0, "prefix")?;
            let (start, end) = bounds(text, arguments)?;
            let text = part(text, start, end);
            let matches = |wanted: &str| match name {
                "startswith" => text.starts_with(wanted),
                _ => text.ends_with(wanted),
            };
            Value::from(match wanted.as_str() {
                Some(wanted) => matches(wanted),
                None => value::items(wanted)?
                    .iter()
                    .filter_map(Value::as_str)
                    .any(matches),
            })
        }
        "removeprefix" => {
            let prefix = first()?;
            Value::from(text.strip_prefix(prefix.as_str()).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = first()?;
            Value::from(text.strip_suffix(suffix.as_str()).unwrap_or(text))
        }
        "replace" => {
            let (old, new) = (first()?, arguments.need_text(1, "new")?);
            Value::from(match arguments.integer(2, "count")? {
                Some(count) if count >= 0 => {
                    text.replacen(&old, &new, usize::try_from(count).unwrap_or(usize::MAX))
                }
                _ => text.replace(&old, &new),
            })
        }
        "split" | "rsplit" => {
            let separator = arguments.text(0, "sep")?;
            let limit = arguments.integer(1, "maxsplit")?;
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            split(text, separator.as_deref(), limit, name == "rsplit")?
        }
        "splitlines" => {
            let keep = arguments.flag(0, "keepends", false)?;
            value::list(text.split_inclusive('\n').map(|line| {
                Value::from(match keep {
                    true => line,
                    false => line
                        .strip_suffix('\n')
                        .map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)),
                })
            }))
        }
        "partition" | "rpartition" => {
            let separator = first()?;
            let parts = match name {
                "partition" => text.split_once(separator.as_str()),
                _ => text.rsplit_once(separator.as_str()),
            };
            let parts = match (parts, name) {
                (Some((before, after)), _) => [before, separator.as_str(), after],
                (None, "partition") => [text, "", ""],
                (None, _) => ["", "", text],
            };
            value::tuple(parts.into_iter().map(Value::from).collect())
        }
        "join" => {
            let items = value::items(arguments.need(0, "iterable")?)?;
            let mut texts = Vec::new();
            for item in &items {
                undefined::refuse(item)?;
                texts.push(item.as_str().map(str::to_owned).ok_or_else(|| {
                    failed(format!(
                        "`join` as a method takes texts only, not {}",
                        value::described(item)
                    ))
                    .with_next_step("use the filter: `list | join(',')`")
                })?);
            }
            Value::from(texts.join(text))
        }
        "count" => {
            let wanted = first()?;
            let (start, end) = bounds(text, arguments)?;
            let text = part(text, start, end);
            Value::from(match wanted.is_empty() {
                true => text.chars().count() + 1,
                false => text.matches(wanted.as_str()).count(),
            })
        }
        "find" | "rfind" | "index" | "rindex" => {
            let wanted = first()?;
            let (start, end) = bounds(text, arguments)?;
            let searched = part(text, start, end);
            let found = match name.starts_with('r') {
                true => searched.rfind(wanted.as_str()),
                false => searched.find(wanted.as_str()),
            };
            match found {
                Some(at) => Value::from(searched[..at].chars().count() + start),
                None if name.ends_with("find") => Value::from(-1),
                None => return Err(failed(format!("the text has no `{wanted}` in it"))),
            }
        }
        "isdigit" | "isnumeric" | "isdecimal" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isascii" => Value::from(text.is_ascii()),
        "isupper" => Value::from(text.to_uppercase() == text && text.to_lowercase() != text),
        "islower" => Value::from(text.to_lowercase() == text && text.to_uppercase() != text),
        "istitle" => Value::from(is_titled(text)),
        "isprintable" => Value::from(!text.chars().any(char::is_control)),
        "isidentifier" => Value::from(
            !text.starts_with(|c: char| c.is_numeric())
                && !text.is_empty()
                && text.chars().all(|c| c.is_alphanumeric() || c == '_'),
        ),
        "zfill" => {
            let (sign, digits) = match text.starts_with(['-', '+']) {
                true => text.split_at(1),
                false => ("", text),
            };
            let missing = width()?.saturating_sub(text.chars().count());
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "ljust" | "rjust" | "center" => {
            let fill = arguments.text(1, "fillchar")?.unwrap_or_else(|| " ".into());
            let width = width()?;
            let missing = width.saturating_sub(text.chars().count());
            let left = match name {
                "ljust" => 0,
                "rjust" => missing,
                // Where it can't be even, Python looks at the width, too.
                _ => missing / 2 + (missing & width & 1),
            };
            Value::from(format!(
                "{}{text}{}",
                fill.repeat(left),
                fill.repeat(missing - left)
            ))
        }
        "expandtabs" => {
            let size = arguments.integer(0, "tabsize")?.unwrap_or(8).clamp(0, 100);
            let size = usize::try_from(size).unwrap_or(8);
            let mut out = String::new();
            let mut column = 0;
            for c in text.chars() {
                match c {
                    '\t' if size > 0 => {
                        let spaces = size - column % size;
                        out.push_str(&" ".repeat(spaces));
                        column += spaces;
                    }
                    '\t' => {}
                    c => {
                        out.push(c);
                        column = if c == '\n' { 0 } else { column + 1 };
                    }
                }
            }
            Value::from(out)
        }
        // Bytes are UTF-8 here, whatever encoding is asked for.
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        "decode" => Value::from(text),
        "format" | "format_map" => {
            let mut values = arguments.positional.clone();
            for found in values.iter().chain(arguments.named.iter().map(|(_, v)| v)) {
                undefined::refuse(found)?;
            }
            if !arguments.named.is_empty() {
                values.push(Kwargs::from_iter(arguments.named.clone()).into());
            }
            let text = format(FormatStyle::StrFormat, text, &values)
                .map_err(|error| failed(format!("`format` fails: {error}")))?;
            Value::from(text)
        }
        _ => return Ok(None),
    }))
}

/// The first letter in upper case, the rest in lower case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first
            .to_uppercase()
            .chain(chars.flat_map(char::to_lowercase))
            .collect(),
        None => String::new(),
    }
}

fn titled(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_alphabetic();
    }
    out
}

/// Whether words begin with a large letter and have small ones otherwise.
fn is_titled(text: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in text.chars() {
        let (large, small) = (c.is_uppercase(), c.is_lowercase());
        if (large && inside) || (small && !inside) {
            return false;
        }
        inside = large || small;
        any |= inside;
    }
    any
}

/// A text without what is at its ends.
pub(crate) fn stripped(text: &str, set: Option<&str>, left: bool, right: bool) -> String {
    let drop = |c: char| match set {
        Some(set) => set.contains(c),
        None => c.is_whitespace(),
    };
    let text = if left {
        text.trim_start_matches(drop)
    } else {
        text
    };
    let text = if right {
        text.trim_end_matches(drop)
    } else {
        text
    };
    text.to_owned()
}

/// A text in pieces: at a separator, or at any white space.
pub(crate) fn split(
    text: &str,
    separator: Option<&str>,
    limit: Option<usize>,
    from_right: bool,
) -> Result<Value, Error> {
    let pieces: Vec<&str> = match (separator, limit) {
        (Some(""), _) => return Err(failed("an empty separator splits nothing".into())),
        (Some(separator), None) => text.split(separator).collect(),
        (Some(separator), Some(limit)) if from_right => {
            let mut pieces: Vec<&str> = text.rsplitn(limit + 1, separator).collect();
            pieces.reverse();
            pieces
        }
        (Some(separator), Some(limit)) => text.splitn(limit + 1, separator).collect(),
        (None, None) => text.split_whitespace().collect(),
        (None, Some(limit)) if from_right => {
            let mut pieces = Vec::new();
            let mut rest = text.trim_end();
            while pieces.len() < limit
                && let Some((before, after)) = rest.rsplit_once(char::is_whitespace)
            {
                pieces.push(after);
                rest = before.trim_end();
            }
            if !rest.trim_start().is_empty() {
                pieces.push(rest.trim_start());
            }
            pieces.reverse();
            pieces
        }
        (None, Some(limit)) => {
            let mut pieces = Vec::new();
            let mut rest = text.trim_start();
            while pieces.len() < limit
                && let Some((before, after)) = rest.split_once(char::is_whitespace)
            {
                pieces.push(before);
                rest = after.trim_start();
            }
            if !rest.is_empty() {
                pieces.push(rest);
            }
            pieces
        }
    };
    Ok(value::list(pieces.into_iter().map(Value::from)))
}

fn map_method(object: &Value, name: &str, arguments: &Arguments) -> Result<Option<Value>, Error> {
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

fn list_method(object: &Value, name: &str, arguments: &Arguments) -> Result<Option<Value>, Error> {
    let items = value::items(object)?;
    Ok(Some(match name {
        "count" => {
            let wanted = arguments.need(0, "value")?;
            Value::from(items.iter().filter(|item| *item == wanted).count())
        }
        "index" => {
            let wanted = arguments.need(0, "value")?;
            match items.iter().position(|item| item == wanted) {
                Some(at) => Value::from(at),
                None => {
                    let wanted = value::described(wanted);
                    return Err(failed(format!("the list does not hold {wanted}")));
                }
            }
        }
        "copy" => object.clone(),
        // What `dict.keys()` is in Python is a list here.
        _ => return Ok(None),
    }))
}

/// For a method that changes its object: what the object is afterwards, and the result.
pub(crate) fn change(
    object: &Value,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<(Value, Value)>, Error> {
    if value::is_list(object) && !object.is_tuple() {
        return change_list(object, name, arguments);
    }
    if value::is_map(object) {
        return change_map(object, name, arguments);
    }
    Ok(None)
}

fn change_list(
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
            match items.iter().position(|item| item == wanted) {
                Some(at) => {
                    items.remove(at);
                }
                None => {
                    let wanted = value::described(wanted);
                    return Err(failed(format!("the list does not hold {wanted}")));
                }
            }
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

fn change_map(
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
