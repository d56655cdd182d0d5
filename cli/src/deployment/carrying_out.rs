//! Carries a plan out, and says how far it came when it stops.

use anyhow::anyhow;
use hive_deploy::apply::{self, Cause, Ended, Inputs, Outcome, Progress, Stopped};
use hive_deploy::managers::{Managers, Swarm};
use hive_deploy::plan::{Action, Plan, Step};

use super::account::{Account, State};
use super::connected::told;
use super::plan_text::step_words;
use crate::error::{CommandError, Result};
use crate::output;

/// Carries it out.
///
/// # Errors
/// Something is in the way (nothing was done then), or it stopped in the middle; the error says where.
pub async fn carry_out<M: Managers>(
    swarm: &mut Swarm<M>,
    plan: &Plan,
    inputs: &Inputs<'_>,
    account: &Account,
) -> Result<Vec<Ended>> {
    refuse_blocked(plan)?;
    let quiet = |step: &&Step| !matches!(step.action, Action::Unchanged | Action::Elsewhere);
    let all = plan.steps.iter().filter(quiet).count();
    account.is(State::CarryingOut {
        done: 0,
        all,
        now: None,
    });
    let mut report = |progress: Progress<'_>| match progress {
        Progress::Begins(step) => account.begins(step_words(step)),
        Progress::Ended(ended) => {
            account.ended();
            tell(ended);
        }
    };
    let done = apply::apply(swarm, plan, inputs, &mut report);
    done.await.map_err(|stopped| explain(stopped, all))
}

/// What is in the way stops all of it.
///
/// # Errors
/// What is in the way, and the way out.
pub fn refuse_blocked(plan: &Plan) -> Result<()> {
    let blocked = plan.blocked().map(|step| match &step.action {
        Action::Blocked { why, way_out, .. } => {
            format!("{} {}: {why}; {way_out}", step.kind, step.name)
        }
        _ => step.name.clone(),
    });
    let blocked: Vec<String> = blocked.collect();
    match blocked.is_empty() {
        true => Ok(()),
        false => Err(anyhow!(blocked.join("\n"))
            .context("something is in the way, and nothing was changed")
            .into()),
    }
}

fn tell(ended: &Ended) {
    let step = &ended.step;
    let place = match &step.host {
        Some(host) => format!(" on {host}"),
        None => String::new(),
    };
    let outcome = match (&ended.outcome, &step.action) {
        (Outcome::FoundDone, _) => "as wanted already, somebody else was faster".to_owned(),
        (Outcome::Kept { why }, _) => format!("stays: {why}"),
        (Outcome::Done { .. }, Action::Create { .. }) => "created".to_owned(),
        (Outcome::Done { .. }, Action::Remove { .. }) => "removed".to_owned(),
        (Outcome::Done { .. }, Action::Recreate { .. }) => "made anew".to_owned(),
        (Outcome::Done { .. }, _) => "updated".to_owned(),
    };
    output::say(&format!("  {} {}{place} {outcome}", step.kind, step.name));
    if let Outcome::Done { warnings } = &ended.outcome {
        for warning in warnings {
            output::warn(&format!("{} {}: {warning}", step.kind, step.name));
        }
    }
}

fn explain(stopped: Stopped, all: usize) -> CommandError {
    let done = stopped.done.len();
    let far = match done {
        0 => "nothing was changed before it".to_owned(),
        done => format!("{done} of {all} steps were done before it"),
    };
    let error = match stopped.cause {
        Cause::Docker(error) => told(error),
        cause => CommandError::from(anyhow!(cause.to_string())),
    };
    error.hint(format!(
        "{far}; nothing is half made, and running the command again completes it"
    ))
}
