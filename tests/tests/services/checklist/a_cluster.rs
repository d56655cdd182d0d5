//! The swarm itself: who is in it, as what, and what happens when some are not.
//!
//! hived keeps labels and the number of managers true, so boxes that look at docker alone stop it.

use hive_tests::checklist::{How, Item};

use hive_tests::cluster::Cluster;

pub const BOXES: &[Item<Cluster>] = &[
    Item {
        id: "A1",
        name: "every host is an active manager",
        how: How::Run(active),
    },
    Item {
        id: "A2",
        name: "authority, certificates and raft's files are there; nobody without a certificate is heard",
        how: How::Run(certificates),
    },
    Item {
        id: "A3",
        name: "the swarm's ports are open between hosts, others not",
        how: How::Run(ports),
    },
    Item {
        id: "A4",
        name: "tokens differ and rotate; a host leaves, is inactive, is no more let in with the old token, and comes back with hive rejoin",
        how: How::Run(tokens),
    },
    Item {
        id: "A5",
        name: "a demoted host refuses to manage, a promoted one is reachable",
        how: How::Run(promote),
    },
    Item {
        id: "A6",
        name: "node ls, inspect and ps",
        how: How::Run(looks),
    },
    Item {
        id: "A7",
        name: "labels by hand are kept and taken away; a manager is neither removed nor leaves",
        how: How::Run(labels),
    },
    Item {
        id: "A8",
        name: "pause keeps tasks, drain moves them, active pulls none back",
        how: How::Run(availability),
    },
    Item {
        id: "A9",
        name: "without the leader another leads; without a majority nothing is managed and all runs on",
        how: How::Run(quorum),
    },
    Item {
        id: "A10",
        name: "a sole manager stops: containers on workers run on, and it comes back with its tasks",
        how: How::Run(sole_manager),
    },
    Item {
        id: "A11",
        name: "a locked manager manages nothing before it is unlocked",
        how: How::Run(autolock),
    },
    Item {
        id: "A12",
        name: "the swarm's authority is replaced",
        how: How::Run(authority),
    },
    Item {
        id: "A13",
        name: "another UDP port for overlays, and the site's network of two that each host has",
        how: How::Run(addresses),
    },
];

fn active(c: &Cluster) {
    let told = c.everywhere(
        "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Managers}}/{{.Swarm.Nodes}}'",
    );
    assert_eq!(told, ["active true 3/3"; 3]);
}

fn certificates(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
cd /var/lib/docker/swarm
for file in certificates/swarm-root-ca.crt certificates/swarm-node.crt certificates/swarm-node.key raft state.json; do [ -e $file ] || fail "no $file"; done
same 600 "$(stat -c %a certificates/swarm-node.key)"
[ -n "$(ls raft/wal-v3-encrypted)" ]
# A question of a manager to managers: without a certificate it is refused, with this node's it is answered.
sed '/: /d; /^$/d' certificates/swarm-node.key >/run/t-key
ask() { printf '\0\0\0\0\0' | curl -sk --http2-prior-knowledge --max-time 10 -X POST -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- -D - -o /dev/null "$@"; }
for host in 192.168.77.4 192.168.77.5 192.168.77.6; do
    url=https://$host:2377/docker.swarmkit.v1.Control/ListNodes
    has "unauthorized peer role" "$(ask $url)"
    has "grpc-status: 0" "$(ask --cert certificates/swarm-node.crt --key /run/t-key $url)"
done
rm /run/t-key
"#,
    );
}

fn ports(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
open() { timeout 5 bash -c "</dev/tcp/$1/$2" 2>/dev/null; }
for host in 192.168.77.5 192.168.77.6; do
    for port in 2377 7946; do open $host $port || fail "$port/tcp of $host is closed"; done
done
# Nothing else is needed, so nothing else of docker's is there.
for port in 2375 2376 4243 5000; do if timeout 2 bash -c "</dev/tcp/192.168.77.5/$port" 2>/dev/null; then fail "$port/tcp is open"; fi; done
port=$(docker info --format '{{.Swarm.Cluster.DataPathPort}}')
rules=$(nft list table inet hive)
has $port "$rules"; has 7946 "$rules"; has "l4proto esp" "$rules"
has :7946 "$(ss -Hlun)"
"#,
    );
}

fn quiet(c: &Cluster) {
    c.everywhere("systemctl stop hived");
}

fn loud(c: &Cluster) {
    c.everywhere("systemctl start hived");
}

/// Three managers again, and what hived wants of labels.
const WHOLE: &str = r#"
whole() { [ "$(docker node ls --format '{{.Status}} {{.ManagerStatus}}' | sort | xargs)" = "Ready Leader Ready Reachable Ready Reachable" ] && [ "$(docker node ls -q -f node.label=hives=true | wc -l)" = 3 ]; }
within 120 whole
"#;

