//! `hive build-infra`: the machines of a stage.

use std::process::ExitCode;

use super::phase_options::{Check, HostLimit};
use crate::args::Global;
use crate::error::Result;
use crate::phases::{self, Options, infrastructure};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "On QEMU this starts what `hive run` starts. Machines of `prepared` are there already. For other providers \
    this version makes nothing and says what to do instead."
)]
pub struct BuildInfra {
    #[command(flatten)]
    limit: HostLimit,
    #[command(flatten)]
    check: Check,
    /// Switch the machines off
    #[arg(short = 'H', long, conflicts_with = "destroy")]
    halt: bool,
    /// Take the machines away
    #[arg(short = 'D', long)]
    destroy: bool,
}

impl BuildInfra {
    /// Runs the phase.
    ///
    /// # Errors
    /// What the phase says.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let options = Options {
            check: self.check.check,
            destroy: self.destroy,
            halt: self.halt,
            limit: self.limit.names,
            ..Options::default()
        };
        phases::run(global, "build-infra", options, infrastructure::build)
    }
}
