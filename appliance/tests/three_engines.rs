//! hived with real Docker Engines: three machines, as namespaces, become one swarm by themselves.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // follow_engines uses the rest.
mod engines;
#[allow(dead_code)] // Tests of the crate use the rest.
#[path = "../src/peers/sample.rs"]
mod sample;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use engines::{Machine, Switch, missing, wait};
use hive_inventory::node::{NodeStatus, SwarmRole, SwarmStatus};
use hive_inventory::seed::{Member, Peer, SEED_VERSION, Seed, SwarmOptions};
use sample::Authority;

const GATEWAY_BRIDGE: &str = "10.79.128.0/19";
const INGRESS: &str = "10.79.64.0/18";

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, number)
}

fn name(number: u8) -> String {
    format!("e{number}.engines.example")
}

/// The seed of host `me` at a site with these hosts.
fn seed(authority: &Authority, me: u8, hosts: &[u8]) -> Seed {
    let peers = hosts.iter().map(|&number| Peer {
        host: name(number),
        address: address(number).into(),
        groups: BTreeSet::from(["hives".to_owned(), "servers".to_owned()]),
        member: Some(Member::Manager),
        machine: Default::default(),
    });
    Seed {
        version: SEED_VERSION,
        site: "engines.example".into(),
        stage: "private".into(),
        host: name(me),
        peers: peers.collect(),
        interfaces: Vec::new(),
        admin_keys: Vec::new(),
        ssh_host_key: None,
        identity: Some(authority.identity(&name(me)).identity),
        swarm: SwarmOptions {
            known: None,
            data_path_port: Some(8472),
            gwbridge: Some(GATEWAY_BRIDGE.into()),
            gwbridge_v6: None,
            ingress: Some(INGRESS.into()),
        },
        disks: Default::default(),
    }
}

fn swarm(machine: &Machine) -> Option<SwarmStatus> {
    machine.status()?.swarm
}

/// Whether all are managers of one swarm of three that reach each other.
fn three_managers(machines: &[&Machine]) -> bool {
    let told: Vec<Option<SwarmStatus>> = machines.iter().map(|m| swarm(m)).collect();
    told.iter().all(|swarm| {
        swarm.as_ref().is_some_and(|swarm| {
            swarm.role == SwarmRole::Manager
                && swarm.managers == Some(3)
                && swarm.managers_reachable == Some(3)
        })
    })
}

fn cluster(machine: &Machine) -> String {
    swarm(machine).unwrap().known.unwrap().cluster
}

fn tells(status: Option<NodeStatus>, words: &[&str]) -> bool {
    status.is_some_and(|status| {
        let notices = status.notices.iter();
        notices
            .clone()
            .any(|notice| words.iter().all(|word| notice.contains(word)))
    })
}