fn tokens(c: &Cluster) {
    let old = c.sh(
        "p-hive0",
        r#"
worker=$(docker swarm join-token -q worker); manager=$(docker swarm join-token -q manager)
[ "$worker" != "$manager" ] || fail "one token for both"
new=$(docker swarm join-token --rotate -q worker)
[ "$worker" != "$new" ] || fail "not rotated"
same "$manager" "$(docker swarm join-token -q manager)"
create --name t-each --mode global box:1 sleep 1000
within 40 runs t-each 3
echo $worker
"#,
    );
    quiet(c);
    c.sh("p-hive0", "docker node demote p-hive2 >/dev/null");
    c.sh(
        "p-hive2",
        &format!(
            r#"
worker() {{ same false "$(docker info --format '{{{{.Swarm.ControlAvailable}}}}')"; }}
within 30 eval '[ "$(docker info --format "{{{{.Swarm.ControlAvailable}}}}")" = false ]'
docker swarm leave >/dev/null
same inactive "$(docker info --format '{{{{.Swarm.LocalNodeState}}}}')"
refuses "join token is necessary" docker swarm join --token {old} --advertise-addr 192.168.77.6 192.168.77.4:2377
docker swarm leave --force >/dev/null 2>&1 || true
same inactive "$(docker info --format '{{{{.Swarm.LocalNodeState}}}}')"
"#
        ),
    );
    c.sh(
        "p-hive0",
        r#"
down() { [ "$(docker node ls --format '{{.Status}}' -f name=p-hive2)" = Down ]; }
within 60 down
docker node rm p-hive2 >/dev/null
same 2 "$(docker node ls -q | wc -l)"
"#,
    );
    loud(c);
    // It was taken out by a person, so it stays out until a person says otherwise.
    c.ok(&["rejoin", "p-hive2", "--yes"]);
    // It is in again, is a manager with its labels, and has its task of a global service.
    c.sh(
        "p-hive0",
        &format!(
            r#"{WHOLE}
within 60 runs t-each 3
same "p-hive0 p-hive1 p-hive2" "$(nodes_of t-each)"
gone t-each
"#
        ),
    );
}

fn promote(c: &Cluster) {
    quiet(c);
    c.sh("p-hive0", "docker node demote p-hive1 >/dev/null");
    c.sh(
        "p-hive1",
        r#"
worker() { [ "$(docker info --format '{{.Swarm.ControlAvailable}}')" = false ]; }
within 30 worker
refuses "not a swarm manager" docker node ls
refuses "not a swarm manager" docker service ls
refuses "not a swarm manager" docker swarm join-token worker
"#,
    );
    c.sh(
        "p-hive0",
        r#"
same "" "$(docker node ls --format '{{.ManagerStatus}}' -f name=p-hive1)"
docker node promote p-hive1 >/dev/null
reachable() { [ "$(docker node ls --format '{{.ManagerStatus}}' -f name=p-hive1)" = Reachable ]; }
within 60 reachable
"#,
    );
    loud(c);
}

fn looks(c: &Cluster) {
    c.sh(
        "p-hive1",
        r#"
same "p-hive0 p-hive1 p-hive2" "$(docker node ls --format '{{.Hostname}}' | sort | xargs)"
same 3 "$(docker node ls -q -f role=manager | wc -l)"
same "manager ready 192.168.77.5" "$(docker node inspect --format '{{.Spec.Role}} {{.Status.State}} {{.Status.Addr}}' self)"
has "Leader:" "$(docker node inspect --pretty p-hive0)"
create --name t-one --constraint node.hostname==p-hive2 box:1
within 40 runs t-one 1
has "t-one.1 Running" "$(docker node ps --format '{{.Name}} {{.DesiredState}}' p-hive2)"
lacks t-one "$(docker node ps --format '{{.Name}}' p-hive0)"
gone t-one
"#,
    );
}

fn labels(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker node update --label-add t-mine=1 p-hive2 >/dev/null
same p-hive2 "$(docker node ls -f node.label=t-mine=1 --format '{{.Hostname}}')"
docker node update --label-rm t-mine p-hive2 >/dev/null
same "" "$(docker node ls -q -f node.label=t-mine=1)"
refuses "must be demoted to worker before removal" docker node rm p-hive2
refuses "You are attempting to leave the swarm on a node that is participating as a manager" docker swarm leave
"#,
    );
}

fn availability(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-place --replicas 3 box:1
within 40 runs t-place 3
same "p-hive0 p-hive1 p-hive2" "$(nodes_of t-place)"
docker node update --availability pause p-hive1 >/dev/null
docker service scale -d t-place=5 >/dev/null
within 40 runs t-place 5
same 1 "$(nodes_of t-place | tr ' ' '\n' | grep -c p-hive1)"
docker node update --availability drain p-hive1 >/dev/null
left() { case "$(nodes_of t-place)" in *p-hive1*) return 1;; esac; runs t-place 5; }
within 40 left
docker node update --availability active p-hive1 >/dev/null
sleep 4
lacks p-hive1 "$(nodes_of t-place)"
gone t-place
"#,
    );
}

