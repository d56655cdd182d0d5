//! Growing the golden image into the whole disk, exactly once.
//!
//! The partition table is the only record of how far this came, and each step is one commit of it:
//!
//! | table has | meaning | next |
//! |---|---|---|
//! | neither `state-new` nor `state` | flashed, never grown | [`prepare`]: new ESP into free space, then the new table |
//! | `state-new` | grown, state partition not complete | [`complete`]: make the file system, then rename |
//! | `state` | done | nothing, ever again |
//!
//! What is written before a commit lies in space that the table in force does not give to anyone,
//! so a cut at any moment leaves either the old meaning or the new one.

mod esp;
mod execute;
mod plan;
mod sizes;

pub use execute::{GrowError, complete, prepare};
pub use plan::{Growth, Refusal, Stage, plan, stage};
