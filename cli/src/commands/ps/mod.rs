//! `hive ps`: the tasks of the swarm, those with problems first and explained.

pub mod row;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::Global;
use crate::cluster::tasks::{Running, service_name};
use crate::cluster::{self, session};
use crate::error::Result;
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Ps {
    /// Services to show, all without a name
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Show tasks of the past, too
    #[arg(long, short)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Ps {
    /// Shows the tasks.
    ///
    /// # Errors
    /// The swarm can't be asked, or has no such service.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        session::run(async {
            let cluster = cluster::of_stage(global).await?;
            let mut running = Running::read(&*cluster.manager().await).await?;
            if !self.services.is_empty() {
                for name in &self.services {
                    running.service(name)?;
                }
                let wanted = |name: &str| self.services.iter().any(|s| s == name);
                running.services.retain(|s| wanted(service_name(s)));
            }
            print(&running, self.all, self.json)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Prints tasks, as a table or as JSON.
pub fn print(running: &Running, all: bool, json: bool) -> Result<()> {
    let rows = row::rows(running, all);
    if json {
        return output::json("tasks", &rows);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    output::data(&row::text(&rows, now.unwrap_or_default().as_secs()))?;
    for note in row::without_tasks(running) {
        output::say(&note);
    }
    Ok(())
}
