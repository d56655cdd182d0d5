//! Carries out exactly a plan. Each write names the version that it was planned for; when somebody
//! else was faster, the object is planned again, and written only if that is still the same plan.
//!
//! Stopping in the middle leaves whole objects only, and running again completes.

mod write;

use std::collections::BTreeMap;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use serde::Serialize;
use thiserror::Error;

use crate::actual::Actual;
use crate::desired::Desired;
use crate::error::Error as DockerError;
use crate::managers::{Managers, Swarm};
use crate::plan::{self, Action, Images, Kind, Plan, Request, Step};

pub(crate) use write::version_number;

/// What the plan was made from, and what its writes need.
pub struct Inputs<'a> {
    /// What is wanted.
    pub desired: &'a Desired,
    /// What is known of images.
    pub images: &'a Images,
    /// What was asked for.
    pub request: &'a Request,
    /// Credentials by registry, as [`crate::images::registry_of`] names it.
    pub credentials: &'a BTreeMap<String, DockerCredentials>,
    /// Engines of hosts by name, for volumes.
    pub hosts: &'a BTreeMap<String, Docker>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done {
        /// What docker remarked.
        warnings: Vec<String>,
    },
    /// Somebody else did the same in the meantime.
    FoundDone,
    /// It is still needed, and stays.
    Kept {
        /// In docker's words.
        why: String,
    },
}

/// A step that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Something to show while it goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step begins.
    Begins(&'a Step),
    /// A step ended.
    Ended(&'a Ended),
}

/// Why it stopped, and what was done until then.
#[derive(Debug, Error)]
#[error("{cause}")]
pub struct Stopped {
    /// Steps that ended.
    pub done: Vec<Ended>,
    /// Why.
    #[source]
    pub cause: Cause,
}

/// Why carrying out a plan stopped.
#[derive(Debug, Error)]
pub enum Cause {
    /// Steps that can't be done; nothing was.
    #[error("nothing was done: {}", blocked(.0))]
    Blocked(Vec<Step>),
    /// Somebody else changed the object, and the plan for it is another one now.
    #[error("{} {:?} was changed by somebody else in the meantime; run this again to see the new plan", .planned.kind, .planned.name)]
    Conflict {
        /// What was planned.
        planned: Box<Step>,
        /// What would be now.
        now: Box<Step>,
    },
    /// Docker said no.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// The plan has a host that there is no connection to.
    #[error("there is no connection to host {0:?}")]
    NoHost(String),
}

fn blocked(steps: &[Step]) -> String {
    let lines = steps.iter().map(|step| match &step.action {
        Action::Blocked { why, way_out, .. } => {
            format!("{} {}: {why}; {way_out}", step.kind, step.name)
        }
        _ => step.name.clone(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// So many times an object is planned again because somebody else writes it.
const ATTEMPTS: usize = 6;

/// Carries the plan out, in its order.
pub async fn apply<M: Managers>(
    swarm: &mut Swarm<M>,
    plan: &Plan,
    inputs: &Inputs<'_>,
    report: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Ended>, Stopped> {
    let blocked: Vec<Step> = plan.blocked().cloned().collect();
    let mut done = Vec::new();
    if !blocked.is_empty() {
        let cause = Cause::Blocked(blocked);
        return Err(Stopped { done, cause });
    }
    let mut ids = write::Ids::default();
    for step in &plan.steps {
        if matches!(step.action, Action::Unchanged | Action::Elsewhere) {
            continue;
        }
        report(Progress::Begins(step));
        match carry_out(swarm, step, inputs, &mut ids).await {
            Ok(outcome) => {
                let step = step.clone();
                let ended = Ended { step, outcome };
                report(Progress::Ended(&ended));
                done.push(ended);
            }
            Err(cause) => return Err(Stopped { done, cause }),
        }
    }
    Ok(done)
}

async fn carry_out<M: Managers>(
    swarm: &mut Swarm<M>,
    planned: &Step,
    inputs: &Inputs<'_>,
    ids: &mut write::Ids,
) -> Result<Outcome, Cause> {
    let mut step = planned.clone();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let refused = match write::write(swarm, &step, inputs, ids).await {
            Err(Cause::Docker(error)) if is_conflict(&error) && attempt < ATTEMPTS => error,
            end => return end,
        };
        let actual = swarm.attempt(async |docker| Actual::read(&docker).await);
        let actual = actual.await?;
        match again(planned, &actual, inputs) {
            Some(now) if now.action == planned.action => {
                // The same plan and still refused: it is not a matter of versions.
                if now.target == step.target && !refused.is_out_of_sequence() {
                    return Err(refused.into());
                }
                step = now;
                *ids = write::Ids::default();
            }
            Some(now) if now.action != Action::Unchanged => {
                return Err(Cause::Conflict {
                    planned: Box::new(planned.clone()),
                    now: Box::new(now),
                });
            }
            _ => return Ok(Outcome::FoundDone),
        }
    }
}

/// The step for the same object, by what is there now.
fn again(planned: &Step, actual: &Actual, inputs: &Inputs<'_>) -> Option<Step> {
    // What others make of this object does not depend on other steps being done or not.
    let mut request = inputs.request.clone();
    if planned.kind == Kind::Service {
        request = request.only([planned.name.clone()]);
    }
    let plan = plan::plan(inputs.desired, actual, inputs.images, &request).ok()?;
    let mut steps = plan.steps.into_iter();
    steps.find(|step| step.kind == planned.kind && step.name == planned.name)
}

/// Somebody else wrote, made or removed the object since it was read; or we did, and docker's answer was lost. A
/// service that is there already is in the way of its own ports, and docker looks at those before it looks at names.
fn is_conflict(error: &DockerError) -> bool {
    let told = error.told();
    error.is_out_of_sequence()
        || matches!(error.status(), Some(404 | 409))
        || told.contains("already exists")
        || told.contains("is already in use by service")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_was_made_unnoticed_is_a_conflict_by_its_ports_too() {
        let refused = |message: &str| DockerError {
            doing: "creating service \"web\"".into(),
            cause: bollard::errors::Error::DockerResponseServerError {
                status_code: 400,
                message: format!("rpc error: code = InvalidArgument desc = {message}"),
            },
        };
        let own = "port '80' is already in use by service 'web' (191d) as an ingress port";
        assert!(is_conflict(&refused(own)));
        assert!(!is_conflict(&refused("name must be valid")));
    }
}
