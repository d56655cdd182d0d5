//! Network interfaces as files of systemd-networkd (systemd.network(5), systemd.netdev(5)).
//!
//! Entries of the seed that mean the same interface are put together first ([`plan`]): networkd
//! takes only one file for an interface. Nothing touches an MTU.

mod check;
mod plan;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::IpAddr;

use hive_inventory::seed::Interface;

use super::render::{EtcFile, RenderError};
use plan::{Base, Device};

/// Wired interfaces that are no bridge, veth or the like ask for an address.
const DHCP_EVERYWHERE: &str = "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n";
/// As the predecessor of hive set up its bonds (systemd.netdev(5), section Bond).
const BOND: &str = "[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\nUpDelaySec=600ms\nDownDelaySec=600ms\nTransmitHashPolicy=layer2+3\n";

/// The files for these interfaces; for none, one that asks by DHCP everywhere.
pub(super) fn files(interfaces: &[Interface]) -> Result<Vec<EtcFile>, RenderError> {
    if interfaces.is_empty() {
        return Ok(vec![file("80-hive-dhcp.network", DHCP_EVERYWHERE.into())]);
    }
    let mut out = Vec::new();
    for (index, base) in plan::bases(interfaces)?.iter().enumerate() {
        of_base(index, base, &mut out);
    }
    Ok(out)
}

fn of_base(index: usize, base: &Base<'_>, out: &mut Vec<EtcFile>) {
    let vlans: Vec<&str> = base.vlans.iter().map(|v| v.name.as_str()).collect();
    let matching = match &base.device {
        // Bridges and VLANs on top of it inherit the address.
        Device::Mac(mac) => format!("MACAddress={mac}\nType=ether\nKind=!*\n"),
        Device::Name(name) => format!("Name={name}\n"),
        Device::Bond(name, parts) => {
            out.push(file(
                format!("10-hive-{index}.netdev"),
                format!("[NetDev]\nName={name}\nKind=bond\n\n{BOND}"),
            ));
            out.push(file(
                format!("10-hive-{index}-parts.network"),
                format!(
                    "[Match]\nName={}\n\n[Network]\nBond={name}\n",
                    parts.join(" ")
                ),
            ));
            format!("Name={name}\nKind=bond\n")
        }
    };
    out.push(file(
        format!("10-hive-{index}.network"),
        network(&matching, &base.entries, &vlans),
    ));
    for vlan in &base.vlans {
        let stem = format!("10-hive-{index}-vlan{}", vlan.id);
        out.push(file(
            format!("{stem}.netdev"),
            format!(
                "[NetDev]\nName={}\nKind=vlan\n\n[VLAN]\nId={}\n",
                vlan.name, vlan.id
            ),
        ));
        let matching = format!("Name={}\nKind=vlan\n", vlan.name);
        out.push(file(
            format!("{stem}.network"),
            network(&matching, &vlan.entries, &[]),
        ));
    }
}

/// The file for what `matching` says, with the addresses of all `entries`.
fn network(matching: &str, entries: &[&Interface], vlans: &[&str]) -> String {
    let dhcp = entries.iter().any(|e| e.dhcp);
    let addresses: Vec<&str> = unique(
        entries
            .iter()
            .flat_map(|e| &e.addresses)
            .map(String::as_str),
    );
    let gateways: Vec<IpAddr> = unique(entries.iter().filter_map(|e| e.gateway));
    let servers: Vec<IpAddr> = unique(entries.iter().flat_map(|e| e.nameservers.iter().copied()));
    let mut out = format!("[Match]\n{matching}");
    if !dhcp && addresses.is_empty() {
        // It never gets an address that the machine could wait for at its start.
        out.push_str("\n[Link]\nRequiredForOnline=carrier\n");
    }
    out.push_str("\n[Network]\n");
    out.push_str(if dhcp { "DHCP=yes\n" } else { "DHCP=no\n" });
    if entries.is_empty() {
        // Only there to carry VLANs.
        out.push_str("LinkLocalAddressing=no\nIPv6AcceptRA=no\n");
    }
    // Writing to a String can't fail.
    for address in addresses {
        let _ = writeln!(out, "Address={address}");
    }
    for gateway in gateways {
        let _ = writeln!(out, "Gateway={gateway}");
    }
    for server in servers {
        let _ = writeln!(out, "DNS={server}");
    }
    for vlan in vlans {
        let _ = writeln!(out, "VLAN={vlan}");
    }
    out
}

fn unique<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut out = Vec::new();
    for value in values {
        if !out.contains(&value) {
            out.push(value);
        }
    }
    out
}

fn file(name: impl std::fmt::Display, content: String) -> EtcFile {
    EtcFile::text(format!("systemd/network/{name}"), content)
}
