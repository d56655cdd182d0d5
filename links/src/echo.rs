//! Asking a router from a virtual address: ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443).

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use crate::checksum::checksum;
use crate::descriptor::watched;
use crate::error::Error;
use crate::interface::Interface;
use crate::links::Links;

/// Type of a question and of its answer.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);
/// As much as ping(8) sends by default.
const PAYLOAD: usize = 56;
/// Longer than any answer to that, with the longest IPv4 header.
const LONGEST: usize = 256;
/// Where an IPv4 header has the protocol that it carries, and its shortest length.
const SHORTEST_HEADER: usize = 20;

/// One question: what its answer has to repeat.
#[derive(Debug, Clone, Copy)]
struct Question {
    types: (u8, u8),
    identifier: u16,
    sequence: u16,
}

impl Links {
    /// Sends one echo request to `router` over the interface, with the virtual address `from` as the
    /// source, and waits for the answer: after how long it came, or `None` when none came within
    /// `wait`, or the kernel could not find the router's hardware address.
    ///
    /// # Errors
    /// [`Error::Families`] for an IPv4 and an IPv6 address, and whatever the kernel refuses: `from`
    /// is not an address of this machine, there is no route to `router`, the interface is gone.
    pub async fn ping(
        &self,
        router: IpAddr,
        from: IpAddr,
        interface: &Interface,
        wait: Duration,
    ) -> Result<Option<Duration>, Error> {
        if router.is_ipv4() != from.is_ipv4() {
            return Err(Error::Families(router, from));
        }
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let question = Question {
            types: if router.is_ipv4() { V4 } else { V6 },
            // Others on this machine ask too; together with the count it is ours.
            identifier: std::process::id() as u16,
            sequence: COUNT.fetch_add(1, Ordering::Relaxed),
        };
        let doing = format!("asking {router} from {from} on {}", interface.name);
        let socket = open(router, from, interface.index).map_err(Error::kernel(doing.as_str()))?;
        let start = Instant::now();
        let asked = async {
            let write = |socket: &OwnedFd| {
                rustix::net::send(socket, &question.encode(), SendFlags::empty())?;
                Ok(())
            };
            socket.async_io(Interest::WRITABLE, write).await?;
            loop {
                let mut buffer = [0; LONGEST];
                let read = |socket: &OwnedFd| {
                    let (_, length) =
                        rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty())?;
                    Ok(length)
                };
                let length = socket.async_io(Interest::READABLE, read).await?;
                if question.answered_by(&buffer[..length]) {
                    return Ok(start.elapsed());
                }
            }
        };
        match timeout(wait, asked).await {
            Err(_) => Ok(None),
            Ok(Ok(took)) => Ok(Some(took)),
            Ok(Err(e)) if unanswered(&e) => Ok(None),
            Ok(Err(e)) => Err(Error::kernel::<io::Error>(doing)(e)),
        }
    }
}

/// Whether the error says that nobody is there, and not that asking was wrong.
fn unanswered(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::HOSTUNREACH.raw_os_error())
}

/// A socket that hears only what `router` says to `from`.
fn open(router: IpAddr, from: IpAddr, index: u32) -> io::Result<AsyncFd<OwnedFd>> {
    let (domain, protocol) = match router {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    // The option is the same for both families.
    socket.bind_device_by_index_v4(NonZeroU32::new(index))?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    let target = match router {
        // Link-local routers are named by their interface.
        IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, 0, 0, index).into(),
        router => SocketAddr::new(router, 0),
    };
    socket.connect(&target.into())?;
    watched(socket.into())
}

impl Question {
    fn encode(self) -> Vec<u8> {
        let mut message = vec![self.types.0, 0, 0, 0];
        message.extend(self.identifier.to_be_bytes());
        message.extend(self.sequence.to_be_bytes());
        message.resize(message.len() + PAYLOAD, 0);
        // For ICMPv6 the kernel overwrites it, since it covers the addresses (RFC 3542, 3.1).
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        message
    }

    /// Whether `packet`, as a raw socket gives it, is the answer.
    fn answered_by(self, packet: &[u8]) -> bool {
        let header = match self.types {
            // raw(7): IPv4 comes with its header, IPv6 without.
            V4 => match packet.first() {
                Some(first) if packet.len() >= SHORTEST_HEADER => usize::from(first & 0xf) * 4,
                _ => return false,
            },
            _ => 0,
        };
        let Some(message) = packet.get(header..) else {
            return false;
        };
        if self.types == V4 && checksum(message) != 0 {
            return false;
        }
        message.len() >= 8
            && message[..2] == [self.types.1, 0]
            && message[4..6] == self.identifier.to_be_bytes()
            && message[6..8] == self.sequence.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(question: Question, header: usize) -> Vec<u8> {
        let mut message = question.encode();
        message[0] = question.types.1;
        message[2..4].fill(0);
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut packet = vec![0; header];
        if let Some(first) = packet.first_mut() {
            *first = 0x40 | (header / 4) as u8;
        }
        packet.extend(message);
        packet
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        for (types, header) in [(V4, 20), (V4, 24), (V6, 0)] {
            let question = Question {
                types,
                identifier: 7,
                sequence: 300,
            };
            let good = answer(question, header);
            assert!(question.answered_by(&good));
            let other = Question {
                sequence: 301,
                ..question
            };
            assert!(!other.answered_by(&good));
            let other = Question {
                identifier: 8,
                ..question
            };
            assert!(!other.answered_by(&good));
            assert!(!question.answered_by(&question.encode()));
            for end in 0..header + 8 {
                assert!(!question.answered_by(&good[..end]), "cut at {end}");
            }
        }
    }
}
