//! `pprint`: values as Python's `pprint` lays them out. Long texts stay in one piece.

use super::Filter;
use crate::python::{comparison, printing, value};
use crate::{Error, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[("pprint", |_, a| {
    let mut out = String::new();
    write(&mut out, a.input(), 0, 0)?;
    Ok(Value::from(out))
})];

/// How wide a line may be.
const WIDTH: usize = 80;

/// Writes a value that begins at a column, with so many characters to follow it.
fn write(out: &mut String, found: &Value, column: usize, after: usize) -> Result<(), Error> {
    let short = one_line(found)?;
    let parts = value::is_map(found) || value::is_list(found);
    if !parts || column + short.chars().count() + after <= WIDTH {
        out.push_str(&short);
        return Ok(());
    }
    let (open, close) = match (value::is_map(found), found.is_tuple()) {
        (true, _) => ('{', '}'),
        (false, true) => ('(', ')'),
        (false, false) => ('[', ']'),
    };
    out.push(open);
    let margin = " ".repeat(column + 1);
    let parts: Vec<(String, Value)> = match value::is_map(found) {
        true => sorted(found)?
            .into_iter()
            .map(|(key, entry)| Ok((printing::repr(&key)? + ": ", entry)))
            .collect::<Result<_, Error>>()?,
        false => value::items(found)?
            .into_iter()
            .map(|item| (String::new(), item))
            .collect(),
    };
    let last = parts.len().saturating_sub(1);
    for (index, (key, part)) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(",\n");
            out.push_str(&margin);
        }
        out.push_str(key);
        let after = if index == last { after + 1 } else { 1 };
        write(out, part, column + 1 + key.chars().count(), after)?;
    }
    out.push(close);
    Ok(())
}

fn one_line(found: &Value) -> Result<String, Error> {
    if value::is_map(found) {
        let entries = sorted(found)?
            .into_iter()
            .map(|(key, entry)| Ok(format!("{}: {}", printing::repr(&key)?, one_line(&entry)?)));
        let entries: Vec<String> = entries.collect::<Result<_, Error>>()?;
        return Ok(format!("{{{}}}", entries.join(", ")));
    }
    if value::is_list(found) && !found.is_tuple() {
        let items = value::items(found)?;
        let items: Vec<String> = items.iter().map(one_line).collect::<Result<_, _>>()?;
        return Ok(format!("[{}]", items.join(", ")));
    }
    printing::repr(found)
}

/// The entries of a mapping by their keys.
fn sorted(found: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let pairs = value::entries(found)?;
    let pairs = pairs
        .into_iter()
        .map(|(key, entry)| value::list([key, entry]))
        .collect();
    let first = |pair: &Value| Ok(value::items(pair)?.swap_remove(0));
    let pairs = comparison::sort_by(pairs, false, first)?;
    pairs
        .iter()
        .map(|pair| {
            let mut pair = value::items(pair)?;
            let entry = pair.pop().unwrap_or_default();
            Ok((pair.pop().unwrap_or_default(), entry))
        })
        .collect()
}
