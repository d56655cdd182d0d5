//! Reads a hive definition: `name`, and the stages below `stages`.

use hive_inventory::seed::is_host_name;

use super::stage::{Stage, StageName};
use super::stage_section::{self, Surroundings};
use super::stage_settings::Waiting;
use crate::yaml::fields::Fields;
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::Node;

const KEYS: &[&str] = &["plugin", "name", "stages", "mirror", "image", "drbd"];

/// What one hive definition says.
pub(crate) struct Definition {
    /// Name of the site, and where it stands.
    pub name: String,
    pub name_place: Place,
    /// The name as a node, for the variable `hive_name`.
    pub name_node: Node,
    pub stages: Vec<Section>,
}

/// A stage as far as it is known without variables.
pub(crate) struct Section {
    /// Where its name stands.
    pub place: Place,
    pub stage: Stage,
    pub waiting: Waiting,
    /// The stage as it is written.
    pub node: Node,
}

impl Definition {
    /// Puts back what the stages were before their templates were dropped or evaluated: variables show
    /// what a person wrote.
    pub fn restore(&mut self, written: &Node) {
        for section in &mut self.stages {
            let stages = written.get("stages");
            let stage = stages.and_then(|stages| stages.node.get(section.stage.name.name()));
            if let Some(stage) = stage {
                section.node = stage.node.clone();
            }
        }
    }
}

/// Reads a definition. What is wrong goes to the report; `None` when it has no usable name.
pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> Option<Definition> {
    let fields = Fields::open(node, node.place, "the hive definition", KEYS, report)?;
    let given = fields.required("name", "hive.example.com", report);
    let stages = fields.required("stages", "{private: {provider: qemu, …}}", report);
    let name = given.and_then(|_| fields.text("name", report));
    let name_place = given.map_or(fields.place, |entry| entry.node.place);
    if let Some(name) = &name
        && !is_host_name(name)
    {
        report.error(
            name_place,
            format!("`{name}` can't be the domain part of host names"),
            "use letters, digits and inner hyphens, in parts with dots between them",
        );
    }
    let around = Surroundings {
        // Without a name the stages are read all the same, for their own mistakes.
        site: name.as_deref().unwrap_or("hive"),
        site_place: name_place,
        top: &fields,
    };
    let mut found = Vec::new();
    let sections =
        stages.and_then(|entry| Fields::open_any(&entry.node, entry.place, "`stages`", report));
    for entry in sections.iter().flat_map(|fields| fields.entries()) {
        match StageName::from_name(&entry.key) {
            Some(stage) => found.extend(stage_section::read(entry, stage, &around, report).map(
                |(stage, waiting)| Section {
                    place: entry.place,
                    stage,
                    waiting,
                    node: entry.node.clone(),
                },
            )),
            None => report.error(
                entry.place,
                format!("unknown stage `{}`", entry.key),
                spelling::advice(&entry.key, StageName::ALL.map(StageName::name)),
            ),
        }
    }
    Some(Definition {
        name: name?,
        name_place,
        name_node: given?.node.clone(),
        stages: found,
    })
}
