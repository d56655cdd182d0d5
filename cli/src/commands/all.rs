//! `hive all`: every phase, from where the stage has come to.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;

use crate::args::Global;
use crate::error::Result;
use crate::site_folder::SiteFolder;
use crate::variables::Source;
use crate::variables::definition::PHASES;
use crate::{output, phases};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The phases, in their order: build-infra, setup-hosts, build-images, build-volumes, build-networks, \
    deploy-services, initialize-services. The first that fails ends the run. How far a stage has come is kept in its variable \
    start_phase, which a phase moves on when all of it was done: not with -C, -H, -l or -T."
)]
pub struct All {
    /// Begin with this phase; without it where the last run ended
    #[arg(short = 'S', long, alias = "start_phase", value_name = "PHASE", value_parser = PossibleValuesParser::new(PHASES))]
    start_phase: Option<String>,
}

impl All {
    /// Runs the phases.
    ///
    /// # Errors
    /// What the first phase that fails says, and how to go on.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let kept = folder.variables.get("start_phase");
        let first = match (&self.start_phase, kept) {
            (Some(named), _) => named.clone(),
            (None, Some(kept)) => {
                let phase = kept.value.as_str().unwrap_or(PHASES[0]).to_owned();
                if kept.source != Source::Default {
                    output::say(&format!(
                        "Stage {} goes on with {phase}; `hive all -S {}` begins at the beginning.",
                        folder.variables.stage(),
                        PHASES[0]
                    ));
                }
                phase
            }
            (None, None) => PHASES[0].to_owned(),
        };
        phases::run_from(global, &folder, &first)?;
        Ok(ExitCode::SUCCESS)
    }
}
