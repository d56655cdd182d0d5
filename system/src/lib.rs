//! The one door to outside programs.
//!
//! A [`Program`] logs itself ready to paste, keeps the end of what it said on standard error, and
//! tells a program that is missing from one that failed. Beside it there is a module for each tool whose
//! words are used in more than one place, or are worth a test of their own.

pub mod drbd;
pub mod file_system;
pub mod lvm;
mod program;

pub use program::{Failure, Output, Program};
