//! The bytes of routing netlink, without a socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Request;
use crate::interface::Mac;

/// struct nlmsghdr.
const HEADER: usize = 16;
/// struct ifinfomsg.
const LINK_HEADER: usize = 16;
/// struct ifaddrmsg.
const ADDRESS_HEADER: usize = 8;

// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// The bits of an attribute's type that are no part of the number.
const NLA_TYPE: u16 = 0x3fff;

// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
/// Counters of traffic are long and not wanted.
const RTEXT_FILTER_SKIP_STATS: u32 = 8;

// linux/if_link.h
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_CARRIER_CHANGES: u16 = 35;

// linux/if_addr.h
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const FOREVER: u32 = u32::MAX;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

// linux/if.h and if_arp.h
const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
const IFF_NOARP: u32 = 0x80;
const IFF_LOWER_UP: u32 = 0x1_0000;
const ARPHRD_ETHER: u16 = 1;

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

/// What the kernel tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Link(LinkMessage),
    LinkGone(LinkMessage),
    Address(AddressMessage),
    AddressGone(AddressMessage),
    /// The end of a list; the number is 0 or an error of the system.
    Done(i32),
    /// The end of a request; the number is 0 or an error of the system.
    End(i32),
    /// Something else.
    Other,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkMessage {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mac: Option<Mac>,
    pub(crate) up: bool,
    /// How often its carrier came or went.
    pub(crate) carrier_changes: u32,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressMessage {
    pub(crate) index: u32,
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) label: Option<String>,
    /// Who added it; `None` if nobody said so, or the kernel is older than 5.18.
    pub(crate) protocol: Option<u8>,
}

/// Messages of one read with their sequence numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<(u32, Message)>,
    /// A list changed while it was told, so it may miss entries.
    pub(crate) interrupted: bool,
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
    let (family, octets) = match ip {
        IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
    };
    body.extend([family, prefix, 0, 0]);
    body.extend(index.to_ne_bytes());
    attribute(body, IFA_LOCAL, &octets);
    attribute(body, IFA_ADDRESS, &octets);
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Reads what one read from a socket gave. What is cut off is left out.
pub(crate) fn decode(mut bytes: &[u8]) -> Batch {
    let mut batch = Batch::default();
    while let (Some(length), Some(kind), Some(flags), Some(sequence)) = (
        u32_at(bytes, 0),
        u16_at(bytes, 4),
        u16_at(bytes, 6),
        u32_at(bytes, 8),
    ) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else {
            break;
        };
        batch.interrupted |= flags & NLM_F_DUMP_INTR != 0;
        batch.messages.push((sequence, message(kind, body)));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    batch
}

fn message(kind: u16, body: &[u8]) -> Message {
    let number = || u32_at(body, 0).map_or(0, |n| n as i32);
    let known = match kind {
        NLMSG_DONE => Some(Message::Done(-number())),
        NLMSG_ERROR => Some(Message::End(-number())),
        RTM_NEWLINK => link(body).map(Message::Link),
        RTM_DELLINK => link(body).map(Message::LinkGone),
        RTM_NEWADDR => address(body).map(Message::Address),
        RTM_DELADDR => address(body).map(Message::AddressGone),
        _ => None,
    };
    known.unwrap_or(Message::Other)
}

fn link(body: &[u8]) -> Option<LinkMessage> {
    // Other families tell of an interface's part in a bridge, not of the interface.
    if *body.first()? != AF_UNSPEC {
        return None;
    }
    let (kind, flags) = (u16_at(body, 2)?, u32_at(body, 8)?);
    let mut link = LinkMessage {
        index: u32_at(body, 4)?,
        name: String::new(),
        mac: None,
        up: [IFF_UP, IFF_RUNNING, IFF_LOWER_UP]
            .iter()
            .all(|f| flags & f != 0),
        carrier_changes: 0,
    };
    for (attribute, value) in attributes(body.get(LINK_HEADER..)?) {
        match attribute {
            IFLA_IFNAME => link.name = text(value),
            IFLA_ADDRESS if kind == ARPHRD_ETHER && flags & IFF_NOARP == 0 => {
                link.mac = value.try_into().ok().map(Mac);
            }
            IFLA_CARRIER_CHANGES => link.carrier_changes = u32_at(value, 0)?,
            _ => {}
        }
    }
    Some(link)
}

fn address(body: &[u8]) -> Option<AddressMessage> {
    let (family, prefix) = (*body.first()?, *body.get(1)?);
    let (mut own, mut peer, mut label, mut protocol) = (None, None, None, None);
    for (attribute, value) in attributes(body.get(ADDRESS_HEADER..)?) {
        match attribute {
            IFA_LOCAL => own = ip(family, value),
            IFA_ADDRESS => peer = ip(family, value),
            IFA_LABEL => label = Some(text(value)),
            IFA_PROTO => protocol = value.first().copied(),
            _ => {}
        }
    }
    Some(AddressMessage {
        index: u32_at(body, 4)?,
        // IFA_ADDRESS is the other end where there is one; IPv6 has IFA_LOCAL only then.
        ip: own.or(peer)?,
        prefix,
        label,
        protocol,
    })
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => <[u8; 4]>::try_from(value)
            .ok()
            .map(|o| Ipv4Addr::from(o).into()),
        AF_INET6 => <[u8; 16]>::try_from(value)
            .ok()
            .map(|o| Ipv6Addr::from(o).into()),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & NLA_TYPE;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn ends_and_interruptions_are_seen() {
        let mut bytes = Vec::new();
        for (kind, flags, number) in [
            (NLMSG_ERROR, 0u16, -17i32),
            (NLMSG_DONE, NLM_F_DUMP_INTR, 0),
        ] {
            bytes.extend(20u32.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(flags.to_ne_bytes());
            bytes.extend([3, 0, 0, 0, 0, 0, 0, 0]);
            bytes.extend(number.to_ne_bytes());
        }
        let batch = decode(&bytes);
        assert!(batch.interrupted);
        let told: Vec<&Message> = batch.messages.iter().map(|(_, m)| m).collect();
        assert_eq!(told, [&Message::End(17), &Message::Done(0)]);
    }

    #[test]
    fn broken_bytes_are_skipped() {
        let whole = Request::Add(new("10.0.0.7", true, None)).encode(1);
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).messages.is_empty(), "{end}");
        }
        // A length of zero must not go in circles.
        assert!(decode(&[0; 64]).messages.is_empty());
        let mut zero_attribute = whole;
        zero_attribute[HEADER + ADDRESS_HEADER] = 0;
        assert_eq!(decode(&zero_attribute).messages[0].1, Message::Other);
    }
}
