//! The expanded inventory: every group, every name in it, every variable, as one document in the shape
//! that inventory programs agree on (`ansible-inventory --list`).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::variables::evaluation::Evaluation;
use crate::variables::groups;
use crate::variables::scalar;
use crate::yaml::report::Report;
use crate::yaml::tree::{Node, Value};
use crate::{Diagnostics, SourceFile};

/// How values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Templates as they are written, as the predecessor shows them.
    Written,
    /// Templates evaluated.
    Evaluated,
}

/// The whole inventory.
///
/// # Errors
/// Values are to be evaluated, and a template has none.
pub fn inventory(evaluation: &Evaluation, values: Values) -> Result<Json, Diagnostics> {
    let mut report = Report::new(evaluation.sources());
    let world = evaluation.world();
    let hosts: BTreeMap<&str, Json> = world
        .inventory
        .members
        .keys()
        .map(|name| {
            (
                name.as_str(),
                of_host(evaluation, name, values, &mut report),
            )
        })
        .collect();
    report.finish()?;
    let mut document = Map::new();
    document.insert("_meta".into(), json!({ "hostvars": sorted(hosts) }));
    let mut children = vec!["ungrouped"];
    children.extend(world.groups().top());
    let mut found = BTreeMap::from([("all", json!({ "children": children }))]);
    for name in world.groups().names() {
        let mut group = BTreeMap::new();
        let below: Vec<&str> = groups::children(name).to_vec();
        if !below.is_empty() {
            group.insert("children", json!(below));
        }
        let members = world.groups().members(name);
        if !members.is_empty() {
            group.insert("hosts", json!(members));
        }
        found.insert(name, sorted(group));
    }
    for (name, group) in found {
        document.insert(name.into(), group);
    }
    Ok(Json::Object(document))
}

/// The variables of one host, service, image, volume or network; `None` if there is none of that name.
///
/// # Errors
/// Values are to be evaluated, and a template has none.
pub fn host(
    evaluation: &Evaluation,
    name: &str,
    values: Values,
) -> Option<Result<Json, Diagnostics>> {
    if !evaluation.world().inventory.members.contains_key(name) {
        return None;
    }
    let mut report = Report::new(evaluation.sources());
    let variables = of_host(evaluation, name, values, &mut report);
    Some(report.finish().map(|_| variables))
}

/// All names that [`host`] knows.
pub fn names(evaluation: &Evaluation) -> impl Iterator<Item = &str> {
    let members = &evaluation.world().inventory.members;
    members.keys().map(String::as_str)
}

fn of_host(evaluation: &Evaluation, name: &str, values: Values, report: &mut Report<'_>) -> Json {
    let mut variables: BTreeMap<&str, Json> = BTreeMap::new();
    for (key, entry) in evaluation.entries(name) {
        let node = match values {
            Values::Written => Some(entry.node.clone()),
            Values::Evaluated => {
                let place = entry.node.place;
                let value = Value::Map(vec![entry.clone()]);
                // The tree as a whole, so that errors name the variable that they are in.
                let tree = evaluation.node(&Node { value, place }, name, report);
                tree.and_then(|tree| tree.get(key).map(|entry| entry.node.clone()))
            }
        };
        if let Some(node) = node {
            variables.insert(key, json_of(&node, evaluation.sources()));
        }
    }
    sorted(variables)
}

fn sorted(map: BTreeMap<&str, Json>) -> Json {
    Json::Object(
        map.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn json_of(node: &Node, sources: &[SourceFile]) -> Json {
    match &node.value {
        Value::Text(text) if scalar::is_encrypted(text) => json!({ "__ansible_vault": text }),
        Value::List(items) => items.iter().map(|item| json_of(item, sources)).collect(),
        Value::Map(entries) => sorted(
            entries
                .iter()
                .map(|entry| (entry.key.as_str(), json_of(&entry.node, sources)))
                .collect(),
        ),
        _ => serde_json::to_value(scalar::plain(node, sources)).unwrap_or(Json::Null),
    }
}
