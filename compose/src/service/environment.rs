//! The variables of a service: files first, then what the service says itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::env_file;
use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::stack::Context;
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::{Node, Value};

const KNOWN: [&str; 2] = ["path", "required"];
const FORMAT: [Ignored; 1] = [Ignored {
    key: "format",
    instead: "",
}];

/// Sorted, as docker's command gives them.
pub(super) fn read(
    service: &Fields<'_>,
    what: &str,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let mut variables: BTreeMap<String, Option<String>> = BTreeMap::new();
    for node in service.list("env_file", report) {
        file(node, what, context, &mut variables, report);
    }
    if let Some(said) = service.pairs("environment", '=', report) {
        for (name, value) in said {
            // Without a value it is the value out here.
            let value = value.or_else(|| context.surroundings.variable(&name));
            variables.insert(name, value);
        }
    }
    let lines = variables.into_iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    lines.collect()
}

fn file(
    node: &Node,
    what: &str,
    context: &Context<'_>,
    variables: &mut BTreeMap<String, Option<String>>,
    report: &mut Report<'_>,
) {
    let mut required = true;
    let path = if let Value::Map(_) = node.value {
        let what = format!("`env_file` of {what}");
        let Some(fields) = Fields::of(node, what, &KNOWN, &FORMAT, report) else {
            return;
        };
        required = fields.flag("required", report).unwrap_or(true);
        fields.text("path", report)
    } else {
        node.as_text().map(str::to_owned)
    };
    let Some(path) = path else {
        let message = format!("`env_file` of {what} is {}", node.kind());
        report.error(node.place, message, "write the path of a file");
        return;
    };
    let surroundings = context.surroundings;
    let bytes = match surroundings.read_file(Path::new(&path)) {
        Ok(bytes) => bytes,
        Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            report.error(
                node.place,
                format!("{path}: {error}"),
                format!("paths start from {}", surroundings.folder().display()),
            );
            return;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        report.error(
            node.place,
            format!("{path} is not UTF-8"),
            "save it as UTF-8",
        );
        return;
    };
    match env_file::read(&text) {
        Ok(read) => {
            for (name, value) in read {
                let value = value.or_else(|| surroundings.variable(&name));
                if value.is_some() {
                    variables.insert(name, value);
                }
            }
        }
        Err((line, why)) => {
            let message = format!("{path}, line {line}: {why}");
            report.error(node.place, message, "lines are NAME=VALUE");
        }
    }
}
