//! Virtual IPs and marks that follow a service, seen by a neighbour on the hosts' own network.
//!
//! `t-lead` has a virtual IP, a router (the neighbour itself) and a mark; `t-member` follows the mark.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use hive_qemu::{Switch, Vm};
use hive_tests::checklist::{How, Item};
use hive_tests::prober::{Heard, History, Prober};
use hive_tests::swarm::patience;
use serde_json::Value;

use crate::cluster::{Cluster, HOSTS};

/// The boxes, in the order in which they have to run: the first makes what the others look at.
pub const BOXES: &[Item<Scene>] = &[
    Item {
        id: "V1",
        name: "the address is where the service runs, announced, its router answers; the mark and its follower are there too",
        how: How::Run(taken),
    },
    Item {
        id: "V2",
        name: "the container is killed",
        how: How::Run(killed),
    },
    Item {
        id: "V3",
        name: "the host is drained",
        how: How::Run(drained),
    },
    Item {
        id: "V4",
        name: "the host is cut off from the others",
        how: How::Run(cut_off),
    },
    Item {
        id: "V5",
        name: "the host loses its power; when it is back its mark is gone and nothing starts on it",
        how: How::Run(power_cut),
    },
    Item {
        id: "V6",
        name: "the daemon is killed, and restarted: the address stays",
        how: How::Run(daemon_killed),
    },
    Item {
        id: "V7",
        name: "labels that are wrong, an address wanted twice, two replicas: complaints, and the others go on",
        how: How::Run(complaints),
    },
    Item {
        id: "V8",
        name: "ports lead to the container, and what it sends has the address",
        how: How::Run(ports),
    },
    Item {
        id: "V9",
        name: "the service is removed: address, rules and mark are gone on every host",
        how: How::Run(removed),
    },
];

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 101);
const SECOND: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 102);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 200);
/// An isolated host has let go after so long; docs/guide/virtual-ips.md says it.
const BOUND: Duration = Duration::from_secs(6);

/// What the scripts of these boxes have in common.
const VERBS: &str = r#"
has_address() { ip -4 -o address show to "$1" | grep -q .; }
marked() { docker node ls -q -f node.label=$1=true | xargs -r docker node inspect --format '{{.Description.Hostname}}' | xargs; }
together() { [ "$(nodes_of t-lead)" = "$(marked t-mark)" ] && [ "$(nodes_of t-member)" = "$(nodes_of t-lead)" ] && runs t-lead 1 && runs t-member 1; }
whole() { [ "$(docker node ls --format '{{.Status}} {{.ManagerStatus}}' | sort | xargs)" = "Ready Leader Ready Reachable Ready Reachable" ]; }
"#;

/// The address that a host has of its own.
const fn own(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, 4 + number)
}

fn address(host: &str) -> Ipv4Addr {
    let number = HOSTS.iter().position(|name| *name == host).unwrap();
    own(u8::try_from(number).unwrap())
}

/// A cluster with a neighbour.
pub struct Scene {
    cluster: Cluster,
    switch: Switch,
    neighbour: Prober,
}

impl Scene {
    /// The neighbour moves in.
    pub fn new(cluster: Cluster) -> Self {
        let switch = Switch::attach(&cluster.path(".hive/private/run/switch")).unwrap();
        let neighbour = Prober::plug(&switch, NEIGHBOUR, &[VIP, SECOND, own(0), own(1), own(2)]);
        Self {
            cluster,
            switch,
            neighbour,
        }
    }

    /// After a box that failed.
    pub fn mend(&self) {
        for host in HOSTS {
            drop(self.switch.set_port(host, true));
        }
        crate::checklist::mend(&self.cluster);
    }

    fn sh(&self, host: &str, script: &str) -> String {
        self.cluster.sh(host, &format!("{VERBS}{script}"))
    }

    fn everywhere(&self, script: &str) -> Vec<String> {
        self.cluster.everywhere(&format!("{VERBS}{script}"))
    }

