//! Filters of texts.

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{methods, operators, printing, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("upper", |_, a| {
        Ok(Value::from(a.input_text()?.to_uppercase()))
    }),
    ("lower", |_, a| {
        Ok(Value::from(a.input_text()?.to_lowercase()))
    }),
    ("capitalize", |_, a| {
        Ok(Value::from(methods::capitalized(&a.input_text()?)))
    }),
    ("title", |_, a| Ok(Value::from(title(&a.input_text()?)))),
    ("trim", |_, a| {
        let set = a.text(1, "chars")?;
        Ok(Value::from(methods::stripped(
            &a.input_text()?,
            set.as_deref(),
            true,
            true,
        )))
    }),
    ("center", |_, a| {
        let width = a.integer(1, "width")?.unwrap_or(80);
        method(a, "center", vec![value::from_integer(width)])
    }),
    ("replace", |_, a| {
        let mut values = vec![
            Value::from(a.need_text(1, "old")?),
            Value::from(a.need_text(2, "new")?),
        ];
        if let Some(count) = a.integer(3, "count")? {
            values.push(value::from_integer(count));
        }
        method(a, "replace", values)
    }),
    ("split", |_, a| {
        let separator = a.text(1, "sep")?;
        let limit = a
            .integer(2, "maxsplit")?
            .and_then(|limit| usize::try_from(limit).ok());
        methods::split(&a.input_text()?, separator.as_deref(), limit, false)
    }),
    ("format", |_, a| match a.named.is_empty() {
        true => operators::format_values(&a.input_text()?, a.rest(1)),
        false => {
            let named = a.named.iter();
            let named = named.map(|(name, found)| (Value::from(name.as_str()), found.clone()));
            operators::format_values(&a.input_text()?, &[value::map(named)])
        }
    }),
    ("indent", |_, a| indent(a)),
    ("wordcount", |_, a| {
        Ok(Value::from(a.input_text()?.split_whitespace().count()))
    }),
    ("wordwrap", |_, a| wordwrap(a)),
    ("truncate", |_, a| truncate(a)),
    ("striptags", |_, a| {
        let mut out = String::new();
        let mut inside = false;
        for c in a.input_text()?.chars() {
            match c {
                '<' => inside = true,
                '>' if inside => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        Ok(Value::from(
            out.split_whitespace().collect::<Vec<_>>().join(" "),
        ))
    }),
    ("escape", |_, a| Ok(Value::from(escaped(&a.input_text()?)))),
    ("e", |_, a| Ok(Value::from(escaped(&a.input_text()?)))),
    ("forceescape", |_, a| {
        Ok(Value::from(escaped(&a.input_text()?)))
    }),
    ("xmlattr", |_, a| {
        let mut out = String::new();
        for (key, found) in value::entries(a.input())? {
            if !found.is_none() {
                let (key, found) = (printing::text(&key)?, printing::text(&found)?);
                out.push_str(&format!(" {}=\"{}\"", escaped(&key), escaped(&found)));
            }
        }
        Ok(Value::from(out))
    }),
    ("quote", |_, a| Ok(Value::from(quoted(&a.input_text()?)))),
    ("comment", |_, a| comment(a)),
];

fn method(arguments: &Arguments, name: &str, values: Vec<Value>) -> Result<Value, Error> {
    let text = Value::from(arguments.input_text()?);
    let inner = Arguments {
        positional: values,
        named: Vec::new(),
    };
    Ok(methods::call(&text, name, &inner)?.unwrap_or(text))
}

/// With Jinja's idea of a word: ended by white space, dashes and brackets.
fn title(text: &str) -> String {
    methods::titled(text, |c| !(c.is_whitespace() || "-([{<".contains(c)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}

/// As a shell would have to have it.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn indent(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let width = match arguments.get(1, "width") {
        Some(width) if width.as_str().is_some() => printing::text(width)?,
        _ => {
            let width = arguments.integer(1, "width")?.unwrap_or(4).clamp(0, 1000);
            " ".repeat(usize::try_from(width).unwrap_or(4))
        }
    };
    let first = arguments.flag(2, "first", false)?;
    let blank = arguments.flag(3, "blank", false)?;
    let mut out = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if (index > 0 || first) && (blank || !line.is_empty()) {
            out.push_str(&width);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn wordwrap(arguments: &Arguments) -> Result<Value, Error> {
    let width = arguments.integer(1, "width")?.unwrap_or(79).max(1);
    let width = usize::try_from(width).unwrap_or(79);
    let break_long = arguments.flag(2, "break_long_words", true)?;
    let separator = arguments
        .text(3, "wrapstring")?
        .unwrap_or_else(|| "\n".into());
    let mut lines = Vec::new();
    for paragraph in arguments.input_text()?.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            let used = line.chars().count();
            if used > 0 && used + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            while break_long && line.is_empty() && word.chars().count() > width {
                lines.push(word.chars().take(width).collect());
                word = word.chars().skip(width).collect();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    Ok(Value::from(lines.join(&separator)))
}

fn truncate(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let number = |place: usize, name: &str, default: i128| -> Result<usize, Error> {
        let number = arguments.integer(place, name)?.unwrap_or(default).max(0);
        Ok(usize::try_from(number).unwrap_or(0))
    };
    let length = number(1, "length", 255)?;
    let kill_words = arguments.flag(2, "killwords", false)?;
    let end = arguments.text(3, "end")?.unwrap_or_else(|| "...".into());
    let leeway = number(4, "leeway", 5)?;
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text));
    }
    let kept = length.checked_sub(end.chars().count()).ok_or_else(|| {
        Error::new(
            ErrorKind::Operation,
            "the length is shorter than what comes at the end",
        )
    })?;
    let short: String = text.chars().take(kept).collect();
    let short = match short.rsplit_once(' ') {
        Some((before, _)) if !kill_words => before.to_owned(),
        _ => short,
    };
    Ok(Value::from(short + &end))
}

/// A text as a comment of a configuration file.
fn comment(arguments: &Arguments) -> Result<Value, Error> {
    let text = arguments.input_text()?;
    let style = arguments
        .text(1, "style")?
        .unwrap_or_else(|| "plain".into());
    let (decoration, beginning, ending) = match style.as_str() {
        "plain" => ("# ", "", ""),
        "erlang" => ("% ", "", ""),
        "c" => ("// ", "", ""),
        "cblock" => (" * ", "/*", " */"),
        "xml" => (" - ", "<!--", "-->"),
        other => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("there is no comment style `{other}`"),
            )
            .with_next_step("use plain, erlang, c, cblock or xml"));
        }
    };
    let option = |name: &str, default: &str| -> Result<String, Error> {
        match arguments.named(name) {
            Some(found) => printing::text(found),
            None => Ok(default.to_owned()),
        }
    };
    let count = |name: &str| -> Result<usize, Error> {
        let count = arguments
            .integer(usize::MAX, name)?
            .unwrap_or(1)
            .clamp(0, 1000);
        Ok(usize::try_from(count).unwrap_or(1))
    };
    let decoration = option("decoration", decoration)?;
    let newline = option("newline", "\n")?;
    let beginning = option("beginning", beginning)?;
    let ending = option("end", ending)?;
    let bare = decoration.trim_end().to_owned();
    let prefix = option("prefix", &bare)?;
    let postfix = option("postfix", &bare)?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&beginning);
        out.push_str(&newline);
    }
    if !prefix.is_empty() {
        out.push_str(&format!("{prefix}{newline}").repeat(count("prefix_count")?));
    }
    let body: Vec<String> = text
        .split(newline.as_str())
        .map(|line| format!("{decoration}{line}").trim_end().to_owned())
        .collect();
    out.push_str(&body.join(&newline));
    let after = postfix.trim_end();
    for _ in 0..count("postfix_count")? {
        out.push_str(&newline);
        out.push_str(after);
    }
    if !ending.is_empty() {
        out.push_str(&newline);
        out.push_str(&ending);
    }
    Ok(Value::from(out))
}
