//! Regular expressions as Python's `re` has them.

use std::ops::Range;

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("regex_search", |_, a| search(a)),
    ("regex_findall", |_, a| find_all(a)),
    ("regex_replace", |_, a| replace(a)),
    ("regex_escape", |_, a| {
        let kind = a.text(1, "re_type")?;
        let special = match kind.as_deref() {
            Some("posix_basic") => ".^$*[]\\",
            _ => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        };
        let mut out = String::new();
        for c in a.input_text()?.chars() {
            if special.contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::from(out))
    }),
];

/// A pattern, ready to use.
pub(crate) struct Pattern {
    regex: Regex,
    written: String,
    ignore_case: bool,
    multiline: bool,
}

impl Pattern {
    /// A pattern in Python's notation.
    pub fn new(written: &str, ignore_case: bool, multiline: bool) -> Result<Pattern, Error> {
        let regex = RegexBuilder::new(&translated(written, multiline))
            .case_insensitive(ignore_case)
            .multi_line(multiline)
            .build()
            .map_err(|cause| {
                Error::new(
                    ErrorKind::Operation,
                    format!("`{written}` is not a regular expression: {cause}"),
                )
            })?;
        Ok(Pattern {
            regex,
            written: written.to_owned(),
            ignore_case,
            multiline,
        })
    }

    fn failed(&self, cause: fancy_regex::Error) -> Error {
        Error::new(
            ErrorKind::Operation,
            format!(
                "the regular expression `{}` can't be used: {cause}",
                self.written
            ),
        )
    }

    /// Where it matches first.
    pub fn find(&self, text: &str) -> Result<Option<Range<usize>>, Error> {
        let found = self.regex.find(text).map_err(|cause| self.failed(cause))?;
        Ok(found.map(|found| found.range()))
    }

    /// Whether it matches at the very start.
    pub fn at_start(&self, text: &str) -> Result<Option<Range<usize>>, Error> {
        let anchored = format!(r"\A(?:{})", self.written);
        let anchored = Pattern::new(&anchored, self.ignore_case, self.multiline)?;
        anchored.find(text)
    }

    fn captures<'t>(&self, text: &'t str) -> Result<Option<Captures<'t, str>>, Error> {
        self.regex
            .captures(text)
            .map_err(|cause| self.failed(cause))
    }
}

/// What Python writes differently: `\Z` is the end, and `$` matches before a last newline, too.
fn translated(written: &str, multiline: bool) -> String {
    let mut out = String::new();
    let mut class = false;
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') if !class => out.push_str(r"\z"),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                out.push('[');
                // The first one is part of the class, also after `^`.
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            // Python has neither nested classes nor set operations.
            '[' => out.push_str(r"\["),
            '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '$' if !class && !multiline => out.push_str(r"(?=\n?\z)"),
            c => out.push(c),
        }
    }
    out
}

fn pattern(arguments: &Arguments, place: usize) -> Result<Pattern, Error> {
    let ignore_case = match arguments.named("ignorecase") {
        Some(flag) => flag.is_true(),
        None => false,
    };
    let multiline = arguments.named("multiline").is_some_and(Value::is_true);
    Pattern::new(
        &arguments.need_text(place, "regex")?,
        ignore_case,
        multiline,
    )
}

fn group(captures: &Captures<'_, str>, index: usize) -> Value {
    match captures.get(index) {
        Some(found) => Value::from(found.as_str()),
        None => Value::from(()),
    }
}

fn search(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let pattern = pattern(arguments, 1)?;
    let captures = pattern.captures(text.as_str())?;
    let mut groups = Vec::new();
    for wanted in arguments.rest(2) {
        let wanted = printing::text(wanted)?;
        let name = wanted
            .strip_prefix("\\g<")
            .and_then(|name| name.strip_suffix('>'))
            .or_else(|| {
                wanted
                    .strip_prefix('\\')
                    .filter(|digits| digits.parse::<usize>().is_ok())
            })
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!("`{wanted}` does not name a group"),
                )
                .with_next_step(r"write groups like '\1' or '\g<name>'")
            })?;
        let Some(captures) = &captures else {
            continue;
        };
        let index = match name.parse() {
            Ok(index) => Some(index).filter(|index| *index < captures.len()),
            Err(_) => pattern
                .regex
                .capture_names()
                .position(|known| known == Some(name)),
        };
        let index = index.ok_or_else(|| {
            Error::new(
                ErrorKind::Operation,
                format!("the regular expression has no group `{name}`"),
            )
        })?;
        groups.push(group(captures, index));
    }
    Ok(match captures {
        None => Value::from(()),
        Some(captures) if arguments.rest(2).is_empty() => group(&captures, 0),
        Some(_) => value::list(groups),
    })
}

