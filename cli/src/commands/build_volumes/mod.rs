//! `hive build-volumes`: volumes of docker's drivers, on every host.

mod removal;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::anyhow;
use hive_deploy::apply::Inputs;
use hive_deploy::plan::{self, Action, Images, Request};

use super::phase_options::VolumeLimit;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::account::Account;
use crate::deployment::connected::Connected;
use crate::deployment::{carrying_out, missing, plan_text};
use crate::desired::{self, Purpose, Wanted};
use crate::error::{CommandError, Result, Usage};
use crate::output;
use crate::phases::{self, Context, Options};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Volumes with `driver` are made on every host. Mirrored volumes (`drbd`) and shares of a cloud (`nfs`) are not made by this \
    version: they are named, and the exit code is 1 unless they are there. A volume that is not as the inventory says is never \
    changed, as it holds data. -D refuses while a service or container uses the volume."
)]
pub struct BuildVolumes {
    #[command(flatten)]
    limit: VolumeLimit,
    /// Only show the plan
    #[arg(short = 'C', long, visible_alias = "check-mode", alias = "check_mode")]
    plan: bool,
    /// Remove the volumes, and what they hold
    #[arg(short = 'D', long)]
    destroy: bool,
    /// Print the plan as JSON
    #[arg(long, conflicts_with = "destroy")]
    json: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

impl BuildVolumes {
    /// Runs the phase.
    ///
    /// # Errors
    /// The inventory has mistakes, a volume would have to change, or is not made by this version.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let options = Options {
            check: self.plan,
            destroy: self.destroy,
            limit: self.limit.names,
            ..Options::default()
        };
        let (json, yes) = (self.json, self.yes);
        phases::run(global, "build-volumes", options, |context| {
            build(context, json, yes)
        })
    }

    /// What `hive all` does.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn phase(context: &Context<'_>) -> Result<()> {
        build(context, false, false)
    }
}

fn build(context: &Context<'_>, json: bool, yes: bool) -> Result<()> {
    let mut wanted = desired::of(context, Purpose::WithoutContents)?;
    if let Some(only) = desired::limited(context, "volume", wanted.services.volumes.keys())? {
        wanted
            .desired
            .volumes
            .retain(|volume| only.contains(&volume.name));
    }
    if wanted.desired.volumes.is_empty() {
        output::say("No volume is to be made before its services: nothing to do.");
        return Ok(());
    }
    let account = Account::default();
    let work = async {
        let cluster = Cluster::connect(&context.private, context.stage).await?;
        let connected = Connected::to_all(&cluster, "its volumes are left as they are").await;
        match context.options.destroy {
            true => removal::remove(context, connected, &wanted, yes, &account).await,
            false => make(context, connected, &wanted, json, &account).await,
        }
    };
    session::run_part(work, || account.words())
}

async fn make(
    context: &Context<'_>,
    mut connected: Connected<'_>,
    wanted: &Wanted,
    json: bool,
    account: &Account,
) -> Result<()> {
    let actual = connected.actual(true).await?;
    let (images, request) = (Images::default(), Request::volumes());
    let mut plan = plan::plan(&wanted.desired, &actual, &images, &request)
        .map_err(|error| Usage(error.to_string()))?;
    // Whoever made them: what is there needs nobody to make it.
    for step in &mut plan.steps {
        let mut hosts = actual.volumes.values();
        if step.action == Action::Elsewhere && hosts.all(|has| has.contains_key(&step.name)) {
            step.action = Action::Unchanged;
        }
    }
    match json {
        true => output::json("plan", &plan)?,
        false => output::data(&plan_text::text(&plan))?,
    }
    carrying_out::refuse_blocked(&plan)?;
    if !context.options.check {
        let inputs = Inputs {
            desired: &wanted.desired,
            images: &images,
            request: &request,
            credentials: &BTreeMap::new(),
            hosts: &connected.engines,
        };
        carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account).await?;
    }
    let names = wanted.desired.volumes.iter();
    let absent =
        names.filter_map(|volume| missing::absent(&volume.name, &wanted.services, &actual));
    let absent: Vec<String> = absent.collect();
    if !absent.is_empty() {
        let error = anyhow!(absent.join("\n")).context("some volumes are not made by this command");
        return Err(CommandError::from(error).hint(
            "make them with the predecessor's `hive build-volumes`, or let their services use volumes with `driver: local`, which lie on one host each",
        ));
    }
    if !connected.is_whole() {
        let error = anyhow!("hosts that are not in reach, see above, have no volumes yet");
        return Err(CommandError::from(error).hint("run this again when they are back"));
    }
    Ok(())
}
