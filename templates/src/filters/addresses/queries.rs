//! What `ipaddr` can be asked.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::network::Network;
use crate::python::value;
use crate::{Error, ErrorKind, Value};

const NAMES: &[&str] = &[
    "address",
    "ip",
    "network",
    "network_id",
    "netmask",
    "prefix",
    "host/prefix",
    "hostnet",
    "net",
    "subnet",
    "size",
    "broadcast",
    "hostmask",
    "wildcard",
    "first_usable",
    "last_usable",
    "next_usable",
    "previous_usable",
    "range_usable",
    "bool",
    "host",
    "private",
    "public",
    "loopback",
    "multicast",
    "unicast",
    "link-local",
    "type",
    "version",
    "int",
    "revdns",
    "network/prefix",
    "ip/prefix",
    "address/prefix",
    "ip_netmask",
    "network_netmask",
    "network_wildcard",
    "gateway",
    "router",
    "cidr",
    "peer",
    "6to4",
    "ipv4",
    "ipv6",
];

fn text(text: String) -> Option<Value> {
    Some(Value::from(text))
}

/// The answer to a query; `None` if there is none.
pub(super) fn answer(network: &Network, query: &str) -> Result<Option<Value>, Error> {
    let n = network;
    let several = n.size() > 1;
    let itself = |yes: bool| if yes { text(n.normal()) } else { None };
    let host = || {
        if n.is_network() {
            None
        } else {
            text(n.with_prefix(n.address))
        }
    };
    let usable = |address: Option<u128>| {
        let address = address.filter(|_| several)?;
        let range = n.first_usable()..=n.last_usable();
        range
            .contains(&address)
            .then(|| Value::from(n.text(address)))
    };
    if !n.written_prefix && matches!(query, "first_usable" | "last_usable" | "range_usable") {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("`{}` is an address, not a network", n.normal()),
        )
        .with_next_step("give it with its prefix, like 192.168.1.0/24"));
    }
    if let Ok(index) = query.parse::<i128>() {
        return Ok(if !n.written_prefix {
            text(n.normal())
        } else {
            match n.at(index) {
                Some(address) => text(n.with_prefix(address)),
                None => Some(Value::from(false)),
            }
        });
    }
    Ok(match query {
        "" => text(n.normal()),
        "bool" => Some(Value::from(true)),
        "address" | "ip" if n.is_network() => None,
        "address" | "ip" => text(n.text(n.address)),
        "network" | "network_id" => text(n.text(n.first())),
        "netmask" => text(n.text(n.netmask())),
        "hostmask" | "wildcard" => text(n.text(n.hostmask())),
        "prefix" => Some(Value::from(n.prefix)),
        "size" if n.prefix == 0 && n.version == 6 => text((1u128 << 127).to_string()),
        "size" => Some(value::from_integer(n.size() as i128)),
        "host/prefix" | "hostnet" | "ip/prefix" | "address/prefix" | "gateway" | "router" => {
            Some(host().unwrap_or_else(|| Value::from(false)))
        }
        "host" => host(),
        "net" => itself(n.is_network()),
        "subnet" | "network/prefix" => text(n.with_prefix(n.first())),
        "cidr" => text(n.normal()),
        "broadcast" if n.size() > 2 => text(n.text(n.last())),
        "broadcast" => None,
        "first_usable" => usable(Some(n.first_usable())),
        "last_usable" => usable(Some(n.last_usable())),
        "next_usable" => usable(n.plus(1)),
        "previous_usable" => usable(n.plus(-1)),
        "range_usable" if several => {
            let (first, last) = (n.text(n.first_usable()), n.text(n.last_usable()));
            text(format!("{first}-{last}"))
        }
        "range_usable" => None,
        "ip_netmask" => text(format!("{} {}", n.text(n.address), n.text(n.netmask()))),
        "network_netmask" => text(format!("{} {}", n.text(n.first()), n.text(n.netmask()))),
        "network_wildcard" => text(format!("{} {}", n.text(n.first()), n.text(n.hostmask()))),
        "type" => text(if n.is_network() { "network" } else { "address" }.into()),
        "version" => Some(Value::from(n.version)),
        "int" => text(match n.written_prefix {
            true => format!("{}/{}", n.address, n.prefix),
            false => n.address.to_string(),
        }),
        "private" => itself(is_private(n)),
        "public" => itself(!is_private(n) && !is_special(n)),
        "loopback" => itself(within(n, &["127.0.0.0/8", "::1/128"])),
        "multicast" => itself(is_multicast(n)),
        "unicast" => itself(!is_multicast(n)),
        "link-local" => itself(within(n, &["169.254.0.0/16", "fe80::/10"])),
        "revdns" => text(reverse_name(n)),
        "peer" => match (n.version, n.size()) {
            (4, 2) => text(n.text(n.address ^ 1)),
            (4, 4) if n.address != n.first() && n.address != n.last() => {
                text(n.text(n.address ^ 3))
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Operation,
                    format!("`{}` is not a network of two", n.normal()),
                ));
            }
        },
        "ipv4" | "v4" => Some(match (n.version, mapped(n)) {
            (4, _) => Value::from(n.normal()),
            (_, Some(four)) => Value::from(four.with_prefix(four.address)),
            _ => Value::from(false),
        }),
        "ipv6" | "v6" if n.version == 4 => {
            let six = Ipv4Addr::from(n.address as u32).to_ipv6_mapped();
            text(format!("{six}/{}", n.prefix + 96))
        }
        "ipv6" | "v6" => text(n.normal()),
        "6to4" => match (n.version, is_private(n)) {
            (4, false) => {
                let address = 0x2002u128 << 112 | n.address << 80;
                let wide = Network::parse("::/48");
                wide.and_then(|wide| text(format!("{}/48", wide.text(address))))
            }
            (6, _) => itself(n.address >> 112 == 0x2002),
            _ => None,
        },
        membership => match Network::parse(membership) {
            Some(wide) => itself(wide.contains(n)),
            None => return Err(unknown(query)),
        },
    })
}

