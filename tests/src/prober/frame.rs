//! Frames of ARP (RFC 826) and ICMP echo (RFC 792, in IPv4 of RFC 791), as bytes.

use std::net::Ipv4Addr;

use hive_qemu::Mac;

/// Everybody on the network.
pub const BROADCAST: Mac = Mac([0xff; 6]);

const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
/// Hardware Ethernet, protocol IPv4, addresses of 6 and 4 bytes.
const ARP_KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
const ICMP: u8 = 1;
/// Ethernet fills shorter frames up, without the checksum.
const SHORTEST: usize = 60;

/// What the prober understands; everything else on the network is none of its business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A question or an answer about a hardware address.
    Arp(Arp),
    /// An echo request or reply.
    Echo(Echo),
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// A reply; else a request.
    pub reply: bool,
    /// Who speaks.
    pub sender: Mac,
    /// As what.
    pub sender_ip: Ipv4Addr,
    /// To whom; zero or anything in a request.
    pub target: Mac,
    /// What is asked for, or who asked.
    pub target_ip: Ipv4Addr,
}

/// An ICMP echo packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// A reply; else a request.
    pub reply: bool,
    /// Who sent the frame.
    pub from: Mac,
    /// Whom it is for.
    pub to: Mac,
    /// Who sent the packet.
    pub source: Ipv4Addr,
    /// Whom it is for.
    pub destination: Ipv4Addr,
    /// Chosen by who asks, repeated by who answers; and so are the next two.
    pub id: u16,
    /// Number of the question.
    pub sequence: u16,
    /// What is carried there and back.
    pub data: Vec<u8>,
}

impl Frame {
    /// Reads a frame; `None`: something else, cut off, or its checksums are wrong.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(14)?;
        let (to, from) = (mac(&head[..6])?, mac(&head[6..12])?);
        if head[12..] == ARP {
            Arp::parse(body).map(Self::Arp)
        } else if head[12..] == IPV4 {
            Echo::parse(from, to, body).map(Self::Echo)
        } else {
            None
        }
    }
}

impl Arp {
    /// Whether it says to all where its sender is, asked or not.
    pub fn is_announcement(&self) -> bool {
        self.sender_ip == self.target_ip
    }

    /// The frame, for `to`.
    pub fn frame(&self, to: Mac) -> Vec<u8> {
        let mut bytes = head(to, self.sender, ARP);
        bytes.extend(ARP_KIND);
        bytes.extend([0, if self.reply { 2 } else { 1 }]);
        bytes.extend(self.sender.0);
        bytes.extend(self.sender_ip.octets());
        bytes.extend(self.target.0);
        bytes.extend(self.target_ip.octets());
        filled(bytes)
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let body = body.get(..28)?;
        let reply = match (body[..6] == ARP_KIND, &body[6..8]) {
            (true, [0, 1]) => false,
            (true, [0, 2]) => true,
            _ => return None,
        };
        Some(Self {
            reply,
            sender: mac(&body[8..14])?,
            sender_ip: ip(&body[14..18])?,
            target: mac(&body[18..24])?,
            target_ip: ip(&body[24..28])?,
        })
    }
}

impl Echo {
    /// The answer to a request, back the way that it came.
    pub fn answer(&self) -> Self {
        Self {
            reply: true,
            from: self.to,
            to: self.from,
            source: self.destination,
            destination: self.source,
            ..self.clone()
        }
    }

