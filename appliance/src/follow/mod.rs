//! `follow-swarm-service`: virtual IPs and node labels that follow containers.
//!
//! Level-triggered: what services ask for ([`wish`]) and where their tasks run ([`view`]) is compared with
//! what the kernel and the list of nodes have, at the start, on events and every other second. Nothing depends
//! on an event not being missed, nor on what an earlier daemon did: addresses, rules and labels carry a mark.
//!
//! [`decide`] puts it together, without I/O: [`fence`] says whether this host may hold addresses at
//! all, [`ownership`] who may hold which and from when on, [`vip`] leads each address through its life, [`marks`]
//! keeps node labels. The simulation (`tests/follow_simulation`) drives the same code through
//! partitions and crashes.

pub mod answer;
pub mod decide;
pub mod engine;
pub mod fence;
mod looks;
pub mod marks;
pub mod ownership;
pub mod report;
pub mod run;
#[cfg(test)]
mod sample;
pub mod view;
pub mod vip;
#[cfg(test)]
mod weaknesses;
pub mod wish;
mod workers;
