//! Filters of paths. They look at the text only, no file is touched.

use super::Filter;
use crate::Value;
use crate::evaluation::Evaluator;
use crate::python::{printing, value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("basename", |_, a| {
        let path = a.input_text()?;
        Ok(Value::from(path.rsplit('/').next().unwrap_or_default()))
    }),
    ("dirname", |_, a| Ok(Value::from(folder(&a.input_text()?)))),
    ("realpath", |e, a| {
        Ok(Value::from(absolute(e, &a.input_text()?)))
    }),
    ("normpath", |_, a| Ok(Value::from(normal(&a.input_text()?)))),
    ("expanduser", |e, a| {
        Ok(Value::from(at_home(e, &a.input_text()?)))
    }),
    ("expandvars", |e, a| {
        Ok(Value::from(expand_variables(e, &a.input_text()?)))
    }),
    ("relpath", |e, a| {
        let start = a.text(1, "start")?.unwrap_or_else(|| ".".into());
        let (path, start) = (absolute(e, &a.input_text()?), absolute(e, &start));
        Ok(Value::from(relative(&path, &start)))
    }),
    ("splitext", |_, a| {
        let path = a.input_text()?;
        let name = path.rfind('/').map_or(0, |at| at + 1);
        let dot = path[name..].rfind('.').map(|at| at + name);
        // The dots at the start of a name begin no extension.
        let split = match dot {
            Some(dot) if path[name..dot].chars().any(|c| c != '.') => dot,
            _ => path.len(),
        };
        let (root, extension) = path.split_at(split);
        Ok(value::tuple(vec![
            Value::from(root),
            Value::from(extension),
        ]))
    }),
    ("path_join", |_, a| {
        let parts = match value::is_list(a.input()) {
            true => a.input_items()?,
            false => vec![a.input().clone()],
        };
        let mut path = String::new();
        for part in &parts {
            let part = printing::text(part)?;
            if part.starts_with('/') || path.is_empty() {
                path = part;
            } else {
                if !path.ends_with('/') {
                    path.push('/');
                }
                path.push_str(&part);
            }
        }
        Ok(Value::from(path))
    }),
    ("commonpath", |_, a| {
        let mut common: Option<Vec<String>> = None;
        for path in a.input_items()? {
            let path = printing::text(&path)?;
            let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
            common = Some(match common {
                None => parts,
                Some(known) => known
                    .into_iter()
                    .zip(parts)
                    .take_while(|(a, b)| a == b)
                    .map(|(a, _)| a)
                    .collect(),
            });
        }
        let common = common.unwrap_or_default();
        let joined = common.join("/");
        Ok(Value::from(match common.as_slice() {
            [root] if root.is_empty() => "/".to_owned(),
            _ => joined,
        }))
    }),
];

fn folder(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |at| at + 1);
    let head = &path[..end];
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }.to_owned()
}

/// A path without `.`, `..` and doubled slashes.
pub(crate) fn normal(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

fn absolute(evaluator: &Evaluator<'_>, path: &str) -> String {
    let path = at_home(evaluator, path);
    if path.starts_with('/') {
        return normal(&path);
    }
    // What relative paths are relative to is the site's folder, which `PWD` is when `hive` starts.
    match evaluator.surroundings.env("PWD") {
        Some(folder) => normal(&format!("{folder}/{path}")),
        None => normal(&path),
    }
}

fn at_home(evaluator: &Evaluator<'_>, path: &str) -> String {
    match (path.strip_prefix('~'), evaluator.surroundings.env("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

fn relative(path: &str, start: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (path, start) = (parts(path), parts(start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let mut out = vec!["..".to_owned(); start.len() - common];
    out.extend_from_slice(&path[common..]);
    if out.is_empty() {
        ".".into()
    } else {
        out.join("/")
    }
}

/// `$NAME` and `${NAME}`; what is not set stays as it is.
fn expand_variables(evaluator: &Evaluator<'_>, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, length) = match rest.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (&inner[..end], end + 2),
                None => ("", 0),
            },
            None => {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        match evaluator.surroundings.env(name) {
            Some(found) if length > 0 => {
                out.push_str(&found);
                rest = &rest[length..];
            }
            _ => out.push('$'),
        }
    }
    out + rest
}
