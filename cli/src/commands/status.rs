//! `hive status`: how the hosts are, as they say themselves, and since when one is silent.

use std::process::ExitCode;
use std::time::Duration;

use hive_site::Stage;

use crate::args::Global;
use crate::error::Result;
use crate::mirrored::reports;
use crate::output;
use crate::site_folder::SiteFolder;
use crate::site_status::{self, HostStatus, volumes};

/// How long `--watch` listens before it judges again though no host said anything.
const PAUSE: Duration = Duration::from_secs(2);
/// What clears a terminal and puts the cursor in its corner (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is 1 when a host is not ready, does not answer, or the hives are not in one swarm."
)]
pub struct Status {
    /// Print the status as JSON
    #[arg(long)]
    json: bool,
    /// Look again and again; off a terminal, print only what changed
    #[arg(short, long)]
    watch: bool,
}

impl Status {
    /// Asks all hosts at once.
    ///
    /// # Errors
    /// The stage's ssh files can't be read.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let mut shown = String::new();
        let mut following = self.watch.then(|| site_status::follow(&context, stage));
        loop {
            let hosts = match &mut following {
                Some(following) => following.hosts(),
                None => site_status::ask(&context, stage)?,
            };
            let content = site_status::missing(stage, &hosts).is_empty();
            if content {
                site_status::remember_swarm(&context, stage, &hosts)?;
            }
            let text = match self.json {
                true => output::json_text("hosts", &site_status::reports(&hosts))?,
                false => overview(stage, &hosts),
            };
            let Some(following) = &mut following else {
                output::data(&text)?;
                return Ok(ExitCode::from(u8::from(!content)));
            };
            if text != shown {
                let clear = output::is_terminal() && !self.json;
                output::data(if clear { CLEAR } else { "" })?;
                output::data(&text)?;
                shown = text;
            }
            following.wait(PAUSE);
        }
    }
}

/// Table and notes, and in one line whether the stage is what it is to be.
fn overview(stage: &Stage, hosts: &[HostStatus]) -> String {
    let mut text = site_status::text(hosts);
    let vips = site_status::vips_text(&site_status::vips(hosts));
    if !vips.is_empty() {
        text.push_str(&format!("\n{vips}"));
    }
    let reports = reports::of_statuses(hosts, stage);
    let volumes = volumes::text(&volumes::volumes(&reports, None));
    if !volumes.is_empty() {
        text.push_str(&format!("\n{volumes}"));
    }
    let together = site_status::missing(stage, hosts);
    let content = hosts
        .iter()
        .all(|h| h.status.as_ref().is_some_and(|s| s.ready));
    if content && let Some(missing) = together.first() {
        text.push_str(&format!("\n{missing}\n"));
    }
    text
}
