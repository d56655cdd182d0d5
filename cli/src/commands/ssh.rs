//! `hive ssh`: log in to a host with the stage's keys.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use hive_site::Host;

use crate::args::Global;
use crate::context_folder::ContextFolder;
use crate::error::{CommandError, Result, Usage};
use crate::machines::machine::Machine;
use crate::site_folder::SiteFolder;
use crate::{remote, ssh_files};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything goes through the system's ssh with .hive/STAGE/ssh_config, which also works by itself:\n  \
    scp -F .hive/private/ssh_config FILE p-hive0:"
)]
pub struct Ssh {
    /// The host, by full or short name; without it the last one, which is usually the repository
    #[arg(short = 't', long = "to", value_name = "HOST")]
    host: Option<String>,
    /// Forward a local port, as `ssh -L` does: [ADDRESS:]PORT:HOST:HOSTPORT
    #[arg(short = 'L', long, value_name = "SPEC")]
    forward: Vec<String>,
    /// A command to run there instead of a login
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Ssh {
    /// Becomes ssh, so that its exit status is ours.
    ///
    /// # Errors
    /// The host is unknown or was never started, or ssh is missing.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = ContextFolder::of(&folder.root, stage.name);
        let known = ssh_files::hosts(&context)?;
        let name = match &self.host {
            None => known
                .last()
                .cloned()
                .ok_or_else(|| never_started(stage.name.name()))?,
            Some(word) => {
                let names: Vec<_> = stage.hosts().iter().map(Host::short_name).collect();
                let Some(host) = stage.host(word) else {
                    let unknown = format!(
                        "stage {} has no host `{word}`; it has {}",
                        stage.name,
                        names.join(", ")
                    );
                    return Err(Usage(unknown).into());
                };
                if !known.contains(&host.name) {
                    return Err(never_started(host.short_name()));
                }
                host.name.clone()
            }
        };
        if let Some(host) = stage.host(&name) {
            let machine = Machine {
                context: &context,
                stage,
                host,
            };
            // Held by another program means: it runs.
            if machine.made().is_some() && matches!(machine.running(), Ok(None)) {
                let off = anyhow::anyhow!("{name} is switched off");
                return Err(CommandError::from(off)
                    .hint(format!("start it with `hive run {}`", host.short_name())));
            }
        }
        let mut ssh = remote::ssh(&ssh_files::config_file(&context));
        for forward in &self.forward {
            ssh = ssh.args(["-L", forward]);
        }
        ssh = ssh.arg(&name);
        if !self.command.is_empty() {
            ssh = ssh.arg("--").args(&self.command);
        }
        let failed = ssh.command().exec();
        Err(ssh.start_error(failed).into())
    }
}

fn never_started(what: &str) -> CommandError {
    let error = anyhow::anyhow!("no host to log in to: {what} was never started on this machine");
    CommandError::from(error).hint("`hive run` boots the hosts of the stage here")
}
