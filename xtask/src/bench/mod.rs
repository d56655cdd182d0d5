//! Benchmarks. They print tables and judge nothing: times belong to the machine that they were taken on.

pub mod bake;
pub mod boot;
