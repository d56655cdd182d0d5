//! Asking neighbours for an address, and telling them of it.

use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use socket2::SockRef;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::Error;
use crate::frame;
use crate::interface::{Interface, Mac};
use crate::links::Links;
use crate::packet::PacketSocket;

/// How often is asked within one probe (RFC 5227's PROBE_NUM).
const QUESTIONS: u32 = 3;
/// Sending takes no time, unless the interface's queue is full.
const SEND_PATIENCE: Duration = Duration::from_secs(1);

impl Links {
    /// Asks whether anybody else on the interface's network has `ip` or is about to take it: three
    /// questions spread over `wait` (RFC 5227, RFC 4862), each with the sender unspecified, so that
    /// no neighbour learns anything from them. The hardware address of the first who answers, or
    /// `None` when nobody did within `wait`. This machine's own hardware addresses don't count, also
    /// those of other interfaces on the same network.
    ///
    /// On an interface without hardware address nobody can be asked; the answer is `None`.
    ///
    /// # Errors
    /// The interface can't send or listen, for instance because it is down.
    pub async fn probe(
        &self,
        interface: &Interface,
        ip: IpAddr,
        wait: Duration,
    ) -> Result<Option<Mac>, Error> {
        let Some(own) = interface.mac else {
            return Ok(None);
        };
        let name = &interface.name;
        let doing = format!("asking on {name} who has {ip}");
        let ours: Vec<Mac> = self
            .interfaces()
            .await?
            .iter()
            .filter_map(|i| i.mac)
            .collect();
        let socket = open(interface, ip, &doing)?;
        // Kept to the end: others that are about to take the address ask in its group.
        let _group = match ip {
            IpAddr::V6(v6) => join(interface, frame::solicited_group(v6)).ok(),
            IpAddr::V4(_) => None,
        };
        let question = frame::probe(ip, own);
        let start = Instant::now();
        for round in 0..QUESTIONS {
            send(&socket, &question, &doing).await?;
            let until = start + wait * (round + 1) / QUESTIONS;
            let answer = async {
                loop {
                    let frame = socket.receive().await?;
                    match frame::claim(&frame, ip) {
                        Some(mac) if mac != own && !ours.contains(&mac) => return Ok(mac),
                        _ => {}
                    }
                }
            };
            tokio::select! {
                answer = answer => return answer.map(Some).map_err(Error::kernel::<io::Error>(doing)),
                () = sleep_until(until) => {}
            }
        }
        Ok(None)
    }

    /// Tells all neighbours on the interface once that `ip` is here: a gratuitous ARP request and
    /// reply, or an unsolicited neighbour advertisement with the override flag to all nodes. When to
    /// repeat it is said by [`crate::Schedule`].
    ///
    /// On an interface without hardware address there is nothing to tell.
    ///
    /// # Errors
    /// The interface can't send, for instance because it is down.
    pub async fn announce(&self, interface: &Interface, ip: IpAddr) -> Result<(), Error> {
        let Some(own) = interface.mac else {
            return Ok(());
        };
        let doing = format!("announcing {ip} on {}", interface.name);
        let socket = open(interface, ip, &doing)?;
        for frame in frame::announcement(ip, own) {
            send(&socket, &frame, &doing).await?;
        }
        Ok(())
    }
}

fn open(interface: &Interface, ip: IpAddr, doing: &str) -> Result<PacketSocket, Error> {
    let kind = if ip.is_ipv4() {
        frame::ARP
    } else {
        frame::IPV6
    };
    PacketSocket::open(interface.index, kind).map_err(Error::kernel(doing))
}

async fn send(socket: &PacketSocket, frame: &[u8], doing: &str) -> Result<(), Error> {
    match timeout(SEND_PATIENCE, socket.send(frame)).await {
        Ok(sent) => sent.map_err(Error::kernel(doing)),
        Err(_) => Err(Error::Late {
            doing: doing.to_owned(),
            after: SEND_PATIENCE,
        }),
    }
}

/// Has the interface hear a multicast group for as long as the socket lives.
fn join(interface: &Interface, group: Ipv6Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
    SockRef::from(&socket).join_multicast_v6(&group, interface.index)?;
    Ok(socket)
}
