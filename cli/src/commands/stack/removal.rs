//! `hive stack rm`: a stack's services, networks, secrets and configs go; its volumes stay.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hive_deploy::apply::{Ended, Inputs};
use hive_deploy::desired::{Desired, Owner};
use hive_deploy::plan::{self, Images, Plan, Request};
use serde::Serialize;

use super::{in_the_way, listing};
use crate::args::Global;
use crate::cluster::{self, session};
use crate::deployment::account::Account;
use crate::deployment::connected::Connected;
use crate::deployment::{carrying_out, plan_text};
use crate::error::{Result, Usage};
use crate::{confirmation, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// The stack
    #[arg(value_name = "NAME")]
    name: String,
    /// Only show the plan
    #[arg(short = 'C', long)]
    plan: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
    /// Print the plan and the outcome as JSON at the end
    #[arg(long)]
    json: bool,
}

/// How it went, for programs.
#[derive(Debug, Default, Serialize)]
struct Report {
    stack: String,
    plan: Option<Plan>,
    /// What was done.
    steps: Vec<Ended>,
}

impl Rm {
    /// Removes it.
    ///
    /// # Errors
    /// There is no such stack, or a part of it is in use by others.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let account = Account::default();
        let mut report = Report {
            stack: self.name.clone(),
            ..Report::default()
        };
        let work = self.remove(global, &account, &mut report);
        let outcome = session::run_part(work, || account.words());
        if self.json {
            output::json("removal", &report)?;
        }
        outcome.map(|()| ExitCode::SUCCESS)
    }

    async fn remove(&self, global: &Global, account: &Account, report: &mut Report) -> Result<()> {
        let cluster = cluster::of_stage(global).await?;
        let mut connected = Connected::to_swarm(&cluster).await;
        let actual = connected.actual(false).await?;
        listing::check(&self.name, &actual)?;
        let nothing = Desired {
            owner: Owner::stack(&self.name),
            ..Desired::default()
        };
        let request = Request::everything().removing();
        let images = Images::default();
        let mut plan = plan::plan(&nothing, &actual, &images, &request)
            .map_err(|error| Usage(error.to_string()))?;
        in_the_way::mark(&mut plan, &nothing, &actual);
        report.plan = Some(plan.clone());
        if !self.json {
            output::data(&plan_text::text(&plan))?;
        }
        carrying_out::refuse_blocked(&plan)?;
        if self.plan {
            return Ok(());
        }
        let count = plan.counts().get("remove").copied().unwrap_or_default();
        let (name, yes) = (self.name.clone(), self.yes);
        let asked = tokio::task::spawn_blocking(move || {
            let what = format!(
                "{count} objects of stack {name} will be removed, as listed above; volumes stay."
            );
            confirmation::ask(&what, &name, yes)
        });
        asked.await??;
        let inputs = Inputs {
            desired: &nothing,
            images: &images,
            request: &request,
            credentials: &BTreeMap::new(),
            hosts: &BTreeMap::new(),
        };
        let done = carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account);
        report.steps = done.await?;
        Ok(())
    }
}
