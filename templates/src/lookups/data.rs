//! Lookups that rearrange what they are given, or take a value out of a file with many.

use super::{options_of, terms};
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::filters;
use crate::python::random::Random;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

/// The terms, lists among them opened.
pub(super) fn items(_: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &arguments.positional {
        match value::is_list(term) {
            true => out.extend(value::items(term)?),
            false => out.push(term.clone()),
        }
    }
    Ok(out)
}

pub(super) fn dict(_: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &arguments.positional {
        for (key, entry) in value::entries(term)? {
            out.push(value::map([
                (Value::from("key"), key),
                (Value::from("value"), entry),
            ]));
        }
    }
    Ok(out)
}

pub(super) fn indexed_items(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let items = items(evaluator, arguments)?.into_iter().enumerate();
    Ok(items
        .map(|(at, item)| value::tuple(vec![Value::from(at), item]))
        .collect())
}

fn filtered(
    evaluator: &mut Evaluator<'_>,
    filter: &str,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let found = filters::apply(evaluator, filter, arguments)?;
    let rows = value::items(&found)?;
    rows.iter()
        .map(|row| Ok(value::list(value::items(row)?)))
        .collect()
}

pub(super) fn nested(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    filtered(evaluator, "product", arguments)
}

pub(super) fn together(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    filtered(evaluator, "zip_longest", arguments)
}

pub(super) fn subelements(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut arguments = arguments.clone();
    if let Some(options) = arguments
        .positional
        .get(2)
        .filter(|options| value::is_map(options))
    {
        let skip = value::entry(options, &Value::from("skip_missing"))?.unwrap_or_default();
        arguments.positional[2] = Value::from(skip.is_true());
    }
    let key = arguments.need(1, "subelements")?.clone();
    let found = filters::apply(evaluator, "subelements", &arguments)?;
    // Unlike the filter, the lookup takes the list out of the element.
    let pairs = value::items(&found)?.into_iter();
    pairs
        .map(|pair| {
            let mut pair = value::items(&pair)?;
            if let Some(element) = pair.first_mut() {
                let entries = value::entries(element)?.into_iter();
                *element = value::map(entries.filter(|(name, _)| *name != key));
            }
            Ok(value::list(pair))
        })
        .collect()
}

pub(super) fn random_choice(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let items = items(evaluator, arguments)?;
    let mut random = Random::unpredictable(evaluator.surroundings.as_ref())?;
    let at = usize::try_from(random.below(items.len() as u64)).unwrap_or(0);
    Ok(items.get(at).cloned().into_iter().collect())
}

/// An option from the term or by name.
fn option(
    written: &[(String, String)],
    arguments: &Arguments,
    name: &str,
    default: &str,
) -> Result<String, Error> {
    if let Some((_, found)) = written.iter().find(|(known, _)| known == name) {
        return Ok(found.clone());
    }
    match arguments.named(name) {
        Some(found) => printing::text(found),
        None => Ok(default.to_owned()),
    }
}

fn read(evaluator: &Evaluator<'_>, path: &str) -> Result<String, Error> {
    let bytes = [path.to_owned(), format!("files/{path}")]
        .iter()
        .find_map(|path| evaluator.surroundings.read_file(path).ok())
        .ok_or_else(|| {
            Error::new(ErrorKind::Operation, format!("there is no file `{path}`"))
                .with_next_step("say which with `file=…`, relative to the site's folder")
        })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `lookup('csvfile', 'key file=… delimiter=… col=…')`.
pub(super) fn csvfile(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in terms(arguments)? {
        let (key, written) = options_of(&term);
        let text = read(
            evaluator,
            &option(&written, arguments, "file", "ansible.csv")?,
        )?;
        let delimiter = match option(&written, arguments, "delimiter", "TAB")?.as_str() {
            "TAB" | "\\t" => '\t',
            other => other.chars().next().unwrap_or(','),
        };
        let number = |name: &str, default: &str| -> Result<usize, Error> {
            let found = option(&written, arguments, name, default)?;
            found.parse().map_err(|_| {
                Error::new(ErrorKind::Operation, format!("`{name}` has to be a number"))
            })
        };
        let (column, key_column) = (number("col", "1")?, number("keycol", "0")?);
        let row = text
            .lines()
            .map(|line| csv_fields(line, delimiter))
            .find(|fields| fields.get(key_column) == Some(&key));
        out.extend(match row.and_then(|fields| fields.get(column).cloned()) {
            Some(found) => Some(Value::from(found)),
            None => arguments.named("default").cloned(),
        });
    }
    Ok(out)
}

fn csv_fields(line: &str, delimiter: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

/// `lookup('ini', 'key section=… file=…')`.
pub(super) fn ini(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in terms(arguments)? {
        let (key, written) = options_of(&term);
        let text = read(
            evaluator,
            &option(&written, arguments, "file", "ansible.ini")?,
        )?;
        let kind = option(&written, arguments, "type", "ini")?;
        let wanted = option(&written, arguments, "section", "global")?;
        let mut section = if kind == "properties" {
            wanted.clone()
        } else {
            String::new()
        };
        let mut found = None;
        for line in text.lines().map(str::trim) {
            if line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                section = name.to_owned();
            } else if section == wanted
                && let Some((name, entry)) = line.split_once(['=', ':'])
                && name.trim().eq_ignore_ascii_case(&key)
            {
                found = Some(entry.trim().to_owned());
            }
        }
        let default = option(&written, arguments, "default", "")?;
        out.push(Value::from(found.unwrap_or(default)));
    }
    Ok(out)
}
