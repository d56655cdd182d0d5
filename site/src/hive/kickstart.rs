//! `kickstart_config`: the install medium for bare metal and the networks of its machines.

use std::net::Ipv4Addr;

use super::network;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node};

const KEYS: &[&str] = &["iso_src", "iso_dest", "media_usb", "target", "networks"];
const NETWORK_KEYS: &[&str] = &[
    "interface",
    "vlanid",
    "ips",
    "netmask",
    "gateway",
    "nameservers",
    "bonding_interfaces",
];

/// `kickstart_config` of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kickstart {
    /// The installer's medium: an ISO file or a device.
    pub iso_src: String,
    /// Where ours is written: an ISO file or a device.
    pub iso_dest: String,
    /// Whether the medium is a USB stick.
    pub media_usb: bool,
    /// The disk to install on.
    pub target: String,
    /// Networks of the machines.
    pub networks: Vec<KickstartNetwork>,
}

/// One network that every machine is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KickstartNetwork {
    /// Kernel name of the interface.
    pub interface: String,
    /// VLAN on it.
    pub vlanid: Option<u64>,
    /// An address per host, in order; empty: no IPv4 there.
    pub ips: Vec<Ipv4Addr>,
    /// Mask of the network.
    pub netmask: Option<Ipv4Addr>,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub nameservers: Vec<String>,
    /// Interfaces bonded (802.3ad) under `interface`.
    pub bonding_interfaces: Vec<String>,
}

/// Reads the section for a stage of `hosts` machines.
pub(crate) fn read(
    entry: &Entry,
    hosts: Option<usize>,
    report: &mut Report<'_>,
) -> Option<Kickstart> {
    let fields = Fields::open(&entry.node, entry.place, "`kickstart_config`", KEYS, report)?;
    let iso_src = fields.required("iso_src", "debian.iso", report);
    let iso_dest = fields.required("iso_dest", "/dev/sdb", report);
    let networks = fields.required("networks", "[{interface: eno1}]", report);
    let media_usb = fields.flag("media_usb", report).unwrap_or(false);
    let target = fields
        .text("target", report)
        .unwrap_or_else(|| "sda".into());
    let networks = networks
        .and_then(|_| fields.list("networks", report))
        .unwrap_or_default()
        .iter()
        .filter_map(|node| read_network(node, hosts, report))
        .collect();
    Some(Kickstart {
        iso_src: iso_src.and_then(|e| fields::text(&e.node, "iso_src", report))?,
        iso_dest: iso_dest.and_then(|e| fields::text(&e.node, "iso_dest", report))?,
        media_usb,
        target,
        networks,
    })
}

fn read_network(
    node: &Node,
    hosts: Option<usize>,
    report: &mut Report<'_>,
) -> Option<KickstartNetwork> {
    let what = "a network of `kickstart_config`";
    let fields = Fields::open(node, node.place, what, NETWORK_KEYS, report)?;
    let interface = fields.required("interface", "eno1", report);
    let vlanid = fields.whole("vlanid", 1..=4094, report);
    let ips: Vec<Ipv4Addr> = fields
        .list("ips", report)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| network::address(node, "ips", report))
        .collect();
    if let (Some(entry), Some(hosts)) = (fields.entry("ips"), hosts)
        && ips.len() != hosts
        && !ips.is_empty()
    {
        report.error(
            entry.place,
            format!("`ips` has {} addresses for {hosts} hosts", ips.len()),
            "give one address a host, in the order of the hosts",
        );
    }
    let address = |key: &str, report: &mut Report<'_>| {
        let entry = fields.entry(key)?;
        network::address(&entry.node, key, report)
    };
    let netmask = address("netmask", report);
    let gateway = address("gateway", report);
    let nameservers = one_or_more(&fields, "nameservers", report);
    let bonding_interfaces = one_or_more(&fields, "bonding_interfaces", report);
    Some(KickstartNetwork {
        interface: fields::text(&interface?.node, "interface", report)?,
        vlanid,
        ips,
        netmask,
        gateway,
        nameservers,
        bonding_interfaces,
    })
}

/// A list of texts, or a single text with commas, as kickstart itself takes them.
pub(crate) fn one_or_more(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    match fields.entry(key) {
        Some(entry) if entry.node.as_text().is_some() => entry
            .node
            .as_text()
            .unwrap_or_default()
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect(),
        _ => fields.texts(key, report).unwrap_or_default(),
    }
}
