//! `cargo xtask test`: every test there is, and how long each part took.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::step::{self, Parts, Result, cargo};
use crate::{build, debian, programs};

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

/// The target with the stories of one machine.
const ALONE: &str = "boot";

/// Packages whose tests start Docker engines take longest, so theirs begin first.
const LONG: [&str; 4] = ["appliance", "cli", "deploy", "ui"];

/// Tests that need no machine. Many wait for engines most of the time, so two programs of them run at once.
pub fn unit() -> Result {
    let selected = ["--workspace", "--exclude", "hive-tests", "--locked"];
    let mut build = cargo(&[
        "test",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let mut programs = programs::built(build.args(selected))?;
    programs.sort_by_key(|program| !LONG.contains(&program.package.as_str()));
    let tests = programs::run_two_at_once(programs, |command| {
        with_tools(command);
    });
    let mut docs = cargo(&["test", "--doc", "--quiet"]);
    let docs = step::run(with_tools(docs.args(selected)));
    tests.and(docs)
}

/// Tests with whole machines, of the command built now.
pub fn e2e(filter: &[&str]) -> Result {
    build::hive()?;
    machines(filter)
}

/// Stories of one machine each go two at a time; those of several have the computer for themselves.
fn machines(filter: &[&str]) -> Result {
    let mut others = vec!["--no-fail-fast".to_owned(), "--lib".into(), "--bins".into()];
    for target in targets()? {
        if target != ALONE {
            others.extend(["--test".into(), target]);
        }
    }
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let alone = ["--no-fail-fast", "--test", ALONE];
    let alone = step::run(stories(&alone, filter).env("RUST_TEST_THREADS", threads("2")));
    let others = step::run(&mut stories(&others, filter));
    alone.and(others)
}

/// Names of the stories' test targets.
fn targets() -> Result<Vec<String>> {
    let folder = step::root().join("tests/tests");
    let failed = |e| format!("reading {}: {e}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// How many tests at once: what is asked for, or else these.
fn threads(otherwise: &str) -> OsString {
    env::var_os("RUST_TEST_THREADS").unwrap_or_else(|| otherwise.into())
}

/// Tests with whole machines, not yet started, of the command that was built last: words for cargo,
/// and words for the tests.
pub fn stories(cargo_words: &[&str], words: &[&str]) -> Command {
    let hive = step::target().join("release/hive");
    let mut command = cargo(&["test", "--package", "hive-tests", "--release", "--locked"]);
    command.args(cargo_words).args(["--", "--nocapture"]);
    command.args(words);
    // Emulated machines at once make each other late.
    with_tools(&mut command)
        .env("HIVE", hive)
        .env("RUST_TEST_THREADS", threads("1"));
    command
}

/// Tools for file systems are not in an ordinary user's path.
fn with_tools(command: &mut Command) -> &mut Command {
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}
