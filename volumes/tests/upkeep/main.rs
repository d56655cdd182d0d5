//! Create, use, grow and remove volumes on hosts whose programs refuse wrong orders, with hived killed
//! inside of any step, machines that lose power and are replaced. `HIVE_SEEDS=100000` runs that many.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts;
mod cluster;
mod machine;
#[path = "../lease/random.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet};

use cluster::Cluster;
use hive_volumes::upkeep::{Mount, Next};
use hive_volumes::{Birth, Identity, Module, Part, PartKind, Record, State};
use machine::Machine;
use random::Random;

/// Rounds in which things go wrong.
const ROUNDS: u64 = 150;
/// Steps until all must be as it should be.
const SETTLING: u64 = 400;

fn record(module: Module) -> Record {
    let mut identity: Identity =
        serde_json::from_str(include_str!("../golden/record-1.json")).unwrap();
    let mut state: State = serde_json::from_str(include_str!("../golden/state-1.json")).unwrap();
    identity.module = module;
    state.birth = Birth::Unborn;
    state.lease.current.clear();
    if module == Module::Drbd9 {
        identity.peers = 7;
        let kind = PartKind::Diskless;
        state
            .hosts
            .insert("p-hive2".into(), Part { node_id: 2, kind });
    }
    Record {
        identity,
        state,
        config: "c1".into(),
        version: 1,
    }
}

fn cluster(seed: u64, module: Module) -> Cluster {
    let names = ["p-hive0", "p-hive1", "p-hive2"];
    let machine = || Machine {
        on: true,
        ..Machine::default()
    };
    Cluster {
        random: Random::new(seed),
        record: Some(record(module)),
        machines: names.map(|name| (name.to_owned(), machine())).into(),
        minted: 0,
        formatted: 0,
        steps: 0,
        kills: 0,
        refusals: BTreeMap::new(),
        written: 0,
        trace: Vec::new(),
    }
}

/// Something goes wrong, or a person or container wants something.
fn mishap(cluster: &mut Cluster, host: &str) {
    let record = cluster.record.clone().unwrap();
    let born = record.state.birth == Birth::Formatted;
    match cluster.random.index(40) {
        0 => cluster.machines.get_mut(host).unwrap().power_off(),
        1 | 2 => cluster.machines.get_mut(host).unwrap().on = true,
        // Of the copies with all there is, one stays: else it would be no wonder that data are lost.
        3 if safe_without(cluster, host) => {
            cluster.trace.push(format!("{host} is replaced"));
            cluster.machines.get_mut(host).unwrap().replace();
        }
        4 => {
            let size = record.state.size + (64 << 20);
            let grown = record.state.changed(|next| next.size = size);
            cluster.write(record.version, grown).unwrap();
        }
        5..12 if born => start(cluster, host),
        12..18 => stop(cluster, host),
        _ => {}
    }
    cluster.settle_drbd();
}

/// Whether another host has everything, those that are off included.
fn safe_without(cluster: &Cluster, host: &str) -> bool {
    let record = cluster.record.as_ref().unwrap();
    let pair = record.identity.module == Module::Drbd84;
    let volumes = cluster.machines.values().filter_map(|m| m.volume.as_ref());
    let newest = volumes.map(|volume| volume.copy.generation).max().flatten();
    cluster.machines.keys().any(|other| {
        let copy = cluster.copy(other);
        let whole = copy.is_some_and(|copy| {
            copy.generation.is_some()
                && copy.generation == newest
                && copy.written == cluster.written
        });
        let believed = !pair || record.state.lease.current.contains(other);
        other != host && whole && believed
    })
}

