//! YAML as a tree that knows where everything stands, and errors that show it.

pub mod diagnostic;
pub(crate) mod fields;
pub mod report;
pub mod spelling;
pub mod tree;
