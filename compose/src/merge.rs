//! Several files as one: later ones over earlier ones.
//!
//! Mappings are merged, lists are put one after the other, and anything else is replaced. Commands and
//! health checks are replaced whole; entries of lists that mean the same thing (a port, a mount's
//! target, a secret) are the later file's, which the readers of these lists see to.

use hive_site::yaml::tree::{Entry, Node, Value};

/// Lists that mean one thing as a whole.
const WHOLE: [&str; 3] = ["command", "entrypoint", "test"];
/// What may be written as a list of `NAME=VALUE` or as a mapping.
const PAIRS: [&str; 8] = [
    "environment",
    "labels",
    "sysctls",
    "extra_hosts",
    "driver_opts",
    "options",
    "networks",
    "args",
];

/// Puts `over` over `under`.
pub(crate) fn merge(under: &mut Node, over: Node) {
    merge_at("", under, over);
}

fn merge_at(key: &str, under: &mut Node, over: Node) {
    if PAIRS.contains(&key) {
        let mixed = matches!(
            (&under.value, &over.value),
            (Value::List(_), Value::Map(_)) | (Value::Map(_), Value::List(_))
        );
        if mixed {
            let mut over = over;
            spread(key, under);
            spread(key, &mut over);
            return merge_values(key, under, over);
        }
    }
    merge_values(key, under, over);
}

fn merge_values(key: &str, under: &mut Node, over: Node) {
    // Options of one driver say nothing to another.
    if key == "logging"
        && let (Some(old), Some(new)) = (under.get("driver"), over.get("driver"))
        && old.node.as_text() != new.node.as_text()
    {
        *under = over;
        return;
    }
    match (&mut under.value, over.value) {
        (Value::Map(entries), Value::Map(more)) => {
            for entry in more {
                match entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => {
                        known.place = entry.place;
                        merge_at(&entry.key, &mut known.node, entry.node);
                    }
                    None => entries.push(entry),
                }
            }
        }
        (Value::List(items), Value::List(more)) if !WHOLE.contains(&key) => items.extend(more),
        // `web:` with nothing below it changes nothing.
        (Value::Map(_) | Value::List(_), Value::Null) => {}
        (_, value) => {
            under.value = value;
            under.place = over.place;
        }
    }
}

/// A list of `NAME=VALUE` as a mapping.
fn spread(key: &str, node: &mut Node) {
    let Value::List(items) = &node.value else {
        return;
    };
    let mut entries: Vec<Entry> = Vec::new();
    for item in items {
        // What is no scalar is told by who reads it.
        let Some(text) = item.as_text() else {
            return;
        };
        let separated = match key {
            "extra_hosts" => text.split_once(':'),
            _ => text.split_once('='),
        };
        let (name, value) = match separated {
            Some((name, value)) => (name, Value::Text(value.to_owned())),
            None => (text, Value::Null),
        };
        entries.retain(|entry| entry.key != name);
        entries.push(Entry {
            key: name.to_owned(),
            place: item.place,
            node: Node {
                value,
                place: item.place,
            },
        });
    }
    node.value = Value::Map(entries);
}
