//! Numbers that the definitions leave open and that are kept between runs: published ports of services
//! (`hive_ports`) and device ids of mirrored volumes (`hive_volume`), and what follows from the ports.

use std::collections::BTreeMap;

use super::inventory::{Kind, entry, number};
use super::layers;
use super::world::World;
use crate::hive::stage::StageName;
use crate::service::model::Protocol;
use crate::service::port_numbers::{self, Asked};
use crate::service::{Kept, device_ids};
use crate::yaml::tree::{Entry, Node, Value};

/// Ports from here on are not opened to the outside.
const FIRST_INTERNAL_PORT: u16 = 10000;

/// The variables with numbers, by host, and what is to be kept for the next run.
pub(crate) fn numbered(
    world: &World,
    stage: StageName,
    kept: &Kept,
) -> (BTreeMap<String, Vec<Entry>>, Kept) {
    let mut found: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let (ports, published_ports) = ports(world, kept);
    let (volumes, device_ids) = volumes(world, kept);
    let mut open: [Vec<u16>; 2] = Default::default();
    for (service, list) in &ports {
        let here = world.groups_of(service).contains(stage.name());
        for item in items(&list.node).iter().filter(|_| here) {
            let port = whole(item, "published_port").filter(|port| *port < FIRST_INTERNAL_PORT);
            match item.get("protocol").and_then(|e| e.node.as_text()) {
                Some("tcp") => open[0].extend(port),
                Some("udp") => open[1].extend(port),
                _ => {}
            }
        }
    }
    for (service, list) in ports {
        found.entry(service).or_default().push(list);
    }
    for (volume, node) in volumes {
        found.entry(volume).or_default().push(node);
    }
    for (name, member) in &world.inventory.members {
        if !matches!(member.kind, Kind::Host | Kind::Mother) {
            continue;
        }
        let Some(place) = member.given.first().map(|entry| entry.place) else {
            continue;
        };
        let list = |ports: &[u16]| Node {
            value: Value::List(
                ports
                    .iter()
                    .map(|port| Node {
                        value: Value::Text(port.to_string()),
                        place,
                    })
                    .collect(),
            ),
            place,
        };
        let variables = found.entry(name.clone()).or_default();
        variables.push(entry("hive_published_ports_tcp", list(&open[0])));
        variables.push(entry("hive_published_ports_udp", list(&open[1])));
    }
    let kept = Kept {
        device_ids,
        published_ports,
    };
    (found, kept)
}

/// `hive_ports` of every service, each entry with its published port.
fn ports(world: &World, kept: &Kept) -> (Vec<(String, Entry)>, BTreeMap<String, u16>) {
    let lists: Vec<(&str, &Entry)> = world
        .groups()
        .members("services")
        .iter()
        .filter_map(|name| {
            let given = &world.inventory.members.get(name)?.given;
            Some((name.as_str(), layers::last(given, "hive_ports")?))
        })
        .collect();
    let asked: Vec<Asked<'_>> = lists
        .iter()
        .flat_map(|(service, list)| items(&list.node).iter().map(move |item| (*service, item)))
        .filter_map(|(service, item)| ask(service, item))
        .collect();
    let (map, numbers) = port_numbers::allocate(&kept.published_ports, &asked);
    let mut numbers = numbers.into_iter();
    let filled = lists
        .into_iter()
        .map(|(service, list)| {
            let mut list = list.clone();
            if let Value::List(items) = &mut list.node.value {
                for item in items {
                    if ask(service, item).is_none() {
                        continue;
                    }
                    let given = numbers.next().flatten();
                    if item.get("published_port").is_none()
                        && let (Some(given), Value::Map(entries)) = (given, &mut item.value)
                    {
                        entries.push(number("published_port", given, item.place));
                    }
                }
            }
            (service.to_owned(), list)
        })
        .collect();
    (filled, map)
}

fn ask<'a>(service: &'a str, item: &Node) -> Option<Asked<'a>> {
    let protocol = match item.get("protocol")?.node.as_text()? {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return None,
    };
    Some(Asked {
        service,
        target: whole(item, "target_port")?,
        protocol,
        published: whole(item, "published_port"),
    })
}

/// `hive_volume` of every mirrored volume, with its device id.
fn volumes(world: &World, kept: &Kept) -> (Vec<(String, Entry)>, BTreeMap<String, u16>) {
    let found: Vec<(&String, &Entry, &str, &Node)> = world
        .groups()
        .members("drbd_volumes")
        .iter()
        .filter_map(|name| {
            let given = &world.inventory.members.get(name)?.given;
            let volume = layers::last(given, "hive_volume")?;
            let own = volume.node.get("name")?.node.as_text()?;
            Some((name, volume, own, &volume.node.get("drbd")?.node))
        })
        .collect();
    let asked: Vec<(&str, Option<u16>)> = found
        .iter()
        .map(|(_, _, own, drbd)| (*own, whole(drbd, "device_id")))
        .collect();
    let (map, ids) = device_ids::allocate(&kept.device_ids, &asked);
    let filled = found
        .into_iter()
        .zip(ids)
        .map(|((name, volume, _, _), id)| {
            let mut volume = volume.clone();
            if let (Ok(id), Value::Map(entries)) = (id, &mut volume.node.value)
                && let Some(drbd) = entries.iter_mut().find(|entry| entry.key == "drbd")
                && drbd.node.get("device_id").is_none()
                && let Value::Map(keys) = &mut drbd.node.value
            {
                keys.push(number("device_id", id, drbd.place));
            }
            (name.clone(), volume)
        })
        .collect();
    (filled, map)
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn whole(node: &Node, key: &str) -> Option<u16> {
    node.get(key)?.node.as_text()?.parse().ok()
}
