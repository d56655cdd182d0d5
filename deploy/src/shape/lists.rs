//! Lists whose order means nothing, as lines by what identifies an entry.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Shape, flatten, is_empty, pruned, take, words};
use crate::from_site::capability;

/// A map of strings whose keys are not docker's words.
pub fn strings(shape: &mut Shape, path: &str, map: Option<Value>) {
    if let Some(Value::Object(map)) = map {
        for (key, value) in map {
            shape.insert(format!("{path}.{key}"), words::value("", &value));
        }
    }
}

pub fn mode(shape: &mut Shape, mode: Option<Value>) {
    let Some(Value::Object(mode)) = mode else {
        return;
    };
    for (name, value) in mode.into_iter().filter(|(_, value)| !value.is_null()) {
        shape.insert("mode".into(), words::key(&name));
        match (name.as_str(), &value["Replicas"]) {
            ("Replicated", Value::Null) => {}
            ("Replicated", replicas) => {
                shape.insert("replicas".into(), replicas.to_string());
            }
            _ => flatten(shape, "", value),
        }
    }
}

pub fn networks(shape: &mut Shape, list: Option<Value>, names: &BTreeMap<String, String>) {
    for mut network in entries(list) {
        let target = text(take(&mut network, "Target"));
        let name = names.get(&target).unwrap_or(&target);
        let more = pruned(network);
        let how = match is_empty(&more) {
            true => "attached".to_owned(),
            false => more.to_string(),
        };
        shape.insert(format!("networks.{name}"), how);
    }
}

pub fn ports(shape: &mut Shape, list: Option<Value>) {
    for port in entries(list) {
        let or = |key: &str, default: &str| match &port[key] {
            Value::String(text) if !text.is_empty() => text.clone(),
            _ => default.to_owned(),
        };
        let number = |key: &str| port[key].as_i64().unwrap_or_default();
        let target = number("TargetPort");
        let path = match number("PublishedPort") {
            0 => format!("ports.(any for {target})/{}", or("Protocol", "tcp")),
            published => format!("ports.{published}/{}", or("Protocol", "tcp")),
        };
        let mode = or("PublishMode", "ingress");
        shape.insert(path, format!("{target} {mode}"));
    }
}

pub fn constraints(shape: &mut Shape, list: Option<Value>) {
    let list = entries(list).into_iter().map(|c| text(Some(c)));
    let mut list: Vec<String> = list.map(|c| spaced(&c)).collect();
    list.sort();
    list.dedup();
    if !list.is_empty() {
        shape.insert("placement.constraints".into(), list.join(", "));
    }
}

/// `a==b` as `a == b`.
fn spaced(constraint: &str) -> String {
    for sign in ["==", "!="] {
        if let Some((label, value)) = constraint.split_once(sign) {
            return format!("{} {sign} {}", label.trim(), value.trim());
        }
    }
    constraint.to_owned()
}

/// The lists of a container.
pub fn container(shape: &mut Shape, container: &mut Value) {
    strings(shape, "container_labels", take(container, "Labels"));
    strings(shape, "sysctls", take(container, "Sysctls"));
    for variable in entries(take(container, "Env")) {
        let variable = text(Some(variable));
        let (name, value) = variable.split_once('=').unwrap_or((&variable, "(unset)"));
        shape.insert(format!("environment.{name}"), value.to_owned());
    }
    for line in entries(take(container, "Hosts")) {
        let line = text(Some(line));
        let mut words = line.split_whitespace();
        let address = words.next().unwrap_or_default();
        for name in words {
            shape.insert(format!("hosts.{name}"), address.to_owned());
        }
    }
    for mut mount in entries(take(container, "Mounts")) {
        let target = text(take(&mut mount, "Target"));
        let kind = text(take(&mut mount, "Type"));
        let source = text(take(&mut mount, "Source"));
        let read_only = take(&mut mount, "ReadOnly") == Some(Value::Bool(true));
        if mount["Consistency"] == "default" {
            take(&mut mount, "Consistency");
        }
        let more = pruned(mount);
        let mut words = vec![kind, source];
        words.push(if read_only { "read-only" } else { "" }.into());
        words.push(if is_empty(&more) {
            String::new()
        } else {
            more.to_string()
        });
        words.retain(|word| !word.is_empty());
        shape.insert(format!("volumes.{target}"), words.join(" "));
    }
    for (key, path) in [("CapabilityAdd", "cap_add"), ("CapabilityDrop", "cap_drop")] {
        let names = entries(take(container, key)).into_iter();
        let mut names: Vec<String> = names.map(|name| capability(&text(Some(name)))).collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            shape.insert(path.into(), names.join(", "));
        }
    }
    for limit in entries(take(container, "Ulimits")) {
        let number = |key: &str| limit[key].as_i64().unwrap_or_default();
        let name = limit["Name"].as_str().unwrap_or_default();
        let range = format!("{}:{}", number("Soft"), number("Hard"));
        shape.insert(format!("ulimits.{name}"), range);
    }
    granted(shape, "secrets", "SecretName", take(container, "Secrets"));
    granted(shape, "configs", "ConfigName", take(container, "Configs"));
}

/// Secrets and configs by the file that they are in the container. Ids follow from names.
fn granted(shape: &mut Shape, path: &str, name: &str, list: Option<Value>) {
    for grant in entries(list) {
        let file = &grant["File"];
        let owner = |key: &str| match &file[key] {
            Value::String(id) if !id.is_empty() => id.clone(),
            _ => "0".to_owned(),
        };
        let mode = file["Mode"].as_u64().unwrap_or_default();
        let name = grant[name].as_str().unwrap_or_default();
        let target = file["Name"].as_str().unwrap_or("(runtime)");
        shape.insert(
            format!("{path}.{target}"),
            format!("{name} {}:{} {mode:04o}", owner("UID"), owner("GID")),
        );
    }
}

fn entries(list: Option<Value>) -> Vec<Value> {
    match list {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => String::new(),
    }
}
