//! Filters: what comes after `|`.

mod addresses;
mod choices;
mod collections;
pub(crate) mod dates;
mod encodings;
mod hashes;
mod json;
mod maps;
mod numbers;
mod order;
mod paths;
pub(crate) mod patterns;
mod pretty;
mod randomness;
mod selection;
mod sets;
mod sizes;
mod texts;
mod urls;
mod windows;

pub(crate) use hashes::crypt;

use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::undefined;
use crate::{Error, ErrorKind, Value, spelling, yaml};

/// A filter.
pub(crate) type Filter = fn(&mut Evaluator<'_>, &Arguments) -> Result<Value, Error>;

const TABLES: &[&[(&str, Filter)]] = &[
    addresses::FILTERS,
    choices::FILTERS,
    collections::FILTERS,
    dates::FILTERS,
    encodings::FILTERS,
    hashes::FILTERS,
    json::FILTERS,
    maps::FILTERS,
    numbers::FILTERS,
    order::FILTERS,
    paths::FILTERS,
    pretty::FILTERS,
    patterns::FILTERS,
    randomness::FILTERS,
    selection::FILTERS,
    sets::FILTERS,
    sizes::FILTERS,
    texts::FILTERS,
    urls::FILTERS,
    windows::FILTERS,
    yaml::FILTERS,
];

/// Filters that look at what is undefined.
const TOLERANT: &[&str] = &["default", "d", "mandatory", "type_debug"];

/// Filters that Ansible has and hive does not, and what to do instead.
const ABSENT: &[(&str, &str)] = &[
    (
        "vault",
        "ansible-vault is not supported; use `lookup('password', …)` or a secret",
    ),
    (
        "unvault",
        "ansible-vault is not supported; use `lookup('password', …)` or a secret",
    ),
    ("fileglob", "use `lookup('fileglob', …)`"),
];

/// The name of a filter, test or lookup without its collection: `combine` of
/// `ansible.builtin.combine`.
pub(crate) fn short_name(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((_, short)) => short.trim(),
        None => name,
    }
}

fn find(name: &str) -> Option<Filter> {
    let short = short_name(name);
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|(known, _)| *known == short)
        .map(|(_, filter)| *filter)
}

/// Whether there is a filter of this name.
pub(crate) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// The result of a filter; its input is the first argument.
pub(crate) fn apply(
    evaluator: &mut Evaluator<'_>,
    name: &str,
    arguments: &Arguments,
) -> Result<Value, Error> {
    let Some(filter) = find(name) else {
        return Err(unknown(name));
    };
    if !TOLERANT.contains(&short_name(name)) {
        undefined::refuse(arguments.input())?;
    }
    filter(evaluator, arguments).map_err(|error| match error.kind() {
        // The filter was asked for something that it can't do: say which filter.
        ErrorKind::Operation if error.range().is_none() => {
            let mut named = Error::new(
                ErrorKind::Filter(name.to_owned()),
                format!("the filter `{name}`: {}", error.message()),
            );
            if let Some(next_step) = error.next_step() {
                named = named.with_next_step(next_step);
            }
            named.keep_cause_of(&error)
        }
        _ => error,
    })
}

fn unknown(name: &str) -> Error {
    let kind = ErrorKind::Filter(name.to_owned());
    let short = short_name(name);
    if let Some((_, instead)) = ABSENT.iter().find(|(absent, _)| *absent == short) {
        return Error::new(kind, format!("the filter `{name}` is not supported"))
            .with_next_step(*instead);
    }
    let error = Error::new(kind, format!("there is no filter `{name}`"));
    let known = TABLES.iter().flat_map(|table| table.iter());
    match spelling::nearest(short, known.map(|(known, _)| *known)) {
        Some(near) => error.with_next_step(format!("did you mean `{near}`?")),
        None => error.with_next_step(
            "filters from a site's own plugins can't be used; say it with the filters of the reference",
        ),
    }
}
