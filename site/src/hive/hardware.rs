//! `machines`: how the machine of a host is recognised, and which of its disks is for mirrored volumes.

use std::collections::BTreeMap;

use hive_inventory::seed::MachineMatch;

use super::host::Host;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;

const KEYS: &[&str] = &["mac", "serial", "uuid", "mirrored_disk"];

/// A machine as a person describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// What it must have to be the host.
    pub recognised_by: MachineMatch,
    /// The disk for mirrored volumes, a path below `/dev`.
    pub mirrored_disk: Option<String>,
}

/// Reads the section and gives every host its entry; an entry for nobody is an error.
pub(crate) fn read(fields: &Fields<'_>, hosts: &mut [Host], report: &mut Report<'_>) {
    let Some(entry) = fields.entry("machines") else {
        return;
    };
    let Some(machines) = Fields::open_any(&entry.node, entry.place, "`machines`", report) else {
        return;
    };
    let mut owners: BTreeMap<(&str, String), String> = BTreeMap::new();
    for entry in machines.entries() {
        let host = hosts
            .iter_mut()
            .find(|host| host.name == entry.key || host.short_name() == entry.key);
        let Some(host) = host else {
            let names: Vec<String> = hosts.iter().map(|h| h.short_name().to_owned()).collect();
            report.error(
                entry.place,
                format!("`machines` describes `{}`, which is no host", entry.key),
                format!("hosts of this stage are: {}", names.join(", ")),
            );
            continue;
        };
        let what = format!("the machine of `{}`", entry.key);
        let Some(keys) = Fields::open(&entry.node, entry.place, what, KEYS, report) else {
            continue;
        };
        host.hardware = read_machine(&keys, report);
        let wanted = &host.hardware.recognised_by;
        for (key, value) in [
            ("mac", &wanted.mac),
            ("serial", &wanted.serial),
            ("uuid", &wanted.uuid),
        ] {
            let Some(value) = value else { continue };
            let owner = owners.insert((key, value.to_lowercase()), host.name.clone());
            if let Some(owner) = owner {
                report.error(
                    entry.place,
                    format!("`{key}: {value}` is given to {owner} and to {}", host.name),
                    "a machine can be one host only",
                );
            }
        }
    }
}

fn read_machine(keys: &Fields<'_>, report: &mut Report<'_>) -> Hardware {
    let mut checked = |key: &str, good: fn(&str) -> bool, example: &str| {
        let node = &keys.entry(key)?.node;
        let text = fields::text(node, key, report)?;
        if !good(text.trim()) {
            report.error(
                node.place,
                format!("`{key}` can't be `{text}`"),
                format!("write it like `{key}: {example}`"),
            );
            return None;
        }
        Some(text.trim().to_lowercase())
    };
    let mac = checked("mac", is_mac, "52:54:00:12:34:56");
    let uuid = checked("uuid", is_uuid, "4c4c4544-0042-3510-8052-b4c04f4d3232");
    let serial = keys.text("serial", report).map(|s| s.trim().to_owned());
    let disk = keys.entry("mirrored_disk").and_then(|entry| {
        let path = fields::text(&entry.node, "mirrored_disk", report)?;
        if !path.starts_with("/dev/") || path.contains("..") {
            report.error(
                entry.node.place,
                format!("`mirrored_disk` can't be `{path}`"),
                "write a path below /dev, best one of /dev/disk/by-id, which names the same disk at every start",
            );
            return None;
        }
        Some(path)
    });
    Hardware {
        recognised_by: MachineMatch { mac, serial, uuid },
        mirrored_disk: disk,
    }
}

fn is_mac(text: &str) -> bool {
    text.split(':').count() == 6
        && text
            .split(':')
            .all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_and_uuids_have_their_form() {
        assert!(is_mac("52:54:00:Ab:34:56") && !is_mac("52:54:00:12:34") && !is_mac("52-54"));
        assert!(is_uuid("4c4c4544-0042-3510-8052-b4c04f4d3232"));
        assert!(!is_uuid("4c4c4544004235108052b4c04f4d3232"));
    }
}
