//! Stories of the bake: no machine is started.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

mod interrupted;
mod refused;
mod reproducible;
mod warm;
