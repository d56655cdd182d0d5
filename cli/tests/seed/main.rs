//! `hive seed`, run as a person would.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod device;
mod document;
mod image;
#[path = "../site/mod.rs"]
mod site;
mod support;
