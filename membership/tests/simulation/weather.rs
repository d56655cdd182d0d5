//! What kind of site it is, and how rough it is there.

use std::collections::BTreeSet;

use hive_inventory::seed::Member as Membership;
use hive_membership::{HiveEntry, MESSAGE_AGE};

use crate::random::Random;

/// How rough it is. Chances are of a thousand, most of them a second.
pub struct Weather {
    pub loss: u64,
    pub twice: u64,
    pub late: u64,
    pub latest: u64,
    pub fail: u64,
    pub crash_at_effect: u64,
    pub power: u64,
    pub restart: u64,
    pub reflash: u64,
    pub storm: u64,
    pub part: u64,
    pub stall: u64,
    pub persons: u64,
    pub removals: u64,
    /// Bad luck at the worst moment: while a swarm is being made.
    pub spite: u64,
    /// A person who sees that a swarm is dead for good does not wait for the end of it all.
    pub recoveries: u64,
    /// All of what came to the simulation later: see [`wide`].
    pub wide: bool,
}

/// Two of five seeds have sites of other kinds, persons who recover in the middle of it all, messages
/// that lie at a machine that stands still, and hosts that are off while all others are flashed. The
/// other seeds are drawn as they were before there was all that, so that old ones keep their meaning.
pub fn wide(seed: u64) -> bool {
    matches!(seed % 5, 2 | 3)
}

/// The hives of the site.
pub fn site(random: &mut Random, wide: bool) -> Vec<HiveEntry> {
    let workers: BTreeSet<usize>;
    let count;
    if wide {
        count = [1, 2, 3, 4, 4, 5, 6][random.index(7)];
        // With three managers and a fourth host that is none, and with all kinds of others.
        let first = random.index(count);
        workers = match count {
            4 if random.chance(700) => BTreeSet::from([3]),
            _ => (0..count)
                .filter(|host| *host != first && random.chance(300))
                .collect(),
        };
    } else {
        count = if random.chance(600) { 3 } else { 5 };
        workers = random
            .chance(300)
            .then(|| random.index(count))
            .into_iter()
            .collect();
    }
    (0..count)
        .map(|i| HiveEntry {
            name: format!("h{i}.site"),
            member: if workers.contains(&i) {
                Membership::Worker
            } else {
                Membership::Manager
            },
            groups: std::iter::once("hives".to_owned())
                .chain((i == 0).then(|| "first".to_owned()))
                .collect(),
        })
        .collect()
}

impl Weather {
    pub fn new(random: &mut Random, wide: bool) -> Self {
        let latest = u64::try_from(MESSAGE_AGE.as_millis()).expect("seconds");
        let mut pick = |values: &[u64]| values[random.index(values.len())];
        Self {
            loss: pick(&[0, 10, 100, 300]),
            twice: pick(&[0, 50, 200]),
            late: pick(&[0, 50, 200]),
            latest: pick(&[2_000, 8_000, latest]),
            fail: pick(&[0, 50, 200]),
            crash_at_effect: pick(&[0, 0, 1, 5]),
            power: pick(&[0, 10, 40, 80]),
            restart: pick(&[0, 20, 100]),
            reflash: pick(&[0, 5, 20, 50]),
            storm: pick(if wide { &[0, 5, 10] } else { &[0, 0, 5] }),
            part: pick(&[0, 20, 80, 150]),
            stall: pick(&[0, 0, 20]),
            persons: pick(&[0, 50, 300, 1000]),
            removals: pick(&[0, 0, 0, 5]),
            spite: pick(&[0, 300, 800]),
            recoveries: if wide { pick(&[0, 20, 200]) } else { 0 },
            wide,
        }
    }
}
