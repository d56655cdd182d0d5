//! `hive vips`: who holds which virtual IP, since when, and where marks are.

use std::process::ExitCode;

use crate::args::Global;
use crate::error::Result;
use crate::output;
use crate::site_folder::SiteFolder;
use crate::site_status;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is 1 when a virtual IP is held by nobody though its service runs, a host may hold none, or there is a complaint."
)]
pub struct Vips {
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

impl Vips {
    /// Asks all hosts at once.
    ///
    /// # Errors
    /// The stage's ssh files can't be read.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let hosts = site_status::ask(&folder.context(), stage)?;
        for host in hosts.iter().filter(|host| host.status.is_none()) {
            let why = host.error.as_deref().unwrap_or("no reason known");
            output::warn(&format!("{} does not answer: {why}", host.host));
        }
        let vips = site_status::vips(&hosts);
        match self.json {
            true => output::data(&output::json_text("vips", &vips)?)?,
            false => {
                let text = site_status::vips_text(&vips);
                output::data(match text.is_empty() {
                    true => "no service asks for a virtual IP or a mark\n",
                    false => &text,
                })?;
            }
        }
        let lost = |vip: &site_status::Vip| vip.owner.is_some() && vip.holders.len() != 1;
        let content = vips.complaints.is_empty()
            && vips.fenced.is_empty()
            && !vips.addresses.iter().any(lost);
        Ok(ExitCode::from(u8::from(!content)))
    }
}