fn unknown(query: &str) -> Error {
    let error = Error::new(
        ErrorKind::Operation,
        format!("an address can't be asked for `{query}`"),
    );
    match crate::spelling::nearest(query, NAMES.iter().copied()) {
        Some(near) => error.with_next_step(format!("did you mean `{near}`?")),
        None => error.with_next_step(
            "ask for address, network, netmask, prefix, net, size, a number, or a network like 10.0.0.0/8",
        ),
    }
}

/// The address of version 4 that one of version 6 stands for.
fn mapped(network: &Network) -> Option<Network> {
    let four = Ipv6Addr::from(network.address).to_ipv4_mapped()?;
    let prefix = network.prefix.checked_sub(96)?;
    Network::parse(&format!("{four}/{prefix}"))
}

fn within(network: &Network, wide: &[&str]) -> bool {
    let mut wide = wide.iter().filter_map(|wide| Network::parse(wide));
    wide.any(|wide| wide.contains(network))
}

fn is_private(network: &Network) -> bool {
    within(
        network,
        &[
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
            "fec0::/10",
        ],
    )
}

fn is_multicast(network: &Network) -> bool {
    within(network, &["224.0.0.0/4", "ff00::/8"])
}

/// Addresses that are nobody's on the internet, for another reason than being private.
fn is_special(network: &Network) -> bool {
    is_multicast(network)
        || within(
            network,
            &[
                "0.0.0.0/8",
                "100.64.0.0/10",
                "127.0.0.0/8",
                "169.254.0.0/16",
                "192.0.0.0/24",
                "192.0.2.0/24",
                "198.51.100.0/24",
                "203.0.113.0/24",
                "240.0.0.0/4",
                "::/128",
                "::1/128",
                "fe80::/10",
                "2001:db8::/32",
            ],
        )
}

fn reverse_name(network: &Network) -> String {
    if network.version == 4 {
        let mut bytes = (network.address as u32)
            .to_be_bytes()
            .map(|byte| byte.to_string());
        bytes.reverse();
        return format!("{}.in-addr.arpa.", bytes.join("."));
    }
    let digits: Vec<String> = format!("{:032x}", network.address)
        .chars()
        .rev()
        .map(String::from)
        .collect();
    format!("{}.ip6.arpa.", digits.join("."))
}
