//! Where a virtual address belongs.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::interface::Interface;
use crate::label::VirtualAddress;

/// Where a virtual address goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The interface's number.
    pub index: u32,
    /// Its name, for people.
    pub interface: String,
    /// Length of the network's prefix in bits: that of the host's own address there, or the one that
    /// was named.
    pub prefix: u8,
}

/// Why there is no place for a virtual address now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// No interface has an address of its own in a network that contains it.
    #[error(
        "{0} is in no network of this host; give the host an address in its network, or write IP/PREFIX@INTERFACE"
    )]
    OutsideNetworks(IpAddr),
    /// There is no interface of the name.
    #[error("there is no interface {0} on this host")]
    UnknownInterface(String),
    /// The interface is there, but passes no frames.
    #[error("interface {interface} is down, so {ip} can't be reached there")]
    LinkDown {
        /// The address.
        ip: IpAddr,
        /// The interface it belongs to.
        interface: String,
    },
    /// The host has the address for itself.
    #[error("{ip} is this host's own address on {interface}; take another one")]
    HostAddress {
        /// The address.
        ip: IpAddr,
        /// Where the host has it.
        interface: String,
    },
    /// The first or last address of the network.
    #[error("{ip} is the {what} address of {network}; take another one")]
    Reserved {
        /// The address.
        ip: IpAddr,
        /// `network` or `broadcast`.
        what: &'static str,
        /// The network.
        network: IpNet,
    },
}

/// The place of `wanted` among `interfaces`: the named one, or the one where the host itself has an
/// address in the longest network around it. Among equals an interface that is up wins, then the
/// lower index, so that the answer is the same each time.
///
/// # Errors
/// There is none, or none that can be used now.
pub fn choose(wanted: &VirtualAddress, interfaces: &[Interface]) -> Result<Place, Unplaced> {
    let ip = wanted.ip;
    for interface in interfaces {
        if interface.addresses.iter().any(|a| a.ip == ip && !a.ours) {
            let interface = interface.name.clone();
            return Err(Unplaced::HostAddress { ip, interface });
        }
    }
    let (interface, prefix) = match &wanted.named {
        Some(named) => interfaces
            .iter()
            .find(|interface| interface.name == named.interface)
            .map(|interface| (interface, named.prefix))
            .ok_or_else(|| Unplaced::UnknownInterface(named.interface.clone()))?,
        None => interfaces
            .iter()
            .filter_map(|interface| Some((interface, interface.covering(ip)?.prefix)))
            .max_by_key(|(interface, prefix)| (*prefix, interface.up, u32::MAX - interface.index))
            .ok_or(Unplaced::OutsideNetworks(ip))?,
    };
    if let Some((what, network)) = reserved(ip, prefix) {
        return Err(Unplaced::Reserved { ip, what, network });
    }
    let name = interface.name.clone();
    if !interface.up {
        let interface = name;
        return Err(Unplaced::LinkDown { ip, interface });
    }
    Ok(Place {
        index: interface.index,
        interface: name,
        prefix,
    })
}

/// The ends of an IPv4 network belong to no host, except in networks of one or two (RFC 3021).
fn reserved(ip: IpAddr, prefix: u8) -> Option<(&'static str, IpNet)> {
    let network = IpNet::new(ip, prefix).ok()?.trunc();
    if ip.is_ipv6() || prefix > 30 {
        return None;
    }
    if ip == network.network() {
        Some(("network", network))
    } else if ip == network.broadcast() {
        Some(("broadcast", network))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Address;

    fn interface(index: u32, name: &str, up: bool, addresses: &[&str]) -> Interface {
        let address = |text: &&str| {
            let (text, ours) = text.strip_prefix('!').map_or((*text, false), |t| (t, true));
            let net: IpNet = text.parse().unwrap();
            Address {
                ip: net.addr(),
                prefix: net.prefix_len(),
                ours,
            }
        };
        Interface {
            name: name.to_owned(),
            index,
            mac: None,
            up,
            addresses: addresses.iter().map(address).collect(),
        }
    }

    fn site() -> Vec<Interface> {
        vec![
            interface(1, "lo", true, &["127.0.0.1/8", "::1/128"]),
            interface(2, "wide", true, &["10.0.0.1/8", "fd00::1/48"]),
            interface(3, "off", false, &["172.20.0.1/16", "10.2.0.1/24"]),
            interface(4, "lan", true, &["10.1.0.1/24", "fd00::1:0:0:0:1/64"]),
            interface(5, "twin", true, &["10.1.0.2/24", "!192.168.7.1/24"]),
            interface(6, "up", true, &["172.20.0.2/16"]),
        ]
    }

    fn place(text: &str) -> Result<(String, u8), Unplaced> {
        let place = choose(&text.parse().unwrap(), &site())?;
        let interface = &site()[place.index as usize - 1];
        assert_eq!(place.interface, interface.name);
        Ok((place.interface, place.prefix))
    }

    #[test]
    fn the_longest_network_of_the_host_wins() {
        let at = |name: &str, prefix| Ok((name.to_owned(), prefix));
        assert_eq!(place("10.9.0.5"), at("wide", 8));
        assert_eq!(place("10.1.0.5"), at("lan", 24));
        assert_eq!(place("fd00::1:0:0:0:5"), at("lan", 64));
        assert_eq!(place("fd00::5:0:0:0:5"), at("wide", 48));
        assert_eq!(place("172.20.0.5"), at("up", 16));
        assert_eq!(place("192.0.2.1/25@lan"), at("lan", 25));
        assert_eq!(place("10.1.0.5/24@wide"), at("wide", 24));
    }

    #[test]
    fn what_has_no_place_is_told_apart() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            place("192.0.2.1"),
            Err(Unplaced::OutsideNetworks(ip("192.0.2.1")))
        );
        // A virtual address makes no network for another one.
        assert_eq!(
            place("192.168.7.2"),
            Err(Unplaced::OutsideNetworks(ip("192.168.7.2")))
        );
        assert_eq!(
            place("192.0.2.1/24@lan0"),
            Err(Unplaced::UnknownInterface("lan0".into()))
        );
        for text in ["10.2.0.5", "192.0.2.1/24@off"] {
            let refused = place(text);
            assert!(
                matches!(&refused, Err(Unplaced::LinkDown { interface, .. }) if interface == "off"),
                "{refused:?}"
            );
        }
        let refused = place("10.1.0.2").unwrap_err();
        assert!(matches!(refused, Unplaced::HostAddress { .. }));
        for text in ["10.1.0.0", "10.1.0.255", "192.0.2.0/24@lan"] {
            assert!(matches!(place(text), Err(Unplaced::Reserved { .. })));
        }
        assert!(place("192.0.2.0/31@lan").is_ok());
        assert_eq!(
            place("10.1.0.255").unwrap_err().to_string(),
            "10.1.0.255 is the broadcast address of 10.1.0.0/24; take another one"
        );
    }

    #[test]
    fn our_own_address_is_no_hindrance() {
        assert!(place("192.168.7.1/24@twin").is_ok());
    }
}
