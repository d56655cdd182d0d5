//! `cargo xtask test`: every test there is, and how long each part took.

use std::env;
use std::process::Command;

use crate::step::{self, Parts, Result, cargo};
use crate::{build, debian};

/// Everything.
pub fn run() -> Result {
    let mut parts = Parts::default();
    parts.run("what tests need", || {
        debian::install(&[debian::TO_RUN, debian::TO_TEST, debian::FOR_STORIES])?;
        debian::subordinate_ids()
    });
    parts.run("unit and integration tests", unit);
    parts.run("build", || build::hive().map(drop));
    if parts.all_well() {
        parts.run("whole machines", || machines(&[]));
    } else {
        println!("SKIPPED: whole machines, because of the failures above");
    }
    parts.finish()
}

/// Tests that need no machine.
pub fn unit() -> Result {
    let mut command = cargo(&[
        "test",
        "--workspace",
        "--exclude",
        "hive-tests",
        "--locked",
        "--quiet",
    ]);
    step::run(with_tools(&mut command))
}

/// Tests with whole machines, of the command built now.
pub fn e2e(filter: &[&str]) -> Result {
    build::hive()?;
    machines(filter)
}

fn machines(filter: &[&str]) -> Result {
    step::run(&mut stories(&["--no-fail-fast"], filter))
}

/// Tests with whole machines, not yet started, of the command that was built last: words for cargo,
/// and words for the tests.
pub fn stories(cargo_words: &[&str], words: &[&str]) -> Command {
    let hive = step::target().join("release/hive");
    let mut command = cargo(&["test", "--package", "hive-tests", "--release", "--locked"]);
    command.args(cargo_words).args(["--", "--nocapture"]);
    // Emulated machines at once make each other late.
    if env::var_os("RUST_TEST_THREADS").is_none() {
        command.arg("--test-threads=1");
    }
    command.args(words);
    with_tools(&mut command).env("HIVE", hive);
    command
}

/// Tools for file systems are not in an ordinary user's path.
fn with_tools(command: &mut Command) -> &mut Command {
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}
