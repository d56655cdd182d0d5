//! Interfaces and addresses, seen and changed.

use std::fs;
use std::net::IpAddr;

use rustix::io::Errno;

use crate::choose::Place;
use crate::error::Error;
use crate::interface::{Address, Interface};
use crate::netlink::{self, AddressMessage, LinkMessage, Message, NewAddress, Request};
use crate::watch::Watch;

/// Our mark on an address (IFA_PROTO, Linux 5.18 and later): a number that neither the kernel nor
/// iproute2's `rt_addrprotos` gives to anybody else. `ip address` prints it as `proto 0x68`.
pub const MARK: u8 = b'h';
/// The end of an IPv4 address's label: what older kernels keep, and what people see.
const LABEL: &str = ":hive";
/// The longest label, in bytes (IFNAMSIZ less the zero byte).
const LONGEST_LABEL: usize = 15;

/// The way to this machine's interfaces: those of the network namespace of the calling thread.
///
/// It holds nothing, so it is as good after a failure as before; every call is bounded.
#[derive(Debug, Clone, Copy)]
pub struct Links(());

/// What [`Links::add`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The address is new on the interface; announce it.
    New,
    /// It was there already, and is ours.
    Already,
}

/// What [`Links::remove`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The address is off the interface.
    Now,
    /// It was not there.
    Already,
}

impl Links {
    /// Opens it, and looks once whether the kernel answers.
    ///
    /// # Errors
    /// There is no routing netlink here.
    pub async fn open() -> Result<Self, Error> {
        let links = Self(());
        links.interfaces().await?;
        Ok(links)
    }

    /// All interfaces with their addresses.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub async fn interfaces(&self) -> Result<Vec<Interface>, Error> {
        let links = netlink::request("listing the interfaces", &Request::Links).await?;
        let addresses = netlink::request("listing the addresses", &Request::Addresses).await?;
        Ok(assemble(links, addresses))
    }

    /// Changes of links and addresses from now on.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub async fn watch(&self) -> Result<Watch, Error> {
        Watch::open().await
    }

    /// Adds `ip` at `place` with our mark. The place is looked at again, and with it how the kernel
    /// has to hold the address so that nothing of the host's own changes:
    ///
    /// - IPv4 where the host has an address of its own in the network: as `/32`. With the network's
    ///   prefix one of the two would be the other's *secondary* address: it would vanish together
    ///   with the primary one, or, with `promote_secondaries`, become primary itself, and then the
    ///   host would speak as the virtual address. A `/32` is alone; the route to the network stays
    ///   the host's own, and so does the source address of what the host sends.
    /// - IPv4 elsewhere (a named place): with the place's prefix, which brings the route. Before,
    ///   `promote_secondaries` is switched on for the interface, so that an address which the host
    ///   gets later in that network outlives ours.
    /// - IPv6: with the place's prefix, without a route of its own where the host has one, deprecated
    ///   (never chosen as a source, RFC 6724), and without the kernel's own duplicate detection:
    ///   call [`Links::probe`] before.
    ///
    /// An address of ours that is held in another of these ways is changed to the right one.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when somebody else's `ip` is on any interface here, [`Error::NoInterface`]
    /// when the place is gone, and whatever the kernel refuses.
    pub async fn add(&self, place: &Place, ip: IpAddr) -> Result<Added, Error> {
        let interfaces = self.interfaces().await?;
        for interface in &interfaces {
            refuse_foreign(interface, ip)?;
        }
        let interface = find(&interfaces, place.index)?;
        let new = form(interface, ip, place.prefix);
        let held = ours(interface, ip);
        let prefix = new.prefix;
        let mut stale = held.iter().filter(|address| address.prefix != prefix);
        if held.iter().any(|address| address.prefix == prefix) {
            for old in stale {
                delete(interface, old).await?;
            }
            return Ok(Added::Already);
        }
        if ip.is_ipv6()
            && let Some(old) = stale.next()
        {
            // IPv6 has an address once, whatever its prefix.
            delete(interface, old).await?;
        }
        if ip.is_ipv4() && prefix < 32 {
            keep_secondaries(interface)?;
        }
        let doing = format!("adding {ip}/{prefix} to {}", interface.name);
        match netlink::request(&doing, &Request::Add(new)).await {
            Ok(_) => {}
            Err(e) if e.number() == Some(Errno::NODEV.raw_os_error()) => {
                return Err(Error::NoInterface(place.index));
            }
            Err(e) if e.number() == Some(Errno::EXIST.raw_os_error()) => {
                // Somebody was quicker; who was it?
                let interfaces = self.interfaces().await?;
                refuse_foreign(find(&interfaces, place.index)?, ip)?;
                return Ok(Added::Already);
            }
            Err(e) => return Err(e),
        }
        for old in stale {
            delete(interface, old).await?;
        }
        Ok(Added::New)
    }

    /// Takes `ip` off the interface, with whatever prefix it is held.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when it carries no mark of ours, and whatever the kernel refuses. An
    /// interface that is gone has no address any more, which is fine.
    pub async fn remove(&self, index: u32, ip: IpAddr) -> Result<Removed, Error> {
        let interfaces = self.interfaces().await?;
        let Ok(interface) = find(&interfaces, index) else {
            return Ok(Removed::Already);
        };
        let held = ours(interface, ip);
        if held.is_empty() {
            refuse_foreign(interface, ip)?;
            return Ok(Removed::Already);
        }
        for address in &held {
            delete(interface, address).await?;
        }
        Ok(Removed::Now)
    }
}

