//! `hive lock`: which packages, exactly.

use std::process::ExitCode;

use anyhow::anyhow;
use hive_builder::bake::{packages, relock};
use hive_builder::cache::Cache;
use hive_builder::lock::{Change, Lock as LockFile};
use hive_builder::progress::Progress;
use serde::Serialize;

use super::bake;
use crate::args::Global;
use crate::error::{CommandError, Result};
use crate::output;
use crate::progress::Reporter;
use crate::site_folder::SiteFolder;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --update only what the inventory asks for newly is resolved; everything else keeps its \
    version. Without -s all stages are locked. Keep hive.lock in version control."
)]
pub struct Lock {
    /// Move to the newest versions: all packages, or only these
    #[arg(long, value_name = "PKG", num_args = 0..)]
    update: Option<Vec<String>>,
    /// Print what changed as JSON
    #[arg(long)]
    json: bool,
}

/// What changed, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Outcome {
    packages: usize,
    changes: Vec<Change>,
}

impl Lock {
    /// Resolves, writes, and tells what changed.
    ///
    /// # Errors
    /// An archive can't be reached or trusted, a package does not exist, or the lock can't be written.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = match global.stage {
            Some(_) => SiteFolder::open(global)?,
            None => SiteFolder::open_all_stages(global)?,
        };
        let stages: Vec<_> = match global.stage {
            Some(_) => vec![folder.stage(global)?],
            None => folder.site.stages.values().collect(),
        };
        let cache = Cache::open(global.cache.as_deref())?;
        let reporter = Reporter::new();
        let before = LockFile::load(&folder.root)?.unwrap_or_default();
        let unknown = self
            .update
            .iter()
            .flatten()
            .find(|name| before.packages.iter().all(|p| p.name != **name));
        if let Some(name) = unknown {
            return Err(CommandError::from(anyhow!(
                "hive.lock has no package {name}, so there is nothing to move"
            ))
            .hint("packages to add go under `packages:` in inventory/hive.yml"));
        }
        for stage in &stages {
            let request = bake::request(&folder, stage, Vec::new())?;
            let step = format!("lock {}", stage.name);
            reporter.begin(&step, "asking the archives");
            let resolved = relock::relock(&request, &cache, self.update.as_deref());
            reporter.finish(&step, if resolved.is_ok() { "" } else { "failed" });
            resolved?;
        }
        if global.stage.is_none() {
            forget_old_stages(&folder)?;
        }
        let now = LockFile::load(&folder.root)?.unwrap_or_default();
        let outcome = Outcome {
            packages: now.packages.len(),
            changes: now.changes_since(&before),
        };
        if self.json {
            output::json("lock", &outcome)?;
            return Ok(ExitCode::SUCCESS);
        }
        let lines: String = outcome
            .changes
            .iter()
            .map(|change| format!("{change}\n"))
            .collect();
        // Of a first lock every line would say «added».
        if !before.packages.is_empty() {
            output::data(&lines)?;
        }
        let changed = outcome.changes.len();
        output::say(&match changed {
            0 => format!("hive.lock is up to date: {} packages", outcome.packages),
            _ => format!(
                "hive.lock: {} packages, {changed} changed",
                outcome.packages
            ),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Drops from the lock what belonged to stages that the inventory no longer has.
fn forget_old_stages(folder: &SiteFolder) -> Result<()> {
    let Some(mut lock) = LockFile::load(&folder.root)? else {
        return Ok(());
    };
    let before = lock.clone();
    lock.retain_sets(|set| {
        let stage = set.split('.').next().unwrap_or(set);
        set == packages::TOOLS || folder.site.stages.keys().any(|known| known.name() == stage)
    });
    if lock != before {
        lock.save(&folder.root)?;
    }
    Ok(())
}
