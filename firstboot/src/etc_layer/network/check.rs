//! What may stand in a file of networkd: nothing that would mean more than it says.

use std::net::IpAddr;

use hive_inventory::seed::Interface;

use super::super::render::RenderError;

/// Checks everything in an entry that becomes text as it is.
pub(super) fn entry(interface: &Interface) -> Result<(), RenderError> {
    if let Some(mac) = &interface.mac
        && !is_mac(mac)
    {
        return Err(value(
            "hardware address",
            mac,
            "of the form 52:54:00:12:34:56",
        ));
    }
    let parts = interface.bond.iter().flat_map(|bond| &bond.interfaces);
    for name in interface.name.iter().chain(parts) {
        if !is_interface_name(name) {
            return Err(value("interface name", name, "a name the kernel allows"));
        }
    }
    if let Some(vlan) = interface.vlan
        && !(1..=4094).contains(&vlan)
    {
        return Err(value("VLAN", &vlan.to_string(), "a number from 1 to 4094"));
    }
    for address in &interface.addresses {
        if !is_address(address) {
            return Err(value("address", address, "an address with prefix length"));
        }
    }
    Ok(())
}

fn value(what: &'static str, value: &str, wanted: &'static str) -> RenderError {
    RenderError::Value {
        what,
        value: value.to_owned(),
        wanted,
    }
}

fn is_mac(text: &str) -> bool {
    text.split(':').count() == 6
        && text
            .split(':')
            .all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// At most 15 bytes (IFNAMSIZ), none that would mean something in the file.
fn is_interface_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && !matches!(name, "." | ".." | "lo")
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

fn is_address(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    let digits = prefix.bytes().all(|b| b.is_ascii_digit());
    match (address.parse::<IpAddr>(), prefix.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => digits && bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => digits && bits <= 128,
        _ => false,
    }
}
