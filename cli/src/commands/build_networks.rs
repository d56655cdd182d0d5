//! `hive build-networks`: the networks of the services.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hive_deploy::apply::Inputs;
use hive_deploy::plan::{self, Images, Request};

use super::phase_options::NetworkLimit;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::account::Account;
use crate::deployment::connected::Connected;
use crate::deployment::{carrying_out, plan_text};
use crate::desired::{self, Purpose, Wanted};
use crate::error::{Result, Usage};
use crate::output;
use crate::phases::{self, Context, Options};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Docker can't change a network. One that is not as the inventory says is made anew while no service uses it; else this \
    says which services do, changes nothing at all, and the exit code is 1."
)]
pub struct BuildNetworks {
    #[command(flatten)]
    limit: NetworkLimit,
    /// Only show the plan
    #[arg(short = 'C', long, visible_alias = "check-mode", alias = "check_mode")]
    plan: bool,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

impl BuildNetworks {
    /// Runs the phase.
    ///
    /// # Errors
    /// The inventory has mistakes, or a network is in use and would have to change.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let options = Options {
            check: self.plan,
            limit: self.limit.names,
            ..Options::default()
        };
        let json = self.json;
        phases::run(global, "build-networks", options, |context| {
            build(context, json)
        })
    }

    /// What `hive all` does.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn phase(context: &Context<'_>) -> Result<()> {
        build(context, false)
    }
}

fn build(context: &Context<'_>, json: bool) -> Result<()> {
    let wanted = desired::of(context, Purpose::WithoutContents)?;
    let only = desired::limited(context, "network", wanted.services.networks.keys())?;
    let mut request = Request::networks();
    if let Some(only) = only {
        request = request.only(only);
    }
    let account = Account::default();
    let work = in_swarm(context, json, &wanted, &request, &account);
    session::run_part(work, || account.words())
}

async fn in_swarm(
    context: &Context<'_>,
    json: bool,
    wanted: &Wanted,
    request: &Request,
    account: &Account,
) -> Result<()> {
    let cluster = Cluster::connect(&context.private, context.stage).await?;
    let mut connected = Connected::to_swarm(&cluster).await;
    let actual = connected.actual(false).await?;
    let images = Images::default();
    let plan = plan::plan(&wanted.desired, &actual, &images, request)
        .map_err(|error| Usage(error.to_string()))?;
    match json {
        true => output::json("plan", &plan)?,
        false => output::data(&plan_text::text(&plan))?,
    }
    carrying_out::refuse_blocked(&plan)?;
    if context.options.check {
        return Ok(());
    }
    let inputs = Inputs {
        desired: &wanted.desired,
        images: &images,
        request,
        credentials: &BTreeMap::new(),
        hosts: &BTreeMap::new(),
    };
    carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account).await?;
    Ok(())
}
