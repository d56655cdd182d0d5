//! `hive initialize-services`: roles inside running services.

use std::process::ExitCode;

use super::phase_options::{Check, ServiceLimit};
use crate::args::Global;
use crate::error::Result;
use crate::phases::{self, Options, elsewhere};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "This version applies no roles inside containers. A stage that needs none passes; else the services are named, and what to do instead."
)]
pub struct InitializeServices {
    #[command(flatten)]
    limit: ServiceLimit,
    #[command(flatten)]
    check: Check,
}

impl InitializeServices {
    /// Runs the phase.
    ///
    /// # Errors
    /// What the phase says.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let options = Options {
            check: self.check.check,
            limit: self.limit.names,
            ..Options::default()
        };
        phases::run(
            global,
            "initialize-services",
            options,
            elsewhere::initialize_services,
        )
    }
}