    /// The host on which the leader runs, once mark, follower and address are there too.
    fn settled(&self) -> &'static str {
        let host = self.sh("p-hive0", "within 120 together; nodes_of t-lead");
        let host = HOSTS.into_iter().find(|name| *name == host);
        let host = host.expect("the leader runs on one host");
        let has = format!("within 60 has_address {VIP}");
        self.sh(host, &has);
        self.until("an echo of the address", |h| {
            (h.holder(VIP) == h.holder(address(host))).then_some(())
        });
        host
    }

    fn until<T>(&self, what: &str, look: impl Fn(&History) -> Option<T>) -> T {
        self.neighbour.until(what, patience(), look)
    }

    /// No two hosts have answered for one address, ever.
    fn one_answerer(&self) {
        let history = self.neighbour.history();
        let mut found = history.contradictions(VIP);
        found.extend(history.contradictions(SECOND));
        assert_eq!(found, [""; 0]);
    }

    /// Another living host.
    fn other(&self, than: &str) -> &'static str {
        HOSTS.into_iter().find(|host| *host != than).unwrap()
    }

    /// Waits for an echo of another host than `from`, and says how long all of it took.
    fn moved(&self, what: &str, from: &str, since: Instant) -> Heard {
        let before = self.until("the host to be known", |h| h.holder(address(from)));
        let first = self.until("an echo of another host", |h| h.moved(VIP, since, before));
        let asked = self.other(from);
        let to = self.sh(asked, "within 60 runs t-lead 1; nodes_of t-lead");
        let from_running = self.since_running(&to, first.at);
        println!(
            "  {what}: {:.1} s from the failure to the first packet, {from_running:.1} s of them after the task ran on {to}",
            (first.at - since).as_secs_f64(),
        );
        assert!(self.neighbour.history().announced(VIP, since, first.mac));
        self.one_answerer();
        first
    }

    /// Seconds from the moment at which the task of `t-lead` ran to `first`; the two clocks are compared
    /// over ssh, so it is good to a few tenths.
    fn since_running(&self, host: &str, first: Instant) -> f64 {
        let asked = Instant::now();
        let told = self.sh(
            host,
            r#"
date +%s.%N
t=$(docker inspect --format '{{.Status.Timestamp}}' $(docker service ps -q -f desired-state=running t-lead) | awk '{print $1, $2}')
date -ud "$t" +%s.%N"#,
        );
        // The first line was written at about half of the way.
        let now = asked + asked.elapsed() / 4;
        let mut times = told.lines().map(|line| line.parse::<f64>().unwrap());
        let (there, ran) = (times.next().unwrap(), times.next().unwrap());
        let ago = (now - first).as_secs_f64();
        there - ran - ago
    }
}

fn taken(s: &Scene) {
    s.sh(
        "p-hive0",
        &format!(
            r#"
docker network create -d overlay t-vnet >/dev/null
create --name t-lead --label HIVE_VIP={VIP} --label HIVE_ROUTER={NEIGHBOUR} --label HIVE_MARK=t-mark --network t-vnet box:1
create --name t-member --constraint node.labels.t-mark==true box:1
"#
        ),
    );
    let host = s.settled();
    let holders = s.everywhere(&format!("if has_address {VIP}; then hostname; fi"));
    assert_eq!(holders.concat(), host);
    // hived tells what the daemon wrote; its next round is seconds away.
    let since = Instant::now();
    loop {
        let vips = vips(s);
        let held = &vips["addresses"][0];
        let router = &held["holders"][0]["router"];
        if held["holders"][0]["host"]
            .as_str()
            .is_some_and(|name| name.starts_with(host))
            && router["answered"].is_string()
        {
            assert_eq!(held["service"], "t-lead");
            break;
        }
        assert!(since.elapsed() < patience(), "{vips:#}");
        thread::sleep(Duration::from_secs(2));
    }
    s.one_answerer();
}

