//! `hive completion`: what the shell needs to complete our words.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::error::Result;
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "bash: hive completion bash > ~/.local/share/bash-completion/completions/hive"
)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    ///
    /// # Errors
    /// Standard output can't be written to.
    pub fn run(self) -> Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "hive", &mut script);
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}
