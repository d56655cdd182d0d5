//! From what is wanted of a swarm to a swarm that has it, with a plan that can be shown in between.
//!
//! Start with [`desired`]: sites and compose files are mapped to it.

pub mod desired;
pub mod from_site;
