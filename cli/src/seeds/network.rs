//! What a seed says about the interfaces of a real machine.
//!
//! `kickstart_config.networks` describes them; all other providers hand out addresses by DHCP, on
//! every wired interface.

use std::net::{IpAddr, Ipv4Addr};

use hive_inventory::seed::{Bond, Interface};
use hive_site::{Host, KickstartNetwork, Stage};

/// A network that can't be put into a seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the network on `{interface}` of `kickstart_config`: {fault}; {hint}")]
pub struct NetworkError {
    interface: String,
    fault: String,
    hint: &'static str,
}

/// The interfaces of a host; empty: DHCP on all.
pub fn interfaces(stage: &Stage, host: &Host) -> Result<Vec<Interface>, NetworkError> {
    let networks = stage.kickstart.as_ref().map_or(&[][..], |k| &k.networks);
    let mut out: Vec<Interface> = networks
        .iter()
        .map(|network| interface(network, host))
        .collect::<Result<_, _>>()?;
    // The stage's own name servers are asked where the way out is.
    let way_out = out
        .iter()
        .position(|i| i.gateway.is_some())
        .or_else(|| out.iter().position(|i| !i.addresses.is_empty()));
    if let Some(way_out) = way_out {
        let name = networks[way_out].interface.as_str();
        for server in nameservers(name, &stage.nameservers)? {
            if !out[way_out].nameservers.contains(&server) {
                out[way_out].nameservers.push(server);
            }
        }
    }
    Ok(out)
}

fn interface(network: &KickstartNetwork, host: &Host) -> Result<Interface, NetworkError> {
    let name = &network.interface;
    let by_mac = name.split(':').count() == 6;
    let parts = network.bonding_interfaces.clone();
    let vlan = network.vlanid.map(u16::try_from).transpose();
    let vlan = vlan.map_err(|_| NetworkError {
        interface: name.clone(),
        fault: "the number of its VLAN is too high".into(),
        hint: "VLANs have numbers from 1 to 4094",
    })?;
    let addresses = match network.ips.get(host.index) {
        None => Vec::new(),
        Some(ip) => vec![format!("{ip}/{}", prefix(network, *ip, host)?)],
    };
    Ok(Interface {
        name: Some(name.clone()).filter(|_| !by_mac),
        mac: Some(name.clone()).filter(|_| by_mac),
        bond: Some(Bond { interfaces: parts }).filter(|bond| !bond.interfaces.is_empty()),
        vlan,
        dhcp: false,
        addresses,
        gateway: network.gateway.map(IpAddr::from),
        nameservers: nameservers(name, &network.nameservers)?,
    })
}

/// The prefix length of the network that `ip` is in.
fn prefix(network: &KickstartNetwork, ip: Ipv4Addr, host: &Host) -> Result<u8, NetworkError> {
    let fault = |fault: String| NetworkError {
        interface: network.interface.clone(),
        fault,
        hint: "write `netmask` like 255.255.255.0",
    };
    let Some(mask) = network.netmask else {
        // Only the stage's own network is known without being told.
        return match host.network.contains(&ip) {
            true => Ok(host.network.prefix_len()),
            false => Err(fault(format!(
                "it has no `netmask`, and {ip} is not in the network of the stage"
            ))),
        };
    };
    let bits = u32::from(mask);
    match bits.leading_ones() + bits.trailing_zeros() {
        32 => Ok(bits.leading_ones() as u8),
        _ => Err(fault(format!("{mask} is no mask"))),
    }
}

fn nameservers(interface: &str, texts: &[String]) -> Result<Vec<IpAddr>, NetworkError> {
    let parse = |text: &String| {
        text.trim().parse().map_err(|_| NetworkError {
            interface: interface.to_owned(),
            fault: format!("the name server `{text}` is not an address"),
            hint: "name servers are given by their addresses: nothing could look up a name yet",
        })
    };
    texts.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::Machines;
    use super::super::document::tests::{METAL, of, stage};
    use super::*;

    #[test]
    fn bonds_vlans_and_addresses_are_those_of_the_host() {
        let stage = stage(METAL);
        let found = of(&stage, 2, Machines::OfProvider).interfaces;
        let bond = Bond {
            interfaces: vec!["eno1".into(), "eno2".into()],
        };
        let base = Interface {
            name: Some("bond0".into()),
            bond: Some(bond),
            ..Interface::default()
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let outside = Interface {
            addresses: vec!["192.168.0.6/24".into()],
            gateway: Some(ip("192.168.0.1")),
            nameservers: vec![ip("192.168.0.2"), ip("9.9.9.9")],
            ..base.clone()
        };
        let vlan = Interface {
            vlan: Some(30),
            addresses: vec!["10.0.0.6/16".into()],
            ..base
        };
        let idle = Interface {
            name: Some("eno5".into()),
            ..Interface::default()
        };
        assert_eq!(found, [outside, vlan, idle]);
    }

    #[test]
    fn what_no_machine_could_take_is_refused_with_the_interface() {
        let told = |from: &str, to: &str| {
            assert!(METAL.contains(from));
            let stage = stage(&METAL.replacen(from, to, 1));
            interfaces(&stage, &stage.hosts()[0])
                .unwrap_err()
                .to_string()
        };
        let error = told("255.255.255.0", "255.0.255.0");
        assert!(
            error.contains("`bond0`") && error.contains("no mask"),
            "{error}"
        );
        let error = told("nameservers: 9.9.9.9", "nameservers: dns.example");
        assert!(error.contains("dns.example"), "{error}");
        let error = told("          netmask: 255.255.0.0\n", "");
        assert!(error.contains("10.0.0.4"), "{error}");
    }

    #[test]
    fn other_providers_give_addresses_themselves() {
        let text = "
plugin: hive_inventory
name: pdns
stages:
  staging:
    provider: prepared
    cidr: 192.168.0.0/24
    separate_repository: false
";
        let stage = stage(text);
        assert_eq!(interfaces(&stage, &stage.hosts()[0]).unwrap(), []);
    }
}