fn find_all(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let multiline = arguments.flag(2, "multiline", false)?;
    let ignore_case = arguments.flag(3, "ignorecase", false)?;
    let pattern = Pattern::new(&arguments.need_text(1, "regex")?, ignore_case, multiline)?;
    let mut found = Vec::new();
    for captures in pattern.regex.captures_iter(text.as_str()) {
        let captures = captures.map_err(|cause| pattern.failed(cause))?;
        let text = |index: usize| match captures.get(index) {
            Some(found) => Value::from(found.as_str()),
            None => Value::from(""),
        };
        found.push(match captures.len() {
            1 => text(0),
            2 => text(1),
            groups => value::tuple((1..groups).map(text).collect()),
        });
    }
    Ok(value::list(found))
}

fn replace(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let written = arguments.text(1, "pattern")?.unwrap_or_default();
    let replacement = arguments.text(2, "replacement")?.unwrap_or_default();
    let ignore_case = arguments.flag(3, "ignorecase", false)?;
    let multiline = arguments.flag(4, "multiline", false)?;
    let pattern = Pattern::new(&written, ignore_case, multiline)?;
    let limit = arguments.integer(usize::MAX, "count")?.unwrap_or(0);
    let mut out = String::new();
    let mut done = 0;
    let mut replaced = 0;
    for captures in pattern.regex.captures_iter(text.as_str()) {
        let captures = captures.map_err(|cause| pattern.failed(cause))?;
        if limit > 0 && replaced >= limit {
            break;
        }
        let Some(whole) = captures.get(0) else {
            continue;
        };
        out.push_str(&text[done..whole.start()]);
        expand(&pattern, &captures, &replacement, &mut out)?;
        done = whole.end();
        replaced += 1;
    }
    if let Some(least) = arguments.integer(usize::MAX, "mandatory_count")?
        && least > replaced
    {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("`{written}` matches {replaced} times, at least {least} are asked for"),
        ));
    }
    out.push_str(&text[done..]);
    Ok(Value::from(out))
}

/// `\1`, `\g<name>` and escapes of a replacement.
fn expand(
    pattern: &Pattern,
    captures: &Captures<'_, str>,
    replacement: &str,
    out: &mut String,
) -> Result<(), Error> {
    let missing = |name: &str| {
        Error::new(
            ErrorKind::Operation,
            format!("the regular expression has no group `{name}`"),
        )
    };
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(next) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        if let Some(named) = rest.strip_prefix("g<")
            && let Some((name, after)) = named.split_once('>')
        {
            let index = match name.parse() {
                Ok(index) => Some(index),
                Err(_) => pattern
                    .regex
                    .capture_names()
                    .position(|known| known == Some(name)),
            };
            let index = index.filter(|index| *index < captures.len());
            let index = index.ok_or_else(|| missing(name))?;
            out.push_str(captures.get(index).map_or("", |found| found.as_str()));
            rest = after;
        } else if next.is_ascii_digit() && next != '0' {
            let two = rest
                .get(..2)
                .filter(|two| two.bytes().all(|b| b.is_ascii_digit()));
            let digits = two.unwrap_or(&rest[..1]);
            let index: usize = digits.parse().unwrap_or(0);
            if index >= captures.len() {
                return Err(missing(digits));
            }
            out.push_str(captures.get(index).map_or("", |found| found.as_str()));
            rest = &rest[digits.len()..];
        } else {
            match next {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '\\' => out.push('\\'),
                other => {
                    out.push('\\');
                    out.push(other);
                }
            }
            rest = &rest[next.len_utf8()..];
        }
    }
    out.push_str(rest);
    Ok(())
}
