//! Mirrored volumes: what is wanted, what is there, and the next step between them.
//!
//! No file is opened and no program started here. [`record`] is what the swarm's Raft knows of a
//! volume, [`lease`] how Raft keeps two copies from going their own ways.

mod bytes;
pub mod driver;
pub mod file_system;
pub mod lease;
pub mod name;
pub mod plan;
pub mod record;
pub mod resource;
pub mod room;
#[cfg(test)]
mod sample;
pub mod seen;
pub mod upkeep;

pub use bytes::Bytes;
pub use file_system::FileSystem;
pub use name::{NameError, VolumeName};
pub use record::{Birth, Identity, Module, OnNoQuorum, Part, PartKind, Record, State};
