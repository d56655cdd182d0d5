//! Routing netlink, as much of it as addresses need: four requests and what answers them. See
//! netlink(7), rtnetlink(7) and the kernel's Documentation/netlink/specs/rt-addr.yaml, rt-link.yaml.
//!
//! Messages and attributes that are not known are skipped, so a newer kernel changes nothing.

mod message;
mod request;
mod socket;

pub(crate) use message::{AddressMessage, LinkMessage, Message, decode};
pub(crate) use request::{NewAddress, Request};
pub(crate) use socket::{Listener, request};
