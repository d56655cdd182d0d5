//! What a label says about a virtual address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The longest name that Linux gives an interface, in bytes (IFNAMSIZ less the zero byte).
const LONGEST_NAME: usize = 15;

/// A virtual address as a label gives it: `IP`, or `IP/prefix@interface`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VirtualAddress {
    /// The address.
    pub ip: IpAddr,
    /// Prefix and interface, if the label names them.
    pub named: Option<Named>,
}

/// The part of a label that names a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Named {
    /// Length of the network's prefix in bits.
    pub prefix: u8,
    /// Name of the interface.
    pub interface: String,
}

/// Why a text is no virtual address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There is nothing in it.
    #[error("there is no address; write IP, or IP/PREFIX@INTERFACE")]
    Empty,
    /// The part before `/` and `@` is no address.
    #[error("`{0}` is no IP address; write IP, or IP/PREFIX@INTERFACE")]
    Address(String),
    /// An address that no host can have for itself.
    #[error("{0} can't be a virtual address: it is {1}")]
    Unusable(IpAddr, &'static str),
    /// Only one of prefix and interface is there.
    #[error(
        "`{0}` has a prefix or an interface without the other; write IP, or IP/PREFIX@INTERFACE"
    )]
    Half(String),
    /// The prefix is no number, or longer than the address.
    #[error("`{0}` is no length of a prefix; {1} takes 1 to {2}")]
    Prefix(String, IpAddr, u8),
    /// Linux has no interface of such a name.
    #[error("`{0}` can't be the name of an interface")]
    Interface(String),
}

impl FromStr for VirtualAddress {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        // A name may hold both marks but `/`; an address holds neither.
        let (left, interface) = match text.split_once('@') {
            Some((left, interface)) => (left, Some(interface)),
            None => (text, None),
        };
        let (address, prefix) = match left.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (left, None),
        };
        let ip: IpAddr = address
            .parse()
            .map_err(|_| LabelError::Address(address.to_owned()))?;
        if let Some(why) = unusable(ip) {
            return Err(LabelError::Unusable(ip, why));
        }
        let named = match (prefix, interface) {
            (None, None) => None,
            (Some(prefix), Some(interface)) => Some(Named {
                prefix: parse_prefix(prefix, ip)?,
                interface: parse_name(interface)?,
            }),
            _ => return Err(LabelError::Half(text.to_owned())),
        };
        Ok(Self { ip, named })
    }
}

impl fmt::Display for VirtualAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            None => write!(f, "{}", self.ip),
            Some(named) => write!(f, "{}/{}@{}", self.ip, named.prefix, named.interface),
        }
    }
}

fn unusable(ip: IpAddr) -> Option<&'static str> {
    if ip.is_unspecified() {
        Some("the unspecified address")
    } else if ip.is_loopback() {
        Some("a loopback address")
    } else if ip.is_multicast() {
        Some("a multicast address")
    } else {
        match ip {
            IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
            IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("in the network of no host"),
            IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("reserved"),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Some("an IPv4 address in disguise"),
            // Every interface has that network, so it says nothing about where it belongs.
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link-local address"),
            _ => None,
        }
    }
}

fn parse_prefix(text: &str, ip: IpAddr) -> Result<u8, LabelError> {
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u8>() {
        Ok(length) if digits && (1..=longest).contains(&length) => Ok(length),
        _ => Err(LabelError::Prefix(text.to_owned(), ip, longest)),
    }
}

/// The kernel's own rule for names (`dev_valid_name`).
fn parse_name(text: &str) -> Result<String, LabelError> {
    let fits = (1..=LONGEST_NAME).contains(&text.len());
    let dots = text == "." || text == "..";
    let wrong = |c: char| c == '/' || c == ':' || c == '\0' || c.is_whitespace();
    if !fits || dots || text.contains(wrong) {
        return Err(LabelError::Interface(text.to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<VirtualAddress, LabelError> {
        text.parse()
    }

    #[test]
    fn an_address_alone_or_with_its_place() {
        for text in [
            "192.168.0.101",
            "fd00::101",
            "10.0.0.7/24@eth0",
            "2001:db8::7/64@br-lan.7",
            "10.0.0.7/32@odd@name",
            "10.0.0.7/8@ünï",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let named = parse(" 10.0.0.7/24@eth0 ").unwrap().named.unwrap();
        assert_eq!((named.prefix, named.interface.as_str()), (24, "eth0"));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(parse(" "), Err(LabelError::Empty));
        for (text, part) in [
            ("10.0.0.256", "10.0.0.256"),
            ("10.0.0.07", "10.0.0.07"),
            ("host", "host"),
            ("@eth0", ""),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(parse(text), Err(LabelError::Address(part.into())), "{text}");
        }
        for text in ["10.0.0.7/24", "10.0.0.7@eth0"] {
            assert_eq!(parse(text), Err(LabelError::Half(text.into())));
        }
        for prefix in ["33", "0", "-1", "+8", "", "x", "255.255.255.0"] {
            let refused = parse(&format!("10.0.0.7/{prefix}@eth0"));
            assert!(
                matches!(&refused, Err(LabelError::Prefix(p, _, 32)) if p == prefix),
                "{refused:?}"
            );
        }
        assert!(parse("fd00::7/128@eth0").is_ok());
        assert!(matches!(
            parse("fd00::7/129@eth0"),
            Err(LabelError::Prefix(_, _, 128))
        ));
        for name in ["", "eth0:1", "a b", "..", "sixteen-bytes-xx", "a/b"] {
            let refused = parse(&format!("10.0.0.7/24@{name}"));
            assert_eq!(refused, Err(LabelError::Interface(name.into())));
        }
    }

    #[test]
    fn addresses_that_no_host_can_have() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "224.0.0.5",
            "255.255.255.255",
            "241.0.0.1",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            let refused = parse(text);
            assert!(
                matches!(refused, Err(LabelError::Unusable(..))),
                "{text}: {refused:?}"
            );
        }
    }
}
