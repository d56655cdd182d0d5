//! `cargo xtask test`: every test there is, and how long each part took.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::build::{self, Profile};
use crate::step::{self, Parts, Result, cargo};
use crate::{debian, programs};

/// Everything.
pub fn run() -> Result {
    let mut parts = Parts::default();
    parts.run("what tests need", || {
        debian::install(&[debian::TO_RUN, debian::TO_TEST, debian::FOR_STORIES])?;
        debian::subordinate_ids()
    });
    let mut made = None;
    parts.run("build", || {
        made = Some(build::node_programs()?);
        build::hive(Profile::Dev)?;
        step::run(&mut stories(Profile::Dev, &["--no-run"], &[]))
    });
    if parts.all_well() {
        // The first wait for engines most of the time, so the others get what they leave.
        thread::scope(|scope| {
            let alone = scope.spawn(|| step::run(&mut behind(&stories_alone(&[])?)));
            parts.run("unit and integration tests", || unit(made.as_deref()));
            parts.run("one machine each, what was left of it", || {
                alone.join().unwrap_or_else(|panic| resume_unwind(panic))
            });
        });
    }
    if parts.all_well() {
        parts.run("three machines", || stories_together(&[]));
    } else {
        println!("SKIPPED: three machines, because of the failures above");
    }
    parts.finish()
}

/// Targets with stories of one machine, or none.
const ALONE: [&str; 2] = ["bake", "boot"];

/// The target whose stories run last.
const LAST: &str = "services";

/// Packages whose tests start Docker engines take longest, so theirs begin first.
const LONG: [&str; 4] = ["appliance", "cli", "deploy", "ui"];

/// Programs with unit tests that run at once: they wait for engines most of the time.
const AT_ONCE: usize = 4;

/// Tests that need no machine.
/// `made` is the folder of the node's programs that the command under test was built with, if any.
pub fn unit(made: Option<&Path>) -> Result {
    let test = |words: &[&str]| {
        let mut test = cargo(&["test", "--workspace", "--exclude", "hive-tests", "--locked"]);
        // Another folder than before would compile the builder anew.
        test.args(words)
            .envs(made.map(|made| (build::NODE_PROGRAMS, made)));
        test
    };
    let json = "--message-format=json-render-diagnostics";
    let mut programs = programs::built(&mut test(&["--no-run", json]))?;
    programs.sort_by_key(|program| !LONG.contains(&program.package.as_str()));
    let tests = programs::run(programs, AT_ONCE, |command| {
        with_tools(command);
    });
    let docs = step::run(with_tools(&mut test(&["--doc", "--quiet"])));
    tests.and(docs)
}

/// Tests with whole machines, of the command built now.
pub fn e2e(filter: &[&str]) -> Result {
    build::hive(Profile::Dev)?;
    let alone = step::run(&mut stories_alone(filter)?);
    alone.and(stories_together(filter))
}

/// The command with a low priority.
fn behind(command: &Command) -> Command {
    let mut nice = step::program("nice", &["-n", "10"]);
    nice.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            nice.env(name, value);
        }
    }
    nice
}

/// Stories of one machine each, two at a time.
fn stories_alone(filter: &[&str]) -> Result<Command> {
    let (alone, _) = targets()?;
    let mut stories = stories(Profile::Dev, &words(&[], &alone), filter);
    stories.env("RUST_TEST_THREADS", threads("2"));
    Ok(stories)
}

/// Those of several machines, which have the computer for themselves, and what needs none. The last ones repeat things
/// as long as there is time.
fn stories_together(filter: &[&str]) -> Result {
    let (_, others) = targets()?;
    let (last, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|name| name == LAST);
    let run = |words: &[&str]| step::run(&mut stories(Profile::Dev, words, filter));
    let first = run(&words(&["--lib", "--bins"], &others));
    first.and(run(&words(&[], &last)))
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

/// Names of the stories' test targets: of one machine each, and all others.
fn targets() -> Result<(Vec<String>, Vec<String>)> {
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
    let alone = |name: &String| ALONE.contains(&name.as_str());
    Ok(names.into_iter().partition(alone))
}

/// How many tests at once: what is asked for, or else these.
fn threads(otherwise: &str) -> OsString {
    env::var_os("RUST_TEST_THREADS").unwrap_or_else(|| otherwise.into())
}

/// Tests with whole machines, not yet started, of the command that was built last with this profile: words for
/// cargo, and words for the tests.
pub fn stories(profile: Profile, cargo_words: &[&str], words: &[&str]) -> Command {
    let mut command = cargo(&["test", "--package", "hive-tests", "--locked"]);
    command.args(["--profile", profile.name()]);
    command.args(cargo_words).args(["--", "--nocapture"]);
    command.args(words);
    // Emulated machines at once make each other late.
    with_tools(&mut command)
        .env("HIVE", profile.hive())
        .env("RUST_TEST_THREADS", threads("1"));
    command
}

/// Tools for file systems are not in an ordinary user's path.
fn with_tools(command: &mut Command) -> &mut Command {
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}
