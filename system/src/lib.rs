//! The one door to outside programs.
//!
//! A [`Program`] logs itself ready to paste, keeps the end of what it said on standard error, and
//! tells a program that is missing from one that failed.

mod program;

pub use program::{Failure, Output, Program};
