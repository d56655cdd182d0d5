//! Waits until services run, with what they are at; one that does not come to run has its task's own
//! error.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use hive_builder::progress::Progress;
use hive_deploy::actual::Actual;
use hive_deploy::convergence::{self, Goal, Patience, Phase, ServiceState};
use hive_deploy::managers::{Managers, Swarm};
use hive_deploy::plan::{Action, Kind, Plan};

use super::account::{Account, State};
use super::connected::told;
use crate::error::{CommandError, Result};
use crate::output;
use crate::progress::Reporter;

const STEP: &str = "services";
/// How long services may take, in seconds.
pub const PATIENCE: u64 = 600;

/// Options of commands that wait for services.
#[derive(Debug, Clone, clap::Args)]
pub struct Waiting {
    /// Do not wait for the tasks to run
    #[arg(long)]
    pub detach: bool,
    /// Give up waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE)]
    pub timeout: u64,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            detach: false,
            timeout: PATIENCE,
        }
    }
}

/// The services to wait for: those that change, and those that are as wanted but do not run.
pub fn awaited(plan: &Plan, actual: &Actual) -> Vec<(String, Goal)> {
    let touched = plan.touched_services().into_iter();
    let mut names: Vec<(String, Goal)> = touched.map(|name| (name, Goal::Rollout)).collect();
    let steps = plan.steps.iter();
    let unchanged =
        steps.filter(|step| step.kind == Kind::Service && step.action == Action::Unchanged);
    let short = |name: &&String| {
        let tasks = actual.services.get(*name).and_then(|found| found.tasks);
        tasks.is_some_and(|(running, wanted)| running < wanted)
    };
    let short = unchanged.map(|step| &step.name).filter(short);
    names.extend(short.map(|name| (name.clone(), Goal::Return)));
    names
}

/// Waits for services, and gives how each ended.
///
/// # Errors
/// No manager answers any more.
pub async fn wait<M: Managers>(
    swarm: &mut Swarm<M>,
    services: &[(String, Goal)],
    seconds: u64,
    account: &Account,
) -> Result<Vec<ServiceState>> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let patience = Patience {
        deadline: Duration::from_secs(seconds),
        ..Patience::default()
    };
    account.is(State::Waiting(
        services.iter().map(|(name, _)| name.clone()).collect(),
    ));
    let reporter = Reporter::new();
    reporter.begin(STEP, &format!("waiting for {}", services.len()));
    let mut told_of: BTreeMap<String, String> = BTreeMap::new();
    let mut report = |states: &[ServiceState]| {
        let pending: Vec<&ServiceState> = states.iter().filter(|s| !s.phase.is_final()).collect();
        account.is(State::Waiting(
            pending.iter().map(|s| s.name.clone()).collect(),
        ));
        reporter.advance(
            STEP,
            (states.len() - pending.len()) as u64,
            states.len() as u64,
        );
        if output::is_watched() {
            let at: Vec<String> = pending.iter().take(3).map(|state| words(state)).collect();
            reporter.note(STEP, &at.join("; "));
        }
        for state in states {
            let words = words(state);
            let news = told_of.get(&state.name) != Some(&words);
            if news && (state.phase.is_final() || !output::is_watched()) {
                reporter.say(&format!("  {words}"));
            }
            told_of.insert(state.name.clone(), words);
        }
    };
    let states = convergence::wait(swarm, services, &patience, &mut report);
    let states = states.await.map_err(told);
    reporter.finish(STEP, "");
    states
}

/// A service and what it is at, in one line.
fn words(state: &ServiceState) -> String {
    let count = format!("{} {}/{}", state.name, state.running, state.wanted);
    let waiting = || match state.waiting.first() {
        Some(task) => {
            let host = task.host.as_ref().map(|host| format!(" on {host}"));
            let error = task.error.as_ref().map(|error| format!(": {error}"));
            format!(
                " ({} {}{}{})",
                task.task,
                task.state,
                host.unwrap_or_default(),
                error.unwrap_or_default()
            )
        }
        None => String::new(),
    };
    match &state.phase {
        Phase::Starting => format!("{count} starting{}", waiting()),
        Phase::Watching => format!("{count} running, watched for a moment"),
        Phase::Updating => format!("{count} updating{}", waiting()),
        Phase::RollingBack => format!("{count} rolling back{}", waiting()),
        Phase::Converged => format!("{count} running"),
        Phase::RolledBack(why) => format!("{count} rolled back: {why}"),
        Phase::Paused(why) => format!("{count} paused: {why}"),
        Phase::Failed(why) => format!("{count} failed: {why}"),
        Phase::Late => format!("{count} not running in time{}", waiting()),
    }
}

/// What did not come to run is the error of the command.
///
/// # Errors
/// A service that is not as it was told to be.
pub fn judge(states: &[ServiceState]) -> Result<()> {
    let failed = states
        .iter()
        .filter(|state| state.phase != Phase::Converged);
    let failed: Vec<&ServiceState> = failed.collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let lines: Vec<String> = failed.iter().map(|state| words(state)).collect();
    let what = format!(
        "{} of {} services did not come to run",
        failed.len(),
        states.len()
    );
    let name = &first.name;
    let error = CommandError::from(anyhow!(lines.join("\n")).context(what));
    Err(error.hint(format!(
        "`hive ps {name}` and `hive logs {name}` tell more; `hive rollback {name}` goes back to the definition before"
    )))
}
