//! The few frames that a neighbour sends and understands: ARP (RFC 826) and ICMP echo (RFC 792) in
//! IPv4 (RFC 791) on Ethernet, without the frame's checksum.

use std::net::Ipv4Addr;

/// A hardware address.
pub type Mac = [u8; 6];

const BROADCAST: Mac = [0xff; 6];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV4: [u8; 2] = [0x08, 0x00];
/// Ethernet, IPv4, and the lengths of their addresses.
const ARP_KINDS: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// The shortest frame, less its checksum.
const SHORTEST: usize = 60;
const ICMP: u8 = 1;
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Who has `target`? Asked by `sender`. An announcement asks for itself.
    Asks {
        /// Hardware address of who asks.
        mac: Mac,
        /// Its address; zero in a probe.
        sender: Ipv4Addr,
        /// The address that is asked for.
        target: Ipv4Addr,
    },
    /// `sender` is at `mac`.
    Tells {
        /// Hardware address.
        mac: Mac,
        /// The address.
        sender: Ipv4Addr,
        /// Whom it is told; an announcement tells itself.
        target: Ipv4Addr,
    },
    /// An echo is asked for.
    EchoRequest {
        /// Hardware address of who asks.
        mac: Mac,
        /// Its address.
        from: Ipv4Addr,
        /// Whom it asks.
        to: Ipv4Addr,
        /// Identifier, sequence and data, as they have to come back.
        body: Vec<u8>,
    },
    /// An echo is answered.
    EchoReply {
        /// Hardware address of who answers.
        mac: Mac,
        /// Its address.
        from: Ipv4Addr,
        /// Whom it answers.
        to: Ipv4Addr,
    },
}

impl Frame {
    /// Reads a frame; `None` for all that a neighbour has no use for.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let mac: Mac = frame.get(6..12)?.try_into().ok()?;
        let body = frame.get(14..)?;
        match <[u8; 2]>::try_from(frame.get(12..14)?).ok()? {
            ARP => arp(body),
            IPV4 => echo(mac, body),
            _ => None,
        }
    }
}

fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(<[u8; 4]>::try_from(bytes).ok()?.into())
}

fn arp(body: &[u8]) -> Option<Frame> {
    if body.get(..6)? != ARP_KINDS {
        return None;
    }
    let mac = body.get(8..14)?.try_into().ok()?;
    let (sender, target) = (address(body.get(14..18)?)?, address(body.get(24..28)?)?);
    match body.get(6..8)? {
        [0, 1] => Some(Frame::Asks {
            mac,
            sender,
            target,
        }),
        [0, 2] => Some(Frame::Tells {
            mac,
            sender,
            target,
        }),
        _ => None,
    }
}

fn echo(mac: Mac, packet: &[u8]) -> Option<Frame> {
    let head = usize::from(packet.first()? & 15) * 4;
    let length = usize::from(u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?));
    let (from, to) = (address(packet.get(12..16)?)?, address(packet.get(16..20)?)?);
    let message = packet.get(head..length)?;
    if *packet.get(9)? != ICMP {
        return None;
    }
    match *message.first()? {
        ECHO_REQUEST => Some(Frame::EchoRequest {
            mac,
            from,
            to,
            body: message.get(4..)?.to_vec(),
        }),
        ECHO_REPLY => Some(Frame::EchoReply { mac, from, to }),
        _ => None,
    }
}

/// Who has `target`?
pub fn ask(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp_frame(BROADCAST, 1, (mac, sender), ([0; 6], target))
}

/// `sender` is at `mac`, to one host.
pub fn tell(mac: Mac, sender: Ipv4Addr, to: (Mac, Ipv4Addr)) -> Vec<u8> {
    arp_frame(to.0, 2, (mac, sender), to)
}

fn arp_frame(to: Mac, kind: u8, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut frame = head(to, sender.0, ARP);
    frame.extend(ARP_KINDS);
    frame.extend([0, kind]);
    for (mac, ip) in [sender, target] {
        frame.extend(mac);
        frame.extend(ip.octets());
    }
    frame.resize(SHORTEST, 0);
    frame
}

/// Asks for an echo.
pub fn echo_request(from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr), sequence: u16) -> Vec<u8> {
    let mut body = b"hv".to_vec();
    body.extend(sequence.to_be_bytes());
    icmp(from, to, ECHO_REQUEST, &body)
}

/// Answers one.
pub fn echo_reply(from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr), body: &[u8]) -> Vec<u8> {
    icmp(from, to, ECHO_REPLY, body)
}

fn icmp(from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr), kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(body);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    let length = u16::try_from(20 + message.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    // No fragments, 64 hops.
    packet.extend([0, 0, 0x40, 0, 64, ICMP, 0, 0]);
    packet.extend(from.1.octets());
    packet.extend(to.1.octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum);
    let mut frame = head(to.0, from.0, IPV4);
    frame.extend(packet);
    frame.extend(message);
    frame.resize(frame.len().max(SHORTEST), 0);
    frame
}

fn head(to: Mac, from: Mac, kind: [u8; 2]) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend(from);
    frame.extend(kind);
    frame
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|two| match two {
        [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
        [a] => u32::from(*a) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 0, 0, 1));
    const B: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 2], Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn what_is_written_is_read() {
        let asked = Frame::Asks {
            mac: A.0,
            sender: A.1,
            target: B.1,
        };
        assert_eq!(Frame::read(&ask(A.0, A.1, B.1)), Some(asked));
        let told = Frame::Tells {
            mac: A.0,
            sender: A.1,
            target: B.1,
        };
        assert_eq!(Frame::read(&tell(A.0, A.1, B)), Some(told));
        let echo = Frame::EchoRequest {
            mac: A.0,
            from: A.1,
            to: B.1,
            body: b"hv\x01\x02".to_vec(),
        };
        assert_eq!(Frame::read(&echo_request(A, B, 0x102)), Some(echo));
        let reply = Frame::EchoReply {
            mac: B.0,
            from: B.1,
            to: A.1,
        };
        assert_eq!(Frame::read(&echo_reply(B, A, b"hv\x01\x02")), Some(reply));
        assert_eq!(Frame::read(&[0; 13]), None);
        assert_eq!(Frame::read(&head(A.0, B.0, [0x86, 0xdd])), None);
    }

    #[test]
    fn checksums_are_those_of_a_known_packet() {
        // The example of RFC 1071, section 3.
        assert_eq!(
            checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            [0x22, 0x0d]
        );
        let frame = echo_request(A, B, 1);
        assert_eq!(checksum(&frame[14..34]), [0, 0]);
        assert_eq!(checksum(&frame[34..42]), [0, 0]);
    }
}
