//! Stories of several hosts that become one swarm, or none.
//!
//! They take a while, and run when asked for: `cargo xtask e2e --include-ignored`. What every change has to hold is
//! looked at on the cluster of `tests/tests/services`: three hosts switched on in any order (P1), the founder
//! replaced by blank disks (W8), and power that goes for all at once (W20).

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod majority_lost;
mod silent_at_first;
mod stranger;
mod worker;
