//! Virtual addresses in the kernel of this machine; knows neither Docker's swarm nor hive.
//!
//! Start at [`Links`]: it lists interfaces and addresses, adds and removes addresses that carry
//! [our mark](interface::Address::ours), asks the network whether somebody else has an address
//! ([`Links::probe`]), tells it who has it now ([`Links::announce`]) and asks a router from it
//! ([`Links::ping`]). What a label says is read by [`VirtualAddress`] and [`PortList`], where an
//! address belongs is decided by [`choose()`], and [`ports`] leads ports of a virtual address to a
//! container. All that is decided is a pure function; nothing waits without a bound.
//!
//! Everything happens in the network namespace of the calling thread.

mod checksum;
mod choose;
mod descriptor;
mod echo;
mod error;
mod frame;
mod hold;
pub mod interface;
mod label;
mod links;
mod neighbour;
mod netlink;
mod packet;
mod port_list;
pub mod ports;
mod schedule;
mod watch;

pub use choose::{Place, Unplaced, choose};
pub use error::Error;
pub use hold::MARK;
pub use interface::{Address, Interface, Mac};
pub use label::{LabelError, Named, VirtualAddress};
pub use links::{Added, Links, Removed};
pub use port_list::{Port, PortError, PortList, Protocol};
pub use schedule::Schedule;
pub use watch::{Change, Watch};