/// Links and addresses as one list, in the kernel's order.
fn assemble(links: Vec<Message>, addresses: Vec<Message>) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for message in links {
        if let Message::Link(LinkMessage {
            index,
            name,
            mac,
            up,
            ..
        }) = message
        {
            interfaces.push(Interface {
                name,
                index,
                mac,
                up,
                addresses: Vec::new(),
            });
        }
    }
    for message in addresses {
        if let Message::Address(address) = message
            && let Some(at) = interfaces.iter_mut().find(|i| i.index == address.index)
        {
            at.addresses.push(Address {
                ip: address.ip,
                prefix: address.prefix,
                ours: is_ours(&address),
            });
        }
    }
    interfaces
}

/// Whether the address has our mark. A kernel that knows marks shows another one where somebody else
/// set it; the label decides only where there is none.
fn is_ours(address: &AddressMessage) -> bool {
    let labelled = || address.label.as_ref().is_some_and(|l| l.ends_with(LABEL));
    address.protocol.map_or_else(labelled, |mark| mark == MARK)
}

/// How the kernel has to hold the address; [`Links::add`] says why.
fn form(interface: &Interface, ip: IpAddr, prefix: u8) -> NewAddress {
    let covered = interface.covering(ip).is_some();
    let label = format!("{}{LABEL}", interface.name);
    NewAddress {
        index: interface.index,
        ip,
        prefix: if ip.is_ipv4() && covered { 32 } else { prefix },
        route: !covered,
        label: (ip.is_ipv4() && label.len() <= LONGEST_LABEL).then_some(label),
        protocol: MARK,
    }
}

fn find(interfaces: &[Interface], index: u32) -> Result<&Interface, Error> {
    interfaces
        .iter()
        .find(|interface| interface.index == index)
        .ok_or(Error::NoInterface(index))
}

fn ours(interface: &Interface, ip: IpAddr) -> Vec<Address> {
    let wanted = |address: &&Address| address.ip == ip && address.ours;
    interface.addresses.iter().filter(wanted).copied().collect()
}

fn refuse_foreign(interface: &Interface, ip: IpAddr) -> Result<(), Error> {
    if interface.addresses.iter().any(|a| a.ip == ip && !a.ours) {
        let interface = interface.name.clone();
        return Err(Error::NotOurs { ip, interface });
    }
    Ok(())
}

async fn delete(interface: &Interface, address: &Address) -> Result<(), Error> {
    let Address { ip, prefix, .. } = *address;
    let doing = format!("removing {ip}/{prefix} from {}", interface.name);
    let request = Request::Remove {
        index: interface.index,
        ip,
        prefix,
    };
    match netlink::request(&doing, &request).await {
        // Gone already, by itself or with its interface.
        Err(e)
            if [Errno::ADDRNOTAVAIL, Errno::NODEV]
                .iter()
                .any(|gone| e.number() == Some(gone.raw_os_error())) =>
        {
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Switches `promote_secondaries` on for the interface (ip-sysctl.rst of the kernel), unless it is.
fn keep_secondaries(interface: &Interface) -> Result<(), Error> {
    let setting = |name: &str| format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
    let on = |name: &str| fs::read_to_string(setting(name)).is_ok_and(|text| text.trim() == "1");
    if on("all") || on(&interface.name) {
        return Ok(());
    }
    let file = setting(&interface.name);
    let doing = format!("switching on promote_secondaries for {}", interface.name);
    fs::write(file, "1").map_err(Error::kernel(doing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eth0(addresses: &[(&str, u8)]) -> Interface {
        let address = |(ip, prefix): &(&str, u8)| Address {
            ip: ip.parse().unwrap(),
            prefix: *prefix,
            ours: false,
        };
        Interface {
            name: "eth0".into(),
            index: 3,
            mac: None,
            up: true,
            addresses: addresses.iter().map(address).collect(),
        }
    }

    #[test]
    fn an_address_is_held_so_that_the_host_keeps_its_own() {
        let host = eth0(&[("10.0.0.1", 24), ("fd00::1", 64)]);
        let at = |ip: &str, prefix| form(&host, ip.parse().unwrap(), prefix);
        assert_eq!(at("10.0.0.9", 24).prefix, 32);
        let elsewhere = at("192.0.2.9", 24);
        assert_eq!((elsewhere.prefix, elsewhere.route), (24, true));
        let covered = at("fd00::9", 64);
        assert_eq!((covered.prefix, covered.route), (64, false));
        assert!(at("fd01::9", 64).route);
        assert_eq!(at("10.0.0.9", 24).label.as_deref(), Some("eth0:hive"));
        assert_eq!(covered.label, None);
        let long = Interface {
            name: "a-long-name".into(),
            ..host
        };
        assert_eq!(form(&long, "10.0.0.9".parse().unwrap(), 24).label, None);
    }

    #[test]
    fn the_mark_decides_and_the_label_where_there_is_none() {
        let told = |protocol, label: Option<&str>| {
            is_ours(&AddressMessage {
                index: 3,
                ip: "10.0.0.9".parse().unwrap(),
                prefix: 32,
                label: label.map(str::to_owned),
                protocol,
            })
        };
        assert!(told(Some(MARK), None));
        assert!(told(None, Some("eth0:hive")));
        assert!(!told(Some(18), Some("eth0:hive")));
        assert!(!told(None, Some("eth0")));
        assert!(!told(None, None));
    }
}
