//! Test programs that cargo built, some of them at once. cargo itself runs one after the other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::step::{self, Result};

/// A program with tests.
#[derive(Debug)]
pub struct Program {
    /// The folder of its package in the workspace.
    pub package: String,
    /// The target: the library, a binary or a file of tests.
    target: String,
    file: PathBuf,
}

/// Builds test programs by a `cargo test --no-run` that tells in JSON what it made (The Cargo Book, "External Tools").
///
/// # Errors
/// Something does not compile.
pub fn built(build: &mut Command) -> Result<Vec<Program>> {
    eprintln!("$ {}", step::shown(build));
    let told = step::read(build)?;
    Ok(told.lines().filter_map(program).collect())
}

fn program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["profile"]["test"] != true {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    let package = manifest.parent()?.file_name()?.to_string_lossy();
    Some(Program {
        package: package.into_owned(),
        target: message["target"]["name"].as_str()?.to_owned(),
        file: message["executable"].as_str()?.into(),
    })
}

/// Runs them in their order, so many `at_once`, and says how each went; all run, whatever fails.
///
/// # Errors
/// Some failed: their names.
pub fn run(
    programs: Vec<Program>,
    at_once: usize,
    prepare: impl Fn(&mut Command) + Sync,
) -> Result {
    let waiting = Mutex::new(VecDeque::from(programs));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(program) = locked(&waiting).pop_front() {
            let since = Instant::now();
            let result = program.run(&prepare);
            let name = format!("{} {}", program.package, program.target);
            let verdict = if result.is_ok() { "ok" } else { "FAILED" };
            let seconds = since.elapsed().as_secs_f64();
            println!("{verdict:<7} {seconds:>7.1} s  {name}");
            if let Err(output) = result {
                println!("{output}");
                locked(&failed).push(name);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("tests failed: {}", failed.join(", "))),
    }
}

impl Program {
    /// As cargo runs it: in the folder of its package.
    fn run(&self, prepare: impl Fn(&mut Command)) -> Result {
        let folder = step::root().join(&self.package);
        let mut command = Command::new(&self.file);
        command
            .arg("--quiet")
            .current_dir(&folder)
            .env("CARGO_MANIFEST_DIR", &folder);
        prepare(&mut command);
        match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(said(&output)),
            Err(error) => Err(format!("{} can't be started: {error}", self.file.display())),
        }
    }
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}it ended with {}", output.status)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_tests_are_told_from_other_messages() {
        let test = r#"{"reason":"compiler-artifact","manifest_path":"/w/cli/Cargo.toml","target":{"name":"ssh"},"profile":{"test":true},"executable":"/t/ssh-1"}"#;
        let found = program(test).unwrap();
        assert_eq!(
            (found.package.as_str(), found.target.as_str()),
            ("cli", "ssh")
        );
        assert_eq!(found.file, Path::new("/t/ssh-1"));
        // Binaries that tests start are built without tests; libraries have no program.
        assert!(program(&test.replace("true", "false")).is_none());
        assert!(program(&test.replace("\"/t/ssh-1\"", "null")).is_none());
        assert!(program(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
