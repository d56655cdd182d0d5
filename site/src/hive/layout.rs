//! From a stage's keys to its hosts: how many, which role, which address, which zone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::addresses::{self, Exhausted};
use super::host::Role;
use super::network;
use super::provider::Provider;
use super::stage::{StageName, Subnet};
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;

const SUBNET_KEYS: &[&str] = &["cidr", "name", "available_zone"];
const EXAMPLE: &str = "192.168.10.0/26";

/// A host's seat: everything that its position decides.
pub(crate) struct Seat {
    pub roles: BTreeSet<Role>,
    pub address: Ipv4Addr,
    pub subnet: usize,
}

/// The keys of a stage that decide its layout.
pub(crate) struct Layout {
    /// Number of hosts, the repository included.
    pub count: usize,
    /// Whether the repository is a host of its own.
    pub separate: bool,
    /// The parts of the network; empty when none is given.
    pub subnets: Vec<Subnet>,
    /// Explicit addresses; empty when none is given or they are not consulted.
    pub addresses: Vec<Ipv4Addr>,
}

impl Layout {
    /// Reads and checks the keys. `None` when the number of hosts can't be told.
    pub fn read(fields: &Fields<'_>, stage: StageName, report: &mut Report<'_>) -> Option<Self> {
        let separate = fields.flag("separate_repository", report);
        let number = fields.whole("number_of_hosts", 1..=1000, report);
        let subnets = read_subnets(fields, stage, report);
        let addresses = read_addresses(fields, report);
        let (Some(subnets), Some(mut addresses)) = (subnets, addresses) else {
            return None;
        };
        if let Some(entry) = fields.entry("ip_address_list")
            && !subnets.is_empty()
        {
            report.warn(
                entry.place,
                "`ip_address_list` is not consulted, because `subnets` is given",
                "remove one of them",
            );
            addresses.clear();
        }
        let entry = fields.entry("number_of_hosts");
        if entry.is_some() && number.is_none() {
            return None;
        }
        let separate = separate.unwrap_or(true);
        let count = match number {
            Some(number) => usize::try_from(number).ok()?,
            None if !addresses.is_empty() => addresses.len(),
            None if separate => 4,
            None => 3,
        };
        if let Some(list) = fields.entry("ip_address_list")
            && !addresses.is_empty()
            && addresses.len() != count
        {
            report.error(
                list.place,
                format!(
                    "`ip_address_list` has {} for {}",
                    counted(addresses.len(), "address", "addresses"),
                    counted(count, "host", "hosts"),
                ),
                "give one address a host, or leave out `number_of_hosts`",
            );
            return None;
        }
        if count == 1 && separate && stage != StageName::Private {
            report.error(
                entry.map_or(fields.place, |entry| entry.place),
                "the only host would be the repository, and there would be no hive",
                "add `separate_repository: False`, or give more hosts",
            );
            return None;
        }
        Some(Self {
            count,
            separate: separate && count > 1,
            subnets,
            addresses,
        })
    }

    /// Seats every host. `None` when a network is too small; the report says which.
    pub fn seats(
        &self,
        fields: &Fields<'_>,
        cidr: Ipv4Net,
        report: &mut Report<'_>,
    ) -> Option<Vec<Seat>> {
        let nets: Vec<Ipv4Net> = self.subnets.iter().map(|subnet| subnet.cidr).collect();
        let given = if !nets.is_empty() {
            addresses::in_subnets(self.count, &nets)
        } else if !self.addresses.is_empty() {
            Ok(self.addresses.iter().map(|address| (*address, 0)).collect())
        } else {
            addresses::in_cidr(self.count, cidr)
        };
        match given {
            Ok(given) => Some(
                given
                    .into_iter()
                    .enumerate()
                    .map(|(index, (address, subnet))| Seat {
                        roles: self.roles(index),
                        address,
                        subnet,
                    })
                    .collect(),
            ),
            Err(Exhausted { subnet, room }) => {
                let key = if nets.is_empty() { "cidr" } else { "subnets" };
                let net = nets.get(subnet).copied().unwrap_or(cidr);
                report.error(
                    fields
                        .entry(key)
                        .map_or(fields.place, |entry| entry.node.place),
                    format!(
                        "`{net}` has room for {}, too few for the {} of {}",
                        counted(room, "host", "hosts"),
                        counted(self.count, "host", "hosts"),
                        fields.what
                    ),
                    "take a network with a shorter prefix; its first addresses are kept for routers and clouds",
                );
                None
            }
        }
    }

    fn roles(&self, index: usize) -> BTreeSet<Role> {
        let last = index + 1 == self.count;
        let mut roles = BTreeSet::new();
        if !(last && self.separate) {
            roles.insert(Role::Hive);
        }
        if index == 0 {
            roles.insert(Role::FirstHive);
        }
        if last {
            roles.insert(Role::Repository);
        }
        roles
    }
}

fn read_subnets(
    fields: &Fields<'_>,
    stage: StageName,
    report: &mut Report<'_>,
) -> Option<Vec<Subnet>> {
    if fields.entry("subnets").is_none() {
        return Some(Vec::new());
    }
    let before = report.errors();
    let items = fields.list("subnets", report).unwrap_or_default();
    let mut subnets = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let what = "an entry of `subnets`";
        let Some(keys) = Fields::open(item, item.place, what, SUBNET_KEYS, report) else {
            continue;
        };
        let name = keys.text("name", report);
        let available_zone = keys.text("available_zone", report);
        let cidr = keys.required("cidr", EXAMPLE, report);
        if let Some(cidr) = cidr.and_then(|e| network::of_node(&e.node, "cidr", EXAMPLE, report)) {
            subnets.push(Subnet {
                name: name.unwrap_or_else(|| format!("{}subnet{index}", stage.prefix())),
                cidr,
                available_zone,
            });
        }
    }
    (report.errors() == before).then_some(subnets)
}

fn read_addresses(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Vec<Ipv4Addr>> {
    let key = "ip_address_list";
    if fields.entry(key).is_none() {
        return Some(Vec::new());
    }
    let before = report.errors();
    let mut addresses = Vec::new();
    for item in fields.list(key, report).unwrap_or_default() {
        let Some(address) = network::address(item, key, report) else {
            continue;
        };
        if addresses.contains(&address) {
            report.error(
                item.place,
                format!("`{address}` stands twice in `{key}`"),
                "give every host its own address",
            );
        }
        addresses.push(address);
    }
    (report.errors() == before).then_some(addresses)
}

/// Zones: what a subnet names, else the region's in turn.
pub(crate) struct Zones {
    pub provider: Provider,
    pub region: Option<String>,
    pub suffixes: Vec<String>,
    pub not_supported: bool,
}

impl Zones {
    /// The zone of a host in a subnet that names none itself.
    pub fn of(&self, host: usize, subnet: Option<&Subnet>) -> Option<String> {
        if self.not_supported {
            return None;
        }
        if let Some(zone) = subnet.and_then(|subnet| subnet.available_zone.clone()) {
            return Some(zone);
        }
        let region = self.region.as_deref()?;
        Some(addresses::default_zone(
            host,
            region,
            &self.suffixes,
            self.provider == Provider::Azure,
        ))
    }

    /// Reads the suffixes, `-a, -b, -c` unless `az_suffix_list` says otherwise.
    pub fn suffixes(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
        let items = fields.list("az_suffix_list", report).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| fields::text(item, "az_suffix_list", report))
            .collect()
    }
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
