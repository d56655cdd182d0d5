//! `cargo xtask check`: everything that has to be clean before a push. Runs all of it and lists
//! every failure at the end.

use crate::step::{self, Parts, Result, cargo};
use crate::{arrows, docs, test};

/// Runs all checks; the unit tests with `tests`.
fn run_parts(parts: &mut Parts, tests: bool) {
    parts.run("format", || {
        step::run(&mut cargo(&["fmt", "--all", "--check"]))
    });
    parts.run("lints", || {
        step::run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    });
    parts.run("licences, bans, sources", || {
        deny(&["bans", "licenses", "sources"])
    });
    parts.run("advisories", advisories);
    parts.run("arrows", arrows::check);
    if tests {
        parts.run("tests", || test::unit(None));
    }
    parts.run("docs", || docs::run(true));
}

/// Runs all checks and reports. Without `tests`, for those who run `cargo xtask test` next.
pub fn run(tests: bool) -> Result {
    let mut parts = Parts::default();
    run_parts(&mut parts, tests);
    parts.finish()
}

fn deny(checks: &[&str]) -> Result {
    let mut command = cargo(&["deny", "--locked", "check", "--hide-inclusion-graph"]);
    step::run(command.args(checks))
        .map_err(|e| format!("{e}; cargo-deny comes with `cargo install --locked cargo-deny`"))
}

/// Known faults of our dependencies. Without a way to the database it says so and goes on.
fn advisories() -> Result {
    if step::run(&mut cargo(&["deny", "fetch", "db"])).is_err() {
        println!(
            "SKIPPED: the database of advisories can't be reached (and cargo-deny has to be installed)"
        );
        return Ok(());
    }
    deny(&["advisories"])
}