#[test]
fn three_blank_machines_become_one_swarm_and_a_reflashed_founder_comes_back_into_it() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::new();
    let ours = Authority::new("engines CA");
    let theirs = Authority::new("other CA");
    let site = [1, 2, 3];
    let seeds: Vec<Seed> = site.iter().map(|&me| seed(&ours, me, &site)).collect();
    let mut machines: Vec<Machine> = site
        .iter()
        .map(|&number| Machine::new(dir.path(), &format!("e{number}"), address(number)))
        .collect();
    // A machine of another site on the same network, whose site has hosts at the same addresses.
    let mut stranger = Machine::new(dir.path(), "stranger", address(9));
    stranger.on(&switch, &seed(&theirs, 9, &[1, 2, 9]));
    for (machine, seed) in machines.iter_mut().zip(&seeds) {
        machine.on(&switch, seed);
    }
    let [e1, e2, e3] = &machines[..] else {
        unreachable!()
    };
    let all = [e1, e2, e3];
    wait("one swarm of three managers", &all, || three_managers(&all));
    let site_swarm = cluster(e1);
    assert!(all.iter().all(|machine| cluster(machine) == site_swarm));

    let labelled = |machine: &Machine| {
        let nodes = runtime.block_on(machine.nodes());
        nodes.len() == 3
            && nodes.iter().all(|node| {
                let labels = node.spec.as_ref().and_then(|spec| spec.labels.as_ref());
                ["hives", "servers"].iter().all(|label| {
                    labels
                        .and_then(|labels| labels.get(*label))
                        .map(String::as_str)
                        == Some("true")
                })
            })
    };
    wait("every node has the labels of its groups", &all, || {
        labelled(e1)
    });
    let docker = e2.docker();
    let bridge = runtime
        .block_on(docker.inspect_network("docker_gwbridge", None))
        .unwrap();
    let subnet = bridge.ipam.unwrap().config.unwrap()[0].subnet.clone();
    assert_eq!(subnet.as_deref(), Some(GATEWAY_BRIDGE));
    wait("the site's ingress network", &all, || {
        let network = runtime.block_on(docker.inspect_network("apiarist-ingress", None));
        network.is_ok_and(|network| {
            let config = network.ipam.unwrap().config.unwrap();
            network.ingress == Some(true) && config[0].gateway.as_deref() == Some("10.79.64.1")
        })
    });
    assert_eq!(
        runtime
            .block_on(docker.inspect_swarm())
            .unwrap()
            .data_path_port,
        Some(8472)
    );

    wait("the stranger is told of", &[e1, &stranger], || {
        tells(e1.status(), &["10.78.0.9", "another site"])
    });
    assert_eq!(swarm(&stranger).unwrap().role, SwarmRole::Blank);
    let troubled = stranger.status().unwrap().peers;
    assert!(troubled.iter().any(|peer| {
        let trouble = peer.trouble.as_deref();
        peer.host == name(1) && trouble.is_some_and(|words| words.contains("engines CA"))
    }));

    // The founder gets a new disk.
    let old = swarm(e1).unwrap().node.unwrap();
    machines[0].off();
    machines[0].wipe();
    machines[0].on(&switch, &seeds[0]);
    let [e1, e2, e3] = &machines[..] else {
        unreachable!()
    };
    let all = [e1, e2, e3];
    wait("the founder is a manager again", &all, || {
        three_managers(&all) && swarm(e1).unwrap().node != Some(old.clone())
    });
    assert!(all.iter().all(|machine| cluster(machine) == site_swarm));
    wait("its old entry is gone", &all, || {
        let nodes = runtime.block_on(e2.nodes());
        nodes.len() == 3
            && nodes
                .iter()
                .all(|node| node.id.as_deref() != Some(old.as_str()))
    });
    wait("the new entry has its labels", &all, || labelled(e2));
    assert_eq!(swarm(&stranger).unwrap().role, SwarmRole::Blank);

    // Two of three are gone for good: the last one says so, and a person decides.
    machines[1].off();
    machines[2].off();
    machines[0].off();
    machines[0].on(&switch, &seeds[0]);
    let e1 = &machines[0];
    wait("the survivor says that it lost the majority", &[e1], || {
        swarm(e1).is_some_and(|swarm| swarm.role == SwarmRole::Lost)
    });
    assert!(!e1.hived(&["rejoin"]).0);
    let (done, said) = e1.hived(&["recover"]);
    assert!(done, "{said}");
    wait("the survivor is the site's swarm", &[e1], || {
        swarm(e1)
            .is_some_and(|swarm| swarm.role == SwarmRole::Manager && swarm.quorum == Some(true))
    });
    let recovered = swarm(e1).unwrap().known.unwrap();
    assert_eq!((recovered.cluster, recovered.epoch), (site_swarm, 1));
    for number in [1, 2] {
        machines[number].wipe();
        let seed = seeds[number].clone();
        machines[number].on(&switch, &seed);
    }
    let all: Vec<&Machine> = machines.iter().collect();
    wait("three managers again", &all, || three_managers(&all));
}