    /// The frame.
    pub fn frame(&self) -> Vec<u8> {
        let mut icmp = vec![if self.reply { 0 } else { 8 }, 0, 0, 0];
        icmp.extend(self.id.to_be_bytes());
        icmp.extend(self.sequence.to_be_bytes());
        icmp.extend(&self.data);
        let sum = checksum(&icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());

        let length = u16::try_from(20 + icmp.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        // No identification, may not be split, 64 hops, its checksum follows.
        packet.extend([0, 0, 0x40, 0, 64, ICMP, 0, 0]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());

        let mut bytes = head(self.to, self.from, IPV4);
        bytes.extend(packet);
        bytes.extend(icmp);
        filled(bytes)
    }

    fn parse(from: Mac, to: Mac, body: &[u8]) -> Option<Self> {
        let first = *body.first()?;
        let header = usize::from(first & 0x0f) * 4;
        let packet = body.get(..header.max(20))?;
        let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x3fff;
        let whole = first >> 4 == 4 && header >= 20 && fragment == 0 && packet[9] == ICMP;
        // What Ethernet filled up is not part of the packet.
        let icmp = body.get(header..total).filter(|icmp| icmp.len() >= 8)?;
        if !whole || checksum(packet) != 0 || checksum(icmp) != 0 {
            return None;
        }
        let reply = match icmp[0] {
            0 => true,
            8 => false,
            _ => return None,
        };
        Some(Self {
            reply,
            from,
            to,
            source: ip(&packet[12..16])?,
            destination: ip(&packet[16..20])?,
            id: u16::from_be_bytes([icmp[4], icmp[5]]),
            sequence: u16::from_be_bytes([icmp[6], icmp[7]]),
            data: icmp[8..].to_vec(),
        })
    }
}

fn head(to: Mac, from: Mac, kind: [u8; 2]) -> Vec<u8> {
    [&to.0[..], &from.0, &kind].concat()
}

fn filled(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().max(SHORTEST), 0);
    bytes
}

fn mac(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac)
}

fn ip(bytes: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.try_into().ok()?;
    Some(octets.into())
}

/// The Internet checksum (RFC 1071); 0 over bytes that contain their own right one.
fn checksum(bytes: &[u8]) -> u16 {
    let pair = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(pair).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);
    const B: Mac = Mac([0x52, 0x54, 0, 0, 0, 0x11]);

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    #[test]
    fn a_question_for_an_address() {
        let question = Arp {
            reply: false,
            sender: A,
            sender_ip: [192, 168, 77, 200].into(),
            target: Mac([0; 6]),
            target_ip: [192, 168, 77, 90].into(),
        };
        let frame = question.frame(BROADCAST);
        let known = bytes(
            "ffffffffffff 525400000001 0806 0001 0800 06 04 0001
             525400000001 c0a84dc8 000000000000 c0a84d5a
             000000000000 000000000000 000000000000",
        );
        assert_eq!(frame, known);
        assert_eq!(Frame::parse(&frame), Some(Frame::Arp(question)));
        assert!(!question.is_announcement());
    }

    #[test]
    fn an_echo_as_a_kernel_sends_it() {
        let known = bytes(
            "525400000011 525400000001 0800
             4500 0024 0000 4000 40 01 1e66 c0a84dc8 c0a84d5a
             0800 9e60 4876 0007 1122 0000 0000 0000
             0000000000 00000000 00",
        );
        let Some(Frame::Echo(echo)) = Frame::parse(&known) else {
            panic!("not read");
        };
        assert_eq!((echo.from, echo.to), (A, B));
        assert_eq!(echo.source, Ipv4Addr::new(192, 168, 77, 200));
        assert_eq!((echo.id, echo.sequence), (0x4876, 7));
        assert_eq!(echo.data, [0x11, 0x22, 0, 0, 0, 0, 0, 0]);
        assert_eq!(echo.frame(), known);
        let answer = echo.answer();
        assert_eq!((answer.from, answer.destination), (B, echo.source));
        assert_eq!(Frame::parse(&answer.frame()), Some(Frame::Echo(answer)));
    }

    #[test]
    fn what_is_wrong_anywhere_is_nothing() {
        let echo = Echo {
            reply: false,
            from: A,
            to: B,
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            id: 1,
            sequence: 2,
            data: vec![1, 2, 3],
        };
        let good = echo.frame();
        assert_eq!(Frame::parse(&good), Some(Frame::Echo(echo)));
        // Each byte of both checksums' ranges.
        for at in 14..14 + 20 + 8 + 3 {
            let mut wrong = good.clone();
            wrong[at] ^= 0x10;
            assert_eq!(Frame::parse(&wrong), None, "byte {at}");
        }
        for length in 0..14 + 20 + 8 + 3 {
            assert_eq!(Frame::parse(&good[..length]), None, "{length} bytes");
        }
    }
}
