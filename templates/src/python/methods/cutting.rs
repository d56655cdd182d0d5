//! Parts of texts.

use super::failed;
use crate::evaluation::arguments::Arguments;
use crate::python::value;
use crate::{Error, Value};

/// The bounds of a search: `text.find(x, start, end)`, in characters.
pub(super) fn bounds(text: &str, arguments: &Arguments) -> Result<(usize, usize), Error> {
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

/// The characters between two places.
pub(super) fn part(text: &str, start: usize, end: usize) -> String {
    text.chars()
        .skip(start)
        .take(end.saturating_sub(start))
        .collect()
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
