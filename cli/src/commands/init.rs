//! `hive init`: a small site that works as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use hive_site::sample;

use crate::args::Global;
use crate::error::{CommandError, Result};
use crate::output;

/// What lies in the site folder and not in version control: images, keys, machines.
const IGNORED: &str = ".hive/\n";

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Writes inventory/hive.yml with a stage `private` of three hosts on QEMU, one service file, and \
    a .gitignore for what must not go into version control. Files that are there are never overwritten."
)]
pub struct Init {
    /// Folder of the new site, made if need be
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Init {
    /// Writes the files.
    ///
    /// # Errors
    /// There is a site already, or the folder can't be written.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let dir = self
            .dir
            .or_else(|| global.root_dir.clone())
            .unwrap_or_else(|| PathBuf::from("."));
        if let Some(there) = sample::FILES
            .iter()
            .map(|f| dir.join(f.path))
            .find(|path| path.exists())
        {
            let error =
                anyhow::anyhow!("{} is there already; nothing was written", there.display());
            return Err(CommandError::from(error).hint(
                "name an empty folder (`hive init DIR`), or go on with this site: `hive bake`",
            ));
        }
        for file in sample::FILES {
            write_new(&dir.join(file.path), file.text)?;
        }
        let ignore = dir.join(".gitignore");
        if !ignore.exists() {
            write_new(&ignore, IGNORED)?;
        }
        output::say(&next_steps(&dir));
        Ok(ExitCode::SUCCESS)
    }
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(doing)?;
    }
    let mut file = fs::File::create_new(path).with_context(doing)?;
    Ok(std::io::Write::write_all(&mut file, text.as_bytes()).with_context(doing)?)
}

fn next_steps(dir: &Path) -> String {
    let files: String = sample::FILES
        .iter()
        .map(|f| format!("  {}\n", dir.join(f.path).display()))
        .collect();
    let enter = if dir == Path::new(".") {
        String::new()
    } else {
        format!("  cd {}\n", dir.display())
    };
    format!(
        "Wrote\n{files}Next:\n{enter}  hive bake             make the image of stage `private`\n  \
         hive run p-hive0      boot a host of it here, in QEMU\n  hive ssh -t p-hive0   log in"
    )
}
