//! Where two answers differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::corpus::Question;

/// One variable that is not the same on both sides.
#[derive(Debug, Clone)]
pub struct Difference {
    /// SITE/STAGE/KIND/HOST/VARIABLE
    pub place: String,
    pub theirs: Option<Value>,
    pub ours: Option<Value>,
}

/// Everything that differs.
pub fn answers(question: &Question, theirs: &Answer, ours: &Answer) -> Vec<Difference> {
    let stage = format!("{}/{}", question.site, question.stage);
    if theirs.failed.is_some() || ours.failed.is_some() {
        let said = |answer: &Answer| answer.failed.clone().map(Value::from);
        return vec![Difference {
            place: format!("{stage}/failed/-/-"),
            theirs: said(theirs),
            ours: said(ours),
        }];
    }
    let mut found = Vec::new();
    let mut hosts = |kind: &str, theirs: &Map<String, Value>, ours: &Map<String, Value>| {
        each_host(&format!("{stage}/{kind}"), theirs, ours, &mut found);
    };
    hosts("listed", &theirs.hostvars(), &ours.hostvars());
    hosts("groups", &groups(theirs), &groups(ours));
    hosts("values", &outcomes(&theirs.values), &outcomes(&ours.values));
    hosts(
        "deployed",
        &deployed(&theirs.seen),
        &deployed_of(&theirs.seen, &ours.values),
    );
    hosts("persisted", &maps(theirs, question), &maps(ours, question));
    found
}

fn each_host(
    place: &str,
    theirs: &Map<String, Value>,
    ours: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    for host in keys(theirs, ours) {
        let (their_host, our_host) = (theirs.get(host), ours.get(host));
        let (Some(their_host), Some(our_host)) = (
            their_host.and_then(Value::as_object),
            our_host.and_then(Value::as_object),
        ) else {
            found.push(Difference {
                place: format!("{place}/{host}/-"),
                theirs: their_host.cloned(),
                ours: our_host.cloned(),
            });
            continue;
        };
        for variable in keys(their_host, our_host) {
            let (theirs, ours) = (their_host.get(variable), our_host.get(variable));
            if theirs != ours {
                found.push(Difference {
                    place: format!("{place}/{host}/{variable}"),
                    theirs: theirs.cloned(),
                    ours: ours.cloned(),
                });
            }
        }
    }
}

fn keys<'a>(theirs: &'a Map<String, Value>, ours: &'a Map<String, Value>) -> BTreeSet<&'a String> {
    theirs.keys().chain(ours.keys()).collect()
}

fn groups(answer: &Answer) -> Map<String, Value> {
    let mut groups = answer.inventory.as_object().cloned().unwrap_or_default();
    groups.remove("_meta");
    groups
}

/// Errors are compared as such, not by their words.
fn outcomes(values: &Value) -> Map<String, Value> {
    let hosts = values.as_object().cloned().unwrap_or_default();
    let one = |outcome: &Value| match outcome.get("value") {
        Some(value) => value.clone(),
        None => Value::from("<error>"),
    };
    let host = |variables: &Value| {
        let variables = variables.as_object().cloned().unwrap_or_default();
        variables
            .iter()
            .map(|(name, v)| (name.clone(), one(v)))
            .collect()
    };
    hosts
        .iter()
        .map(|(name, variables)| (name.clone(), Value::Object(host(variables))))
        .collect()
}

/// What a service is deployed with: its own variables only. A number on its way through a template
/// of a playbook becomes text there.
fn deployed(seen: &Value) -> Map<String, Value> {
    let mut services = outcomes(seen);
    for variables in services.values_mut().filter_map(Value::as_object_mut) {
        variables.retain(|name, _| name.starts_with("hive_"));
        for value in variables.values_mut().filter(|value| value.is_number()) {
            *value = Value::from(value.to_string());
        }
    }
    services
}

fn deployed_of(seen: &Value, values: &Value) -> Map<String, Value> {
    let mut services = deployed(values);
    services.retain(|name, _| seen.get(name).is_some());
    services
}

/// The maps of device ids and ports of the stage.
fn maps(answer: &Answer, question: &Question) -> Map<String, Value> {
    let one = |name: &str| {
        let map = answer.persisted.get(name)?.get(&question.stage)?;
        // Whether nothing is written down as nothing or not at all is all the same.
        let is_something = map.as_object().is_some_and(|map| !map.is_empty());
        is_something.then(|| (name.to_owned(), map.clone()))
    };
    ["drbd_device_map", "published_port_map"]
        .into_iter()
        .filter_map(one)
        .collect()
}

/// Whether two values have the same parts in whatever order.
pub fn same_in_any_order(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => {
            let sorted = |list: &[Value]| {
                let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
                texts.sort();
                texts
            };
            sorted(theirs) == sorted(ours)
        }
        (Value::String(theirs), Value::String(ours)) => {
            let sorted = |text: &str| {
                let mut parts: Vec<String> = text.lines().map(str::to_owned).collect();
                parts.sort();
                parts
            };
            sorted(theirs) == sorted(ours)
        }
        _ => theirs == ours,
    }
}

/// A value on one line.
pub fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "(not there)".to_owned();
    };
    let text = value.to_string();
    if text.chars().count() <= 400 {
        return text;
    }
    let start: String = text.chars().take(400).collect();
    format!("{start}…")
}
