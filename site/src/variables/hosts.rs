//! The hosts of a stage and the variables that the hive definition gives them (spec: variables
//! computed per host).

use super::inventory::{Inventory, Kind, entry, number, text};
use crate::hive::host::Host;
use crate::hive::provider::Provider;
use crate::hive::stage::Stage;
use crate::yaml::report::Place;
use crate::yaml::tree::{Entry, Node, Value};

/// Keys that every server of a stage has as a variable, and the variable's name.
const OF_SERVERS: &[(&str, &str)] = &[
    ("kms_key_id", "hive_kms_key_id"),
    ("image_name", "hive_vm_image_name"),
    ("root_password", "hive_root_password"),
    ("kernel_version", "hive_kernel_version"),
    ("drbd_download_url", "hive_drbd_download_url"),
    ("internal_cidr", "hive_internal_cidr"),
    ("internal_cidr_v6", "hive_internal_cidr_v6"),
    ("shared_repository", "hive_shared_repository"),
];
/// Keys that have a twin for the repository, `repository_…`.
const SIZES: &[&str] = &[
    "memory_size",
    "cpus",
    "disk_size",
    "disk_encrypted",
    "instance_type",
];
/// Keys of hives only.
const OF_HIVES: &[&str] = &["mirrored_disk_size", "mirrored_disk_encrypted"];
/// Keys of the operator's machine.
const OF_MOTHER: &[&str] = &[
    "cidr",
    "region",
    "bridge",
    "dev",
    "kickstart_config",
    "filestore_cidr",
    "prepared_resource_group",
    "not_support_az",
    "shared_repository",
];

/// Makes the groups of a hive definition, in the order in which the predecessor makes them.
pub(crate) fn declare(inventory: &mut Inventory) {
    inventory.groups.declare("first_hive");
    inventory.groups.declare("hosts");
}

/// Adds a stage; `node` is how it is written.
pub(crate) fn add(inventory: &mut Inventory, stage: &Stage, node: &Node, place: Place) {
    let group = stage.name.name();
    let of_group = inventory.of_groups.entry(group).or_default();
    of_group.push(match node.get("provider") {
        Some(given) => entry("hive_provider", given.node.clone()),
        None => text("hive_provider", stage.provider.name(), place),
    });
    of_group.push(text(
        "hive_custom_hostname",
        stage.custom_hostname.clone(),
        place,
    ));
    let mother = stage.mother();
    inventory.add(&mother, Kind::Mother, of_mother(stage, node, place));
    inventory.groups.add(group, &mother);
    inventory.groups.add("mother", &mother);
    let first = stage.hosts().iter().find(|host| host.is_first_hive());
    for host in stage.hosts() {
        let mut given = of_host(stage, host, node, place);
        // The predecessor names one master for all stages, that of the last one it reads.
        if let Some(first) = first.filter(|_| host.is_hive()) {
            given.push(text("hive_swarm_master", first.name.clone(), place));
        }
        inventory.add(&host.name, Kind::Host, given);
        inventory.groups.add(group, &host.name);
        let roles = [
            ("first_hive", host.is_first_hive()),
            ("hives", host.is_hive()),
            ("repository", host.is_repository()),
        ];
        for (role, _) in roles.iter().filter(|(_, has)| *has) {
            inventory.groups.add(role, &host.name);
        }
    }
}

fn of_mother(stage: &Stage, node: &Node, place: Place) -> Vec<Entry> {
    let mut given: Vec<Entry> = OF_MOTHER
        .iter()
        .filter_map(|key| taken(node, key, &format!("hive_{key}")))
        .collect();
    given.push(match node.get("subnets") {
        Some(subnets) => entry("hive_subnets", subnets.node.clone()),
        None => {
            let invented = stage.subnets.iter().map(|subnet| Node {
                value: Value::Map(vec![
                    text("cidr", subnet.cidr.to_string(), place),
                    text("name", subnet.name.clone(), place),
                ]),
                place,
            });
            let list = Value::List(invented.collect());
            entry("hive_subnets", Node { value: list, place })
        }
    });
    given.push(text("ansible_connection", "local", place));
    given
}

fn of_host(stage: &Stage, host: &Host, node: &Node, place: Place) -> Vec<Entry> {
    let mut given = vec![
        text("hive_private_ip", host.private_ip.to_string(), place),
        text("hive_netmask", host.netmask().to_string(), place),
        text("hive_subnet", host.subnet.clone(), place),
    ];
    if let Some(zone) = &host.zone {
        given.push(match zone.parse::<u64>() {
            Ok(zone) if stage.provider == Provider::Azure => {
                number("hive_available_zone", zone, place)
            }
            _ => text("hive_available_zone", zone.clone(), place),
        });
    }
    for (key, variable) in OF_SERVERS {
        given.extend(taken(node, key, variable));
    }
    for key in SIZES {
        let variable = format!("hive_{key}");
        let own = host
            .is_repository()
            .then(|| taken(node, &format!("repository_{key}"), &variable))
            .flatten();
        given.extend(own.or_else(|| {
            host.is_hive()
                .then(|| taken(node, key, &variable))
                .flatten()
        }));
    }
    if host.is_hive() {
        let variables = OF_HIVES.iter().map(|key| (key, format!("hive_{key}")));
        given.extend(variables.filter_map(|(key, variable)| taken(node, key, &variable)));
    }
    given
}

/// A key of the stage as a variable, as it is written.
fn taken(node: &Node, key: &str, variable: &str) -> Option<Entry> {
    let found = node.get(key)?;
    Some(Entry {
        key: variable.to_owned(),
        place: found.place,
        node: found.node.clone(),
    })
}
