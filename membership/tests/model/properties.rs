//! What must hold in every state, and what must be seen at all.

use std::collections::BTreeSet;

use stateright::Property;

use crate::choices::Site;
use crate::docker::Engine;
use crate::healing::End;
use crate::reaction::Happening;
use crate::state::{State, WHOLE};

pub const ONE: &str = "never two cluster ids";
pub const ODD: &str = "never at rest with an even number of managers";
pub const HEALS: &str = "all come together once nothing goes wrong any more";
pub const LOST: &str = "a swarm dies with a disk";
pub const FOUNDED: &str = "a swarm is founded";
pub const THREE: &str = "one swarm of three managers";
pub const TWO: &str = "two managers on the way";

pub fn all() -> Vec<Property<Site>> {
    vec![
        Property::always(ONE, |_, state: &State| one(state)),
        Property::always(ODD, |_, state: &State| {
            (0..)
                .take(state.swarms.len())
                .all(|swarm| !rests_even(state, swarm))
        }),
        Property::always(HEALS, |site: &Site, state: &State| {
            match site.healing.end(state) {
                End::Together => true,
                // A swarm is lost only with disks of its managers.
                End::Lost => site.first.budget.flashes > 0,
                // Only by a word that comes after its sender was flashed and has founded again.
                End::Misled => site.first.budget.flashes > 0 && site.first.budget.copies > 0,
                End::Stuck => false,
            }
        }),
        Property::sometimes(LOST, |site: &Site, state: &State| {
            site.first.budget.flashes == 0 || site.healing.end(state) == End::Lost
        }),
        Property::sometimes(FOUNDED, |_, state: &State| {
            state.hosts.iter().any(|host| host.disk.joined.is_some())
        }),
        Property::sometimes(TWO, |_, state: &State| {
            (0..)
                .take(state.swarms.len())
                .any(|swarm| state.managers(swarm) == 2)
        }),
        Property::sometimes(THREE, |site: &Site, state: &State| {
            // With all bad luck used up.
            state.together()
                && (state.budget.crashes == 0 && state.budget.flashes == 0)
                && (state.budget.copies == 0 || site.first.budget.copies == 0)
        }),
    ]
}

/// Of all swarms that Docker is in or a seed names.
fn one(state: &State) -> bool {
    let mut swarms = BTreeSet::new();
    for host in &state.hosts {
        swarms.extend(host.seed);
        if let Engine::In { swarm, .. } = host.engine {
            swarms.insert(swarm);
        }
    }
    swarms.len() <= 1
}

/// The leader has asked Docker, all its time-outs are over, it does nothing, and managers are even.
fn rests_even(state: &State, swarm: u8) -> bool {
    if !state.managers(swarm).is_multiple_of(2) {
        return false;
    }
    let Some(leader) = state.leader(swarm) else {
        return false;
    };
    let mut next = state.clone();
    if next.hosts[leader].acting.is_none() {
        next.happen(leader, Happening::Tick { long: true }, WHOLE);
        next.ask(leader, WHOLE);
    }
    next.hosts[leader].acting.is_none()
}
