//! The expanded inventory: every group, every name in it, every variable, as one document in the shape
//! that inventory programs agree on (`ansible-inventory --list`).

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use serde_json::{Value as Json, json};

use crate::SourceFile;
use crate::variables::evaluation::{Evaluation, OMIT};
use crate::variables::groups;
use crate::variables::scalar;
use crate::yaml::tree::{Node, Value};

/// The whole inventory, templates as they are written.
pub fn inventory(evaluation: &Evaluation) -> Json {
    let world = evaluation.world();
    let hosts: BTreeMap<&str, Json> = names(evaluation)
        .map(|name| (name, of_host(evaluation, name)))
        .collect();
    let mut children = vec!["ungrouped"];
    children.extend(world.groups().top());
    let mut found = BTreeMap::from([
        ("_meta", json!({ "hostvars": sorted(hosts) })),
        ("all", json!({ "children": children })),
    ]);
    for name in world.groups().names() {
        let mut group = BTreeMap::new();
        let below = groups::children(name);
        if !below.is_empty() {
            group.insert("children", json!(below));
        }
        let members = world.groups().members(name);
        if !members.is_empty() {
            group.insert("hosts", json!(members));
        }
        found.insert(name, sorted(group));
    }
    sorted(found)
}

/// The variables of one host, service, image, volume or network, templates as they are written; `None`
/// if there is none of that name.
pub fn host(evaluation: &Evaluation, name: &str) -> Option<Json> {
    is_there(evaluation, name).then(|| of_host(evaluation, name))
}

/// The variables of everything on the stage, evaluated: name → variable → `{"value": …}`, or
/// `{"error": …}` for a template that has no value.
pub fn evaluated(evaluation: &Evaluation) -> Json {
    let members = evaluation.world().groups().hosts(evaluation.stage().name());
    let of = |name: &String| (name.clone(), values_of(evaluation, name));
    let sorted: BTreeMap<String, Json> = members.iter().map(of).collect();
    sorted.into_iter().collect()
}

/// The same for one name; `None` if there is none of it.
pub fn evaluated_host(evaluation: &Evaluation, name: &str) -> Option<Json> {
    is_there(evaluation, name).then(|| values_of(evaluation, name))
}

fn is_there(evaluation: &Evaluation, name: &str) -> bool {
    let members = &evaluation.world().inventory.members;
    members.contains_key(name)
}

/// All names that [`host`] knows.
pub fn names(evaluation: &Evaluation) -> impl Iterator<Item = &str> {
    let members = &evaluation.world().inventory.members;
    members.keys().map(String::as_str)
}

fn of_host(evaluation: &Evaluation, name: &str) -> Json {
    let entries = evaluation.entries(name).into_iter();
    let sources = evaluation.sources();
    sorted(
        entries
            .map(|(key, entry)| (key, json_of(&entry.node, sources)))
            .collect(),
    )
}

fn values_of(evaluation: &Evaluation, name: &str) -> Json {
    let mut variables = BTreeMap::new();
    for key in evaluation.entries(name).into_keys() {
        let outcome = match evaluation.variable(name, key) {
            Some(Ok(value)) if value.as_str() == Some(OMIT) => continue,
            Some(Ok(value)) => match json_of_value(&value) {
                Ok(value) => json!({ "value": value }),
                Err(error) => json!({ "error": error.to_string() }),
            },
            Some(Err(error)) => json!({ "error": error.to_string() }),
            None => continue,
        };
        variables.insert(key, outcome);
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
        _ => json_of_value(&scalar::plain(node, sources)).unwrap_or(Json::Null),
    }
}

/// A value as JSON. Whole numbers beyond 64 bits are rounded, as most readers of JSON do it.
fn json_of_value(value: &hive_templates::Value) -> Result<Json, serde_json::Error> {
    match value.kind() {
        ValueKind::Number if value.is_integer() => {
            let small = i64::try_from(value.clone()).map(Json::from);
            let whole = small.or_else(|_| u64::try_from(value.clone()).map(Json::from));
            whole.or_else(|_| serde_json::to_value(value.to_string().parse::<f64>().ok()))
        }
        ValueKind::Seq | ValueKind::Iterable => match value.try_iter() {
            Ok(items) => items.map(|item| json_of_value(&item)).collect(),
            Err(_) => serde_json::to_value(value),
        },
        ValueKind::Map => match value.try_iter() {
            Ok(keys) => keys
                .map(|key| {
                    let name = match key.kind() {
                        ValueKind::None => "null".to_owned(),
                        _ => key.to_string(),
                    };
                    let item = value.get_item(&key).map_err(serde::ser::Error::custom)?;
                    Ok((name, json_of_value(&item)?))
                })
                .collect(),
            Err(_) => serde_json::to_value(value),
        },
        _ => serde_json::to_value(value),
    }
}
