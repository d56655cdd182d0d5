//! Files that lie beside the definitions and are none, such as inventories of Ansible's own.
//!
//! The predecessor reads those, too, and adds their hosts and groups to its own. hive does not: the hosts
//! of a site are made from its definition alone, since each gets a seed, a place in the swarm and its
//! volumes from there; a host that is merely named would have none of these.

use crate::yaml::report::{Place, Report};
use crate::yaml::tree::{Node, Value};
use crate::{HIVE_PLUGIN, SERVICES_PLUGIN, SourceFile};

const WHY: &str = "hosts come from the hive definition only; move the variables to files in inventory/group_vars/ of the groups that there are (all, hosts, servers, hives, repository, a stage, services), or to inventory/host_vars/";

/// Judges YAML files that are neither definition: errors when the definition is missing (`alone`), else
/// they are left alone.
pub(crate) fn judge(strangers: &[Node], alone: bool, report: &mut Report<'_>) {
    for node in strangers {
        let plugin = node.get("plugin");
        let written = plugin.and_then(|entry| entry.node.as_text());
        let place = plugin.map_or(node.place, |entry| entry.node.place);
        if !alone && written.is_none() && is_inventory(node) {
            report.warn(
                place,
                "this is an inventory of Ansible's own, which is not read: its hosts, groups and variables do not exist",
                WHY,
            );
            continue;
        }
        let message = match written {
            Some(written) => format!("unknown plugin `{written}`"),
            None => "the file does not say what it is".to_owned(),
        };
        let help = format!(
            "write `plugin: {HIVE_PLUGIN}` for a hive definition, `plugin: {SERVICES_PLUGIN}` for services"
        );
        if alone {
            report.error(place, message, help);
        } else {
            report.warn(place, format!("{message}, so it is not read"), help);
        }
    }
}

/// Judges a file that is no YAML, which Ansible would take for an inventory.
pub(crate) fn judge_text(sources: &[SourceFile], file: usize, report: &mut Report<'_>) {
    let text = &sources[file].text;
    let says_something = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', ';'])
    };
    let Some(line) = text.lines().position(|line| says_something(&line)) else {
        return;
    };
    let length = text
        .lines()
        .nth(line)
        .map_or(1, |line| line.chars().count());
    let what = match text.starts_with("#!") {
        true => "a program that makes an inventory for Ansible",
        false => "an inventory of Ansible's own",
    };
    let place = Place {
        file,
        line: line + 1,
        column: 1,
        length: length.max(1),
    };
    report.warn(
        place,
        format!(
            "this may be {what}, which is not read: its hosts, groups and variables do not exist"
        ),
        WHY,
    );
}

/// Groups with what Ansible lets groups have.
fn is_inventory(node: &Node) -> bool {
    let Value::Map(groups) = &node.value else {
        return false;
    };
    let keys = ["hosts", "children", "vars"];
    groups.iter().any(|group| match &group.node.value {
        Value::Map(entries) => entries
            .iter()
            .any(|entry| keys.contains(&entry.key.as_str())),
        _ => false,
    })
}
