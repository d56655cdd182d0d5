//! The variables of a site: `group_vars/` and `host_vars/`, with their precedence.
//!
//! Values with templates wait for the release that evaluates them: they are listed, not guessed.

use std::collections::BTreeMap;

use crate::hive::stage::StageName;
use crate::yaml::report::Report;
use crate::yaml::spelling;
use crate::yaml::tree::{self, Entry, Node, Value};
use crate::{SourceFile, Template};

/// Groups that a variable file may be for (spec: groups).
const GROUPS: &[&str] = &[
    "all",
    "hosts",
    "servers",
    "hives",
    "repository",
    "mother",
    "first_hive",
    "private",
    "staging",
    "production",
    "services",
    "images",
    "volumes",
    "drbd_volumes",
    "nfs_volumes",
    "networks",
];

/// All variables, as they stand in the files.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    groups: BTreeMap<String, Vec<Entry>>,
    hosts: BTreeMap<String, Vec<Entry>>,
}

/// What a variable file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope<'p> {
    Group(&'p str),
    Host(&'p str),
}

/// Tells a variable file by its path: `…/group_vars/NAME.yml`, or a file in the folder `NAME`.
pub(crate) fn scope(path: &str) -> Option<Scope<'_>> {
    let mut parts = path.split('/').rev();
    let file = parts.next()?;
    let stem = file
        .strip_suffix(".yml")
        .or_else(|| file.strip_suffix(".yaml"))?;
    let folder = parts.next()?;
    match (folder, parts.next()) {
        ("group_vars", _) => Some(Scope::Group(stem)),
        ("host_vars", _) => Some(Scope::Host(stem)),
        (name, Some("group_vars")) => Some(Scope::Group(name)),
        (name, Some("host_vars")) => Some(Scope::Host(name)),
        _ => None,
    }
}

impl Variables {
    /// Reads one variable file into its group or host.
    pub fn add(
        &mut self,
        sources: &[SourceFile],
        file: usize,
        scope: Scope<'_>,
        templates: &mut Vec<Template>,
        report: &mut Report<'_>,
    ) {
        let source = &sources[file];
        // A wholly encrypted file; its variables are templates as far as this release can see.
        if source.text.starts_with("$ANSIBLE_VAULT") {
            templates.push(Template {
                path: source.path.clone(),
                line: 1,
                variable: None,
            });
            return;
        }
        let Some(node) = tree::read(sources, file, true, report) else {
            return;
        };
        let target = match scope {
            Scope::Group(name) => {
                if !GROUPS.contains(&name)
                    && let Some(meant) = spelling::nearest(name, GROUPS.iter().copied())
                {
                    report.warn(
                        node.place,
                        format!("no group is called `{name}`, so nothing reads these variables"),
                        format!("did you mean `group_vars/{meant}.yml`?"),
                    );
                }
                self.groups.entry(name.to_owned()).or_default()
            }
            Scope::Host(name) => self.hosts.entry(name.to_owned()).or_default(),
        };
        match node.value {
            Value::Null => {}
            Value::Map(entries) => {
                templates.extend(entries.iter().filter(|e| is_template(&e.node)).map(|e| {
                    Template {
                        path: source.path.clone(),
                        line: e.place.line,
                        variable: Some(e.key.clone()),
                    }
                }));
                target.extend(entries);
            }
            _ => report.error(
                node.place,
                format!("variables must be a mapping, found {}", node.kind()),
                "write each variable as `name: value`",
            ),
        }
    }

    /// The value of a variable for all hosts of a stage: the narrowest group wins. Groups that hold
    /// each other come from wide to narrow, the others by name, as ansible orders them.
    pub fn of_stage(&self, stage: StageName, key: &str) -> Option<&Entry> {
        ["all", "hosts", stage.name(), "servers", "hives"]
            .iter()
            .rev()
            .find_map(|group| self.in_group(group, key))
    }

    /// The value of a variable for one host with these groups, from wide to narrow.
    pub fn of_host(&self, host: &str, groups: &[&str], key: &str) -> Option<&Entry> {
        self.in_host(host, key)
            .or_else(|| groups.iter().rev().find_map(|g| self.in_group(g, key)))
            .or_else(|| self.in_group("all", key))
    }

    /// What a host's own file says.
    pub fn in_host(&self, host: &str, key: &str) -> Option<&Entry> {
        last(self.hosts.get(host)?, key)
    }

    /// What a group's own file says.
    pub fn in_group(&self, group: &str, key: &str) -> Option<&Entry> {
        last(self.groups.get(group)?, key)
    }
}

fn last<'v>(entries: &'v [Entry], key: &str) -> Option<&'v Entry> {
    entries.iter().rev().find(|entry| entry.key == key)
}

/// Whether a value can't be taken as it stands: a template, or an encrypted text.
pub(crate) fn is_template(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => {
            text.contains("{{") || text.contains("{%") || text.starts_with("$ANSIBLE_VAULT")
        }
        Value::List(items) => items.iter().any(is_template),
        Value::Map(entries) => entries.iter().any(|entry| is_template(&entry.node)),
        Value::Null | Value::Bool { .. } | Value::Number { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_whose_variables_it_holds() {
        let group = |name| Some(Scope::Group(name));
        assert_eq!(scope("inventory/group_vars/all.yml"), group("all"));
        assert_eq!(scope("group_vars/hives.yaml"), group("hives"));
        assert_eq!(scope("inventory/group_vars/all/ntp.yml"), group("all"));
        assert_eq!(
            scope("inventory/host_vars/p-hive0.pdns.yml"),
            Some(Scope::Host("p-hive0.pdns"))
        );
        assert_eq!(scope("inventory/hive.yml"), None);
        assert_eq!(scope("inventory/group_vars/README"), None);
    }
}
