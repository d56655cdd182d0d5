//! A specification as lines of "what: value", free of what docker adds to it: what was said and what
//! docker made of it give the same lines. Plans compare and show these.
//!
//! It starts from the JSON of the whole specification, so that an attribute nobody thought of here
//! still shows as a difference.

mod health;
mod image;
mod lists;
mod network;
mod words;

use std::collections::BTreeMap;

use bollard::models::ServiceSpec;
use serde_json::{Map, Value};

pub use health::remember as remember_health;
pub use image::{familiar, split as split_image};
pub use network::network;

/// Paths as a person would call them, to values as a person would write them.
pub type Shape = BTreeMap<String, String>;

/// What docker does when nothing is said, by path: not worth a line.
const DEFAULTS: [(&str, &str); 21] = [
    ("endpoint_mode", "vip"),
    ("runtime", "container"),
    ("isolation", "default"),
    ("replicas", "1"),
    ("mode", "replicated"),
    ("stop_grace_period", "10s"),
    ("restart.condition", "any"),
    ("restart.delay", "5s"),
    ("update.parallelism", "1"),
    ("update.failure_action", "pause"),
    ("update.order", "stop-first"),
    ("update.monitor", "5s"),
    ("update.max_failure_ratio", "0"),
    ("rollback.parallelism", "1"),
    ("rollback.failure_action", "pause"),
    ("rollback.order", "stop-first"),
    ("rollback.monitor", "5s"),
    ("rollback.max_failure_ratio", "0"),
    ("update.delay", "0s"),
    ("rollback.delay", "0s"),
    ("restart.window", "0s"),
];

/// The lines of a service. `networks` gives names for ids.
pub fn service(spec: &ServiceSpec, networks: &BTreeMap<String, String>) -> Shape {
    let mut whole = serde_json::to_value(spec).unwrap_or_default();
    let mut shape = Shape::new();
    take(&mut whole, "Name");
    health::recall(&mut whole);
    lists::strings(&mut shape, "labels", take(&mut whole, "Labels"));
    let mut task = take(&mut whole, "TaskTemplate").unwrap_or_default();
    let mut container = take(&mut task, "ContainerSpec").unwrap_or_default();
    // Counted up to start tasks anew; plans handle it apart.
    take(&mut task, "ForceUpdate");
    lists::mode(&mut shape, take(&mut whole, "Mode"));
    // Older services have them one level higher.
    let attached = take(&mut task, "Networks").filter(|list| !is_empty(list));
    let above = take(&mut whole, "Networks");
    lists::networks(&mut shape, attached.or(above), networks);
    if let Some(mut endpoint) = take(&mut whole, "EndpointSpec") {
        lists::ports(&mut shape, take(&mut endpoint, "Ports"));
        let mode = take(&mut endpoint, "Mode").unwrap_or_default();
        flatten(&mut shape, "endpoint_mode", mode);
        flatten(&mut shape, "endpoint", endpoint);
    }
    for (key, path) in [("UpdateConfig", "update"), ("RollbackConfig", "rollback")] {
        if let Some(mut rollout) = take(&mut whole, key).filter(|rollout| !rollout.is_null()) {
            // Missing in a policy that is there, it means all at once.
            let parallelism = take(&mut rollout, "Parallelism").unwrap_or_else(|| 0.into());
            shape.insert(
                format!("{path}.parallelism"),
                words::value("", &parallelism),
            );
            flatten(&mut shape, path, rollout);
        }
    }
    placement(&mut shape, take(&mut task, "Placement"));
    let resources = take(&mut task, "Resources").unwrap_or_default();
    flatten(&mut shape, "", resources);
    let restart = take(&mut task, "RestartPolicy").unwrap_or_default();
    flatten(&mut shape, "restart", restart);
    if let Some(mut log) = take(&mut task, "LogDriver") {
        lists::strings(&mut shape, "log.options", take(&mut log, "Options"));
        flatten(&mut shape, "log", log);
    }
    if let Some(Value::String(reference)) = take(&mut container, "Image") {
        shape.insert("image".into(), familiar(&reference));
    }
    // Engines before 25 do not keep it, and would show a difference for ever.
    if let Some(privileges) = container.get_mut("Privileges") {
        take(privileges, "AppArmor");
    }
    lists::container(&mut shape, &mut container);
    flatten(&mut shape, "", container);
    flatten(&mut shape, "", task);
    flatten(&mut shape, "", whole);
    shape.retain(|path, value| !DEFAULTS.contains(&(path.as_str(), value.as_str())));
    shape
}

fn placement(shape: &mut Shape, placement: Option<Value>) {
    let Some(mut placement) = placement else {
        return;
    };
    // Docker's own command adds the platforms that an image exists for.
    take(&mut placement, "Platforms");
    lists::constraints(shape, take(&mut placement, "Constraints"));
    if let Some(Value::Array(preferences)) = take(&mut placement, "Preferences") {
        let labels = preferences.iter();
        let labels: Vec<String> = labels
            .map(|p| match &p["Spread"]["SpreadDescriptor"] {
                Value::String(label) => label.clone(),
                _ => p.to_string(),
            })
            .collect();
        if !labels.is_empty() {
            shape.insert("placement.spread".into(), labels.join(", "));
        }
    }
    flatten(shape, "placement", placement);
}

fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.as_object_mut()?.remove(key)
}

/// Whether docker writes this for "nothing said". Zeros that mean something have a path of their own.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

/// Paths at which a zero or a "no" is not the same as nothing.
const TELLING: [&str; 4] = [
    "init",
    "restart.delay",
    "stop_grace_period",
    "oom_score_adj",
];

fn flatten(shape: &mut Shape, path: &str, value: Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = words::key(&key);
                let below = match path {
                    "" => key,
                    _ => format!("{path}.{key}"),
                };
                flatten(shape, &below, value);
            }
        }
        Value::Null => {}
        value if is_empty(&value) && !TELLING.contains(&path) => {}
        value => {
            shape.insert(path.to_owned(), words::value(path, &value));
        }
    }
}

/// JSON without what [`is_empty`].
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let full = map.into_iter().filter(|(_, value)| !is_empty(value));
            Value::Object(full.map(|(k, v)| (k, pruned(v))).collect::<Map<_, _>>())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests;
