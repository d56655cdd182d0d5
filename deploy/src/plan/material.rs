//! Secrets and configs. A new content has a new name; the one that was used until now stays for a
//! rollback, older ones go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::ServiceSpec;

use super::network::reason;
use super::{Action, Kind, Leftover, Request, Step, owned};
use crate::actual::Actual;
use crate::desired::{Content, Desired, DesiredMaterial, SOURCE_LABEL};

/// A secret or config that is there.
struct There<'a> {
    name: &'a str,
    id: &'a str,
    version: u64,
    labels: Option<&'a HashMap<String, String>>,
}

fn there(actual: &Actual, kind: Kind) -> Vec<There<'_>> {
    let secrets = actual.secrets.iter().map(|(name, found)| There {
        name,
        id: &found.id,
        version: found.version,
        labels: found.spec.labels.as_ref(),
    });
    let configs = actual.configs.iter().map(|(name, found)| There {
        name,
        id: &found.id,
        version: found.version,
        labels: found.spec.labels.as_ref(),
    });
    match kind {
        Kind::Secret => secrets.collect(),
        _ => configs.collect(),
    }
}

fn wanted(desired: &Desired, kind: Kind) -> &[DesiredMaterial] {
    match kind {
        Kind::Secret => &desired.secrets,
        _ => &desired.configs,
    }
}

/// Names of the secrets or configs that a service may read.
pub fn granted(spec: &ServiceSpec, kind: Kind) -> BTreeSet<String> {
    let task = spec.task_template.as_ref();
    let Some(container) = task.and_then(|task| task.container_spec.as_ref()) else {
        return BTreeSet::new();
    };
    let secrets = container.secrets.iter().flatten();
    let configs = container.configs.iter().flatten();
    match kind {
        Kind::Secret => secrets.filter_map(|s| s.secret_name.clone()).collect(),
        _ => configs.filter_map(|c| c.config_name.clone()).collect(),
    }
}

pub fn creations(desired: &Desired, actual: &Actual, request: &Request) -> Vec<Step> {
    let mut steps = Vec::new();
    for kind in [Kind::Secret, Kind::Config] {
        if !request.has(kind) {
            continue;
        }
        let services = desired.services.iter();
        let picked = services.filter(|s| request.picks(Kind::Service, &s.name));
        let needed: BTreeSet<String> = picked.flat_map(|s| granted(&s.spec, kind)).collect();
        let there = there(actual, kind);
        for material in wanted(desired, kind) {
            if request.only.is_some() && !needed.contains(&material.name) {
                continue;
            }
            let found = there.iter().find(|there| there.name == material.name);
            let action = match (found, &material.content) {
                (Some(_), _) => Action::Unchanged,
                // What it holds is not shown, and there is nothing else to it.
                (None, Content::Bytes(_)) => Action::Create {
                    changes: Vec::new(),
                },
                (None, Content::External) => Action::Blocked {
                    changes: Vec::new(),
                    why: "it is external and not in the swarm".into(),
                    way_out: format!("docker {kind} create {} FILE", material.name),
                },
            };
            steps.push(Step::new(kind, &material.name, action));
        }
    }
    steps
}

/// What goes at the end, and what stays though nothing wants it.
pub fn removals(
    desired: &Desired,
    actual: &Actual,
    request: &Request,
    steps: &[Step],
) -> (Vec<Step>, Vec<Leftover>) {
    let mut removals = Vec::new();
    let mut leftovers = Vec::new();
    for kind in [Kind::Secret, Kind::Config] {
        if !request.has(kind) {
            continue;
        }
        let used = used_afterwards(actual, kind, steps);
        let wanted = wanted(desired, kind);
        let mut by_source: BTreeMap<&str, Vec<There<'_>>> = BTreeMap::new();
        for there in there(actual, kind) {
            let labels = there.labels;
            if !owned(&desired.owner, labels.into_iter().flatten()) {
                continue;
            }
            let source = labels.and_then(|labels| labels.get(SOURCE_LABEL));
            let source = source.map_or(there.name, String::as_str);
            by_source.entry(source).or_default().push(there);
        }
        for (source, mut there) in by_source {
            let current = wanted.iter().find(|wanted| wanted.source == source);
            there.retain(|t| !used.contains(t.name));
            there.sort_by_key(|there| std::cmp::Reverse(there.version));
            let everything = request.remove || (request.prune && current.is_none());
            if everything && request.only.is_none() {
                let gone = |why: &str| Action::Remove { why: why.into() };
                removals.extend(there.iter().map(|there| {
                    Step::new(kind, there.name, gone(reason(request))).at(there.id, there.version)
                }));
                continue;
            }
            let Some(current) = current else {
                leftovers.extend(there.iter().map(|there| Leftover {
                    kind,
                    name: there.name.to_owned(),
                }));
                continue;
            };
            if request.remove {
                continue;
            }
            there.retain(|there| there.name != current.name);
            // The newest of them is what a rollback goes back to.
            removals.extend(there.iter().skip(1).map(|there| {
                let why = format!("superseded by {}", current.name);
                let step = Step::new(kind, there.name, Action::Remove { why });
                step.at(there.id, there.version)
            }));
        }
    }
    (removals, leftovers)
}

/// What services use once the steps are done.
fn used_afterwards(actual: &Actual, kind: Kind, steps: &[Step]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for step in steps.iter().filter(|step| step.kind == Kind::Service) {
        if let Some(spec) = &step.target.spec {
            used.extend(granted(spec, kind));
        }
    }
    for (name, found) in &actual.services {
        let mut steps = steps.iter();
        let changed = steps.any(|step| {
            let written = step.target.spec.is_some() || !step.leaves_it();
            step.kind == Kind::Service && step.name == *name && written
        });
        if !changed {
            used.extend(granted(&found.spec, kind));
        }
    }
    used
}
