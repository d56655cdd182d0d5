//! Methods of texts that leave them as they are.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::Kwargs;

use super::cutting::{bounds, part, split, stripped};
use super::failed;
use super::lettering::{capitalized, is_titled, titled};
use crate::evaluation::arguments::Arguments;
use crate::python::{undefined, value};
use crate::{Error, Value};

/// For those who ask whether there is such a method.
pub(super) const NAMES: &[&str] = &[
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

/// The result of a method, if texts have one of that name.
pub(super) fn method(
    text: &str,
    name: &str,
    arguments: &Arguments,
) -> Result<Option<Value>, Error> {
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
        "title" => Value::from(titled(text, char::is_alphabetic)),
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
