//! `cargo xtask build`: the programs of the node as static binaries, then the command that carries them.
//!
//! The node's programs are part of every image, so they have to be the same bytes wherever they are
//! built: paths of this machine are cut out, and they have a target folder of their own.

use std::fs;
use std::path::PathBuf;

use crate::step::{self, Result, cargo, root, target};

/// Static binaries need the target named: build scripts and macros would be built static too otherwise.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The profile of the workspace for them.
const PROFILE: &str = "node";
const PROGRAMS: [&str; 3] = ["hive-init", "hived", "follow-swarm-service"];

/// Where the builder finds them when it is compiled.
pub const NODE_PROGRAMS: &str = "HIVE_NODE_PROGRAMS";

/// A profile of the workspace for what runs on this computer.
#[derive(Debug, Clone, Copy)]
pub enum Profile {
    /// As people get it.
    Release,
    /// As unit tests have it, so that nothing is compiled twice for tests.
    Dev,
}

impl Profile {
    /// Its name for cargo.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    /// Where cargo puts the command.
    pub fn hive(self) -> PathBuf {
        target().join(match self {
            Self::Release => "release/hive",
            Self::Dev => "debug/hive",
        })
    }
}

/// Builds all; returns where the command lies.
pub fn hive(profile: Profile) -> Result<PathBuf> {
    let programs = node_programs()?;
    let mut build = cargo(&["build", "--locked", "--package", "hive"]);
    build.args(["--profile", profile.name()]);
    step::run(build.env(NODE_PROGRAMS, &programs))?;
    Ok(profile.hive())
}

/// Builds all and says where.
pub fn run() -> Result<PathBuf> {
    let hive = hive(Profile::Release)?;
    println!("{}", hive.display());
    Ok(hive)
}

/// Builds the programs of the node; returns the folder where they lie.
pub fn node_programs() -> Result<PathBuf> {
    let folder = target().join("node");
    let mut build = cargo(&[
        "build",
        "--profile",
        PROFILE,
        "--locked",
        "--target",
        TARGET,
    ]);
    build.args(["--package", "hive-firstboot", "--package", "hive-appliance"]);
    for program in PROGRAMS {
        build.args(["--bin", program]);
    }
    build.arg("--target-dir").arg(&folder);
    // Flags of a person's own cargo configuration would make other bytes.
    build
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&folder).join("\x1f"));
    build.env("CARGO_INCREMENTAL", "0");
    step::run(&mut build)?;
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).map_err(|e| format!("making {}: {e}", programs.display()))?;
    for name in PROGRAMS {
        let from = folder.join(TARGET).join(PROFILE).join(name);
        let to = programs.join(name);
        let bytes = fs::read(&from).map_err(|e| format!("reading {}: {e}", from.display()))?;
        // Left alone when equal: its time decides whether the command is built anew.
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::write(&to, bytes).map_err(|e| format!("writing {}: {e}", to.display()))?;
        }
    }
    Ok(programs)
}

/// Static, and without a trace of where it was built.
fn flags(folder: &std::path::Path) -> Vec<String> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let cargo_home =
        std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = vec!["-C".to_owned(), "target-feature=+crt-static".to_owned()];
    // The last one that fits counts, so the innermost folder comes last.
    for (path, name) in [
        (root(), "/hive"),
        (cargo_home, "/cargo"),
        (folder.to_owned(), "/target"),
    ] {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    }
    flags
}
