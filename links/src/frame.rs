//! Frames that ask for and tell of the owner of an address, as bytes.
//!
//! ARP: RFC 826 and RFC 5227. Neighbour discovery: RFC 4861 (messages), RFC 4862 (duplicate
//! detection), RFC 2464 (on Ethernet).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::{self, ICMPV6};
use crate::interface::Mac;

/// EtherType of ARP.
pub(crate) const ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub(crate) const IPV6: u16 = 0x86dd;

const BROADCAST: Mac = Mac([0xff; 6]);
/// What ARP has where there is no address.
const NO_MAC: Mac = Mac([0; 6]);

/// Ethernet, IPv4: the first bytes of each ARP packet that we care for.
const ARP_HEADER: [u8; 6] = [0, 1, 8, 0, 6, 4];
const ARP_REQUEST: u16 = 1;
const ARP_REPLY: u16 = 2;

/// Length of an Ethernet header, and where it has its parts.
const ETHERNET: usize = 14;
const SOURCE: usize = 6;
/// Length of an IPv6 header.
const IP_HEADER: usize = 40;
/// Where a frame of neighbour discovery has its IPv6 next header, and the type of its message.
pub(crate) const NEXT_HEADER_AT: u32 = 20;
pub(crate) const TYPE_AT: u32 = 54;
pub(crate) const SOLICITATION: u8 = 135;
pub(crate) const ADVERTISEMENT: u8 = 136;
/// Routers never pass on what has it, so who sent it is on the same network.
const HOPS: u8 = 255;
/// The flag of an advertisement that tells to forget what was known.
const OVERRIDE: u8 = 0x20;
/// The option that carries the sender's MAC in advertisements.
const TARGET_MAC: u8 = 2;

/// All hosts of a network.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The question whether anybody has `ip`, from one who does not have it (yet).
pub(crate) fn probe(ip: IpAddr, own: Mac) -> Vec<u8> {
    match ip {
        // RFC 5227, section 2.1.1: the sender's address is zero, so no table is touched.
        IpAddr::V4(v4) => arp(ARP_REQUEST, own, Ipv4Addr::UNSPECIFIED, NO_MAC, v4),
        IpAddr::V6(v6) => {
            let group = solicited_group(v6);
            let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
            message.extend(v6.octets());
            // RFC 4861, section 4.3: no option with our MAC when the source is unspecified.
            icmpv6(own, Ipv6Addr::UNSPECIFIED, group, message)
        }
    }
}

/// The frames that tell everybody that `ip` is at `own` now. IPv4 has two, because some neighbours
/// learn from requests only and others from replies only.
pub(crate) fn announcement(ip: IpAddr, own: Mac) -> Vec<Vec<u8>> {
    match ip {
        IpAddr::V4(v4) => vec![
            arp(ARP_REQUEST, own, v4, NO_MAC, v4),
            arp(ARP_REPLY, own, v4, BROADCAST, v4),
        ],
        IpAddr::V6(v6) => {
            let mut message = vec![ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
            message.extend(v6.octets());
            message.extend([TARGET_MAC, 1]);
            message.extend(own.0);
            vec![icmpv6(own, v6, ALL_NODES, message)]
        }
    }
}

/// Who claims `ip` in this frame: has it and says so, or is about to take it. `None` if the frame is
/// about something else or is broken.
pub(crate) fn claim(frame: &[u8], ip: IpAddr) -> Option<Mac> {
    let payload = frame.get(ETHERNET..)?;
    match (ip, u16::from_be_bytes(frame[12..ETHERNET].try_into().ok()?)) {
        (IpAddr::V4(v4), ARP) => arp_claim(payload, v4),
        (IpAddr::V6(v6), IPV6) => icmpv6_claim(frame, payload, v6),
        _ => None,
    }
}

/// The multicast group in which the owner of an IPv6 address is asked for it (RFC 4291, 2.7.1).
pub(crate) fn solicited_group(ip: Ipv6Addr) -> Ipv6Addr {
    let octets = ip.octets();
    let low = u16::from_be_bytes([octets[14], octets[15]]);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(octets[13]), low)
}

fn ethernet(source: Mac, target: Mac, kind: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(96);
    frame.extend(target.0);
    frame.extend(source.0);
    frame.extend(kind.to_be_bytes());
    frame
}

fn arp(operation: u16, own: Mac, sender: Ipv4Addr, target_mac: Mac, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(own, BROADCAST, ARP);
    frame.extend(ARP_HEADER);
    frame.extend(operation.to_be_bytes());
    frame.extend(own.0);
    frame.extend(sender.octets());
    frame.extend(target_mac.0);
    frame.extend(target.octets());
    frame
}

