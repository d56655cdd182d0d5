//! `lookup(…)` and `query(…)`: the only way for a template to see the world.

mod data;
mod files;
mod password;
mod sequence;
mod variables;

use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::filters::short_name;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value, spelling};

/// A lookup: its terms are the arguments by place.
type Lookup = fn(&mut Evaluator<'_>, &Arguments) -> Result<Vec<Value>, Error>;

const LOOKUPS: &[(&str, Lookup)] = &[
    ("file", files::file),
    ("template", files::template),
    ("first_found", files::first_found),
    ("fileglob", files::fileglob),
    ("lines", refused),
    ("pipe", refused),
    ("url", refused),
    ("config", refused),
    ("csvfile", data::csvfile),
    ("ini", data::ini),
    ("password", password::password),
    ("env", variables::env),
    ("vars", variables::vars),
    ("varnames", variables::varnames),
    ("items", data::items),
    ("list", |_, a| Ok(a.positional.clone())),
    ("flattened", data::items),
    ("dict", data::dict),
    ("indexed_items", data::indexed_items),
    ("nested", data::nested),
    ("together", data::together),
    ("subelements", data::subelements),
    ("random_choice", data::random_choice),
    ("sequence", sequence::sequence),
];

/// Lookups that start programs or ask others: the same inventory must give the same result, without
/// anything happening.
const REFUSED: &[(&str, &str)] = &[
    (
        "pipe",
        "programs are not started for a template; write the result into a file and use `lookup('file', …)`, or pass it as a variable",
    ),
    (
        "lines",
        "programs are not started for a template; write the result into a file and use `lookup('file', …)`, or pass it as a variable",
    ),
    (
        "url",
        "nothing is downloaded for a template; keep the content in a file and use `lookup('file', …)`",
    ),
    (
        "config",
        "there is no configuration of ansible here; use a variable",
    ),
];

fn refused(_: &mut Evaluator<'_>, _: &Arguments) -> Result<Vec<Value>, Error> {
    Err(Error::new(ErrorKind::Operation, "it is not supported"))
}

/// The result of a lookup; as a list if that is wanted.
pub(crate) fn lookup(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
    as_list: bool,
) -> Result<Value, Error> {
    let name = arguments.need_text(0, "name")?;
    let short = short_name(&name).to_owned();
    let mut inner = Arguments {
        positional: arguments.rest(1).to_vec(),
        named: arguments.named.clone(),
    };
    let as_list = arguments.named("wantlist").map_or(as_list, Value::is_true);
    let on_error = arguments.named("errors").map(printing::text).transpose()?;
    inner
        .named
        .retain(|(name, _)| name != "wantlist" && name != "errors");
    let Some((_, run)) = LOOKUPS.iter().find(|(known, _)| *known == short) else {
        return Err(unknown(&name));
    };
    if let Some((_, why)) = REFUSED.iter().find(|(known, _)| *known == short) {
        return Err(Error::new(
            ErrorKind::Lookup(name.clone()),
            format!("the lookup `{name}` is not supported"),
        )
        .with_next_step(*why));
    }
    let found = match run(evaluator, &inner) {
        Ok(found) => found,
        Err(error) if error.is_undefined() => return Err(error),
        Err(_) if matches!(on_error.as_deref(), Some("ignore" | "warn")) => {
            return Ok(if as_list {
                value::list([])
            } else {
                Value::from("")
            });
        }
        Err(error) => return Err(named(&name, error)),
    };
    if as_list {
        return Ok(value::list(found));
    }
    if !found.is_empty() && found.iter().all(|item| item.as_str().is_some()) {
        let texts: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
        return Ok(Value::from(texts.join(",")));
    }
    Ok(match found.as_slice() {
        [only] => only.clone(),
        _ => value::list(found),
    })
}

fn unknown(name: &str) -> Error {
    let error = Error::new(
        ErrorKind::Lookup(name.to_owned()),
        format!("there is no lookup `{name}`"),
    );
    match spelling::nearest(short_name(name), LOOKUPS.iter().map(|(known, _)| *known)) {
        Some(near) => error.with_next_step(format!("did you mean `{near}`?")),
        None => error.with_next_step(
            "use one of file, template, first_found, fileglob, password, env, vars, dict, items, sequence",
        ),
    }
}

/// The failure of a lookup, with its name.
fn named(name: &str, error: Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::Operation => ErrorKind::Lookup(name.to_owned()),
        kind => kind.clone(),
    };
    let mut outer = Error::new(kind, format!("the lookup `{name}`: {}", error.message()));
    if let Some(next_step) = error.next_step() {
        outer = outer.with_next_step(next_step);
    }
    outer.keep_cause_of(&error)
}

/// `name=value` pairs in a term: what is before them, and the pairs.
fn options_of(term: &str) -> (String, Vec<(String, String)>) {
    let mut before = Vec::new();
    let mut options = Vec::new();
    for word in term.split_whitespace() {
        match word.split_once('=') {
            Some((name, found)) => options.push((name.to_owned(), found.to_owned())),
            None => before.push(word),
        }
    }
    (before.join(" "), options)
}

/// The terms as texts.
fn terms(arguments: &Arguments) -> Result<Vec<String>, Error> {
    let mut out = Vec::new();
    for term in &arguments.positional {
        match value::is_list(term) {
            true => {
                for item in value::items(term)? {
                    out.push(printing::text(&item)?);
                }
            }
            false => out.push(printing::text(term)?),
        }
    }
    Ok(out)
}
