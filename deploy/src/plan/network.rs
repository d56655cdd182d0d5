//! Networks. Docker can't change one: it is made again while nothing uses it, else a person decides.

use std::collections::BTreeSet;

use super::{Action, Kind, Leftover, Request, Step, differences, owned};
use crate::actual::Actual;
use crate::desired::Desired;
use crate::shape::{self, Shape};

pub fn steps(desired: &Desired, actual: &Actual, request: &Request) -> Vec<Step> {
    // A stack's networks go with the services that are asked for.
    let needed: Option<BTreeSet<String>> = request.only.as_ref().map(|_| {
        let services = desired.services.iter();
        let picked = services.filter(|s| request.picks(Kind::Service, &s.name));
        picked.flat_map(|s| actual.attached(&s.spec)).collect()
    });
    let networks = desired.networks.iter().filter(|network| {
        let name = &network.request.name;
        let needed = needed.as_ref().is_none_or(|needed| needed.contains(name));
        request.picks(Kind::Network, name) && (needed || !request.has(Kind::Service))
    });
    networks
        .map(|network| {
            let wanted = &network.request;
            let there = actual.networks.get(&wanted.name);
            let (old, new) = shape::network(wanted, there);
            let Some(there) = there else {
                let changes = differences(&Shape::new(), &new);
                return Step::new(Kind::Network, &wanted.name, Action::Create { changes });
            };
            let changes = differences(&old, &new);
            let users = users(actual, &wanted.name);
            let ours = owned(&desired.owner, there.labels.iter().flatten());
            let action = match (changes.is_empty(), users.is_empty(), ours) {
                (true, _, _) => Action::Unchanged,
                (false, true, true) => Action::Recreate { changes },
                (false, true, false) => Action::Blocked {
                    changes,
                    why: "docker can't change a network, and it was made by somebody else".into(),
                    way_out: format!(
                        "remove it if nobody needs it (docker network rm {}), then run this again",
                        wanted.name
                    ),
                },
                (false, false, _) => Action::Blocked {
                    changes,
                    why: format!(
                        "docker can't change a network, and it is in use by {}",
                        users.join(", ")
                    ),
                    way_out: format!(
                        "give the network another name; or remove these services \
                         (hive deploy-services -D -l {}), run this again and deploy them",
                        users.join(",")
                    ),
                },
            };
            let id = there.id.clone().unwrap_or_default();
            Step::new(Kind::Network, &wanted.name, action).at(&id, 0)
        })
        .collect()
}

/// Networks of the owner that go, and those that stay though nothing wants them.
pub fn removals(
    desired: &Desired,
    actual: &Actual,
    request: &Request,
    steps: &[Step],
) -> (Vec<Step>, Vec<Leftover>) {
    let mut removals = Vec::new();
    let mut leftovers = Vec::new();
    if !request.has(Kind::Network) {
        return (removals, leftovers);
    }
    for (name, network) in &actual.networks {
        let mut wanted = desired.networks.iter();
        let wanted = wanted.any(|wanted| wanted.request.name == *name);
        let ours = owned(&desired.owner, network.labels.iter().flatten());
        let picked = match (request.has(Kind::Service), &request.only) {
            (true, Some(_)) => false,
            _ => request.picks(Kind::Network, name),
        };
        let removes = picked && (request.remove || (request.prune && !wanted));
        if !ours || (!removes && wanted) {
            // Of a network that the predecessor made, the definition tells whose it is.
            if !(removes && wanted) {
                continue;
            }
        }
        if !removes {
            leftovers.push(Leftover {
                kind: Kind::Network,
                name: name.clone(),
            });
            continue;
        }
        let removed = |user: &String| {
            let mut steps = steps.iter();
            steps.any(|s| s.kind == Kind::Service && s.name == *user && !s.leaves_it())
        };
        let mut users = users(actual, name);
        users.retain(|user| !removed(user));
        let action = match users.is_empty() {
            true => Action::Remove {
                why: reason(request).into(),
            },
            false => Action::Blocked {
                changes: Vec::new(),
                why: format!("it is in use by {}", users.join(", ")),
                way_out: format!(
                    "remove these services first: hive deploy-services -D -l {}",
                    users.join(",")
                ),
            },
        };
        let id = network.id.clone().unwrap_or_default();
        removals.push(Step::new(Kind::Network, name, action).at(&id, 0));
    }
    (removals, leftovers)
}

pub fn reason(request: &Request) -> &'static str {
    match request.remove {
        true => "asked for",
        false => "not defined any more",
    }
}

/// Services that are attached.
fn users(actual: &Actual, network: &str) -> Vec<String> {
    let services = actual.services.iter();
    services
        .filter(|(_, found)| actual.attached(&found.spec).contains(network))
        .map(|(name, _)| name.clone())
        .collect()
}
