//! The documents that a site's machines exchange.
//!
//! This crate opens no file and starts no program: parsers take text, so every rule in it is
//! tested without a disk. Start at [`disk`] for the
//! contract between the baked image and the machine that boots it, at [`seed`] for what makes one
//! machine *this* host, at [`node`] for what a machine reports back, and at [`image`] for what a
//! site may choose about its image.

pub mod disk;
pub mod follow;
pub mod image;
pub mod node;
pub mod seed;
pub mod settings;
pub mod volumes;
