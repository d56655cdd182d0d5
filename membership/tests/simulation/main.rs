//! The protocol against crashes, partitions, lost and late messages, flashed disks and persons, over
//! many seeds. `HIVE_SEEDS=100000` runs that many; `HIVE_SEED=n` runs one and prints what happened.

mod chaos;
mod checks;
mod docker;
mod machine;
mod network;
mod persons;
mod raft;
mod random;
mod weather;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hive_membership::member::Fault;

use world::World;

/// A seed's fate.
fn run(seed: u64, fault: Option<Fault>, trace: bool) -> World {
    let mut world = World::new(seed, fault, trace);
    let rounds = 1 + u64::from(world.random.chance(250));
    for _ in 0..rounds {
        world.calm = false;
        let length = world.random.within(60_000, 400_000);
        world.run(world.now + length);
        if world.violation.is_none() {
            world.heal_and_settle();
        }
        if world.violation.is_some() {
            break;
        }
    }
    world
}

/// What came of many seeds.
#[derive(Default)]
struct Sum {
    ran: AtomicU64,
    steps: AtomicU64,
    orders: AtomicU64,
    recoveries: AtomicU64,
}

/// Runs seeds on all processors until one fails; says which.
fn run_all(seeds: u64, sum: &Sum) -> Option<u64> {
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || seed > failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(world) = std::panic::catch_unwind(|| run(seed, None, false)) else {
                        failed.fetch_min(seed, Ordering::Relaxed);
                        return;
                    };
                    sum.ran.fetch_add(1, Ordering::Relaxed);
                    sum.steps.fetch_add(world.steps, Ordering::Relaxed);
                    sum.orders.fetch_add(world.orders, Ordering::Relaxed);
                    sum.recoveries
                        .fetch_add(world.recoveries, Ordering::Relaxed);
                    if world.violation.is_some() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    (failed != u64::MAX).then_some(failed)
}

fn tell(seed: u64) -> ! {
    let world = run(seed, None, true);
    let trace = world.trace.unwrap_or_default();
    let from = if std::env::var_os("HIVE_SEED").is_some() {
        0
    } else {
        trace.len().saturating_sub(400)
    };
    for line in &trace[from..] {
        println!("{line}");
    }
    panic!(
        "seed {seed}: {}; again with HIVE_SEED={seed}",
        world.violation.unwrap_or_else(|| "no violation".to_owned())
    );
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

#[test]
fn over_many_seeds_there_is_one_swarm_or_none() {
    if let Some(seed) = number("HIVE_SEED") {
        tell(seed);
    }
    let seeds = number("HIVE_SEEDS").unwrap_or(2000);
    let start = Instant::now();
    let sum = Sum::default();
    let failed = run_all(seeds, &sum);
    println!(
        "{} of {seeds} seeds ran, {} steps, {} orders of persons, {} of them recover amid chaos, {:.1} s",
        sum.ran.into_inner(),
        sum.steps.into_inner(),
        sum.orders.into_inner(),
        sum.recoveries.into_inner(),
        start.elapsed().as_secs_f64()
    );
    if let Some(seed) = failed {
        tell(seed);
    }
}

/// Seeds that found a flaw, in the protocol or in the checker. Each means what it did then only as long
/// as the generator is unchanged: whoever changes it in a way that moves old draws starts a new list.
const ONCE_FAILED: [u64; 6] = [176, 3581, 3659, 36445, 40815, 51015];

#[test]
fn seeds_that_once_failed_pass() {
    for seed in ONCE_FAILED {
        let world = run(seed, None, false);
        assert_eq!(world.violation, None, "again with HIVE_SEED={seed}");
    }
}

fn caught(fault: Fault) {
    // A fault may also make hosts wait for ever; what is asked for here are two swarms.
    let noticed = (0..1000).find_map(|seed| {
        let what = run(seed, Some(fault), false).violation?;
        what.starts_with("two swarms").then_some((seed, what))
    });
    let (seed, what) = noticed.unwrap_or_else(|| panic!("{fault:?} is not noticed in 1000 seeds"));
    println!("{fault:?}: seed {seed}: {what}");
}

#[test]
fn a_grant_that_is_not_durable_is_noticed() {
    caught(Fault::GrantNotDurable);
}

#[test]
fn founding_with_a_majority_is_noticed() {
    caught(Fault::MajorityFounds);
}

#[test]
fn peers_that_are_not_checked_are_noticed() {
    caught(Fault::PeersUnchecked);
}

#[test]
fn a_seed_that_is_ignored_is_noticed() {
    caught(Fault::SeedIgnored);
}
