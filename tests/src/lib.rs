//! What the stories share: a site of one's own and the `hive` command in it.
//!
//! The command is the one that `HIVE` names (`cargo xtask e2e` sets it). All stories share the
//! user's cache, so that the first one that bakes does it for all.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a story stops at what it did not expect"
)]

pub mod acknowledged;
pub mod checklist;
pub mod clock;
pub mod cluster;
pub mod drbd_packages;
pub mod followed;
mod host;
pub mod image;
mod login;
pub mod prober;
pub mod random;
pub mod records;
pub mod swarm;
pub mod waiting;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub use host::Host;
pub use login::Login;

/// A site folder that goes with the story, and its machines with it.
#[derive(Debug)]
pub struct Site {
    dir: tempfile::TempDir,
}

/// The command under test.
///
/// # Panics
/// `HIVE` does not name it.
pub fn hive_program() -> PathBuf {
    let path = std::env::var_os("HIVE").map(PathBuf::from);
    path.expect("HIVE must name the command under test; `cargo xtask e2e` builds it and sets HIVE")
}

/// Says that a story did not run, and why.
pub fn skipped(why: &str) {
    println!("SKIPPED: {why}");
}

/// Whether a program can be started here.
pub fn has(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .is_ok_and(|o| o.status.success())
}

/// Whether this runs as root.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

impl Site {
    /// The sample site, not yet locked.
    pub fn new() -> Self {
        let site = Self {
            dir: tempfile::Builder::new()
                .prefix("hive-e2e-")
                .tempdir()
                .unwrap(),
        };
        // Other users' bakes read it, too.
        fs::set_permissions(
            site.path(""),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        site.ok(&["init", "."]);
        site
    }

    /// The sample site with an image.
    pub fn baked() -> Self {
        let site = Self::new();
        site.ok(&["bake"]);
        site
    }

    /// The sample site with an image, and with only one host: it needs no other to be ready.
    pub fn alone() -> Self {
        let site = Self::new();
        site.edit("number_of_hosts: 3", "number_of_hosts: 1");
        site.ok(&["bake"]);
        site
    }

    /// A path below the site folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces text in the hive definition.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.path("inventory/hive.yml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in the definition");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Adds an `image:` section for all stages.
    pub fn image(&self, lines: &str) {
        let indented: String = lines.lines().map(|l| format!("  {l}\n")).collect();
        self.edit("\nstages:\n", &format!("\nimage:\n{indented}\nstages:\n"));
    }

    /// The command in this site, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(hive_program());
        command.args(args).current_dir(self.dir.path());
        command
    }

    /// Runs the command.
    pub fn hive(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs the command, which has to succeed; returns its standard output.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.hive(args);
        assert!(
            output.status.success(),
            "hive {args:?} failed:\n{}",
            said(&output)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command, which has to refuse with status 1; returns what it said.
    pub fn refused(&self, args: &[&str]) -> String {
        let output = self.hive(args);
        assert_eq!(
            output.status.code(),
            Some(1),
            "hive {args:?}:\n{}",
            said(&output)
        );
        said(&output)
    }

    /// Runs the command with `--json`, and reads what it prints under the command's name.
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let document: Value = serde_json::from_str(&self.ok(&args)).unwrap();
        assert_eq!(document["version"], 1, "{document}");
        document[args[0]].clone()
    }

    /// The folder of the private stage's images.
    pub fn images(&self) -> PathBuf {
        self.path(".hive/private/images")
    }

    /// What lies in the images folder, hidden files too.
    pub fn image_files(&self) -> Vec<String> {
        let Ok(list) = fs::read_dir(self.images()) else {
            return Vec::new();
        };
        let mut names: Vec<String> = list
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A host of the private stage.
    pub fn host(&self, name: &str) -> Host<'_> {
        Host::new(self, name)
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        host::end_all(&self.path(".hive/private/run"));
    }
}

/// Both outputs of a command.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// SHA-256 of a file by the system's own tool.
pub fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}
