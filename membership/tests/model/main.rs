//! All ways in which three hosts can become one swarm, within bounds, with the code that hived runs.
//!
//! Every interleaving is visited of: machines that start, crash between any two effects and come back;
//! hived alone started anew while Docker goes on; disks flashed with the first seed or with one that can only
//! join; messages lost, overtaken, twice and late; time-outs; a person who has the swarm founded without a host;
//! engines that tell late what they are in. What goes wrong has a budget, which each test prints with the number of states. All else has none.
//!
//! `HIVE_MODEL=crashes,flashes,copies,orders,slow` (as `2,1,0,0,0`) visits the states of that budget.

// Tests may unwrap, and so may what only they use.
#![allow(clippy::unwrap_used)]

mod choices;
mod docker;
mod healing;
mod intern;
mod properties;
mod reaction;
mod state;
mod steps;

use std::collections::BTreeSet;
use std::time::Instant;

use hive_membership::member::Fault;
use stateright::{Checker, HasDiscoveries, Model};

use choices::Site;
use healing::Healing;
use state::{Budget, State};

fn check(first: State, until: HasDiscoveries) -> impl Checker<Site> {
    let start = Instant::now();
    let (budget, fault) = (first.budget, first.fault);
    let site = Site {
        first,
        healing: Healing::default(),
    };
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let checker = site
        .checker()
        .threads(threads)
        .finish_when(until)
        .spawn_bfs()
        .join();
    println!(
        "{budget:?}{}: {} states, {} different ones, {} steps deep, {:.1} s",
        fault.map(|fault| format!(" {fault:?}")).unwrap_or_default(),
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64()
    );
    checker
}

fn holds(budget: Budget) {
    let checker = check(State::new(budget, None), HasDiscoveries::AnyFailures);
    checker.assert_properties();
}

/// Whether two swarms are found when the protocol is broken.
fn is_noticed(first: State) {
    let until = HasDiscoveries::AnyOf(BTreeSet::from([properties::ONE]));
    let checker = check(first, until);
    checker.assert_any_discovery(properties::ONE);
}

const NOTHING: Budget = Budget {
    crashes: 0,
    flashes: 0,
    copies: 0,
    orders: 0,
    slow: 0,
};

#[test]
fn three_hosts_become_one_swarm_through_two_crashes() {
    holds(Budget {
        crashes: 2,
        slow: 1,
        ..NOTHING
    });
}

#[test]
fn a_flashed_disk_and_a_crash_make_no_second_swarm() {
    holds(Budget {
        crashes: 1,
        flashes: 1,
        ..NOTHING
    });
}

#[test]
fn a_message_that_comes_twice_or_late_around_a_crash_makes_no_second_swarm() {
    holds(Budget {
        crashes: 1,
        copies: 1,
        ..NOTHING
    });
}

#[test]
fn a_decision_to_found_without_a_host_makes_no_second_swarm() {
    holds(Budget {
        orders: 1,
        ..NOTHING
    });
}

#[test]
fn as_much_bad_luck_as_you_like() {
    let Ok(text) = std::env::var("HIVE_MODEL") else {
        println!("SKIPPED: HIVE_MODEL=crashes,flashes,copies,orders,slow is not set");
        return;
    };
    let numbers: Vec<u8> = text
        .split(',')
        .map(|number| number.trim().parse().expect("a number"))
        .collect();
    let [crashes, flashes, copies, orders, slow] = numbers[..] else {
        panic!("HIVE_MODEL={text}: five numbers are needed, as 2,1,0,0,0");
    };
    holds(Budget {
        crashes,
        flashes,
        copies,
        orders,
        slow,
    });
}

#[test]
fn peers_that_are_not_checked_are_noticed() {
    let budget = Budget {
        flashes: 1,
        ..NOTHING
    };
    is_noticed(State::new(budget, Some(Fault::PeersUnchecked)));
}

#[test]
fn founding_with_a_majority_is_noticed() {
    let budget = Budget {
        flashes: 1,
        ..NOTHING
    };
    is_noticed(State::new(budget, Some(Fault::MajorityFounds)));
}

#[test]
fn a_seed_that_is_ignored_is_noticed() {
    let budget = Budget {
        flashes: 2,
        ..NOTHING
    };
    is_noticed(State::new(budget, Some(Fault::SeedIgnored)));
}

#[test]
fn a_grant_that_is_not_durable_is_noticed() {
    let budget = Budget {
        crashes: 2,
        orders: 1,
        ..NOTHING
    };
    // From the moment on at which it matters: two hosts must forget, and a person decide.
    let mut first = State::new(budget, Some(Fault::GrantNotDurable));
    first.found();
    is_noticed(first);
}
