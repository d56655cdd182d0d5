//! `hive volumes verify`: whether all copies of a volume hold the same bytes.

use std::cell::RefCell;
use std::process::ExitCode;

use anyhow::anyhow;

use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::connected::Connected;
use crate::error::{CommandError, Result, Usage};
use crate::mirrored::comparing::{self, Comparison};
use crate::mirrored::reports::Asker;
use crate::mirrored::there;
use crate::site_folder::SiteFolder;
use crate::{names, output};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All copies have to be up to date and connected. The volume stays in use; reading all of it takes its time. The exit code \
    is 1 when copies differ."
)]
pub struct Verify {
    /// The volume
    #[arg(value_name = "NAME", add = names::mirrored_volumes())]
    name: String,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Compares the copies; `json` may stand before the word `verify`, too.
    ///
    /// # Errors
    /// There is no such volume, a copy is not fit, or the comparison did not come to its end.
    pub fn run(mut self, global: &Global, json: bool) -> Result<ExitCode> {
        self.json |= json;
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let started = RefCell::new(None);
        let work = async {
            let cluster = Cluster::connect(&context, stage).await?;
            let mut connected = Connected::to_swarm(&cluster).await;
            let mut records = there::records(&mut connected.swarm).await?;
            let Some(record) = records.volumes.remove(&self.name) else {
                let names: Vec<&str> = records.volumes.keys().map(String::as_str).collect();
                let has = match names.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("it has {}", names.join(", ")),
                };
                let unknown = format!("the swarm has no mirrored volume `{}`; {has}", self.name);
                return Err(Usage(unknown).into());
            };
            let asker = Asker::of(&context, stage)?;
            let reports = asker.ask().await;
            let (host, others) = comparing::who(&record, &reports).map_err(|why| {
                CommandError::from(anyhow!(why).context("the copies can't be compared now")).hint(
                    "`hive volumes` shows the volume, `hive doctor volumes` tells what mends it",
                )
            })?;
            output::say(&format!(
                "{host} compares its copy of {} with {}",
                self.name,
                others.join(", ")
            ));
            started.replace(Some(host.clone()));
            let outcome = comparing::compare(&asker, &record, &host, &others).await?;
            self.tell(&outcome)
        };
        session::run_with(work, || {
            let host = started.borrow().clone()?;
            Some(format!(
                "interrupted; the comparison goes on on {host}, and `hive volumes` shows what differs when it has ended"
            ))
        })
    }

    fn tell(&self, outcome: &Comparison) -> Result<ExitCode> {
        match self.json {
            true => output::json("comparison", outcome)?,
            false => {
                for (other, bytes) in &outcome.differing {
                    let how = match bytes {
                        0 => "the same".to_owned(),
                        bytes => format!("{} differ", output::size(*bytes)),
                    };
                    output::data(&format!("{} and {other}: {how}\n", outcome.host))?;
                }
            }
        }
        if outcome.differing.values().all(|bytes| *bytes == 0) {
            return Ok(ExitCode::SUCCESS);
        }
        output::say(&format!(
            "What differs is marked, and stays different until one copy is filled from the other. `hive doctor volumes` tells which copy of {} its \
             service sees, and the commands; run this again afterwards.",
            outcome.volume
        ));
        Ok(ExitCode::from(1))
    }
}
