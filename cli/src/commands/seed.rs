//! `hive seed`: the documents that make machines hosts, and their way onto images and sticks.

use std::path::PathBuf;
use std::process::ExitCode;

use hive_builder::format::seed_volume::Document;
use hive_inventory::seed::MachineMatch;
use hive_site::{Host, Provider, Stage};
use serde::Serialize;

use super::run::chosen;
use crate::args::Global;
use crate::context_folder::write;
use crate::error::{Result, Usage};
use crate::seeds::{Machines, Seeder, document};
use crate::site_folder::SiteFolder;
use crate::{output, seed_target};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A seed makes one machine one host: name, addresses, certificate and key, peers. It holds private keys; treat \
    what carries it like them. Without a target, seeds are written to .hive/STAGE/seeds.\n\n\
    Several seeds on one stick: each machine takes the one that its hardware fits (`machines` in the inventory), \
    otherwise a person chooses at its boot menu. Earlier seeds on the target are wiped; nothing else on it changes."
)]
pub struct Seed {
    /// Hosts by full or short name
    #[arg(value_name = "HOST", required_unless_present = "all")]
    hosts: Vec<String>,
    /// All hosts of the stage
    #[arg(long, conflicts_with = "hosts")]
    all: bool,
    /// Put the seeds into a baked image, raw or qcow2
    #[arg(long, value_name = "IMAGE", group = "target")]
    into: Option<PathBuf>,
    /// Put the seeds onto a stick or disk that has a HIVE-SEED partition or file system
    #[arg(long, value_name = "DEV", group = "target")]
    device: Option<PathBuf>,
    /// Print the seed of one host
    #[arg(long, group = "target")]
    stdout: bool,
    /// Print what was written as JSON
    #[arg(long, conflicts_with = "stdout")]
    json: bool,
}

/// A seed that was written.
#[derive(Debug, Serialize)]
struct Written {
    host: String,
    path: PathBuf,
    document: String,
    #[serde(skip_serializing_if = "MachineMatch::is_empty")]
    machine: MachineMatch,
}

impl Seed {
    /// Writes the seeds.
    ///
    /// # Errors
    /// There is no such host, keys are missing, or the target does not take them.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let mut hosts = chosen(stage, &self.hosts)?;
        hosts.sort_by_key(|host| host.index);
        hosts.dedup_by_key(|host| host.index);
        if self.stdout && hosts.len() != 1 {
            return Err(Usage("--stdout prints the seed of one host".into()).into());
        }
        let context = folder.context().made()?;
        let seeder = Seeder::open(&context, stage, Machines::OfProvider)?;
        let mut texts = Vec::new();
        for host in hosts {
            texts.push((host, seeder.text(host)?));
        }
        if self.stdout {
            output::data(
                &texts
                    .iter()
                    .map(|(_, text)| text.as_str())
                    .collect::<String>(),
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        let alone = texts.len() == 1 && !self.all;
        let documents: Vec<Document> = texts
            .iter()
            .map(|(host, text)| match alone && self.has_medium() {
                true => Document::only(text.as_bytes()),
                false => Document::of(&host.name, text.as_bytes()),
            })
            .collect();
        let medium = if let Some(image) = &self.into {
            seed_target::into_image(&context, image, &documents)?;
            Some(image)
        } else if let Some(device) = &self.device {
            seed_target::into_device(device, &documents)?;
            Some(device)
        } else {
            None
        };
        let mut written = Vec::new();
        for ((host, _), document) in texts.iter().zip(&documents) {
            let path = match medium {
                Some(medium) => medium.clone(),
                None => {
                    let path = context.seeds().join(&document.name);
                    write(&path, 0o600, &document.content)?;
                    path
                }
            };
            written.push(describe(stage, host, path, &document.name));
        }
        self.tell(&written, medium.is_some())?;
        Ok(ExitCode::SUCCESS)
    }

    fn has_medium(&self) -> bool {
        self.into.is_some() || self.device.is_some()
    }

    fn tell(&self, written: &[Written], medium: bool) -> Result<()> {
        let unknown: Vec<&str> = written
            .iter()
            .filter(|seed| seed.machine.is_empty())
            .map(|seed| seed.host.as_str())
            .collect();
        if medium && written.len() > 1 && !unknown.is_empty() {
            output::warn(&format!(
                "the inventory does not say how to recognise the machine of {}: it is chosen at its boot menu; `machines` of the stage can say its mac, serial or uuid",
                unknown.join(", ")
            ));
        }
        if self.json {
            return output::json("seed", &written);
        }
        let line = |seed: &Written| match medium {
            true => format!("{}  {}\n", seed.path.display(), seed.document),
            false => format!("{}\n", seed.path.display()),
        };
        output::data(&written.iter().map(line).collect::<String>())
    }
}

fn describe(stage: &Stage, host: &Host, path: PathBuf, document: &str) -> Written {
    Written {
        host: host.name.clone(),
        path,
        document: document.to_owned(),
        machine: document::recognised_by(stage, host, stage.provider == Provider::Qemu),
    }
}
