//! What the kernel tells, from bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::interface::Mac;

/// struct nlmsghdr.
pub(super) const HEADER: usize = 16;
/// struct ifinfomsg.
pub(super) const LINK_HEADER: usize = 16;
/// struct rtmsg.
pub(super) const ROUTE_HEADER: usize = 12;
/// struct ifaddrmsg.
pub(super) const ADDRESS_HEADER: usize = 8;

// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// The bits of an attribute's type that are no part of the number.
const NLA_TYPE: u16 = 0x3fff;

// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWROUTE: u16 = 24;
const RTN_LOCAL: u8 = 2;
pub(super) const RTM_NEWADDR: u16 = 20;
pub(super) const RTM_DELADDR: u16 = 21;

// linux/if_link.h
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_CARRIER_CHANGES: u16 = 35;

// linux/if_addr.h
pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFA_LOCAL: u16 = 2;
pub(super) const IFA_LABEL: u16 = 3;
pub(super) const IFA_PROTO: u16 = 11;

pub(super) const AF_UNSPEC: u8 = 0;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

// linux/if.h and if_arp.h
const IFF_UP: u32 = 0x1;
const IFF_RUNNING: u32 = 0x40;
const IFF_NOARP: u32 = 0x80;
const IFF_LOWER_UP: u32 = 0x1_0000;
const ARPHRD_ETHER: u16 = 1;

/// What the kernel tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Link(LinkMessage),
    LinkGone(LinkMessage),
    Address(AddressMessage),
    AddressGone(AddressMessage),
    /// A way: whether it ends in this machine.
    Way {
        local: bool,
    },
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
        RTM_NEWROUTE => way(body),
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

fn way(body: &[u8]) -> Option<Message> {
    let kind = body.get(..ROUTE_HEADER)?[7];
    Some(Message::Way {
        local: kind == RTN_LOCAL,
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

pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
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

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Request;

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
        let whole = Request::Remove {
            index: 7,
            ip: "10.0.0.7".parse().unwrap(),
            prefix: 24,
        };
        let whole = whole.encode(1);
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
