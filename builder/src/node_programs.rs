//! The programs that run on the node, carried inside this one.

use anyhow::{Context, Result};

static PROGRAMS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/node_programs.rs"));

/// The programs that lie in the root, in `/usr/bin`; `hive-init` lies in the initrd.
pub const IN_ROOT: [&str; 2] = ["hived", "follow-swarm-service"];

/// A program by name: `hive-init`, or one of [`IN_ROOT`].
///
/// # Errors
/// This build carries none.
pub fn get(name: &str) -> Result<&'static [u8]> {
    PROGRAMS.iter().find(|(n, _)| *n == name).map(|(_, bytes)| *bytes).with_context(|| {
        format!("this build of `hive` carries no {name} and can't bake; build it with `cargo xtask build`")
    })
}
