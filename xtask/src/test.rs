//! `cargo xtask test`: every test there is, and how long each part took.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use crate::step::{self, Parts, Result, cargo};
use crate::{build, debian, programs};

/// Everything.
pub fn run() -> Result {
    let mut parts = Parts::default();
    parts.run("what tests need", || {
        debian::install(&[debian::TO_RUN, debian::TO_TEST, debian::FOR_STORIES])?;
        debian::subordinate_ids()
    });
    // Tests often wait for engines, and what the stories need is built meanwhile.
    thread::scope(|scope| {
        let build = scope.spawn(build_behind);
        parts.run("unit and integration tests", unit);
        parts.run("build, what was left of it", || {
            let built = build.join();
            built.unwrap_or_else(|panic| resume_unwind(panic))
        });
    });
    if parts.all_well() {
        parts.run("whole machines", || machines(&[]));
    } else {
        println!("SKIPPED: whole machines, because of the failures above");
    }
    parts.finish()
}

/// Targets with stories of one machine, or none.
const ALONE: [&str; 2] = ["bake", "boot"];

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

/// Builds the command and the stories, and lets everything else go first.
fn build_behind() -> Result {
    let own = env::current_exe().map_err(|e| format!("where xtask itself lies: {e}"))?;
    let mut stories = stories(&["--no-run"], &[]);
    let mut build = Command::new(own);
    for command in [build.arg("build"), &mut stories] {
        step::run(&mut behind(command))?;
    }
    Ok(())
}

/// The command with a low priority.
fn behind(command: &Command) -> Command {
    let mut nice = step::program("nice", &["-n", "10"]);
    nice.arg(command.get_program()).args(command.get_args());
    nice
}

/// Stories of one machine each go two at a time; those of several have the computer for themselves.
fn machines(filter: &[&str]) -> Result {
    let (alone, others): (Vec<_>, Vec<_>) = targets()?
        .into_iter()
        .partition(|target| ALONE.contains(&target.as_str()));
    let mut alone = stories(&words(&[], &alone), filter);
    let alone = step::run(alone.env("RUST_TEST_THREADS", threads("2")));
    let others = step::run(&mut stories(&words(&["--lib", "--bins"], &others), filter));
    alone.and(others)
}

/// cargo's words for test targets.
fn words<'a>(more: &[&'a str], targets: &'a [String]) -> Vec<&'a str> {
    let targets = targets.iter().flat_map(|name| ["--test", name.as_str()]);
    ["--no-fail-fast"]
        .into_iter()
        .chain(more.iter().copied())
        .chain(targets)
        .collect()
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
