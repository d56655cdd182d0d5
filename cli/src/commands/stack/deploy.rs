//! `hive stack deploy`: what compose files say, in the swarm: plan, show, apply, wait.

use std::collections::BTreeMap;
use std::process::ExitCode;

use bollard::auth::DockerCredentials;
use hive_compose::Stack;
use hive_deploy::apply::{Ended, Inputs};
use hive_deploy::convergence::ServiceState;
use hive_deploy::desired::{Content, DesiredService};
use hive_deploy::images;
use hive_deploy::plan::{self, Plan, Request};
use serde::Serialize;

use super::in_the_way;
use super::sources::Sources;
use crate::args::Global;
use crate::cluster::{Cluster, session};
use crate::deployment::account::{Account, State};
use crate::deployment::connected::{Connected, told};
use crate::deployment::waiting::{self, Waiting};
use crate::deployment::{carrying_out, plan_text, pulls};
use crate::desired::vault::Vault;
use crate::desired::{credentials, hive_wide};
use crate::error::{Result, Usage};
use crate::phases::{Context, Options};
use crate::site_folder::SiteFolder;
use crate::{output, outside};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "hive stack deploy [OPTIONS] FILE [NAME]\n       hive stack deploy [OPTIONS] -f FILE [-f FILE] NAME",
    after_help = "Without NAME the stack is called as `name:` in the file says, else as the file's folder. The plan is printed before \
    anything is done, and exactly that is done. Variables are those of the environment. What has no effect in a swarm is \
    warned of, with its line."
)]
pub struct Deploy {
    /// The compose file (`-` is standard input), and the stack's name
    #[arg(value_name = "FILE", num_args = 0..=2)]
    words: Vec<String>,
    /// A compose file; each one is put over those before it
    #[arg(short = 'f', long = "compose-file", value_name = "FILE")]
    files: Vec<String>,
    /// Only show the plan
    #[arg(short = 'C', long)]
    plan: bool,
    /// Remove what the file does not have any more
    #[arg(long)]
    prune: bool,
    /// Give the swarm the site's logins at registries
    #[arg(long)]
    with_registry_auth: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Print the plan and the outcome as JSON at the end
    #[arg(long)]
    json: bool,
}

/// How a deployment went, for programs.
#[derive(Debug, Default, Serialize)]
struct Report {
    stack: String,
    warnings: Vec<String>,
    plan: Option<Plan>,
    /// What was done.
    steps: Vec<Ended>,
    /// What was waited for.
    services: Vec<ServiceState>,
}

