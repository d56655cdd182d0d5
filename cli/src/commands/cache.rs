//! `hive cache`: what lies there, and clearing it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use hive_builder::cache::{Cache as BuildCache, Entry};
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::output;

const DAY: u64 = 86400;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Cache {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what the cache holds, least recently used first
    Ls {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what was not used for long
    Gc {
        /// Days without use; 0 removes everything
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        older_than: u64,
        /// Print what was removed as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Serialize)]
struct Listing<'a> {
    folder: &'a std::path::Path,
    bytes: u64,
    entries: &'a [Entry],
}

impl Cache {
    /// Lists or clears.
    ///
    /// # Errors
    /// The cache can't be read, or something in it can't be removed.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let cache = BuildCache::open(global.cache.as_deref())?;
        let (entries, json, verb) = match self.action {
            Action::Ls { json } => (cache.entries()?, json, "holds"),
            Action::Gc { older_than, json } => {
                let unused = Duration::from_secs(older_than.saturating_mul(DAY));
                (cache.gc(unused)?, json, "lost")
            }
        };
        let bytes = entries.iter().map(|e| e.bytes).sum();
        if json {
            output::json(
                "cache",
                &Listing {
                    folder: cache.root(),
                    bytes,
                    entries: &entries,
                },
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        if !entries.is_empty() {
            output::data(&output::table(
                &["KIND", "KEY", "SIZE", "LAST USED"],
                &rows(&entries),
            ))?;
        }
        let count = entries.len();
        output::say(&format!(
            "{} {verb} {count} things, {}",
            cache.root().display(),
            output::size(bytes)
        ));
        Ok(ExitCode::SUCCESS)
    }
}

fn rows(entries: &[Entry]) -> Vec<Vec<String>> {
    let row = |e: &Entry| {
        let key = e.key.chars().take(16).collect();
        vec![
            e.kind.clone(),
            key,
            output::size(e.bytes),
            ago(e.unused_seconds),
        ]
    };
    entries.iter().map(row).collect()
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..DAY => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / DAY),
    }
}