fn arp_claim(packet: &[u8], ip: Ipv4Addr) -> Option<Mac> {
    let packet = packet.get(..28)?;
    if packet[..6] != ARP_HEADER {
        return None;
    }
    let ipv4 =
        |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    let (sender, target) = (ipv4(14), ipv4(24));
    // A probe for the same address is a claim too: RFC 5227, section 2.1.1.
    let probe =
        packet[6..8] == ARP_REQUEST.to_be_bytes() && sender.is_unspecified() && target == ip;
    (sender == ip || probe).then(|| mac(&packet[8..14]))
}

fn icmpv6(own: Mac, source: Ipv6Addr, target: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let sum = checksum::icmpv6(source, target, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let group = target.octets();
    let group_mac = Mac([0x33, 0x33, group[12], group[13], group[14], group[15]]);
    let mut frame = ethernet(own, group_mac, IPV6);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend((message.len() as u16).to_be_bytes());
    frame.extend([ICMPV6, HOPS]);
    frame.extend(source.octets());
    frame.extend(target.octets());
    frame.extend(message);
    frame
}

fn icmpv6_claim(frame: &[u8], packet: &[u8], ip: Ipv6Addr) -> Option<Mac> {
    let header = packet.get(..IP_HEADER)?;
    if header[0] >> 4 != 6 || header[6] != ICMPV6 || header[7] != HOPS {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let message = packet.get(IP_HEADER..IP_HEADER + length)?;
    let ipv6 = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from);
    let (source, target) = (ipv6(&header[8..24])?, ipv6(&header[24..40])?);
    if message.get(1) != Some(&0) || ipv6(message.get(8..24)?)? != ip {
        return None;
    }
    if checksum::icmpv6(source, target, message) != 0 {
        return None;
    }
    // Who asks from an address of its own looks for a neighbour; without one it is about to take it.
    let claims = match message[0] {
        ADVERTISEMENT => true,
        SOLICITATION => source.is_unspecified(),
        _ => false,
    };
    claims.then(|| mac(&frame[SOURCE..12]))
}

fn mac(bytes: &[u8]) -> Mac {
    let mut mac = [0; 6];
    mac.copy_from_slice(bytes);
    Mac(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_arp_probe_byte_by_byte() {
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
            0, 1, 8, 0, 6, 4, 0, 1, // a request for IPv4 on Ethernet
            2, 0, 0, 0, 0, 1, 0, 0, 0, 0, // from nobody
            0, 0, 0, 0, 0, 0, 10, 0, 0, 9, // for 10.0.0.9
        ];
        assert_eq!(probe(ip("10.0.0.9"), OWN), expected);
    }

    #[test]
    fn a_solicitation_goes_to_the_group_of_its_address() {
        let frame = probe(ip("fd00::12:3456"), OWN);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!(frame[22..38], Ipv6Addr::UNSPECIFIED.octets());
        let group: Ipv6Addr = "ff02::1:ff12:3456".parse().unwrap();
        assert_eq!(frame[38..54], group.octets());
        assert_eq!(frame.len(), ETHERNET + IP_HEADER + 24);
    }

    #[test]
    fn announcements_and_probes_are_claims() {
        for address in ["10.0.0.9", "fd00::9"].map(ip) {
            let mut frames = announcement(address, OWN);
            frames.push(probe(address, OWN));
            for frame in frames {
                assert_eq!(claim(&frame, address), Some(OWN));
                assert_eq!(claim(&frame, ip("10.0.0.8")), None);
                assert_eq!(claim(&frame, ip("fd00::8")), None);
                for end in 0..frame.len() {
                    assert_eq!(claim(&frame[..end], address), None, "cut at {end}");
                }
            }
        }
    }

    #[test]
    fn a_question_by_a_neighbour_is_no_claim() {
        let IpAddr::V4(asker) = ip("10.0.0.1") else {
            panic!()
        };
        let IpAddr::V4(asked) = ip("10.0.0.9") else {
            panic!()
        };
        let question = arp(ARP_REQUEST, OWN, asker, NO_MAC, asked);
        assert_eq!(claim(&question, ip("10.0.0.9")), None);
        let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        let target: Ipv6Addr = "fd00::9".parse().unwrap();
        message.extend(target.octets());
        let question = icmpv6(
            OWN,
            "fd00::1".parse().unwrap(),
            solicited_group(target),
            message,
        );
        assert_eq!(claim(&question, ip("fd00::9")), None);
    }

    #[test]
    fn forged_from_afar_or_broken_is_no_claim() {
        let good = announcement(ip("fd00::9"), OWN).remove(0);
        let mut routed = good.clone();
        routed[21] = 64;
        assert_eq!(claim(&routed, ip("fd00::9")), None);
        let mut broken = good;
        broken[56] ^= 1;
        assert_eq!(claim(&broken, ip("fd00::9")), None);
    }
}