impl Deploy {
    /// Deploys it.
    ///
    /// # Errors
    /// The files have mistakes, something is in the way, or a service does not come to run.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let (files, global) = as_docker_has_it(&self.files, global);
        let global = &global;
        let sources = Sources::read(&self.words, &files)?;
        // Before the site is looked for: mistakes of the file need no site.
        let stack = map(&sources, &[])?;
        let folder = SiteFolder::open(global)?;
        let context = Context {
            global,
            stage: folder.stage(global)?,
            private: folder.context(),
            variables: folder.variables.clone(),
            options: Options::default(),
            folder: &folder,
        };
        let stack = self.with_contents(stack, &sources, &context)?;
        let mut report = Report {
            stack: sources.name.clone(),
            warnings: stack.warnings.iter().map(ToString::to_string).collect(),
            ..Report::default()
        };
        for warning in &stack.warnings {
            output::say(warning.to_string().trim_end());
        }
        let logins = match self.with_registry_auth {
            true => logins(&context)?,
            false => BTreeMap::new(),
        };
        let account = Account::default();
        let work = self.in_swarm(&context, stack, &logins, &account, &mut report);
        let outcome = session::run_part(work, || account.words());
        if self.json {
            output::json("deployment", &report)?;
        }
        outcome.map(|()| ExitCode::SUCCESS)
    }

    /// With the names that follow from the site's own key.
    fn with_contents(
        &self,
        stack: Stack,
        sources: &Sources,
        context: &Context<'_>,
    ) -> Result<Stack> {
        let desired = &stack.desired;
        let mut materials = desired.secrets.iter().chain(&desired.configs);
        if materials.all(|material| material.content == Content::External) {
            return Ok(stack);
        }
        let secrets = context.folder.root.join("secrets");
        let secrets = secrets.join(context.stage.name.name());
        let vault = Vault::open(&context.private, secrets, !self.plan)?;
        map(sources, &vault.name_key())
    }

    async fn in_swarm(
        &self,
        context: &Context<'_>,
        stack: Stack,
        logins: &BTreeMap<String, DockerCredentials>,
        account: &Account,
        report: &mut Report,
    ) -> Result<()> {
        let desired = stack.desired;
        let cluster = Cluster::connect(&context.private, context.stage).await?;
        let mut connected =
            Connected::to_all(&cluster, "images there are pulled when a task starts").await;
        if !self.plan {
            account.is(State::Pulling);
            let services: Vec<&DesiredService> = desired.services.iter().collect();
            pulls::pull(&connected.engines, &services, logins).await?;
            account.is(State::Looking);
        }
        let images = images::survey(&connected.engines, &desired.services);
        let images = images.await.map_err(told)?;
        let actual = connected.actual(false).await?;
        let mut request = Request::everything();
        if self.prune {
            request = request.pruning();
        }
        let mut plan = plan::plan(&desired, &actual, &images, &request)
            .map_err(|error| Usage(error.to_string()))?;
        in_the_way::mark(&mut plan, &desired, &actual);
        report.plan = Some(plan.clone());
        if !self.json {
            show(&plan)?;
        }
        carrying_out::refuse_blocked(&plan)?;
        if self.plan {
            return Ok(());
        }
        let inputs = Inputs {
            desired: &desired,
            images: &images,
            request: &request,
            credentials: logins,
            hosts: &connected.engines,
        };
        let done = carrying_out::carry_out(&mut connected.swarm, &plan, &inputs, account);
        report.steps = done.await?;
        let awaited = waiting::awaited(&plan, &actual);
        if self.waiting.detach {
            if !awaited.is_empty() {
                output::say(&format!(
                    "not waited for: `hive stack ps {}` shows how the tasks go",
                    report.stack
                ));
            }
            return Ok(());
        }
        let swarm = &mut connected.swarm;
        let timeout = self.waiting.timeout;
        report.services = waiting::wait(swarm, &awaited, timeout, account).await?;
        waiting::judge(&report.services)
    }
}

/// `-c` is the private folder in all commands of hive, and the compose file in docker's. A file is no
/// folder, so that whoever writes `-c FILE` out of habit is understood.
fn as_docker_has_it(files: &[String], global: &Global) -> (Vec<String>, Global) {
    let mut global = global.clone();
    let mut all = Vec::new();
    if let Some(file) = global.context_dir.take_if(|path| path.is_file()) {
        all.push(file.display().to_string());
    }
    all.extend_from_slice(files);
    (all, global)
}

fn map(sources: &Sources, key: &[u8]) -> Result<Stack> {
    let stack = hive_compose::map(&sources.name, &sources.files, &sources.beside, key);
    Ok(stack?)
}

/// The logins that deploy-services uses.
fn logins(context: &Context<'_>) -> Result<BTreeMap<String, DockerCredentials>> {
    let evaluation = outside::evaluation(&context.folder.site, &context.variables)?;
    let hive = hive_wide::of(context, &evaluation)?;
    credentials::of(context, &evaluation, &hive.registry)
}

fn show(plan: &Plan) -> Result<()> {
    let mut shown = plan.clone();
    let leftovers = std::mem::take(&mut shown.leftovers);
    let mut text = plan_text::text(&shown);
    for left in leftovers {
        let (kind, name) = (left.kind, left.name);
        text.push_str(&format!(
            "  {kind} {name} is not in the file any more, and stays; --prune removes it\n"
        ));
    }
    output::data(&text)
}
