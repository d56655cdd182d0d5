//! Running programs: each shows its command line first, and a failure repeats it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Every chore ends well or with a sentence.
pub type Result<T = ()> = std::result::Result<T, String>;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    // Set by cargo at run time, so that a moved checkout is found where it is now.
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    manifest.parent().map_or(manifest.clone(), Path::to_owned)
}

/// The folder that cargo builds in.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// cargo, in the workspace.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// Another program, in the workspace.
pub fn program(name: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// A command as one could paste it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&b);
        if !word.is_empty() && word.bytes().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs a command in front of everybody's eyes.
pub fn run(command: &mut Command) -> Result {
    let text = shown(command);
    eprintln!("$ {text}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{text}` failed ({status})")),
        Err(error) => Err(format!("`{text}` can't be started: {error}")),
    }
}

/// Runs a command and returns its standard output.
pub fn read(command: &mut Command) -> Result<String> {
    let text = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("`{text}` can't be started: {e}"))?;
    if !output.status.success() {
        return Err(format!("`{text}` failed ({})", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command and returns how long it took.
pub fn timed(command: &mut Command) -> Result<Duration> {
    let since = Instant::now();
    run(command)?;
    Ok(since.elapsed())
}

/// Where a program lies, if it is installed.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Administrators' tools are not always in an ordinary user's path.
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    dirs.map(|dir: PathBuf| dir.join(name))
        .find(|file| file.is_file())
}

/// Parts of a longer chore with the time that each took.
#[derive(Debug, Default)]
pub struct Parts(Vec<(String, Duration, Result)>);

impl Parts {
    /// Does a part; what fails does not keep the others from their turn.
    pub fn run(&mut self, name: &str, part: impl FnOnce() -> Result) {
        eprintln!("\n== {name}");
        let since = Instant::now();
        let result = part();
        if let Err(error) = &result {
            eprintln!("{name}: {error}");
        }
        self.0.push((name.to_owned(), since.elapsed(), result));
    }

    /// Whether everything went well so far.
    pub fn all_well(&self) -> bool {
        self.0.iter().all(|(_, _, result)| result.is_ok())
    }

    /// The report: a line each, and an error when one failed.
    pub fn finish(self) -> Result {
        println!();
        let mut failed = Vec::new();
        for (name, took, result) in &self.0 {
            let verdict = if result.is_ok() { "ok" } else { "FAILED" };
            println!("{verdict:<7} {:>7.1} s  {name}", took.as_secs_f64());
            if let Err(error) = result {
                println!("        {}", error.replace('\n', "\n        "));
                failed.push(name.as_str());
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed: {}", failed.join(", ")))
        }
    }
}
