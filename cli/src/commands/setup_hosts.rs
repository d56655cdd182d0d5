//! `hive setup-hosts`: wait until every host is ready and all hives are in one swarm. Nothing is
//! installed: baked hosts bring everything with them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::phase_options::{Check, HostLimit};
use crate::args::Global;
use crate::error::{CommandError, Result, Usage};
use crate::output;
use crate::phases::{self, Context, Options};
use crate::site_status::{self, HostStatus};

/// How long hosts are listened to before what is missing is judged again though none of them said anything.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a stage may take, in seconds.
const PATIENCE: u64 = 900;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is 0 when every host is ready and all hives are in one swarm, 1 when that did not come about in time. \
    With -l only those hosts have to be ready; with -C one look is enough, and the exit code is 1 when something is missing."
)]
pub struct SetupHosts {
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE)]
    timeout: u64,
    /// Print the hosts as JSON at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limit: HostLimit,
    #[command(flatten)]
    check: Check,
    /// Accepted as the predecessor did; baked hosts have no steps to choose from
    #[arg(short = 'T', long, value_name = "STEPS", value_delimiter = ',')]
    tags: Vec<String>,
}

impl SetupHosts {
    /// Runs the phase.
    ///
    /// # Errors
    /// The hosts were not all joined and healthy in time; the error says what was missing last.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        if !self.tags.is_empty() {
            output::warn(
                "-T has no effect: nothing is installed on baked hosts, so there are no steps to choose from",
            );
        }
        let options = Options {
            check: self.check.check,
            limit: self.limit.names,
            tags: self.tags,
            ..Options::default()
        };
        let (timeout, json) = (self.timeout, self.json);
        phases::run(global, "setup-hosts", options, |context| {
            wait(context, timeout, json)
        })
    }

    /// What `hive all` does.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn phase(context: &Context<'_>) -> Result<()> {
        wait(context, PATIENCE, false)
    }
}

fn wait(context: &Context<'_>, timeout: u64, json: bool) -> Result<()> {
    let stage = context.stage;
    for name in &context.options.limit {
        if stage.host(name).is_none() {
            return Err(Usage(format!("stage {} has no host `{name}`", stage.name)).into());
        }
    }
    let since = Instant::now();
    let mut told = Vec::new();
    let mut following = site_status::follow(&context.private, stage);
    loop {
        let hosts = following.hosts();
        let missing = missing(context, &hosts);
        for news in missing.iter().filter(|line| !told.contains(*line)) {
            output::say(news);
        }
        if missing.is_empty() {
            if context.options.limit.is_empty() {
                site_status::remember_swarm(&context.private, stage, &hosts)?;
            }
            return match json {
                true => output::json("hosts", &site_status::reports(&hosts)),
                false => output::data(&site_status::text(&hosts)),
            };
        }
        if context.options.check || since.elapsed() > Duration::from_secs(timeout) {
            let when = match context.options.check {
                true => "now".to_owned(),
                false => format!("after {timeout} s"),
            };
            let error = anyhow::anyhow!(
                "stage {} is not set up {when}:\n{}",
                stage.name,
                missing.join("\n")
            );
            return Err(CommandError::from(error)
                .hint("the hosts go on by themselves; `hive status --watch` shows how"));
        }
        told = missing;
        following.wait(PAUSE);
    }
}

/// What keeps the stage, or the hosts of `-l`, from being set up.
fn missing(context: &Context<'_>, hosts: &[HostStatus]) -> Vec<String> {
    let limit = &context.options.limit;
    if limit.is_empty() {
        return site_status::missing(context.stage, hosts);
    }
    let named: Vec<_> = limit
        .iter()
        .filter_map(|name| context.stage.host(name))
        .collect();
    let waiting = hosts
        .iter()
        .filter(|host| named.iter().any(|n| n.name == host.host));
    waiting
        .filter(|host| !host.status.as_ref().is_some_and(|status| status.ready))
        .map(|host| format!("{} is not ready yet", host.host))
        .collect()
}
