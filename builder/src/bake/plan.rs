//! What a bake would do, without doing it.

use anyhow::Result;
use serde::Serialize;

use super::record::Record;
use super::request::BakeRequest;
use super::steps::Steps;
use super::{image, packages, relock};
use crate::cache::{Cache, Inputs};
use crate::fetch;
use crate::lock::Lock;

/// What a bake would do for one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepPlan {
    /// The step's name.
    pub step: String,
    /// Whether its output is there already.
    pub cached: bool,
    /// What changed since the last bake, where that is known.
    pub because: Vec<String>,
}

/// Tells what [`bake`] would do. Changes nothing, and uses no network.
///
/// # Errors
/// The site's files can't be read.
pub fn plan(request: &BakeRequest, cache: &Cache) -> Result<Vec<StepPlan>> {
    let before = Record::load(&request.out);
    let stale = relock::stale(request)?;
    let mut plans = vec![StepPlan {
        step: relock::STEP.into(),
        cached: stale.is_empty(),
        because: stale
            .iter()
            .map(|s| format!("the packages asked for in {s} are not those in hive.lock"))
            .collect(),
    }];
    let lock = Lock::load(&request.site)?.unwrap_or_default();
    let missing: Vec<_> = packages::of(&lock, request)
        .into_iter()
        .filter(|p| !cache.deb(&p.sha256).is_file())
        .collect();
    plans.push(StepPlan {
        step: fetch::STEP.into(),
        cached: missing.is_empty(),
        because: (!missing.is_empty())
            .then(|| format!("{} packages are not in the cache", missing.len()))
            .into_iter()
            .collect(),
    });
    let steps = Steps::of(request, &lock)?;
    let mut rebuilt_before = !stale.is_empty();
    for (name, inputs) in steps.cached() {
        let cached = !rebuilt_before && cache.lookup(name, inputs).is_some();
        rebuilt_before |= !cached;
        plans.push(StepPlan {
            step: name.into(),
            cached,
            because: reasons(cached, name, inputs, before.as_ref()),
        });
    }
    let finished = !rebuilt_before
        && before
            .as_ref()
            .is_some_and(|r| r.holds(&steps.image, &request.formats));
    plans.push(StepPlan {
        step: image::STEP.into(),
        cached: finished,
        because: reasons(finished, image::STEP, &steps.image, before.as_ref()),
    });
    Ok(plans)
}

fn reasons(cached: bool, step: &str, inputs: &Inputs, before: Option<&Record>) -> Vec<String> {
    if cached {
        return Vec::new();
    }
    match before.and_then(|r| r.steps.get(step)) {
        Some(old) => {
            let changed = inputs.changed_since(old);
            if changed.is_empty() {
                vec!["its output is no longer there".into()]
            } else {
                changed
            }
        }
        None => vec!["it was not baked here before".into()],
    }
}
