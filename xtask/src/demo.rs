//! `cargo xtask demo`: from a bare Debian to a booted host, the first thing that the README says.

use crate::step::{self, Result, program, root, shown, target};
use crate::{build, debian};

/// The host that is booted.
const HOST: &str = "p-hive0";
/// What shows that root and Docker are as promised.
const PROOF: &str =
    "mount | grep ' / '; sudo docker version --format 'Docker Engine {{.Server.Version}} answers'";

/// Installs, builds, bakes, boots.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN])?;
    debian::subordinate_ids()?;
    let hive = build::hive()?;
    let hive = hive.to_string_lossy().into_owned();
    let site = target().join("demo");
    let folder = site.to_string_lossy().into_owned();
    if !site.join("inventory").exists() {
        step::run(&mut program(&hive, &["init", &folder]))?;
    }
    let in_site = |args: &[&str]| {
        let mut command = program(&hive, &["--root-dir", &folder]);
        command.args(args);
        command
    };
    step::run(&mut in_site(&["bake"]))?;
    step::run(&mut in_site(&["run", HOST]))?;
    step::run(&mut in_site(&["ssh", "-t", HOST, "--", PROOF]))?;
    println!("\n{HOST} runs. From {}:", root().display());
    println!("  log in    {}", shown(&in_site(&["ssh", "-t", HOST])));
    println!("  look      {}", shown(&in_site(&["status"])));
    println!("  stop      {}", shown(&in_site(&["run", "--stop"])));
    println!("  the site  {folder}/inventory/hive.yml");
    Ok(())
}
