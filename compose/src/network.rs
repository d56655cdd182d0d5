//! `networks:` at the top of a file.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use hive_deploy::desired::{DesiredNetwork, Owner};

use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::stack::scoped;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::tree::{Node, Value};

/// The network of services that name none.
pub(crate) const DEFAULT: &str = "default";

const KNOWN: [&str; 10] = [
    "driver",
    "driver_opts",
    "attachable",
    "internal",
    "ipam",
    "external",
    "name",
    "labels",
    "enable_ipv6",
    "enable_ipv4",
];
const POOL: [&str; 4] = ["subnet", "ip_range", "gateway", "aux_addresses"];
const NOTHING: [Ignored; 0] = [];

/// A network that services may name.
pub(crate) struct Network {
    /// Its name in the swarm.
    pub name: String,
    /// Somebody else makes it.
    pub external: bool,
    pub desired: DesiredNetwork,
    pub place: Place,
    /// It stands in the file.
    pub written: bool,
}

pub(crate) fn read(
    node: Option<&Node>,
    stack: &str,
    report: &mut Report<'_>,
) -> BTreeMap<String, Network> {
    let mut networks = BTreeMap::new();
    for (key, place, node) in named(node, "networks", report) {
        if let Some(network) = one(&key, place, node, stack, report) {
            networks.insert(key, network);
        }
    }
    networks.entry(DEFAULT.to_owned()).or_insert_with(|| {
        let name = scoped(stack, DEFAULT);
        Network {
            desired: DesiredNetwork {
                request: request(&name, stack, HashMap::new()),
            },
            name,
            external: false,
            place: NOWHERE,
            written: false,
        }
    });
    networks
}

const NOWHERE: Place = Place {
    file: 0,
    line: 1,
    column: 1,
    length: 1,
};

/// The entries of one of the mappings at the top.
pub(crate) fn named<'n>(
    node: Option<&'n Node>,
    section: &str,
    report: &mut Report<'_>,
) -> Vec<(String, Place, &'n Node)> {
    let Some(node) = node else {
        return Vec::new();
    };
    if !matches!(node.value, Value::Map(_)) {
        report.error(
            node.place,
            format!("`{section}` is {}", node.kind()),
            "it has to be a mapping: names, and below each what is to be said of it; services name theirs in a list",
        );
    }
    let entries = node.entries().iter();
    entries
        .filter(|entry| !entry.key.starts_with("x-"))
        .map(|entry| (entry.key.clone(), entry.place, &entry.node))
        .collect()
}

/// `external: true`, or the name as it was written before.
pub(crate) fn external(
    fields: &Fields<'_>,
    what: &str,
    allowed: &[&str],
    node: &Node,
    report: &mut Report<'_>,
) -> Option<(bool, Option<String>)> {
    let said = fields.get("external");
    let (external, name) = match said.map(|said| &said.value) {
        None => (false, None),
        Some(Value::Map(_)) => {
            let below = Fields::of(
                said?,
                format!("`external` of {what}"),
                &["name"],
                &NOTHING,
                report,
            )?;
            (true, below.text("name", report))
        }
        Some(_) => (fields.flag("external", report)?, None),
    };
    if external {
        for entry in node.entries() {
            let fits = ["external", "name"].contains(&entry.key.as_str())
                || allowed.contains(&entry.key.as_str())
                || entry.key.starts_with("x-");
            if !fits && !entry.node.is_null() {
                report.error(
                    entry.place,
                    format!("{what} is external: `{}` can't be said of it", entry.key),
                    "remove this, or `external`",
                );
            }
        }
    }
    Some((external, fields.text("name", report).or(name)))
}

fn one(
    key: &str,
    place: Place,
    node: &Node,
    stack: &str,
    report: &mut Report<'_>,
) -> Option<Network> {
    let what = format!("network `{key}`");
    let fields = Fields::of(node, &what, &KNOWN, &NOTHING, report)?;
    let (external, named) = external(&fields, &what, &[], node, report)?;
    let name = match (named, external) {
        (Some(name), _) => name,
        (None, true) => key.to_owned(),
        (None, false) => scoped(stack, key),
    };
    let labels = fields.labels("labels", report).into_iter().collect();
    let options: HashMap<String, String> =
        fields.labels("driver_opts", report).into_iter().collect();
    let driver = fields.text("driver", report);
    let request = NetworkCreateRequest {
        driver: Some(driver.unwrap_or_else(|| "overlay".into())),
        attachable: fields.flag("attachable", report),
        internal: fields.flag("internal", report),
        enable_ipv6: fields.flag("enable_ipv6", report),
        enable_ipv4: fields.flag("enable_ipv4", report),
        options: (!options.is_empty()).then_some(options),
        ipam: fields
            .get("ipam")
            .and_then(|node| ipam(node, &what, report)),
        ..request(&name, stack, labels)
    };
    Some(Network {
        name,
        external,
        desired: DesiredNetwork { request },
        place,
        written: true,
    })
}

fn request(name: &str, stack: &str, mut labels: HashMap<String, String>) -> NetworkCreateRequest {
    let owner = Owner::stack(stack);
    labels.insert(owner.label, owner.value);
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("overlay".into()),
        labels: Some(labels),
        ..Default::default()
    }
}

fn ipam(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Ipam> {
    let what = format!("`ipam` of {what}");
    let fields = Fields::of(
        node,
        &what,
        &["driver", "config", "options"],
        &NOTHING,
        report,
    )?;
    let mut pools = Vec::new();
    for node in fields.list("config", report) {
        let what = format!("`config` of {what}");
        let Some(pool) = Fields::of(node, what, &POOL, &NOTHING, report) else {
            continue;
        };
        let taken: HashMap<_, _> = pool.labels("aux_addresses", report).into_iter().collect();
        pools.push(IpamConfig {
            subnet: pool.text("subnet", report),
            ip_range: pool.text("ip_range", report),
            gateway: pool.text("gateway", report),
            auxiliary_addresses: (!taken.is_empty()).then_some(taken),
        });
    }
    let options: HashMap<_, _> = fields.labels("options", report).into_iter().collect();
    Some(Ipam {
        driver: fields.text("driver", report),
        config: (!pools.is_empty()).then_some(pools),
        options: (!options.is_empty()).then_some(options),
    })
}
