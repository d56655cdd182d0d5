//! What the kernel is asked for, as bytes.

use std::net::IpAddr;

use super::message::{
    ADDRESS_HEADER, AF_INET, AF_INET6, AF_UNSPEC, HEADER, IFA_ADDRESS, IFA_LABEL, IFA_LOCAL,
    IFA_PROTO, LINK_HEADER, ROUTE_HEADER, RTM_DELADDR, RTM_NEWADDR,
};

// linux/netlink.h
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;

// linux/rtnetlink.h, linux/if_link.h
const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTA_DST: u16 = 1;
const IFLA_EXT_MASK: u16 = 29;
/// Counters of traffic are long and not wanted.
const RTEXT_FILTER_SKIP_STATS: u32 = 8;

// linux/if_addr.h
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const FOREVER: u32 = u32::MAX;

/// What the kernel is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// All interfaces.
    Links,
    /// All addresses.
    Addresses,
    /// A new address; one that is there is an error (EEXIST).
    Add(NewAddress),
    /// An end of an address.
    Remove {
        /// Interface.
        index: u32,
        /// The address.
        ip: IpAddr,
        /// The length of the prefix it has in the kernel.
        prefix: u8,
    },
    /// The way that packets to an address take.
    Way(IpAddr),
}

/// An address to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAddress {
    pub(crate) index: u32,
    pub(crate) ip: IpAddr,
    /// Length of the prefix in the kernel.
    pub(crate) prefix: u8,
    /// Whether the kernel makes a route to the prefix with it (IPv6; an IPv4 address gets one when
    /// its prefix is shorter than 32).
    pub(crate) route: bool,
    pub(crate) label: Option<String>,
    /// Who added it (IFA_PROTO).
    pub(crate) protocol: u8,
}

impl Request {
    /// The request as bytes.
    pub(crate) fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut body = Vec::new();
        let (kind, flags) = match self {
            Self::Links => {
                body.extend([0; LINK_HEADER]);
                let mask = RTEXT_FILTER_SKIP_STATS.to_ne_bytes();
                attribute(&mut body, IFLA_EXT_MASK, &mask);
                (RTM_GETLINK, NLM_F_DUMP)
            }
            Self::Addresses => {
                body.push(AF_UNSPEC);
                body.extend([0; ADDRESS_HEADER - 1]);
                (RTM_GETADDR, NLM_F_DUMP)
            }
            Self::Add(new) => {
                new.encode(&mut body);
                (RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
            }
            Self::Remove { index, ip, prefix } => {
                address_header(&mut body, *index, *ip, *prefix);
                (RTM_DELADDR, NLM_F_ACK)
            }
            Self::Way(ip) => {
                let (family, octets) = parts(*ip);
                // struct rtmsg: family, length of the target's prefix, and nothing else.
                body.extend([family, octets.len() as u8 * 8]);
                body.extend([0; ROUTE_HEADER - 2]);
                attribute(&mut body, RTA_DST, &octets);
                (RTM_GETROUTE, NLM_F_ACK)
            }
        };
        let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(body);
        bytes
    }
}

impl NewAddress {
    fn encode(&self, body: &mut Vec<u8>) {
        address_header(body, self.index, self.ip, self.prefix);
        let mut flags = 0;
        if self.ip.is_ipv6() {
            // We have asked the network already, and the address has to work at once.
            flags |= IFA_F_NODAD;
            if !self.route {
                flags |= IFA_F_NOPREFIXROUTE;
            }
            // Valid for ever, preferred never: a newer IPv6 address would become the source of all
            // that the host itself sends; a deprecated one is used by those who ask for it only
            // (RFC 6724, rule 3). struct ifa_cacheinfo: preferred, valid, created, updated.
            let lifetimes = [0, FOREVER, 0, 0].map(u32::to_ne_bytes).concat();
            attribute(body, IFA_CACHEINFO, &lifetimes);
        }
        attribute(body, IFA_FLAGS, &flags.to_ne_bytes());
        attribute(body, IFA_PROTO, &[self.protocol]);
        if let Some(label) = &self.label {
            let text = [label.as_bytes(), &[0]].concat();
            attribute(body, IFA_LABEL, &text);
        }
    }
}

fn address_header(body: &mut Vec<u8>, index: u32, ip: IpAddr, prefix: u8) {
    let (family, octets) = parts(ip);
    body.extend([family, prefix, 0, 0]);
    body.extend(index.to_ne_bytes());
    attribute(body, IFA_LOCAL, &octets);
    attribute(body, IFA_ADDRESS, &octets);
}

fn parts(ip: IpAddr) -> (u8, Vec<u8>) {
    match ip {
        IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
    }
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::message::{AddressMessage, Message, attributes, decode, u32_at};

    fn new(ip: &str, route: bool, label: Option<&str>) -> NewAddress {
        NewAddress {
            index: 7,
            ip: ip.parse().unwrap(),
            prefix: 24,
            route,
            label: label.map(str::to_owned),
            protocol: 104,
        }
    }

    /// The body of a message as attributes, which a request and an answer write alike.
    fn read(request: &Request) -> AddressMessage {
        let batch = decode(&request.encode(9));
        match &batch.messages[..] {
            [(9, Message::Address(read) | Message::AddressGone(read))] => read.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_asked_for_reads_as_what_is_told() {
        let read_back = read(&Request::Add(new("10.0.0.7", true, Some("eth0:hive"))));
        assert_eq!(read_back.index, 7);
        assert_eq!(
            (read_back.ip.to_string(), read_back.prefix),
            ("10.0.0.7".into(), 24)
        );
        assert_eq!(read_back.label.as_deref(), Some("eth0:hive"));
        assert_eq!(read_back.protocol, Some(104));
        let removed = read(&Request::Remove {
            index: 7,
            ip: "fd00::7".parse().unwrap(),
            prefix: 64,
        });
        assert_eq!(
            (removed.ip.to_string(), removed.prefix),
            ("fd00::7".into(), 64)
        );
        assert_eq!(removed.protocol, None);
    }

    #[test]
    fn ipv6_is_deprecated_and_not_probed_by_the_kernel() {
        let bytes = Request::Add(new("fd00::7", false, None)).encode(1);
        let found: Vec<(u16, &[u8])> = attributes(&bytes[HEADER + ADDRESS_HEADER..]).collect();
        let value = |kind| found.iter().find(|(k, _)| *k == kind).map(|(_, v)| *v);
        let flags = value(IFA_FLAGS).and_then(|v| u32_at(v, 0));
        assert_eq!(flags, Some(IFA_F_NODAD | IFA_F_NOPREFIXROUTE));
        let lifetimes = value(IFA_CACHEINFO).unwrap();
        assert_eq!(u32_at(lifetimes, 0), Some(0));
        assert_eq!(u32_at(lifetimes, 4), Some(FOREVER));
    }
}
