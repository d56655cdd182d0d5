//! Stories of several hosts that become one swarm, or none.
//!
//! Some take a while, and run when asked for: `cargo xtask e2e --include-ignored`. That all hosts lose power at once
//! is box W20 of the stories of mirrored volumes (`tests/tests/services/volumes`).

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod founder_replaced;
mod majority_lost;
mod power_on;
mod silent_at_first;
mod stranger;
mod worker;
