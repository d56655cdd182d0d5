//! Bakes a stage's golden image.

pub mod bake;
pub mod cache;
pub mod chroot;
pub mod deb;
pub mod drbd;
pub mod fetch;
pub mod format;
pub mod lock;
pub mod modules;
pub mod namespace;
pub mod node_programs;
pub mod progress;
pub mod recipe;
pub mod site_layer;
pub mod tools;
pub mod tree;
pub mod verify;
