//! What `follow-swarm-service` reports: who holds which virtual IP, where marks are, what is wrong.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The version of the document in this module.
pub const FOLLOW_VERSION: u32 = 1;

/// Virtual IPs and marks as one host sees them; `follow-swarm-service` writes it to
/// [`RUN_FOLLOW`](crate::disk::RUN_FOLLOW), and `hived` tells it with the node's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowReport {
    /// Version of this document, [`FOLLOW_VERSION`].
    pub version: u32,
    /// Why this host may hold no virtual IP now: it has no proof that it belongs to the majority.
    pub fenced: Option<String>,
    /// The clock since boot (`CLOCK_BOOTTIME`), in milliseconds, until which the last proof holds: a
    /// daemon that is started anew keeps its addresses so long.
    pub proved_until: Option<u64>,
    /// All virtual IPs that services ask for and this host knows of, in their order.
    pub addresses: Vec<AddressReport>,
    /// All marks, by name.
    pub marks: Vec<MarkReport>,
    /// What a person should mend, by service.
    pub complaints: Vec<Complaint>,
}

/// A virtual IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// The address.
    pub address: IpAddr,
    /// The service that it follows; empty for one that nobody wants any more and that is being removed.
    pub service: String,
    /// What this host does about it.
    pub state: AddressState,
    /// Host whose task the address follows, by Docker's name of it; `None`: no task runs.
    pub owner: Option<String>,
    /// The interface that has it.
    pub interface: Option<String>,
    /// Since when this host holds it, RFC 3339 in UTC.
    pub since: Option<String>,
    /// The router check.
    pub router: Option<RouterReport>,
}

/// What a host does about a virtual IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressState {
    /// It has the address.
    Held,
    /// It makes sure that nobody else has it, and takes it.
    Claiming,
    /// It ought to have it and can't; a complaint or `fenced` says why.
    Waiting,
    /// It is another host's, or nobody's.
    Elsewhere,
}

/// The check that a neighbour answers to a virtual IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterReport {
    /// The neighbour.
    pub address: IpAddr,
    /// When it answered last, RFC 3339 in UTC.
    pub answered: Option<String>,
    /// Questions since then that it did not answer.
    pub failures: u32,
}

/// A mark: the node label `<name>=true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkReport {
    /// Name of the label.
    pub name: String,
    /// The service that it follows.
    pub service: String,
    /// Hosts that have it, by Docker's name of them.
    pub hosts: Vec<String>,
}

/// Something that a person should mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Complaint {
    /// Name of the service; empty when it is about the host.
    pub service: String,
    /// What is wrong, and the next step.
    pub text: String,
}
