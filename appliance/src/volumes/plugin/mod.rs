//! Docker's volume driver `drbd`: what docker asks when a container with a mirrored volume starts or ends.
//!
//! [`protocol`] is docker's side, [`using`] how a volume gets to a container and back, [`hands`] what both do to
//! the host. Nothing but mounting and unmounting takes a volume's lock: the upkeep, which has it, asks
//! docker for its volumes, and docker asks here.

mod hands;
mod protocol;
#[cfg(test)]
mod tests;
mod using;

pub use protocol::serve;
