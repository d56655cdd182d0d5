//! Where tasks may run: constraints, and labels to spread over.

use super::model::Placement;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

const KEYS: &[&str] = &[
    "constraints",
    "preferences",
    "replicas_max_per_node",
    "max_replicas_per_node",
];
/// What the swarm knows of a node; after a prefix that ends with a dot any label may follow.
const NODE_KEYS: &[&str] = &[
    "node.id",
    "node.hostname",
    "node.ip",
    "node.role",
    "node.platform.os",
    "node.platform.arch",
    "node.labels.",
    "engine.labels.",
];
const EXAMPLE: &str = "write it as `node.labels.zone == a` or `node.hostname != hive0`";

/// Reads `placement`.
pub(crate) fn read(entry: &Entry, around: &Surroundings<'_>, report: &mut Report<'_>) -> Placement {
    let what = "`placement`";
    let Some(fields) = Fields::open(&entry.node, entry.place, what, KEYS, report) else {
        return Placement::default();
    };
    let mut placement = Placement::default();
    if let Some(list) = fields.entry("constraints") {
        for item in values::items(&list.node, "constraints", report) {
            if let Some(text) = fields::text(item, "constraints", report) {
                constraint(&text, item, around, report);
                placement.constraints.push(text.trim().to_owned());
            }
        }
    }
    if let Some(list) = fields.entry("preferences") {
        placement.spread = preferences(&list.node, report);
    }
    for key in ["replicas_max_per_node", "max_replicas_per_node"] {
        if let Some(most) = fields.whole(key, 0..=u64::from(u32::MAX), report) {
            placement.max_replicas_per_node = (most > 0).then_some(most);
        }
    }
    placement
}

/// Judges one constraint as the swarm does, and what the swarm would only say by never starting a task.
fn constraint(text: &str, node: &Node, around: &Surroundings<'_>, report: &mut Report<'_>) {
    let wrong = |report: &mut Report<'_>, reason: String, help: String| {
        report.error(
            node.place,
            format!("`{text}` is not a constraint: {reason}"),
            help,
        );
    };
    let operator = match (text.find("=="), text.find("!=")) {
        (Some(equal), Some(other)) => Some(equal.min(other)),
        (equal, other) => equal.or(other),
    };
    let Some(operator) = operator else {
        return wrong(
            report,
            "it has neither `==` nor `!=`".into(),
            EXAMPLE.into(),
        );
    };
    let (key, value) = (text[..operator].trim(), text[operator + 2..].trim());
    if value.is_empty() || !value.chars().all(is_value) {
        return wrong(
            report,
            format!("the swarm takes no value `{value}`"),
            EXAMPLE.into(),
        );
    }
    let folded = key.to_ascii_lowercase();
    let known = NODE_KEYS.iter().any(|known| match known.strip_suffix('.') {
        Some(_) => folded.len() > known.len() && folded.starts_with(known),
        None => folded == *known,
    });
    if !known {
        return wrong(
            report,
            format!("no node has `{key}`, so no task would ever start"),
            spelling::advice(key, NODE_KEYS),
        );
    }
    if folded == "node.role" && !matches!(value, "manager" | "worker") {
        return wrong(
            report,
            format!("there is no role `{value}`"),
            "a node is `manager` or `worker`".into(),
        );
    }
    if folded == "node.hostname" {
        host_name(value, node, around, report);
    }
}

/// A constraint on a host's name that no host can meet is no error, as the host may come later.
fn host_name(value: &str, node: &Node, around: &Surroundings<'_>, report: &mut Report<'_>) {
    let short = value.split('.').next().unwrap_or(value);
    if value != short && around.is_host(value) {
        report.warn(
            node.place,
            format!(
                "the swarm knows host `{value}` as `{short}`, so this constraint does not see it"
            ),
            format!("write `{short}`"),
        );
    } else if !around.is_host(value) {
        let shorts: Vec<&str> = around
            .stage
            .hosts()
            .iter()
            .map(|h| h.short_name())
            .collect();
        report.warn(
            node.place,
            format!("no stage has a host `{value}`"),
            spelling::advice(value, &shorts),
        );
    }
}

/// Characters that the swarm takes in a constraint's value.
fn is_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ' ' || ":-_.*()?+[]\\^$|/".contains(c)
}

fn preferences(node: &Node, report: &mut Report<'_>) -> Vec<String> {
    let mut spread = Vec::new();
    for item in values::items(node, "preferences", report) {
        let label = match &item.value {
            Value::Map(_) => {
                let what = "an item of `preferences`";
                Fields::open(item, item.place, what, &["spread"], report).and_then(|fields| {
                    let entry = fields.required("spread", "node.labels.zone", report)?;
                    fields::text(&entry.node, "spread", report)
                })
            }
            _ => fields::text(item, "preferences", report)
                .map(|text| text.strip_prefix("spread=").unwrap_or(&text).to_owned()),
        };
        let Some(label) = label else { continue };
        if label.starts_with("node.labels.") || label.starts_with("engine.labels.") {
            spread.push(label);
        } else {
            report.error(
                item.place,
                format!("tasks can't be spread over `{label}`"),
                "write a label of the nodes, such as `spread: node.labels.zone`",
            );
        }
    }
    spread
}
