//! `cargo xtask bench deploy`: a deployment with nothing to do, of fifty services, beside
//! `docker stack deploy` of the same services typed on the host itself.
//!
//! One host in QEMU with software emulation, the site's only manager.

use std::fmt::Write as _;

use super::row;
use super::site::Site;
use crate::build::Profile;
use crate::step::{self, Result, program, read};
use crate::{build, debian};

const HOST: &str = "p-hive0";
const SERVICES: usize = 50;

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN])?;
    debian::subordinate_ids()?;
    let site = Site::make("deploy", build::hive(Profile::Release)?)?;
    let definition = site.folder.join("inventory/hive.yml");
    step::run(program("sed", &["-i", "s/number_of_hosts: 3/number_of_hosts: 1/"]).arg(definition))?;
    let written = site.folder.join("inventory/services.yml");
    std::fs::write(&written, services()).map_err(|e| format!("writing the services: {e}"))?;
    step::run(&mut site.hive(&["bake"]))?;
    step::run(&mut site.hive(&["run"]))?;
    let result = measure(&site);
    step::run(&mut site.hive(&["run", "--stop"]))?;
    result
}

/// No task is wanted of any of them: what is measured is the deciding.
fn services() -> String {
    let mut text = "plugin: hive_services\nservices:\n".to_owned();
    for number in 0..SERVICES {
        let _ = write!(
            text,
            "  web{number}:\n    image: web:1\n    replicas: 0\n    environment: {{NUMBER: \"{number}\"}}\n    \
             ports: [\"{}:80\"]\n    labels: {{KIND: bench}}\n    networks: [hive_default_network]\n",
            20_000 + number
        );
    }
    text
}

fn compose() -> String {
    let mut text = "version: \"3.8\"\nservices:\n".to_owned();
    for number in 0..SERVICES {
        let _ = write!(
            text,
            "  web{number}:\n    image: web:1\n    environment: {{NUMBER: \"{number}\"}}\n    \
             ports: [\"{}:80\"]\n    deploy: {{replicas: 0, labels: {{KIND: bench}}}}\n",
            30_000 + number
        );
    }
    text
}

fn measure(site: &Site) -> Result {
    step::run(&mut site.hive(&["setup-hosts"]))?;
    // Nothing runs of it, but a service of an image that nobody has is refused.
    let image = "tar -cf - --files-from /dev/null | docker import - web:1 >/dev/null";
    step::run(&mut site.hive(&["ssh", "-t", HOST, "--", image]))?;
    step::run(&mut site.hive(&["build-networks"]))?;
    step::run(&mut site.hive(&["deploy-services"]))?;
    let again = site.timed(&["deploy-services"])?;
    let report = read(&mut site.hive(&["deploy-services", "--json"]))?;

    let file = site.folder.join("stack.yml");
    std::fs::write(&file, compose()).map_err(|e| format!("writing the stack: {e}"))?;
    let config = site.folder.join(".hive/private/ssh_config");
    step::run(
        program("scp", &["-q", "-F"])
            .arg(config)
            .arg(&file)
            .arg(format!("{HOST}:stack.yml")),
    )?;
    let on_host = |words: &str| site.timed(&["ssh", "-t", HOST, "--", words]);
    let stack =
        "docker stack deploy --resolve-image never --compose-file stack.yml bench >/dev/null";
    on_host(stack)?;
    let rival = on_host(stack)?;
    let login = on_host("true")?;

    println!("\n{SERVICES} services, none changed; software emulation, 1 CPU");
    row("hive deploy-services, all of it", again);
    row("docker stack deploy on the host, all of it", rival);
    row("  of which logging in", login);
    println!("what hive says of its own time: {}", times(&report));
    Ok(())
}

/// The times of the command's own report.
fn times(report: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(report).unwrap_or_default();
    let Some(fields) = document["deployment"].as_object() else {
        return "nothing".to_owned();
    };
    let times = fields.iter().filter(|(name, _)| name.ends_with("_ms"));
    let words: Vec<String> = times
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    words.join(", ")
}
