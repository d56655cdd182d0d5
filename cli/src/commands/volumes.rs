//! `hive volumes`: where mirrored volumes are in use, and how their copies are.

use std::process::ExitCode;

use clap::Subcommand;

use super::verify::Verify;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::context_folder::ContextFolder;
use crate::deployment::connected::Connected;
use crate::error::Result;
use crate::mirrored::reports::Asker;
use crate::mirrored::there;
use crate::output;
use crate::site_folder::SiteFolder;
use crate::site_status::volumes;
use hive_site::Stage;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is 1 when a copy is not up to date, hosts do not see each other, a pool or a volume is more than 90 % full, \
    or a host says that it needs you. `hive doctor volumes` tells what mends it."
)]
pub struct Volumes {
    /// Print them as JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<VolumesCommand>,
}

/// What is done with a volume.
#[derive(Debug, Subcommand)]
pub enum VolumesCommand {
    /// Compare all copies of a volume byte by byte, while it is in use
    Verify(Verify),
}

impl Volumes {
    /// Asks all hosts and the swarm.
    ///
    /// # Errors
    /// The stage's ssh files can't be read.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        if let Some(VolumesCommand::Verify(verify)) = self.command {
            return verify.run(global, self.json);
        }
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        session::run(show(&context, stage, self.json))
    }
}

async fn show(context: &ContextFolder, stage: &Stage, json: bool) -> Result<ExitCode> {
    let asker = Asker::of(context, stage)?;
    let records = async {
        let cluster = Cluster::connect(context, stage).await?;
        let mut connected = Connected::to_swarm(&cluster).await;
        there::all_records(&mut connected.swarm).await
    };
    let (reports, records) = tokio::join!(asker.ask(), records);
    let known = records.is_ok();
    let records = records
        .map_err(|error| {
            output::warn(&format!(
                "the swarm's records can't be read, so volumes that no host reports are not shown: {}",
                error.last_cause()
            ));
        })
        .ok();
    let all = volumes::volumes(&reports, records.as_ref());
    for (host, why) in &all.silent {
        output::warn(&format!("{host} says nothing of volumes: {why}"));
    }
    match json {
        true => output::json("volumes", &all)?,
        false => {
            let text = volumes::text(&all);
            output::data(match text.is_empty() {
                true => "there is no mirrored volume\n",
                false => &text,
            })?;
        }
    }
    Ok(ExitCode::from(u8::from(!known || !all.is_content())))
}
