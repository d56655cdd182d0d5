//! `cargo xtask demo`: from a bare Debian to three hosts that are one swarm, the first thing that
//! the README says.

use std::time::Instant;

use crate::build::Profile;
use crate::step::{self, Result, program, root, shown, target};
use crate::{build, debian};

/// The host that is asked.
const HOST: &str = "p-hive0";
/// What shows that root, Docker and swarm are as promised.
const PROOF: &str = "mount | grep ' / '; sudo docker version --format 'Docker Engine {{.Server.Version}} answers'; \
    sudo docker node ls; sudo docker node inspect self --format 'labels of {{.Description.Hostname}}: {{range $k, $v := .Spec.Labels}}{{$k}}={{$v}} {{end}}'";

/// Installs, builds, bakes, boots.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN])?;
    debian::subordinate_ids()?;
    let hive = build::hive(Profile::Release)?;
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
    let since = Instant::now();
    step::run(&mut in_site(&["run"]))?;
    step::run(&mut in_site(&["setup-hosts"]))?;
    println!(
        "\nfrom power-on to one swarm: {:.0} s",
        since.elapsed().as_secs_f64()
    );
    step::run(&mut in_site(&["ssh", "-t", HOST, "--", PROOF]))?;
    println!("\nThree hosts run. From {}:", root().display());
    println!("  log in    {}", shown(&in_site(&["ssh", "-t", HOST])));
    println!("  look      {}", shown(&in_site(&["status"])));
    println!("  stop      {}", shown(&in_site(&["run", "--stop"])));
    println!("  the site  {folder}/inventory/hive.yml");
    Ok(())
}
