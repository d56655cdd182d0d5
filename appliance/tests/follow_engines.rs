//! `follow-swarm-service` with real Docker Engines: a virtual IP and a mark follow a service through the
//! death of its container, a drain, the daemon's own death, a partition and the service's end. A watch
//! looks at all machines several times a second: no address is ever on two.

// As in every test; clippy sees helpers of integration tests as ordinary code.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // three_engines uses the rest.
mod engines;
#[allow(dead_code)] // Tests of the crate use the rest.
#[path = "../src/peers/sample.rs"]
mod sample;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bollard::models::{NodeSpecAvailabilityEnum, ServiceSpec};
use bollard::query_parameters::UpdateNodeOptions;
use engines::image::{busybox, import};
use engines::{Machine, Switch, missing, wait};
use hive_appliance::follow::fence::PROOF_AGE;
use hive_inventory::seed::{Member, Peer, SEED_VERSION, Seed, SwarmOptions};
use sample::Authority;
use serde_json::json;
use tokio::runtime::Runtime;

const VIP: &str = "10.78.1.100";
const MARK: &str = "zabbix";

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 1, number)
}

fn name(number: u8) -> String {
    format!("f{number}.follow.example")
}

fn seed(authority: &Authority, me: u8, hosts: &[u8]) -> Seed {
    let peers = hosts.iter().map(|&number| Peer {
        host: name(number),
        address: address(number).into(),
        groups: BTreeSet::from(["hives".to_owned()]),
        member: Some(Member::Manager),
        machine: Default::default(),
    });
    Seed {
        version: SEED_VERSION,
        site: "follow.example".into(),
        stage: "private".into(),
        host: name(me),
        peers: peers.collect(),
        interfaces: Vec::new(),
        admin_keys: Vec::new(),
        ssh_host_key: None,
        identity: Some(authority.identity(&name(me)).identity),
        swarm: SwarmOptions {
            known: None,
            data_path_port: None,
            gwbridge: None,
            gwbridge_v6: None,
            ingress: None,
        },
        disks: Default::default(),
    }
}

fn holders(machines: &[Machine]) -> Vec<usize> {
    let has = |machine: &Machine| {
        let text = machine.within(&["ip", "-o", "address", "show", "dev", "eth0"]);
        text.contains(&format!("inet {VIP}/"))
    };
    (0..machines.len()).filter(|&i| has(&machines[i])).collect()
}

/// Looks several times a second until `there` says so; how long it took. Never may there be two.
fn watch(what: &str, machines: &[Machine], there: impl Fn(&[usize]) -> bool) -> Duration {
    let start = Instant::now();
    loop {
        let now = holders(machines);
        assert!(now.len() < 2, "{what}: {VIP} is on {now:?}");
        if there(&now) {
            eprintln!("{what}: after {:.1} s", start.elapsed().as_secs_f64());
            return start.elapsed();
        }
        if start.elapsed() > Duration::from_secs(120) {
            let stories: Vec<String> = machines.iter().map(Machine::story).collect();
            panic!("waited in vain: {what}\n{}", stories.join("\n"));
        }
        sleep(Duration::from_millis(100));
    }
}

/// Hosts with the mark. While managers choose a leader nobody can tell; that passes.
fn marked(runtime: &Runtime, machine: &Machine) -> BTreeSet<String> {
    let start = Instant::now();
    let nodes = loop {
        match runtime.block_on(machine.docker().list_nodes(None)) {
            Ok(nodes) => break nodes,
            Err(e) if start.elapsed() > Duration::from_secs(90) => panic!("{e}"),
            Err(_) => sleep(Duration::from_millis(300)),
        }
    };
    let nodes = nodes.into_iter().filter_map(|node| {
        let labels = node.spec?.labels?;
        labels
            .contains_key(MARK)
            .then_some(node.description?.hostname?)
    });
    nodes.collect()
}

fn drain(runtime: &Runtime, through: &Machine, host: &str, to: NodeSpecAvailabilityEnum) {
    let nodes = runtime.block_on(through.nodes());
    let is = |node: &&bollard::models::Node| {
        let description = node.description.as_ref().unwrap();
        description.hostname.as_deref() == Some(host)
    };
    let node = nodes.iter().find(is).unwrap();
    let mut spec = node.spec.clone().unwrap();
    spec.availability = Some(to);
    let version = node.version.as_ref().unwrap().index.unwrap() as i64;
    let id = node.id.as_deref().unwrap();
    let options = UpdateNodeOptions { version };
    runtime
        .block_on(through.docker().update_node(id, spec, options))
        .unwrap();
}

