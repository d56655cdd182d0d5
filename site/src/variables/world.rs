//! All that is known of a site's variables before anything is evaluated.

use std::collections::BTreeSet;

use super::groups::{self, Groups};
use super::inventory::{self, Inventory, Kind};
use super::layers::{self, Variables};
use super::{hosts, pseudo_hosts, scalar};
use crate::SourceFile;
use crate::hive::definition::Definition;
use crate::hive::stage::StageName;
use crate::yaml::report::Report;
use crate::yaml::tree::{self, Entry, Node, Value};

/// What variables are when the inventory does not say.
const DEFAULTS: &str = include_str!("defaults.yml");

/// The variables of a site, as they are written.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The files that places point into; the last one holds the defaults.
    pub sources: Vec<SourceFile>,
    pub files: Variables,
    pub inventory: Inventory,
    pub defaults: Vec<Entry>,
    /// `hive_name`.
    pub name: Vec<Entry>,
    /// The service definitions, in the order of their files.
    pub services: Vec<Node>,
}

/// The file with the defaults, which errors may have to show.
pub(crate) fn defaults_file() -> SourceFile {
    SourceFile {
        path: "(defaults of hive)".to_owned(),
        text: DEFAULTS.to_owned(),
    }
}

/// Reads the defaults, which are the last of the sources.
pub(crate) fn read_defaults(sources: &[SourceFile]) -> Vec<Entry> {
    let mut report = Report::new(sources);
    let last = sources.len().saturating_sub(1);
    match tree::read(sources, last, false, &mut report) {
        Some(Node {
            value: Value::Map(entries),
            ..
        }) => entries,
        _ => Vec::new(),
    }
}

impl World {
    /// Takes in the hosts of hive definitions and what the service definitions stand for. The files
    /// come in order, whichever kind they are: so are groups and hosts.
    pub fn meet(&mut self, definitions: &[&Definition]) {
        let mut next = definitions.iter().copied().peekable();
        let mut meet = |inventory: &mut Inventory, before: usize| {
            while let Some(definition) = next.next_if(|next| next.name_place.file < before) {
                inventory.file = definition.name_place.file;
                hosts::declare(inventory);
                for section in &definition.stages {
                    hosts::add(inventory, &section.stage, &section.node, section.place);
                }
            }
        };
        for services in &self.services {
            meet(&mut self.inventory, services.place.file);
            self.inventory.file = services.place.file;
            pseudo_hosts::add(&mut self.inventory, services);
        }
        meet(&mut self.inventory, usize::MAX);
        self.name = definitions
            .first()
            .map(|first| inventory::entry("hive_name", first.name_node.clone()))
            .into_iter()
            .collect();
    }

    /// What defines variables of a host while `stage` is worked on, from strong to weak; within a part
    /// the last entry of a name counts.
    pub fn parts(&self, host: &str, stage: StageName) -> Vec<&[Entry]> {
        let groups = self.groups_of(host);
        let order = groups::by_strength(&groups, stage, |group| {
            let found = layers::last(self.files.of_group(group), "ansible_group_priority");
            let written = found.and_then(|entry| entry.node.as_text());
            written.and_then(|text| text.parse().ok()).unwrap_or(1)
        });
        let mut parts = vec![self.files.of_host_itself(host)];
        parts.extend(self.inventory.members.get(host).map(|m| m.given.as_slice()));
        parts.extend(order.iter().rev().map(|group| self.files.of_group(group)));
        parts.push(self.files.of_group("all"));
        let given = order
            .iter()
            .rev()
            .filter_map(|g| self.inventory.of_groups.get(g));
        parts.extend(given.map(Vec::as_slice));
        parts.push(&self.name);
        let defaults = order.iter().rev().filter_map(|group| {
            match &layers::last(&self.defaults, group)?.node.value {
                Value::Map(entries) => Some(entries.as_slice()),
                _ => None,
            }
        });
        parts.extend(defaults);
        parts
    }

    /// What follows from the stage for hosts, services know as well, such as the registry's address. It
    /// is not among their own variables.
    pub fn default_for_others(&self, host: &str, name: &str) -> Option<&Entry> {
        let member = self.inventory.members.get(host)?;
        let is_host = matches!(member.kind, Kind::Host | Kind::Mother);
        let group = layers::last(&self.defaults, "hosts").filter(|_| !is_host)?;
        group.node.get(name)
    }

    /// The strongest definition of a variable.
    pub fn find(&self, host: &str, stage: StageName, name: &str) -> Option<&Entry> {
        self.parts(host, stage)
            .into_iter()
            .find_map(|part| layers::last(part, name))
    }

    /// The groups of a host but for `all`.
    pub fn groups_of(&self, host: &str) -> BTreeSet<&'static str> {
        self.inventory.groups.of(host)
    }

    /// The groups of the site.
    pub fn groups(&self) -> &Groups {
        &self.inventory.groups
    }

    /// The value of a node as it is written.
    pub fn plain(&self, node: &Node) -> hive_templates::Value {
        scalar::plain(node, &self.sources)
    }
}
