//! `hive manual`: the manual pages, from the definitions that also make the help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::Args;
use crate::error::Result;
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "hive manual ~/.local/share/man/man1 && man hive\nWithout a folder the page of `hive` itself is printed, ready for `man -l -`."
)]
pub struct Manual {
    /// Folder for one page per command, made if need be
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Manual {
    /// Writes or prints the pages.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn run(self) -> Result<ExitCode> {
        let Some(folder) = self.folder else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut page)?;
            output::data(&String::from_utf8_lossy(&page))?;
            return Ok(ExitCode::SUCCESS);
        };
        let doing = || format!("writing manual pages to {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(doing)?;
        clap_mangen::generate_to(Args::command(), &folder).with_context(doing)?;
        output::say(&format!("Wrote the manual pages to {}", folder.display()));
        Ok(ExitCode::SUCCESS)
    }
}
