//! From what is wanted of a swarm to a swarm that has it, with a plan that can be shown in between.
//!
//! ```text
//! from_site ─► Desired ─┐
//!                       ├─► plan ─► apply ─► convergence::wait
//! swarm ─────► Actual ──┘
//! ```
//!
//! Start with [`desired`]: sites and compose files are mapped to it. [`actual`] reads the swarm,
//! [`images`] pulls and tells what runs, [`plan`] compares, [`apply`] writes, [`convergence`] waits.
//! Nothing is printed here.

pub mod actual;
pub mod apply;
pub mod convergence;
pub mod desired;
pub mod error;
pub mod from_site;
pub mod images;
pub mod managers;
pub mod plan;
pub mod rollback;
mod shape;

pub use error::Error;