/// A container starts: promote, mount, write. The driver counts it before it promotes.
fn start(cluster: &mut Cluster, host: &str) {
    if !cluster.machines[host].on || cluster.machines[host].docker == Default::default() {
        return;
    }
    let up = cluster.machines[host].up;
    if !up.is_some_and(|up| up.primary) && cluster.promote(host).is_err() {
        return;
    }
    let seen = cluster.seen(host);
    let (Some(device), true) = (seen.device, seen.resource.unwrap().quorum) else {
        return;
    };
    let machine = cluster.machines.get_mut(host).unwrap();
    machine.users = 1;
    machine.mount = Some(Mount { grown_to: device });
    cluster.trace.push(format!("{host} mounts"));
    let before = cluster.written;
    cluster.written += 1;
    let written = cluster.written;
    let mut number = BTreeSet::new();
    for machine in cluster.machines.values_mut() {
        if machine.up.is_some_and(|up| up.attached)
            && let Some(volume) = &mut machine.volume
        {
            assert_eq!(
                volume.copy.written, before,
                "a container misses what was written"
            );
            volume.copy.written = written;
            number.insert(volume.copy.file_system);
        }
    }
    assert!(
        number.len() == 1 && number.first().unwrap().is_some(),
        "no file system, or two: {number:?}\n{}",
        cluster.trace.join("\n")
    );
}

fn stop(cluster: &mut Cluster, host: &str) {
    let machine = cluster.machines.get_mut(host).unwrap();
    machine.users = 0;
    machine.mount = None;
}

fn run(seed: u64, module: Module) -> Cluster {
    let mut cluster = cluster(seed, module);
    let names: Vec<String> = cluster.machines.keys().cloned().collect();
    for _ in 0..ROUNDS {
        let host = names[cluster.random.index(names.len())].clone();
        cluster.hived(&host, true);
        let host = names[cluster.random.index(names.len())].clone();
        mishap(&mut cluster, &host);
    }
    settle(&mut cluster, &names);
    let record = cluster.record.clone().unwrap();
    assert_eq!(record.state.birth, Birth::Formatted);
    for host in record.state.copies() {
        let copy = cluster.copy(host).unwrap();
        assert_eq!(copy.written, cluster.written, "{host} lacks writes");
        assert_eq!(copy.size, record.state.size, "{host} did not grow");
    }
    // And away with it, with kills and power cuts.
    let removal = record
        .state
        .changed(|next| next.removal = Some(BTreeSet::new()));
    cluster.write(record.version, removal).unwrap();
    for _ in 0..SETTLING {
        let host = names[cluster.random.index(names.len())].clone();
        if cluster.record.is_none() {
            break;
        }
        cluster.hived(&host, true);
        if cluster.random.chance(30) {
            cluster.machines.get_mut(&host).unwrap().power_off();
        }
        if cluster.random.chance(100) {
            cluster.machines.get_mut(&host).unwrap().on = true;
        }
    }
    for machine in cluster.machines.values_mut() {
        machine.on = true;
    }
    for _ in 0..SETTLING {
        for host in &names {
            cluster.hived(host, false);
        }
    }
    assert!(cluster.record.is_none(), "the record stays");
    for (host, machine) in &cluster.machines {
        assert!(machine.is_clean(), "{host} still has {machine:?}");
    }
    cluster
}

fn settle(cluster: &mut Cluster, names: &[String]) {
    for host in names {
        stop(cluster, host);
        cluster.machines.get_mut(host).unwrap().on = true;
    }
    let mut last = Vec::new();
    for _ in 0..SETTLING {
        last = names
            .iter()
            .map(|host| cluster.hived(host, false))
            .collect();
        if last.iter().all(|next| *next == Some(Next::Settled)) {
            return;
        }
    }
    panic!("not settled: {last:?}\n{}", cluster.trace.join("\n"));
}

fn many(module: Module) {
    let seeds = std::env::var("HIVE_SEEDS").map_or(300, |text| text.parse().unwrap());
    let (mut steps, mut kills, mut refusals) = (0, 0, BTreeMap::<String, u64>::new());
    for seed in 0..seeds {
        let ran = std::panic::catch_unwind(|| run(seed, module));
        let Ok(cluster) = ran else {
            panic!("{module:?}: seed {seed} fails");
        };
        steps += cluster.steps;
        kills += cluster.kills;
        for (why, count) in cluster.refusals {
            *refusals.entry(why).or_default() += count;
        }
    }
    println!("{module:?}: {seeds} seeds, {steps} steps, hived killed in {kills} of them");
    for (why, count) in refusals {
        println!("  refused {count} times: {why}");
    }
    assert!(kills > 5 * seeds);
}

#[test]
fn a_mesh_of_drbd_9_converges() {
    many(Module::Drbd9);
}

#[test]
fn a_pair_of_drbd_8_4_converges() {
    many(Module::Drbd84);
}
