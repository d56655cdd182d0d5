//! The files of `group_vars/` and `host_vars/`: which there are, and what they say.
//!
//! As Ansible does it: `NAME` may be a folder, whose files are read in the order of their names, or a
//! file without ending, or end in `.yml`, `.yaml` or `.json`. The first of these that is there counts.

use std::collections::BTreeMap;

use super::scalar;
use crate::SourceFile;
use crate::hive::stage::StageName;
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::{self, Entry, Node, Value};

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

/// How much of an encrypted file is shown.
const VAULT_LENGTH: usize = "$ANSIBLE_VAULT".len();

/// Endings of variable files.
const ENDINGS: [&str; 3] = [".yml", ".yaml", ".json"];

/// What a variable file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope<'p> {
    Group(&'p str),
    Host(&'p str),
}

/// Tells a variable file by its path: `…/group_vars/NAME.yml`, or a file in the folder `NAME`.
pub(crate) fn scope(path: &str) -> Option<Scope<'_>> {
    Some(ranked(path)?.0)
}

/// Whose variables a file holds, and how much its form counts: 0 is a folder or a name without
/// ending, and hides the others.
fn ranked(path: &str) -> Option<(Scope<'_>, usize)> {
    let (of_groups, rest) = match path.rsplit_once("group_vars/") {
        Some((_, rest)) => (true, rest),
        None => (false, path.rsplit_once("host_vars/")?.1),
    };
    let scope = |name| match of_groups {
        true => Scope::Group(name),
        false => Scope::Host(name),
    };
    let (file, rank) = ENDINGS
        .iter()
        .enumerate()
        .find_map(|(rank, ending)| Some((rest.strip_suffix(ending)?, rank + 1)))
        .unwrap_or((rest, 0));
    if let Some((name, _)) = rest.split_once('/') {
        return Some((scope(name), 0));
    }
    // Without an ending it may be a note to readers as well.
    let known = rank > 0 || GROUPS.contains(&file) || (!of_groups && !file.starts_with("README"));
    known.then(|| (scope(file), rank))
}

/// The files that count, of those that are about variables, by their indexes; those that are hidden by
/// another form of the same name are reported.
pub(crate) fn counting<'f>(
    files: &'f [SourceFile],
    report: &mut Report<'_>,
) -> BTreeMap<usize, Scope<'f>> {
    let mut best: BTreeMap<Scope<'_>, usize> = BTreeMap::new();
    for file in files {
        if let Some((scope, rank)) = ranked(&file.path) {
            let known = best.entry(scope).or_insert(rank);
            *known = rank.min(*known);
        }
    }
    let mut found = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let Some((scope, rank)) = ranked(&file.path) else {
            continue;
        };
        if rank == best[&scope] {
            found.insert(index, scope);
            continue;
        }
        let place = Place {
            file: index,
            line: 1,
            column: 1,
            length: 1,
        };
        report.warn(
            place,
            "another file or folder of the same name counts, so this one is not read",
            "keep one of them, or move this file into the folder",
        );
    }
    found
}

impl Variables {
    /// Reads one variable file into its group or host.
    pub fn add(
        &mut self,
        sources: &[SourceFile],
        file: usize,
        scope: Scope<'_>,
        report: &mut Report<'_>,
    ) {
        let source = &sources[file];
        if scalar::is_encrypted(&source.text) {
            let place = Place {
                file,
                line: 1,
                column: 1,
                length: VAULT_LENGTH,
            };
            report.warn(
                place,
                "the file is encrypted by ansible-vault, so its variables are missing",
                "hive reads no ansible-vault; decrypt it, or keep what is secret in files that `lookup('file', …)` reads",
            );
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
            Value::Map(entries) => target.extend(entries),
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

    /// All that the files of a group say; of a variable given twice, the last counts.
    pub fn of_group(&self, group: &str) -> &[Entry] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// All that a host's own files say.
    pub fn of_host_itself(&self, host: &str) -> &[Entry] {
        self.hosts.get(host).map_or(&[], Vec::as_slice)
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

pub(crate) fn last<'v>(entries: &'v [Entry], key: &str) -> Option<&'v Entry> {
    entries.iter().rev().find(|entry| entry.key == key)
}

/// Whether a value can't be taken as it stands: a template, or an encrypted text.
pub(crate) fn is_template(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => hive_templates::is_template(text) || scalar::is_encrypted(text),
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
        assert_eq!(scope("inventory/group_vars/all"), group("all"));
        assert_eq!(scope("inventory/group_vars/all/more/x.json"), group("all"));
    }
}
