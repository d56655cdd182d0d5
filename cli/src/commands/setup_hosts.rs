//! `hive setup-hosts`: wait until every host is ready and all hives are in one swarm. Nothing is
//! installed: baked hosts bring everything with them.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result};
use crate::site_folder::SiteFolder;
use crate::{output, site_status};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is 0 when every host is ready and all hives are in one swarm, 1 when that did not come about in time."
)]
pub struct SetupHosts {
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    timeout: u64,
    /// Print the hosts as JSON at the end
    #[arg(long)]
    json: bool,
}

impl SetupHosts {
    /// Waits.
    ///
    /// # Errors
    /// The hosts were not all joined and healthy in time; the error says what was missing last.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = ContextFolder::of(&folder.root, stage.name);
        let since = Instant::now();
        let mut told = Vec::new();
        loop {
            let hosts = site_status::ask(&context, stage)?;
            let missing = site_status::missing(stage, &hosts);
            for news in missing.iter().filter(|line| !told.contains(*line)) {
                output::say(news);
            }
            if missing.is_empty() {
                site_status::remember_swarm(&context, stage, &hosts)?;
                match self.json {
                    true => output::json("hosts", &site_status::reports(&hosts))?,
                    false => output::data(&site_status::text(&hosts))?,
                }
                return Ok(ExitCode::SUCCESS);
            }
            if since.elapsed() > Duration::from_secs(self.timeout) {
                let error = anyhow::anyhow!(
                    "stage {} is not set up after {} s:\n{}",
                    stage.name,
                    self.timeout,
                    missing.join("\n")
                );
                return Err(CommandError::from(error)
                    .hint("the hosts go on by themselves; `hive status --watch` shows how"));
            }
            told = missing;
            sleep(PAUSE);
        }
    }
}
