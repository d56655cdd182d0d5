//! Routing netlink, as much of it as addresses need: four requests and what answers them. See
//! netlink(7), rtnetlink(7) and the kernel's Documentation/netlink/specs/rt-addr.yaml, rt-link.yaml.
//!
//! Messages and attributes that are not known are skipped, so a newer kernel changes nothing.

mod message;
mod socket;

pub(crate) use message::{AddressMessage, LinkMessage, Message, NewAddress, decode};
pub(crate) use socket::{Listener, request};

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
        ip: std::net::IpAddr,
        /// The length of the prefix it has in the kernel.
        prefix: u8,
    },
}
