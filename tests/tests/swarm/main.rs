//! Stories of several hosts that become one swarm, or none.
//!
//! The first three run always; the others take a while, and run when asked for:
//! `cargo xtask e2e --include-ignored`.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod founder_replaced;
mod majority_lost;
mod power_on;
mod power_out;
mod silent_at_first;
mod stranger;
mod worker;
