//! `hive build-images`: container images that roles build.

use std::process::ExitCode;

use super::phase_options::{Check, ServiceLimit};
use crate::args::Global;
use crate::error::Result;
use crate::phases::{self, Options, elsewhere};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "This version builds no images. A stage that needs none passes; else the services are named, and what to do instead."
)]
pub struct BuildImages {
    #[command(flatten)]
    limit: ServiceLimit,
    #[command(flatten)]
    check: Check,
}

impl BuildImages {
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
        phases::run(global, "build-images", options, elsewhere::build_images)
    }
}
