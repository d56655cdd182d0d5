//! Network interfaces as files of systemd-networkd (systemd.network(5)).

use std::net::IpAddr;

use hive_inventory::seed::Interface;

use super::render::{EtcFile, RenderError};

/// Wired interfaces that are no bridge, veth or the like ask for an address.
const DHCP_EVERYWHERE: &str = "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n";

/// The files for these interfaces; for none, one that asks by DHCP everywhere.
pub(super) fn files(interfaces: &[Interface]) -> Result<Vec<EtcFile>, RenderError> {
    if interfaces.is_empty() {
        return Ok(vec![EtcFile::text(
            "systemd/network/80-hive-dhcp.network",
            DHCP_EVERYWHERE,
        )]);
    }
    interfaces
        .iter()
        .enumerate()
        .map(|(index, interface)| {
            Ok(EtcFile::text(
                format!("systemd/network/10-hive-{index}.network"),
                file(index, interface)?,
            ))
        })
        .collect()
}

fn file(index: usize, interface: &Interface) -> Result<String, RenderError> {
    let mut out = "[Match]\n".to_owned();
    match (&interface.mac, &interface.name) {
        (Some(mac), _) => {
            if !is_mac(mac) {
                return Err(value(
                    "hardware address",
                    mac,
                    "of the form 52:54:00:12:34:56",
                ));
            }
            // Bridges and VLANs on top of it inherit the address.
            out.push_str(&format!("MACAddress={mac}\nType=ether\nKind=!*\n"));
        }
        (None, Some(name)) => {
            if !is_interface_name(name) {
                return Err(value("interface name", name, "a name the kernel allows"));
            }
            out.push_str(&format!("Name={name}\n"));
        }
        (None, None) => return Err(RenderError::Unnamed(index)),
    }
    out.push_str("\n[Network]\n");
    out.push_str(if interface.dhcp {
        "DHCP=yes\n"
    } else {
        "DHCP=no\n"
    });
    for address in &interface.addresses {
        if !is_address(address) {
            return Err(value("address", address, "an address with prefix length"));
        }
        out.push_str(&format!("Address={address}\n"));
    }
    if let Some(gateway) = interface.gateway {
        out.push_str(&format!("Gateway={gateway}\n"));
    }
    for server in &interface.nameservers {
        out.push_str(&format!("DNS={server}\n"));
    }
    Ok(out)
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
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

fn is_address(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    match (address.parse::<IpAddr>(), prefix.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_interface() {
        let interface = Interface {
            mac: Some("52:54:00:12:34:56".into()),
            addresses: vec!["192.168.0.4/24".into(), "fd00::4/64".into()],
            gateway: Some("192.168.0.254".parse().unwrap()),
            nameservers: vec!["192.168.0.254".parse().unwrap()],
            ..Interface::default()
        };
        let files = files(&[interface]).unwrap();
        assert_eq!(files[0].path, "systemd/network/10-hive-0.network");
        assert_eq!(
            String::from_utf8_lossy(&files[0].content),
            "[Match]\nMACAddress=52:54:00:12:34:56\nType=ether\nKind=!*\n\n[Network]\nDHCP=no\nAddress=192.168.0.4/24\nAddress=fd00::4/64\nGateway=192.168.0.254\nDNS=192.168.0.254\n"
        );
    }

    #[test]
    fn values_that_are_none_are_refused() {
        let by_name = |name: &str| Interface {
            name: Some(name.into()),
            dhcp: true,
            ..Interface::default()
        };
        assert!(files(&[by_name("enp1s0")]).is_ok());
        assert!(files(&[by_name("eth0\nDHCP=yes")]).is_err());
        assert_eq!(
            files(&[Interface::default()]).unwrap_err(),
            RenderError::Unnamed(0)
        );
        let mut odd = by_name("eth0");
        odd.addresses = vec!["192.168.0.4/33".into()];
        assert!(files(&[odd]).is_err());
    }
}
