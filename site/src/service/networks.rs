//! Networks that services attach to.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::definitions::Definition;
use super::evaluate::{Evaluate, whole};
use super::model::{Ipam, IpamPool, Network};
use super::names;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::tree::Node;

/// The network that is always there.
pub const DEFAULT_NETWORK: &str = "hive_default_network";
const DRIVER: &str = "overlay";
const KEYS: &[&str] = &["driver", "ipam", "driver_opts"];
const IPAM_KEYS: &[&str] = &["driver", "options", "config"];
const POOL_KEYS: &[&str] = &["subnet", "iprange", "ip_range", "gateway", "aux_addresses"];
const SUBNET_EXAMPLE: &str = "such as `10.10.0.0/24`";

/// Reads the networks of a stage; the default one is added when nobody defines it.
pub(crate) fn read(
    definitions: &[&Definition<'_>],
    around: &Surroundings<'_>,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> BTreeMap<String, Network> {
    let mut networks = BTreeMap::new();
    let mut taken: Vec<(IpNet, String)> = Vec::new();
    for definition in definitions {
        let name = definition.name;
        if !names::is_object(name) {
            report.error(
                definition.place,
                format!("docker takes no network called `{name}`"),
                "use letters, digits, dots, hyphens and underscores, a letter or digit first",
            );
        }
        let Some(node) = whole(evaluate, definition.node, name, report) else {
            continue;
        };
        let what = format!("network `{name}`");
        let Some(fields) = Fields::open(&node, definition.place, what, KEYS, report) else {
            continue;
        };
        let mut network = Network {
            name: name.to_owned(),
            driver: DRIVER.to_owned(),
            driver_opts: fields
                .entry("driver_opts")
                .map(|entry| values::text_map(&entry.node, "driver_opts", report))
                .unwrap_or_default(),
            ipam: Ipam::default(),
            attachable: around.hive.network_attachable,
        };
        if let Some(driver) = fields.text("driver", report)
            && driver != DRIVER
        {
            report.warn(
                fields.entry("driver").map_or(definition.place, |e| e.node.place),
                format!("network `{name}` is made with the driver `{DRIVER}`, not `{driver}`: services reach each other across hosts through no other"),
                format!("write `driver: {DRIVER}`, or leave it out"),
            );
        }
        if let Some(entry) = fields.entry("ipam") {
            network.ipam = ipam(&entry.node, entry.place, name, &mut taken, report);
        }
        networks.insert(name.to_owned(), network);
    }
    let default = networks
        .entry(DEFAULT_NETWORK.to_owned())
        .or_insert_with(|| Network {
            name: DEFAULT_NETWORK.to_owned(),
            driver: DRIVER.to_owned(),
            driver_opts: BTreeMap::new(),
            ipam: Ipam::default(),
            attachable: around.hive.network_attachable,
        });
    if default.ipam.config.is_empty()
        && let Some(internal) = &around.stage.internal
    {
        default.ipam.config = vec![IpamPool {
            subnet: internal.default_network.to_string(),
            ..IpamPool::default()
        }];
    }
    networks
}

fn ipam(
    node: &Node,
    place: Place,
    name: &str,
    taken: &mut Vec<(IpNet, String)>,
    report: &mut Report<'_>,
) -> Ipam {
    let what = format!("`ipam` of network `{name}`");
    let Some(fields) = Fields::open(node, place, what, IPAM_KEYS, report) else {
        return Ipam::default();
    };
    let options = fields
        .entry("options")
        .map(|entry| values::text_map(&entry.node, "options", report))
        .unwrap_or_default();
    let pools = fields.list("config", report).unwrap_or_default();
    Ipam {
        driver: fields.text("driver", report),
        options,
        config: pools
            .iter()
            .filter_map(|pool| read_pool(pool, name, taken, report))
            .collect(),
    }
}

fn read_pool(
    node: &Node,
    name: &str,
    taken: &mut Vec<(IpNet, String)>,
    report: &mut Report<'_>,
) -> Option<IpamPool> {
    let what = format!("an address pool of network `{name}`");
    let fields = Fields::open(node, node.place, what, POOL_KEYS, report)?;
    let given = fields.required("subnet", "10.10.0.0/24", report)?;
    let subnet = net(&given.node, "subnet", report)?;
    for (other, holder) in taken.iter() {
        if other.contains(&subnet) || subnet.contains(other) {
            report.error(
                given.node.place,
                format!("`{subnet}` overlaps with `{other}` of network `{holder}`"),
                "give each network addresses of its own",
            );
        }
    }
    taken.push((subnet, name.to_owned()));
    let range_key = ["ip_range", "iprange"]
        .into_iter()
        .find(|key| fields.entry(key).is_some());
    let range = range_key
        .and_then(|key| fields.entry(key))
        .and_then(|entry| Some((entry, net(&entry.node, &entry.key, report)?)));
    if let Some((entry, range)) = &range
        && !subnet.contains(range)
    {
        report.error(
            entry.node.place,
            format!("`{range}` does not lie in the subnet `{subnet}`"),
            "write a part of the subnet, or leave it out",
        );
    }
    let gateway = fields
        .entry("gateway")
        .and_then(|entry| inside(&entry.node, "gateway", &subnet, report));
    let mut aux_addresses = BTreeMap::new();
    if let Some(entry) = fields.entry("aux_addresses")
        && let Some(inner) = Fields::open_any(&entry.node, entry.place, "`aux_addresses`", report)
    {
        for aux in inner.entries() {
            if let Some(address) = inside(&aux.node, &aux.key, &subnet, report) {
                aux_addresses.insert(aux.key.clone(), address);
            }
        }
    }
    Some(IpamPool {
        subnet: subnet.to_string(),
        ip_range: range.map(|(_, range)| range.to_string()),
        gateway,
        aux_addresses,
    })
}

/// A network of either family, without bits beyond its prefix.
fn net(node: &Node, key: &str, report: &mut Report<'_>) -> Option<IpNet> {
    let text = fields::text(node, key, report)?;
    let Ok(net) = text.trim().parse::<IpNet>() else {
        report.error(
            node.place,
            format!("`{text}` is not a network"),
            format!("write its first address and its prefix length, {SUBNET_EXAMPLE}"),
        );
        return None;
    };
    if net.trunc() != net {
        report.error(
            node.place,
            format!(
                "`{text}` is an address inside a network: it has bits set beyond the first {}",
                net.prefix_len()
            ),
            format!("the network that holds it is `{}`", net.trunc()),
        );
        return None;
    }
    Some(net)
}

/// An address that lies in the subnet.
fn inside(node: &Node, key: &str, subnet: &IpNet, report: &mut Report<'_>) -> Option<String> {
    let text = fields::text(node, key, report)?;
    let address = text.trim().parse::<std::net::IpAddr>().ok();
    if address.is_none_or(|address| !subnet.contains(&address)) {
        report.error(
            node.place,
            format!("`{key}` can't be `{text}`: it is no address of the subnet `{subnet}`"),
            "write an address of the subnet, or leave it out",
        );
        return None;
    }
    address.map(|address| address.to_string())
}
