//! Filters of Windows paths: `win_basename`, `win_dirname`, `win_splitdrive`.

use super::Filter;
use crate::Value;
use crate::python::value;

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("win_basename", |_, a| {
        let path = a.input_text()?;
        let (_, rest) = drive(&path);
        Ok(Value::from(
            rest.rsplit(SEPARATORS).next().unwrap_or_default(),
        ))
    }),
    ("win_dirname", |_, a| {
        let path = a.input_text()?;
        let (drive, rest) = drive(&path);
        let head = &rest[..rest.rfind(SEPARATORS).map_or(0, |at| at + 1)];
        let trimmed = head.trim_end_matches(SEPARATORS);
        let head = if trimmed.is_empty() { head } else { trimmed };
        Ok(Value::from(format!("{drive}{head}")))
    }),
    ("win_splitdrive", |_, a| {
        let path = a.input_text()?;
        let (drive, rest) = drive(&path);
        Ok(value::tuple(vec![Value::from(drive), Value::from(rest)]))
    }),
];

const SEPARATORS: [char; 2] = ['\\', '/'];

/// The letter of a drive, or server and share, and the rest.
fn drive(path: &str) -> (&str, &str) {
    let letters: Vec<char> = path.chars().take(2).collect();
    if letters.get(1) == Some(&':') {
        return path.split_at(letters.iter().map(|c| c.len_utf8()).sum());
    }
    if letters.len() == 2 && letters.iter().all(|c| SEPARATORS.contains(c)) {
        let ends = path[2..].match_indices(SEPARATORS).map(|(at, _)| at + 2);
        return match ends.take(2).collect::<Vec<_>>().as_slice() {
            [_, end] => path.split_at(*end),
            [_] => (path, ""),
            _ => ("", path),
        };
    }
    ("", path)
}