#[test]
fn an_address_and_a_mark_follow_a_service_through_everything() {
    let no_busybox = || busybox().is_none().then(|| "no static busybox".to_owned());
    if let Some(why) = missing().or_else(no_busybox) {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::new();
    let authority = Authority::new("follow CA");
    let site = [1, 2, 3];
    let mut machines = Vec::new();
    for number in site {
        let mut machine = Machine::new(dir.path(), &format!("f{number}"), address(number));
        machine.follows = true;
        machine.on(&switch, &seed(&authority, number, &site));
        machines.push(machine);
    }
    let all: Vec<&Machine> = machines.iter().collect();
    wait("one swarm of three managers", &all, || {
        all.iter().all(|machine| {
            let swarm = machine.status().and_then(|status| status.swarm);
            swarm.is_some_and(|swarm| swarm.managers_reachable == Some(3))
        })
    });
    for machine in &machines {
        runtime.block_on(import(&machine.docker(), &[]));
    }
    let spec: ServiceSpec = serde_json::from_value(json!({
        "Name": "web",
        "Labels": {"HIVE_VIP": VIP, "HIVE_MARK": MARK, "HIVE_ROUTER": "10.78.1.254", "HIVE_VIP0": "300.0.0.1"},
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "tiny", "Command": ["/bin/busybox", "sleep", "100000"], "StopGracePeriod": 1_000_000_000},
            "Networks": [{"Target": "host"}],
            "RestartPolicy": {"Delay": 1_000_000_000},
        },
    }))
    .unwrap();
    switch.gateway("10.78.1.254/24");
    runtime
        .block_on(machines[0].docker().create_service(spec, None))
        .unwrap();
    watch("the service's address is held", &machines, |now| {
        now.len() == 1
    });
    let owner = holders(&machines)[0];
    let here = |i: usize| BTreeSet::from([format!("f{}", i + 1)]);
    watch("its mark is there", &machines, |_| {
        marked(&runtime, &machines[0]) == here(owner)
    });
    let told = |i: usize| machines[i].status().and_then(|status| status.follow);
    watch("router check and complaint are told", &machines, |_| {
        told(owner).is_some_and(|report| {
            let router = report.addresses.iter().any(|address| {
                address
                    .router
                    .as_ref()
                    .is_some_and(|router| router.answered.is_some())
            });
            router
                && report
                    .complaints
                    .iter()
                    .any(|c| c.text.contains("300.0.0.1"))
        })
    });

    // The daemon dies many times: nothing happens to the address.
    for _ in 0..4 {
        machines[owner].within(&["pkill", "-KILL", "-x", "follow-swarm-se"]);
        let until = Instant::now() + Duration::from_millis(1700);
        while Instant::now() < until {
            assert_eq!(holders(&machines), [owner], "kept over a restart");
            sleep(Duration::from_millis(50));
        }
    }

    // The container dies.
    let killed = machines[owner].within(&["pkill", "-KILL", "-f", "sleep 100000"]);
    eprintln!("container killed {killed}");
    watch("it is off while no container runs", &machines, |now| {
        now.is_empty()
    });
    watch("it is back with a container", &machines, |now| {
        now.len() == 1
    });
    let owner = holders(&machines)[0];

    // Drained, through another machine.
    let other = (owner + 1) % 3;
    drain(
        &runtime,
        &machines[other],
        &format!("f{}", owner + 1),
        NodeSpecAvailabilityEnum::DRAIN,
    );
    watch("it went with the drained service", &machines, |now| {
        now.len() == 1 && now[0] != owner
    });
    drain(
        &runtime,
        &machines[other],
        &format!("f{}", owner + 1),
        NodeSpecAvailabilityEnum::ACTIVE,
    );
    let owner = holders(&machines)[0];
    watch("its mark went too", &machines, |_| {
        marked(&runtime, &machines[other]) == here(owner)
    });

    // Cut off: it goes here before it comes there.
    let other = (owner + 1) % 3;
    machines[owner].plug(&switch, false);
    let dropped = watch("it is off the host that is cut off", &machines, |now| {
        !now.contains(&owner)
    });
    assert!(dropped < PROOF_AGE + Duration::from_secs(1), "{dropped:?}");
    watch("it is on another host", &machines, |now| {
        now.len() == 1 && now[0] != owner
    });
    let new = holders(&machines)[0];
    watch("its mark is there alone", &machines, |_| {
        marked(&runtime, &machines[other]) == here(new)
    });
    machines[owner].plug(&switch, true);
    // Back again: its old container still runs for a moment, and the managers may choose a leader anew,
    // in which time nobody can say anything about the swarm.
    let until = Instant::now() + Duration::from_secs(20);
    watch(
        "all is said about the host that is back",
        &machines,
        |now| {
            if now != [new] {
                eprintln!(
                    "{:?}: {now:?}",
                    until.saturating_duration_since(Instant::now())
                );
            }
            Instant::now() > until
        },
    );
    watch("it is held by one", &machines, |now| now.len() == 1);
    watch("its mark is with it alone", &machines, |now| {
        now.len() == 1 && marked(&runtime, &machines[other]) == here(now[0])
    });
    if std::env::var_os("HIVE_STORIES").is_some() {
        machines
            .iter()
            .for_each(|machine| eprintln!("{}", machine.story()));
    }

    // The service is removed.
    let delete = || runtime.block_on(machines[other].docker().delete_service("web"));
    watch("the service can be removed", &machines, |_| {
        delete().is_ok()
    });
    watch("nothing is left", &machines, |now| {
        now.is_empty() && marked(&runtime, &machines[other]).is_empty()
    });
}