fn vips(s: &Scene) -> Value {
    let output = s.cluster.hive(&["vips", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["vips"].clone()
}

/// On whatever host the swarm starts it again.
fn killed(s: &Scene) {
    let host = s.settled();
    let since = Instant::now();
    s.sh(host, "docker kill $(container t-lead) >/dev/null");
    let (last, first) = s.until("the address to be back", |h| h.outage(VIP, since));
    let to = s.settled();
    println!(
        "  killed on {host}, back on {to}: {:.1} s from the kill to the first packet, {:.1} s without",
        (first.at - since).as_secs_f64(),
        (first.at - last.at).as_secs_f64(),
    );
    s.one_answerer();
}

fn drained(s: &Scene) {
    let host = s.settled();
    let other = s.other(host);
    let since = Instant::now();
    s.sh(
        other,
        &format!("docker node update --availability drain {host} >/dev/null"),
    );
    s.moved("drained", host, since);
    s.sh(
        other,
        &format!("docker node update --availability active {host} >/dev/null"),
    );
    assert_ne!(s.settled(), host);
}

fn cut_off(s: &Scene) {
    let host = s.settled();
    // The host is still reached over its other interface: it notes when the address goes.
    let told = thread::scope(|all| {
        let watch = all.spawn(|| {
            s.sh(
                host,
                &format!("gone() {{ ! has_address {VIP}; }}; within 60 gone; date +%s.%N"),
            )
        });
        // Its clock, to compare with.
        let asked = Instant::now();
        let clock: f64 = s.sh(host, "date +%s.%N").parse().unwrap();
        let then = asked + asked.elapsed() / 2;
        let since = Instant::now();
        s.switch.set_port(host, false).unwrap();
        s.moved("cut off", host, since);
        let gone: f64 = watch.join().unwrap().parse().unwrap();
        gone - clock - (since - then).as_secs_f64()
    });
    println!("  the host that was cut off let go after {told:.1} s; the bound is {BOUND:?}");
    s.switch.set_port(host, true).unwrap();
    s.sh(s.other(host), "within 120 whole");
    assert_ne!(s.settled(), host);
    s.one_answerer();
}

fn power_cut(s: &Scene) {
    let host = s.settled();
    let other = s.other(host);
    let stamp = s.sh(other, "date -u +%Y-%m-%dT%H:%M:%S");
    let machine = Vm::attach(&s.cluster.path(".hive/private/run").join(host)).unwrap();
    let since = Instant::now();
    machine.power_cut().unwrap();
    s.moved("power cut", host, since);
    s.sh(
        other,
        &format!("within 60 together; lacks {host} \"$(marked t-mark)\""),
    );
    s.cluster.ok(&["run", "--no-wait", host]);
    s.sh(other, "within 300 whole");
    assert_ne!(s.settled(), host);
    // Nothing of the follower was ever started on the host that came back.
    let late = s.sh(
        other,
        &format!(
            r#"
for task in $(docker service ps -q -f node={host} t-member); do
    docker inspect --format '{{{{.CreatedAt}}}}' $task | awk '{{print $1 "T" $2}}'
done | awk -v cut={stamp} '$1 > cut'
"#
        ),
    );
    assert_eq!(
        late, "",
        "tasks of t-member were started on {host} after the power cut at {stamp}"
    );
    s.one_answerer();
}

fn daemon_killed(s: &Scene) {
    let host = s.settled();
    let since = Instant::now();
    s.sh(host, "systemctl kill -s KILL follow-swarm-service; sleep 2; systemctl restart follow-swarm-service; sleep 6");
    let outage = s.neighbour.history().outage(VIP, since);
    assert!(outage.is_none(), "the address did not answer: {outage:?}");
    assert_eq!(s.settled(), host);
    s.one_answerer();
}

fn complaints(s: &Scene) {
    s.sh(
        "p-hive0",
        &format!(
            r#"
create --name t-nonsense --label HIVE_VIP=192.168.77.300 box:1
create --name t-outside --label HIVE_VIP=203.0.113.9 box:1
create --name t-nowhere --label HIVE_VIP=192.168.77.103/24@eth9 box:1
create --name t-doors --label HIVE_VIP=192.168.77.104 --label HIVE_DNAT_PORTS=80,eighty box:1
create --name t-again --label HIVE_VIP={VIP} box:1
create --name t-two --replicas 2 --label HIVE_VIP={SECOND} box:1
within 60 runs t-two 2; within 60 runs t-outside 1; within 60 runs t-nowhere 1; within 60 runs t-again 1
"#
        ),
    );
    let names = [
        "t-again",
        "t-doors",
        "t-nonsense",
        "t-nowhere",
        "t-outside",
        "t-two",
    ];
    let since = Instant::now();
    loop {
        let vips = vips(s);
        let text = vips["complaints"].to_string();
        let missing: Vec<_> = names.iter().filter(|name| !text.contains(**name)).collect();
        if missing.is_empty() {
            assert!(!text.contains("t-lead"), "{text}");
            break;
        }
        assert!(
            since.elapsed() < patience(),
            "{missing:?} are not complained about: {vips:#}"
        );
        thread::sleep(Duration::from_secs(2));
    }
    // One of the two has it, and the one with the other's address does not.
    s.until("the address of two tasks", |h| h.holder(SECOND));
    s.settled();
    s.one_answerer();
    s.sh(
        "p-hive0",
        "gone t-nonsense t-outside t-nowhere t-doors t-again t-two",
    );
    s.everywhere(&format!(
        "gone_too() {{ ! has_address {SECOND}; }}; within 30 gone_too"
    ));
}

fn ports(s: &Scene) {
    let host = s.settled();
    let other = s.other(host);
    s.sh(
        "p-hive0",
        &format!(
            r#"
create --name t-who --constraint node.hostname=={other} --publish published=8321,target=80,mode=host box:1
create --name t-nat --constraint node.hostname=={host} --label HIVE_VIP={SECOND} --label HIVE_DNAT_PORTS=80,9/udp \
    --label HIVE_ENABLE_VIP_SNAT=true --network t-vnet box:1
within 60 runs t-nat 1; within 60 runs t-who 1
"#
        ),
    );
    s.sh(other, &format!("within 60 says {SECOND}:80/version one"));
    let number = HOSTS.iter().position(|name| *name == other).unwrap();
    let client = s.sh(
        host,
        &format!(
            "inside t-nat timeout 20 wget -qO- http://{}:8321/cgi-bin/who",
            own(number as u8)
        ),
    );
    assert!(client.contains(&SECOND.to_string()), "{client}");
    s.sh("p-hive0", "gone t-nat t-who");
    s.sh(
        host,
        &format!(
            "clean() {{ ! has_address {SECOND} && ! nft list ruleset | grep -q {SECOND}; }}; within 30 clean"
        ),
    );
}

fn removed(s: &Scene) {
    s.settled();
    s.sh("p-hive0", "gone t-lead t-member; free() { docker network rm t-vnet >/dev/null 2>&1; }; within 60 free");
    s.everywhere(&format!(
        "clean() {{ ! has_address {VIP} && ! nft list ruleset | grep -q {VIP} && [ -z \"$(marked t-mark)\" ]; }}; within 30 clean"
    ));
    s.one_answerer();
}
