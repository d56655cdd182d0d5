//! The top level of service definition files: what is defined where, and for which stages.

use super::values;
use crate::StageName;
use crate::yaml::fields::Fields;
use crate::yaml::report::{Place, Report};
use crate::yaml::tree::{Entry, Node, Value};

const KEYS: &[&str] = &[
    "plugin",
    "services",
    "networks",
    "available_on",
    "secrets",
    "configs",
];

/// Something with a name in one of the files.
#[derive(Clone)]
pub(crate) struct Definition<'t> {
    pub name: &'t str,
    /// Where the name stands.
    pub place: Place,
    pub node: &'t Node,
    /// The stages of its file, or its own.
    pub available_on: Vec<StageName>,
}

/// All definitions of all files, in the order of the files.
#[derive(Default)]
pub(crate) struct Definitions<'t> {
    pub services: Vec<Definition<'t>>,
    pub networks: Vec<Definition<'t>>,
    pub secrets: Vec<Definition<'t>>,
    pub configs: Vec<Definition<'t>>,
}

impl<'t> Definitions<'t> {
    /// Reads the top level of one file.
    pub fn add(&mut self, tree: &'t Node, report: &mut Report<'_>) {
        let Some(fields) = Fields::open(tree, tree.place, "the service definition", KEYS, report)
        else {
            return;
        };
        let stages = match fields.entry("available_on") {
            Some(entry) => values::stages(&entry.node, "available_on", report),
            None => StageName::ALL.to_vec(),
        };
        fields.required("services", "{web: {image: nginx}}", report);
        for (key, list) in [
            ("services", &mut self.services),
            ("networks", &mut self.networks),
            ("secrets", &mut self.secrets),
            ("configs", &mut self.configs),
        ] {
            let entries = fields
                .entry(key)
                .map_or(&[][..], |entry| named(entry, report));
            for entry in entries {
                let own = entry.node.get("available_on").filter(|_| key == "services");
                list.push(Definition {
                    name: &entry.key,
                    place: entry.place,
                    node: &entry.node,
                    available_on: match own {
                        Some(own) if !matches!(own.node.value, Value::Null) => {
                            values::stages(&own.node, "available_on", report)
                        }
                        _ => stages.clone(),
                    },
                });
            }
        }
    }
}

fn named<'t>(entry: &'t Entry, report: &mut Report<'_>) -> &'t [Entry] {
    let what = format!("`{}`", entry.key);
    Fields::open_any(&entry.node, entry.place, what, report).map_or(&[], |fields| fields.entries())
}

/// The definitions that a stage has; one that comes twice is an error.
pub(crate) fn of_stage<'d, 't>(
    definitions: &'d [Definition<'t>],
    kind: &str,
    stage: StageName,
    place_of: impl Fn(Place) -> String,
    report: &mut Report<'_>,
) -> Vec<&'d Definition<'t>> {
    let mut found: Vec<&Definition<'_>> = Vec::new();
    for definition in definitions {
        if !definition.available_on.contains(&stage) {
            continue;
        }
        match found.iter().find(|first| first.name == definition.name) {
            Some(first) => report.error(
                definition.place,
                format!(
                    "{kind} `{}` is defined at {} already",
                    definition.name,
                    place_of(first.place)
                ),
                format!("rename or remove one of them, or give them different `available_on`; both are on stage `{stage}`"),
            ),
            None => found.push(definition),
        }
    }
    found
}
