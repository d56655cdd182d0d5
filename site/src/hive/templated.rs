//! Templates in the stages of a hive definition.
//!
//! A template has a value only when all hosts are known. So a definition is read twice when it has any:
//! first without what is a template, for its hosts, then with the values.

use super::definition::Definition;
use super::stage::StageName;
use crate::variables::evaluation::Evaluation;
use crate::variables::layers::is_template;
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node, Value};

/// Keys that decide which hosts there are, and what they are called.
const LITERAL: &[&str] = &[
    "provider",
    "cidr",
    "separate_repository",
    "number_of_hosts",
    "ip_address_list",
    "custom_hostname",
    "az_suffix_list",
    "not_support_az",
];
/// Keys with a text of any kind, which may be read as it is written as long as its value is not there.
const TEXTS: &[&str] = &[
    "region",
    "subnets",
    "instance_type",
    "repository_instance_type",
    "kms_key_id",
    "kernel_version",
    "drbd_download_url",
    "bridge",
    "dev",
    "root_password",
    "image_name",
];

/// Refuses templates where hosts depend on them; whether there was any.
pub(crate) fn refuse(stage: &Node, report: &mut Report<'_>) -> bool {
    let before = report.errors();
    for entry in entries(stage) {
        let nodes: Vec<&Node> = match entry.key.as_str() {
            "subnets" => items(&entry.node)
                .iter()
                .filter_map(|subnet| Some(&subnet.get("cidr")?.node))
                .collect(),
            key if LITERAL.contains(&key) => vec![&entry.node],
            _ => Vec::new(),
        };
        for node in nodes.into_iter().filter(|node| is_template(node)) {
            report.error(
                node.place,
                format!("`{}` can't be a template", entry.key),
                "write the value itself: which hosts there are has to be known before any variable",
            );
        }
    }
    report.errors() > before
}

/// Whether a definition has templates that wait for hosts.
pub(crate) fn waits(definition: &Node) -> bool {
    stages(definition).iter().any(stage_waits)
}

fn stage_waits(stage: &Entry) -> bool {
    let mut entries = entries(&stage.node).iter();
    entries.any(|entry| !LITERAL.contains(&entry.key.as_str()) && is_template(&entry.node))
}

/// A definition without what waits for hosts.
pub(crate) fn outline(definition: &Node) -> Node {
    with_stages(definition, |stage| {
        // What must not be a template stays, to be refused.
        let known = |entry: &&Entry| {
            let key = entry.key.as_str();
            TEXTS.contains(&key) || LITERAL.contains(&key) || !is_template(&entry.node)
        };
        let kept = entries(&stage.node).iter().filter(known).cloned();
        Some(match &stage.node.value {
            Value::Map(_) => Value::Map(kept.collect()),
            other => other.clone(),
        })
    })
}

/// A definition with the values of its templates, but for the stages that nobody works on: those that
/// have no evaluation and need one are left out.
pub(crate) fn complete<'e>(
    definition: &Node,
    outline: &Definition,
    evaluation: impl Fn(StageName) -> Option<&'e Evaluation>,
    report: &mut Report<'_>,
) -> Node {
    with_stages(definition, |stage| {
        let Some(name) = StageName::from_name(&stage.key).filter(|_| stage_waits(stage)) else {
            return Some(stage.node.value.clone());
        };
        let evaluation = evaluation(name)?;
        let known = outline.stages.iter().find(|known| known.stage.name == name);
        let hosts = known.map_or(&[][..], |known| known.stage.hosts());
        let name_of =
            |host: Option<&super::host::Host>| host.map_or("", |host| &host.name).to_owned();
        let (first, last) = (name_of(hosts.first()), name_of(hosts.last()));
        let found = entries(&stage.node).iter().filter_map(|entry| {
            if LITERAL.contains(&entry.key.as_str()) || !is_template(&entry.node) {
                return Some(entry.clone());
            }
            let host = match entry.key.starts_with("repository_") {
                true => &last,
                false => &first,
            };
            evaluation.entry_value(entry, host, report)
        });
        Some(Value::Map(found.collect()))
    })
}

/// A definition with other values for its stages; those that have none are left out.
fn with_stages(definition: &Node, mut value: impl FnMut(&Entry) -> Option<Value>) -> Node {
    let mut definition = definition.clone();
    let Value::Map(keys) = &mut definition.value else {
        return definition;
    };
    for key in keys.iter_mut().filter(|key| key.key == "stages") {
        if let Value::Map(stages) = &mut key.node.value {
            stages.retain_mut(|stage| match value(stage) {
                Some(value) => {
                    stage.node.value = value;
                    true
                }
                None => false,
            });
        }
    }
    definition
}

fn stages(definition: &Node) -> &[Entry] {
    definition
        .get("stages")
        .map_or(&[], |stages| entries(&stages.node))
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}
