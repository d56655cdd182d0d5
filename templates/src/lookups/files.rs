//! Lookups of files. Paths are relative to the site's folder; like Ansible, `files/` and
//! `templates/` are looked through, too.

use super::terms;
use crate::evaluation::{Evaluator, arguments::Arguments, text_of};
use crate::python::{methods, printing, value};
use crate::{Error, ErrorKind, Value};

/// Where a file is: as it was written, or in the folder where such files usually are.
fn located(evaluator: &Evaluator<'_>, path: &str, folder: &str) -> Option<String> {
    let inside = format!("{folder}/{path}");
    [path.to_owned(), inside]
        .into_iter()
        .find(|path| evaluator.surroundings.exists(path) && !evaluator.surroundings.is_folder(path))
}

fn read(evaluator: &Evaluator<'_>, path: &str, folder: &str) -> Result<String, Error> {
    let Some(place) = located(evaluator, path, folder) else {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("there is no file `{path}`"),
        )
        .with_next_step(format!(
            "create it, or correct the path: it is relative to the site's folder or its `{folder}/`"
        )));
    };
    let bytes = evaluator.surroundings.read_file(&place).map_err(|cause| {
        Error::new(
            ErrorKind::Operation,
            format!("the file `{place}` can't be read"),
        )
        .with_cause(cause)
        .with_next_step("look at its permissions")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::new(
            ErrorKind::Operation,
            format!("the file `{place}` is not UTF-8 text"),
        )
    })?;
    if text.starts_with("$ANSIBLE_VAULT;") {
        return Err(Error::new(
            ErrorKind::Encrypted,
            format!("the file `{place}` is encrypted with ansible-vault, which is not supported"),
        )
        .with_next_step("decrypt it with `ansible-vault decrypt`"));
    }
    Ok(text)
}

/// `lookup('file', path, …)`.
pub(super) fn file(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let flag = |name: &str, default: bool| arguments.named(name).map_or(default, Value::is_true);
    let (left, right) = (flag("lstrip", false), flag("rstrip", true));
    terms(arguments)?
        .iter()
        .map(|path| {
            let text = read(evaluator, path, "files")?;
            Ok(Value::from(methods::stripped(&text, None, left, right)))
        })
        .collect()
}

/// `lookup('template', path, …)`.
pub(super) fn template(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let convert = arguments.named("convert_data").is_none_or(Value::is_true);
    let mut scope = Vec::new();
    if let Some(variables) = arguments.named("template_vars") {
        for (name, found) in value::entries(variables)? {
            scope.push((printing::text(&name)?, found));
        }
    }
    let mut out = Vec::new();
    for path in terms(arguments)? {
        let text = read(evaluator, &path, "templates")?;
        let rendered = evaluator.deeper(|evaluator| {
            let mut scopes = evaluator.scopes();
            scopes.push(scope.clone());
            text_of(&evaluator.surroundings, &evaluator.variables, scopes, &text)
        });
        let rendered = rendered.map_err(|cause| {
            Error::new(
                cause.kind().clone(),
                format!("the template file `{path}` can't be evaluated"),
            )
            .with_cause(cause)
        })?;
        let looks_literal = convert && rendered.trim_start().starts_with(['{', '[']);
        let literal = if looks_literal {
            crate::python::literal::parse(&rendered)
        } else {
            None
        };
        out.push(literal.unwrap_or_else(|| Value::from(rendered)));
    }
    Ok(out)
}

/// `lookup('first_found', paths)` or with `{files: …, paths: …, skip: …}`.
pub(super) fn first_found(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut candidates = Vec::new();
    let mut skip = arguments.named("skip").is_some_and(Value::is_true);
    let listed = |found: Option<&Value>| -> Result<Vec<String>, Error> {
        match found {
            None => Ok(Vec::new()),
            Some(found) if value::is_list(found) => {
                value::items(found)?.iter().map(printing::text).collect()
            }
            Some(found) => Ok(printing::text(found)?
                .split([',', ';'])
                .map(|part| part.trim().to_owned())
                .collect()),
        }
    };
    let mut add = |files: Vec<String>, folders: Vec<String>| {
        if folders.is_empty() {
            candidates.extend(files);
        } else {
            for folder in &folders {
                let folder = folder.trim_end_matches('/');
                candidates.extend(files.iter().map(|file| format!("{folder}/{file}")));
            }
        }
    };
    for term in &arguments.positional {
        let terms = match value::is_list(term) {
            true => value::items(term)?,
            false => vec![term.clone()],
        };
        for term in terms {
            if value::is_map(&term) {
                let entry = |name: &str| value::entry(&term, &Value::from(name));
                skip |= entry("skip")?.is_some_and(|skip| skip.is_true());
                add(
                    listed(entry("files")?.as_ref())?,
                    listed(entry("paths")?.as_ref())?,
                );
            } else {
                let folders = listed(arguments.named("paths"))?;
                add(vec![printing::text(&term)?], folders);
            }
        }
    }
    if arguments.named("files").is_some() {
        add(
            listed(arguments.named("files"))?,
            listed(arguments.named("paths"))?,
        );
    }
    for candidate in &candidates {
        for folder in ["files", "templates"] {
            if let Some(found) = located(evaluator, candidate, folder) {
                return Ok(vec![Value::from(found)]);
            }
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    Err(Error::new(
        ErrorKind::Operation,
        format!("none of these files is there: {}", candidates.join(", ")),
    )
    .with_next_step("create one of them, or allow for none with `skip=True` or `errors='ignore'`"))
}

/// `lookup('fileglob', pattern, …)`: files of one folder.
pub(super) fn fileglob(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for pattern in terms(arguments)? {
        let (folder, names) = match pattern.rsplit_once('/') {
            Some((folder, names)) => (folder.to_owned(), names.to_owned()),
            None => ("files".to_owned(), pattern.clone()),
        };
        let inside = format!("files/{folder}");
        let folder = match evaluator.surroundings.is_folder(&folder) {
            true => folder,
            false => inside,
        };
        let mut found = evaluator
            .surroundings
            .list_folder(&folder)
            .unwrap_or_default();
        found.sort();
        for name in found {
            let path = format!("{folder}/{name}");
            if matches(&names, &name) && !evaluator.surroundings.is_folder(&path) {
                out.push(Value::from(path));
            }
        }
    }
    Ok(out)
}

/// Whether a name is as a pattern with `*` and `?` says.
fn matches(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !pattern.starts_with('.');
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for p in &pattern {
        let mut next = vec![false; name.len() + 1];
        next[0] = *p == '*' && row[0];
        for at in 1..=name.len() {
            next[at] = match p {
                '*' => row[at] || next[at - 1],
                '?' => row[at - 1],
                p => row[at - 1] && *p == name[at - 1],
            };
        }
        row = next;
    }
    !hidden && row[name.len()]
}
