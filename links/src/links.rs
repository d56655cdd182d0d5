//! Interfaces and addresses, seen and changed.

use std::net::IpAddr;

use rustix::io::Errno;

use crate::choose::Place;
use crate::error::Error;
use crate::hold::{form, in_force, is_ours, keep_secondaries};
use crate::interface::{Address, Interface};
use crate::netlink::{self, LinkMessage, Message, Request};
use crate::watch::Watch;

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
    /// An address of ours that is held in another of these ways is changed to the right one. When
    /// this returns, the kernel takes what is sent to the address.
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
            in_force(interface, ip).await?;
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
        in_force(interface, ip).await?;
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
