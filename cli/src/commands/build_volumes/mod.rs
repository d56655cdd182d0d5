//! `hive build-volumes`: volumes of docker's drivers, on every host, and mirrored ones, through the
//! swarm's records.

mod mirrored;
mod removal;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::anyhow;
use hive_deploy::apply::Inputs;
use hive_deploy::plan::{self, Action, Images, Plan, Request};

use super::phase_options::VolumeLimit;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::account::{Account, State};
use crate::deployment::connected::Connected;
use crate::deployment::{carrying_out, missing, plan_text};
use crate::desired::{self, Purpose, Wanted};
use crate::error::{CommandError, Result, Usage};
use crate::mirrored::plan_text as mirrored_text;
use crate::mirrored::waiting::Waiting;
use crate::output;
use crate::phases::{self, Context, Options};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Volumes with `driver` are made on every host. Of mirrored volumes (`drbd`) the swarm gets a record, and the hosts make \
    their parts: this waits for them. Such a volume grows when its `size` does; nothing else of a volume is changed, as it holds \
    data. Shares of a cloud (`nfs`) are not made by this version: they are named, and the exit code is 1 unless they are there. \
    -D refuses while a service or container uses the volume."
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
    #[command(flatten)]
    waiting: Waiting,
    /// Print the plan as JSON
    #[arg(long, conflicts_with = "destroy")]
    json: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

/// What else was said.
#[derive(Debug, Default)]
struct How {
    waiting: Waiting,
    json: bool,
    yes: bool,
}

impl BuildVolumes {
    /// Runs the phase.
    ///
    /// # Errors
    /// The inventory has mistakes, something is in the way, or a host has not done its part.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let options = Options {
            check: self.plan,
            destroy: self.destroy,
            limit: self.limit.names,
            ..Options::default()
        };
        let how = How {
            waiting: self.waiting,
            json: self.json,
            yes: self.yes,
        };
        phases::run(global, "build-volumes", options, |context| {
            build(context, &how)
        })
    }

    /// What `hive all` does.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn phase(context: &Context<'_>) -> Result<()> {
        build(context, &How::default())
    }
}

fn build(context: &Context<'_>, how: &How) -> Result<()> {
    let options = &context.options;
    let purpose = match options.check || options.destroy {
        true => Purpose::WithoutContents,
        false => Purpose::Numbers,
    };
    let mut wanted = desired::of(context, purpose)?;
    let account = Account::default();
    if options.destroy {
        let work = async {
            let cluster = Cluster::connect(&context.private, context.stage).await?;
            let connected = Connected::to_all(&cluster, "its volumes are left as they are").await;
            removal::remove(context, connected, &wanted, how, &account).await
        };
        return session::run_part(work, || account.words());
    }
    if let Some(only) = desired::limited(context, "volume", wanted.services.volumes.keys())? {
        wanted.limit_volumes(|name| only.contains(name));
    }
    if wanted.services.volumes.is_empty() {
        output::say("No volume is to be made before its services: nothing to do.");
        return Ok(());
    }
    let work = async {
        let cluster = Cluster::connect(&context.private, context.stage).await?;
        let connected = Connected::to_all(&cluster, "its volumes are left as they are").await;
        make(context, connected, &wanted, how, &account).await
    };
    session::run_part(work, || account.words())
}

async fn make(
    context: &Context<'_>,
    mut connected: Connected<'_>,
    wanted: &Wanted,
    how: &How,
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
    let mut mirrored = mirrored::Mirrored::plan(context, &mut connected, &actual, wanted).await?;
    show(&plan, &mirrored, how)?;
    carrying_out::refuse_blocked(&plan)?;
    if context.options.check {
        return missing_shares(wanted, &actual);
    }
    let inputs = Inputs {
        desired: &wanted.desired,
        images: &images,
        request: &request,
        credentials: &BTreeMap::new(),
        hosts: &connected.engines,
    };
    carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account).await?;
    mirrored.write(&mut connected, account).await?;
    missing_shares(wanted, &actual)?;
    if how.waiting.detach {
        if mirrored.is_awaited() {
            output::say("not waited for: `hive volumes` shows how far the hosts are");
        }
    } else {
        account.is(State::Settling(Vec::new()));
        mirrored
            .wait(&mut connected, how.waiting.timeout, account)
            .await?;
    }
    if !connected.is_whole() {
        let error = anyhow!("hosts that are not in reach, see above, have no volumes yet");
        return Err(CommandError::from(error).hint("run this again when they are back"));
    }
    Ok(())
}

fn show(plan: &Plan, mirrored: &mirrored::Mirrored, how: &How) -> Result<()> {
    if how.json {
        let mut value = serde_json::to_value(plan)?;
        value["mirrored"] = mirrored_text::value(&mirrored.plan);
        return output::json("plan", &value);
    }
    let mut text = plan_text::text(plan);
    text.push_str(&mirrored_text::text(&mirrored.plan, plan.is_empty()));
    text.push_str(&mirrored_text::leftovers_text(&mirrored.leftovers));
    output::data(&text)
}

/// Shares of a cloud are not made by this program.
fn missing_shares(wanted: &Wanted, actual: &hive_deploy::actual::Actual) -> Result<()> {
    let names = wanted.desired.volumes.iter();
    let absent = names.filter_map(|volume| missing::absent(&volume.name, &wanted.services, actual));
    let absent: Vec<String> = absent.collect();
    if absent.is_empty() {
        return Ok(());
    }
    let error = anyhow!(absent.join("\n")).context("some volumes are not made by this command");
    Err(CommandError::from(error).hint(
        "make them with the predecessor's `hive build-volumes`, or let their services use volumes with `drbd`, which follow them",
    ))
}
