//! `hive completion`: what the shell needs to complete our words. The script asks this program for the
//! words each time, so that it knows the site's hosts and services.

use std::process::ExitCode;

use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::error::Result;
use crate::output;

/// The variable with which a shell's script asks.
pub const ASKS: &str = "HIVE_COMPLETE";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "bash: hive completion bash > ~/.local/share/bash-completion/completions/hive\n\
    zsh:  hive completion zsh > ~/.zfunc/_hive    (with `fpath+=~/.zfunc` before compinit)\n\
    fish: hive completion fish > ~/.config/fish/completions/hive.fish\n\
    Hosts, services, volumes and variables are completed as the site in the current folder has them. Write the script anew after an \
    update of hive."
)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell with completion.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    /// Prints the script.
    ///
    /// # Errors
    /// Standard output can't be written to.
    pub fn run(self) -> Result<ExitCode> {
        let shell: &dyn EnvCompleter = match self.shell {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
        };
        let mut script = Vec::new();
        shell.write_registration(ASKS, "hive", "hive", "hive", &mut script)?;
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}
