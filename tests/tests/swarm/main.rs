//! Stories of several hosts that become one swarm, or none.
//!
//! The first one runs always; the others take a while, and run when asked for: `cargo xtask e2e --include-ignored`.
//! Hosts that lose power and hosts that are replaced are in the stories of mirrored volumes, too
//! (`tests/tests/services/volumes`).

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod founder_replaced;
mod majority_lost;
mod power_on;
mod silent_at_first;
mod stranger;
mod worker;