fn quorum(c: &Cluster) {
    quiet(c);
    c.sh(
        "p-hive2",
        r#"
create --name t-on --mode global --env 'TASK={{.Node.Hostname}}' --publish published=8271,target=80,mode=host box:1
within 40 runs t-on 3
"#,
    );
    let leader = c.sh(
        "p-hive2",
        "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}' | awk '$2==\"Leader\" {print $1}'",
    );
    let others: Vec<&str> = hive_tests::cluster::HOSTS
        .into_iter()
        .filter(|host| *host != leader)
        .collect();
    c.sh(&leader, "systemctl stop docker.socket docker");
    c.sh(
        others[0],
        &format!(
            r#"
led() {{ [ "$(docker node ls --format '{{{{.ManagerStatus}}}}' 2>/dev/null | sort | xargs)" = "Leader Reachable Unreachable" ]; }}
within 60 led
same Unreachable "$(docker node ls --format '{{{{.ManagerStatus}}}}' -f name={leader})"
"#
        ),
    );
    c.sh(others[1], "systemctl stop docker.socket docker");
    c.sh(
        others[0],
        r#"
lost() { docker node ls 2>&1 | grep -Eq "does not have a leader|context deadline exceeded"; }
within 60 lost
if timeout 20 docker service scale -d t-on=1 >/dev/null 2>&1; then fail "it manages without a majority"; fi
says 127.0.0.1:8271/cgi-bin/who task=$(hostname) || fail "its own container does not answer"
"#,
    );
    for host in [&leader, others[1]] {
        c.sh(host, "systemctl start docker");
    }
    loud(c);
    c.sh(
        "p-hive0",
        &format!("{WHOLE}\nwithin 150 runs t-on 3\ngone t-on"),
    );
}

fn sole_manager(c: &Cluster) {
    quiet(c);
    c.sh(
        "p-hive0",
        r#"
# Whoever leads hands the swarm over first, and meanwhile nothing is taken.
demote() { docker node demote $1 >/dev/null 2>&1; }
within 60 demote p-hive1; within 60 demote p-hive2
same 1 "$(docker info --format '{{.Swarm.Managers}}')"
create --name t-work --mode global --publish published=8281,target=80,mode=host box:1
within 60 runs t-work 3
systemctl stop docker.socket docker
"#,
    );
    c.sh(
        "p-hive1",
        "for i in 1 2 3; do within 10 says 127.0.0.1:8281/version one; sleep 2; done",
    );
    c.sh(
        "p-hive0",
        r#"
systemctl start docker
within 90 runs t-work 3
within 20 says 127.0.0.1:8281/version one
gone t-work
systemctl start hived
"#,
    );
    loud(c);
    c.sh("p-hive0", WHOLE);
}

fn autolock(c: &Cluster) {
    quiet(c);
    let key = c.sh(
        "p-hive0",
        "docker swarm update --autolock=true >/dev/null; docker swarm unlock-key -q; sleep 5",
    );
    c.sh(
        "p-hive2",
        &format!(
            r#"
systemctl restart docker
state() {{ [ "$(docker info --format '{{{{.Swarm.LocalNodeState}}}}' 2>/dev/null)" = $1 ]; }}
within 30 state locked
refuses "Swarm is encrypted and needs to be unlocked" docker node ls
python3 - {key} <<'PY'
import json,socket,sys
s=socket.socket(socket.AF_UNIX); s.connect("/run/docker.sock")
body=json.dumps({{"UnlockKey":sys.argv[1]}})
s.sendall(("POST /swarm/unlock HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"%(len(body),body)).encode())
assert b" 200 " in s.recv(4096).split(b"\r\n")[0]
PY
within 30 state active
"#
        ),
    );
    c.sh("p-hive0", "docker swarm update --autolock=false >/dev/null");
    loud(c);
    c.sh("p-hive0", WHOLE);
}

fn authority(c: &Cluster) {
    quiet(c);
    c.sh(
        "p-hive0",
        r#"
before=$(docker swarm ca)
docker swarm ca --rotate -d >/dev/null
over() { [ "$(docker info --format '{{.Swarm.Cluster.RootRotationInProgress}}')" = false ]; }
within 120 over
[ "$before" != "$(docker swarm ca)" ] || fail "the same authority"
same 3 "$(docker node ls -q -f role=manager | wc -l)"
"#,
    );
    loud(c);
    c.sh("p-hive0", WHOLE);
}

fn addresses(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
same 4790 "$(docker info --format '{{.Swarm.Cluster.DataPathPort}}')"
same "192.168.77.4:2377 192.168.77.5:2377 192.168.77.6:2377" "$(docker info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}' | tr ' ' '\n' | sort | xargs)"
[ "$(ip -4 -o address show scope global | grep -vc -E ' (docker|br-|veth)')" -ge 2 ] || fail "one interface only"
"#,
    );
}
