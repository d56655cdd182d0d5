//! Ports of virtual addresses that lead to containers, and containers that speak as one.
//!
//! [`reconcile`] takes all that is wanted and makes it so; with nothing wanted nothing of ours is
//! left. Two places are ours: the table `inet hive_vip` of nftables (`nat.rs`), where addresses are
//! rewritten, and rules with our comment in Docker's chain `DOCKER-USER` (`accept.rs`), without which
//! Docker would drop what was rewritten. Both are read back from the kernel each time, so it does
//! not matter who changed or lost them.

mod accept;
mod nat;
mod run;

use std::fmt;
use std::net::IpAddr;

pub use accept::Chain;
pub use nat::Table;

use crate::error::Error;
use crate::links::Links;
use crate::port_list::Port;

/// What is wanted for a virtual address and a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Forward {
    vip: IpAddr,
    container: IpAddr,
    ports: Vec<Port>,
    leaves_by: Option<u32>,
}

impl Forward {
    /// Leads `ports` of `vip` to the same ports of `container`. With `leaves_by`, the number of an
    /// interface, what the container sends out there has `vip` as its source.
    ///
    /// # Errors
    /// [`Error::Families`] for an IPv4 and an IPv6 address.
    pub fn new(
        vip: IpAddr,
        container: IpAddr,
        ports: &[Port],
        leaves_by: Option<u32>,
    ) -> Result<Self, Error> {
        if vip.is_ipv4() != container.is_ipv4() {
            return Err(Error::Families(vip, container));
        }
        let ports = ports.to_vec();
        Ok(Self {
            vip,
            container,
            ports,
            leaves_by,
        })
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports: Vec<String> = self.ports.iter().map(Port::to_string).collect();
        let ports = ports.join(",");
        write!(f, "{} ({ports}) to {}", self.vip, self.container)?;
        if let Some(index) = self.leaves_by {
            write!(f, ", which leaves by interface {index} as {}", self.vip)?;
        }
        Ok(())
    }
}

/// What [`reconcile`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// With the table of rewriting.
    pub table: Table,
    /// With Docker's chain for IPv4.
    pub ipv4: Chain,
    /// With Docker's chain for IPv6.
    pub ipv6: Chain,
}

impl Outcome {
    /// Whether all that is wanted is there; if not, try again once Docker is up.
    pub fn complete(&self) -> bool {
        self.ipv4 != Chain::Missing && self.ipv6 != Chain::Missing
    }
}

/// Makes the rules of this machine (of the calling thread's network namespace) those that `wanted`
/// needs. When two want the same port of one address, the one that sorts first has it. What a
/// container sends out by an interface that is gone is left out. Call it once at a time: two that
/// overlap would undo each other's work until the next call.
///
/// # Errors
/// A program is missing, fails, or takes too long. The other parts are done all the same, and what
/// was done stays and is found again by the next call.
pub async fn reconcile(wanted: &[Forward]) -> Result<Outcome, Error> {
    let interfaces = Links::open().await?.interfaces().await?;
    let mut wanted = wanted.to_vec();
    for forward in &mut wanted {
        let there = |index: &u32| interfaces.iter().any(|i| i.index == *index);
        forward.leaves_by = forward.leaves_by.filter(there);
    }
    wanted.sort();
    wanted.dedup();
    // Accepted first: rewritten connections that Docker drops would look like a broken service.
    let ipv4 = accept::reconcile(accept::Family::V4, &wanted).await;
    let ipv6 = accept::reconcile(accept::Family::V6, &wanted).await;
    let table = nat::reconcile(&wanted).await;
    Ok(Outcome {
        table: table?,
        ipv4: ipv4?,
        ipv6: ipv6?,
    })
}
