//! `hive rebalance`: a host that comes back gets no tasks by itself; this spreads them again.

mod spread;

use std::process::ExitCode;
use std::time::Duration;

use bollard::models::ServiceUpdateStatusStateEnum as State;
use bollard::query_parameters::{InspectServiceOptions, UpdateServiceOptionsBuilder};
use hive_builder::progress::Progress;

use crate::args::Global;
use crate::cluster::tasks::{Running, service_name};
use crate::cluster::{self, Link, session};
use crate::error::{CommandError, Result};
use crate::progress::Reporter;
use crate::{confirmation, output};
use spread::{Finding, Verdict, findings};

/// How often the swarm is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All tasks of an uneven service are started anew, in the way its update_config says."
)]
pub struct Rebalance {
    /// Services to look at, all without a name
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Only tell what would be done
    #[arg(long)]
    plan: bool,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Rebalance {
    /// Spreads tasks.
    ///
    /// # Errors
    /// The swarm can't be asked, has no such service, or an update does not go through.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let words =
            "interrupted; a service whose update has begun goes on by itself, see `hive ps`";
        session::run_with(self.spread(global), || Some(words.into()))
    }

    async fn spread(&self, global: &Global) -> Result<ExitCode> {
        let cluster = cluster::of_stage(global).await?;
        let link = cluster.manager().await;
        let mut running = Running::read(&link).await?;
        for name in &self.services {
            running.service(name)?;
        }
        let wanted =
            |name: &str| self.services.is_empty() || self.services.iter().any(|s| s == name);
        running
            .services
            .retain(|service| wanted(service_name(service)));
        let findings = findings(&running);
        if self.json {
            output::json("services", &findings)?;
        } else {
            output::data(&spread::text(&findings))?;
        }
        let uneven: Vec<&Finding> = findings
            .iter()
            .filter(|f| f.verdict == Verdict::Uneven)
            .collect();
        if uneven.is_empty() {
            output::say("nothing to do: tasks are spread evenly");
            return Ok(ExitCode::SUCCESS);
        }
        if self.plan {
            return Ok(ExitCode::SUCCESS);
        }
        let names: Vec<&str> = uneven.iter().map(|f| f.service.as_str()).collect();
        confirmation::ask(
            &format!("All tasks of {} will be started anew.", names.join(", ")),
            "yes",
            self.yes,
        )?;
        let reporter = Reporter::new();
        let mut failed = Vec::new();
        for name in names {
            reporter.begin(name, "starting its tasks anew");
            match anew(&link, name, &reporter).await? {
                None => reporter.finish(name, "spread"),
                Some(why) => {
                    reporter.finish(name, &why);
                    failed.push(format!("{name}: {why}"));
                }
            }
        }
        if failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let error = anyhow::anyhow!(failed.join("\n")).context("some services were not spread");
        Err(CommandError::from(error).hint("`hive ps` tells what their tasks do, and why"))
    }
}

/// Forces an update and waits for it; what the swarm says if it stops half way.
async fn anew(link: &Link, name: &str, reporter: &Reporter) -> Result<Option<String>> {
    let docker = link.docker();
    let asked = docker
        .inspect_service(name, None::<InspectServiceOptions>)
        .await;
    let service = match asked {
        Ok(service) => service,
        Err(error) => return Err(link.explain(error).await.into()),
    };
    let version = service.version.and_then(|v| v.index).unwrap_or_default();
    let before = service.update_status.and_then(|u| u.started_at);
    let mut spec = service.spec.unwrap_or_default();
    let template = spec.task_template.get_or_insert_default();
    template.force_update = Some(template.force_update.unwrap_or_default() + 1);
    let options = UpdateServiceOptionsBuilder::default()
        .version(i32::try_from(version).unwrap_or_default())
        .registry_auth_from("spec")
        .build();
    if let Err(error) = docker.update_service(name, spec, options, None).await {
        return Err(link.explain(error).await.into());
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let asked = docker
            .inspect_service(name, None::<InspectServiceOptions>)
            .await;
        let status = match asked {
            Ok(service) => service.update_status.unwrap_or_default(),
            Err(error) => return Err(link.explain(error).await.into()),
        };
        // Until the swarm has begun, it tells how the update before went.
        if status.started_at == before {
            continue;
        }
        let message = status.message.unwrap_or_default();
        match status.state {
            Some(State::COMPLETED) => return Ok(None),
            Some(State::PAUSED | State::ROLLBACK_PAUSED | State::ROLLBACK_COMPLETED) => {
                return Ok(Some(message));
            }
            _ => reporter.note(name, &message),
        }
    }
}
