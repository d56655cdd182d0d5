//! Networks in CIDR notation, with errors that say which part is wrong.

use std::net::{AddrParseError, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::Node;

/// Why a text is not a network, and how it should look.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotANetwork {
    reason: String,
    instead: String,
}

/// Reads an IPv4 network, `192.168.10.0/24` or `192.168.10.0/255.255.255.0`.
pub(crate) fn parse(text: &str, example: &str) -> Result<Ipv4Net, NotANetwork> {
    let wrong = |reason: String| NotANetwork {
        reason,
        instead: format!(
            "write the network's first address and its prefix length, such as `{example}`"
        ),
    };
    let (address, prefix) = text
        .split_once('/')
        .ok_or_else(|| wrong("the prefix length after a slash is missing".into()))?;
    if address.parse::<Ipv6Addr>().is_ok() {
        return Err(wrong(
            "it is IPv6, and hive's host networks are IPv4".into(),
        ));
    }
    let address: Ipv4Addr = address
        .parse()
        .map_err(|_: AddrParseError| wrong(format!("`{address}` is not an IPv4 address")))?;
    let net = match prefix.parse::<u8>() {
        Ok(length) => Ipv4Net::new(address, length)
            .map_err(|_| wrong(format!("the prefix length {length} is greater than 32")))?,
        Err(_) => prefix
            .parse()
            .ok()
            .and_then(|mask: Ipv4Addr| Ipv4Net::with_netmask(address, mask).ok())
            .ok_or_else(|| wrong(format!("`{prefix}` is not a prefix length from 0 to 32")))?,
    };
    if net.trunc() != net {
        return Err(NotANetwork {
            reason: format!(
                "the address has bits set beyond the first {}",
                net.prefix_len()
            ),
            instead: format!("the network that holds it is `{}`", net.trunc()),
        });
    }
    Ok(net)
}

/// Reads the network that a node holds, or reports why it can't.
pub(crate) fn of_node(
    node: &Node,
    name: &str,
    example: &str,
    report: &mut Report<'_>,
) -> Option<Ipv4Net> {
    let text = fields::text(node, name, report)?;
    match parse(text.trim(), example) {
        Ok(net) => Some(net),
        Err(NotANetwork { reason, instead }) => {
            report.error(
                node.place,
                format!("`{name}` is not a network: {reason}"),
                instead,
            );
            None
        }
    }
}

/// Reads the network under a key, if it is given.
pub(crate) fn field(
    fields: &Fields<'_>,
    key: &str,
    example: &str,
    report: &mut Report<'_>,
) -> Option<Ipv4Net> {
    let entry = fields.entry(key)?;
    of_node(&entry.node, key, example, report)
}

/// Reads the IPv6 network under a key, if it is given.
pub(crate) fn field_v6(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<Ipv6Net> {
    let node = &fields.entry(key)?.node;
    let text = fields::text(node, key, report)?;
    let net = text.trim().parse::<Ipv6Net>().ok();
    if net.is_none() {
        report.error(
            node.place,
            format!("`{key}` is not an IPv6 network"),
            "write address and prefix length, such as `fd00:1234::/64`",
        );
    }
    net
}

/// Reads an IPv4 address, or reports why it can't.
pub(crate) fn address(node: &Node, name: &str, report: &mut Report<'_>) -> Option<Ipv4Addr> {
    let text = fields::text(node, name, report)?;
    let address = text.trim().parse().ok();
    if address.is_none() {
        report.error(
            node.place,
            format!("`{text}` in `{name}` is not an IPv4 address"),
            "write four numbers from 0 to 255, such as `192.168.10.4`",
        );
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        parse(text, "10.0.0.0/24").unwrap_err().reason
    }

    #[test]
    fn each_fault_is_told_apart() {
        assert!(reason("10.0.0.0").contains("missing"));
        assert!(reason("10.0.0.0/33").contains("greater than 32"));
        assert!(reason("10.0.300.0/24").contains("`10.0.300.0` is not an IPv4"));
        assert!(reason("fd00::/64").contains("IPv6"));
        assert!(reason("10.0.0.0/x").contains("`x` is not a prefix"));
        assert!(reason("10.0.0.7/24").contains("beyond the first 24"));
        let instead = parse("10.0.0.7/24", "").unwrap_err().instead;
        assert!(instead.contains("10.0.0.0/24"));
    }

    #[test]
    fn a_netmask_is_taken_too() {
        let net = parse("10.0.0.0/255.255.255.0", "").unwrap();
        assert_eq!(net.to_string(), "10.0.0.0/24");
    }
}
