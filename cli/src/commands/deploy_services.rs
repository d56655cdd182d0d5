//! `hive deploy-services`: the services as the inventory wants them: plan, show, apply, wait.

use std::process::ExitCode;
use std::time::Instant;

use hive_deploy::apply::{Ended, Inputs};
use hive_deploy::convergence::ServiceState;
use hive_deploy::desired::DesiredService;
use hive_deploy::images;
use hive_deploy::plan::{self, Images, Kind, Plan, Request};
use serde::Serialize;

use super::phase_options::ServiceLimit;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::account::{Account, State};
use crate::deployment::connected::{Connected, told};
use crate::deployment::missing::Needs;
use crate::deployment::waiting::{self, Waiting};
use crate::deployment::{carrying_out, plan_text, pulls};
use crate::desired::{self, Purpose, Wanted};
use crate::error::{Result, Usage};
use crate::phases::{self, Context, Options};
use crate::{confirmation, output};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The plan is printed before anything is done, and exactly that is done. Networks and driver volumes that the services \
    need and that are not there are made, too; those that are there are left to build-networks and build-volumes. Mirrored volumes \
    are made by build-volumes only. The exit code \
    is 1 when something is in the way or a service does not come to run."
)]
pub struct DeployServices {
    #[command(flatten)]
    limit: ServiceLimit,
    /// Only show the plan
    #[arg(short = 'C', long, visible_alias = "check-mode", alias = "check_mode")]
    plan: bool,
    /// Remove the services, their secrets and configs
    #[arg(short = 'D', long)]
    destroy: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Print the plan and the outcome as JSON at the end
    #[arg(long)]
    json: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

/// How a deployment went, for programs.
#[derive(Debug, Default, Serialize)]
struct Report {
    stage: String,
    /// Time until all hosts were connected to.
    connected_ms: u128,
    /// Time from there until the plan was made, pulls among it.
    planned_ms: u128,
    /// The pulls' part of that.
    pulled_ms: u128,
    plan: Option<Plan>,
    /// What was done.
    steps: Vec<Ended>,
    /// What was waited for.
    services: Vec<ServiceState>,
}

impl DeployServices {
    /// Runs the phase.
    ///
    /// # Errors
    /// The inventory has mistakes, something is in the way, or a service does not come to run.
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
        phases::run(global, "deploy-services", options, |context| {
            deploy(context, &how)
        })
    }

    /// What `hive all` does.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn phase(context: &Context<'_>) -> Result<()> {
        deploy(context, &How::default())
    }
}

#[derive(Default)]
struct How {
    waiting: Waiting,
    json: bool,
    yes: bool,
}

fn deploy(context: &Context<'_>, how: &How) -> Result<()> {
    let options = &context.options;
    let purpose = match (options.destroy, options.check) {
        (true, _) => Purpose::WithoutContents,
        (false, true) => Purpose::Look,
        (false, false) => Purpose::Make,
    };
    let wanted = desired::of(context, purpose)?;
    if !options.destroy {
        desired::limited(context, "service", wanted.services.services.keys())?;
    }
    let account = Account::default();
    let mut report = Report {
        stage: context.stage.name.to_string(),
        ..Report::default()
    };
    let work = in_swarm(context, how, wanted, &account, &mut report);
    let outcome = session::run_part(work, || account.words());
    if how.json {
        output::json("deployment", &report)?;
    }
    outcome
}

async fn in_swarm(
    context: &Context<'_>,
    how: &How,
    mut wanted: Wanted,
    account: &Account,
    report: &mut Report,
) -> Result<()> {
    let options = &context.options;
    let start = Instant::now();
    let cluster = Cluster::connect(&context.private, context.stage).await?;
    let mut connected = match options.destroy {
        true => Connected::to_swarm(&cluster).await,
        false => Connected::to_all(&cluster, "images and volumes there are left as they are").await,
    };
    report.connected_ms = start.elapsed().as_millis();

    let start = Instant::now();
    let all = std::mem::take(&mut wanted.desired.services);
    let is_picked = |service: &&DesiredService| {
        options.limit.is_empty() || options.limit.contains(&service.name)
    };
    let picked: Vec<&DesiredService> = all.iter().filter(is_picked).collect();
    let needs = Needs::of(&picked);
    let mut images = Images::default();
    if !options.destroy {
        if !options.check {
            account.is(State::Pulling);
            let pulling = Instant::now();
            pulls::pull(&connected.engines, &picked, &wanted.credentials).await?;
            report.pulled_ms = pulling.elapsed().as_millis();
            account.is(State::Looking);
        }
        images = images::survey(&connected.engines, &all)
            .await
            .map_err(told)?;
    }
    drop(picked);
    wanted.desired.services = all;
    let has_volumes = !options.destroy && needs.has_volumes(&wanted.desired);
    let actual = connected.actual(has_volumes).await?;
    let mut request = Request::services();
    if !options.limit.is_empty() {
        request = request.only(options.limit.iter().cloned());
    }
    request = match options.destroy {
        true => request.removing(),
        false => needs.narrow(&mut wanted.desired, &actual, request),
    };
    let mut plan = plan::plan(&wanted.desired, &actual, &images, &request)
        .map_err(|error| Usage(error.to_string()))?;
    // What is left of networks is build-networks' business.
    plan.leftovers.retain(|left| left.kind != Kind::Network);
    report.planned_ms = start.elapsed().as_millis();
    report.plan = Some(plan.clone());
    if !how.json {
        output::data(&plan_text::text(&plan))?;
    }
    if !options.destroy {
        needs.check_volumes(&wanted.services, &actual)?;
    }
    carrying_out::refuse_blocked(&plan)?;
    if options.check {
        return Ok(());
    }
    if options.destroy && !plan.is_empty() {
        confirm(context, how, &plan).await?;
    }
    let inputs = Inputs {
        desired: &wanted.desired,
        images: &images,
        request: &request,
        credentials: &wanted.credentials,
        hosts: &connected.engines,
    };
    let done = carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account);
    report.steps = done.await?;
    let awaited = waiting::awaited(&plan, &actual);
    if how.waiting.detach {
        if !awaited.is_empty() {
            output::say("not waited for: `hive ps` shows how the tasks go");
        }
        return Ok(());
    }
    let swarm = &mut connected.swarm;
    let timeout = how.waiting.timeout;
    report.services = waiting::wait(swarm, &awaited, timeout, account).await?;
    waiting::judge(&report.services)
}

/// Asks, while Ctrl-C still works.
async fn confirm(context: &Context<'_>, how: &How, plan: &Plan) -> Result<()> {
    let count = plan.counts().get("remove").copied().unwrap_or_default();
    let stage = context.stage.name.to_string();
    let what = format!(
        "{count} objects of stage {stage} will be removed, as listed above; volumes and networks stay."
    );
    let yes = how.yes;
    let asked = tokio::task::spawn_blocking(move || confirmation::ask(&what, &stage, yes));
    asked.await?
}
