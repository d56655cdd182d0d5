//! Benchmarks. They print tables and judge nothing: times belong to the machine that they were taken on.

pub mod bake;
pub mod boot;
mod lock;
mod site;
mod stock;

use std::time::Duration;

/// A line of a table: what, and how long.
fn row(what: &str, took: Duration) {
    println!("{what:<58} {:>8.1} s", took.as_secs_f64());
}

/// A line of a table: what, and how large.
fn size(what: &str, bytes: u64) {
    println!("{what:<58} {:>8.1} MiB", bytes as f64 / (1 << 20) as f64);
}
