//! A site with twelve services, from `hive all` to what people do with it afterwards.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hive_qemu::Vm;
use hive_tests::checklist::{How, Item};
use hive_tests::{Site, drbd_packages, hive_program, said};

use hive_tests::cluster::Cluster;

/// From the inventory to services that are reached.
pub const FIRST: &[Item<Cluster>] = &[
    Item {
        id: "S1",
        name: "hive all: from machines to running services",
        how: How::Run(all),
    },
    Item {
        id: "S2",
        name: "every host answers for every service of the mesh",
        how: How::Run(reached),
    },
    Item {
        id: "S3",
        name: "each service is what its definition says",
        how: How::Run(as_defined),
    },
    Item {
        id: "S4",
        name: "a second deploy-services changes nothing and says so",
        how: How::Run(unchanged),
    },
];

/// What an operator does with them afterwards.
pub const LATER: &[Item<Cluster>] = &[
    Item {
        id: "S5",
        name: "what was changed by hand is in the plan, and is put right",
        how: How::Run(drift),
    },
    Item {
        id: "S6",
        name: "more replicas in the definition; those by hand are kept where it names none",
        how: How::Run(scaled),
    },
    Item {
        id: "S7",
        name: "another image in the definition, and hive rollback",
        how: How::Run(rolled_back),
    },
    Item {
        id: "S8",
        name: "a drained host: its service is reached as before",
        how: How::Run(drained),
    },
    Item {
        id: "S9",
        name: "hive ps, logs, exec and cp",
        how: How::Run(seen),
    },
    Item {
        id: "S10",
        name: "hive stack deploy",
        how: How::Run(stack),
    },
    Item {
        id: "S11",
        name: "the manager that carries out a deployment loses its power: a clear end, and a second run completes",
        how: How::Run(manager_lost),
    },
];

/// Hosts without services are what other boxes start from.
pub const LAST: &[Item<Cluster>] = &[Item {
    id: "S12",
    name: "deploy-services -D takes everything away",
    how: How::Run(removed),
}];

const SERVICES: &str = r#"plugin: hive_services
available_on: [private]
networks:
  front: {}
  sealed: {driver_opts: {encrypted: ""}}
secrets:
  password: {generate: {length: 32}}
  word: {content: open-sesame}
configs:
  greeting: {content: good morning}
services:
  web:
    image: box:1
    replicas: 3
    ports: ["8001:80"]
    networks: [front]
    labels: {purpose: {tier: 1}}
    environment: {WORD: front}
    stop_grace_period: 1s
    update_config: {parallelism: 0, monitor: 1s}
    rollback_config: {parallelism: 0, monitor: 1s}
  counted:
    image: box:1
    networks: [front]
    stop_grace_period: 1s
  agent:
    image: box:1
    mode: global
    command: sh -c 'echo agent is here; exec serve'
    networks: [front]
    stop_grace_period: 1s
  edge:
    image: box:1
    mode: global
    endpoint_mode: dnsrr
    networks: [front]
    ports: [{published_port: 8002, target_port: 80, protocol: tcp, mode: host}]
  names:
    image: box:1
    replicas: 2
    endpoint_mode: dnsrr
    networks: [front]
  keeper:
    image: box:1
    networks: [front]
    placement: {constraints: [node.labels.repository == true]}
    ports: ["8003:80"]
  machine:
    image: box:1
    standalone: True
    networks: [front]
    ports: ["8004:80"]
  teller:
    image: box:1
    networks: [front]
    secrets: [password, {source: word, target: alias, mode: 0400}]
    configs: [{source: greeting, target: /www/greeting}]
    command: sh -c 'cp /run/secrets/alias /www/word; wc -c </run/secrets/password >/www/length; exec serve'
    ports: ["8005:80"]
  vault:
    image: box:2
    networks: [sealed]
    placement: {constraints: [node.hostname == p-hive0]}
  clerk:
    image: box:1
    networks: [sealed]
    placement: {constraints: [node.hostname == p-hive1]}
    command: front /vault=vault:80
    ports: ["8006:80"]
  mover:
    image: box:1
    networks: [front]
    ports: ["8007:80"]
    stop_grace_period: 1s
  chosen:
    image: box:1
    networks: [front]
    ports: ["80"]
"#;

/// Everything at one glance, asked of all hosts.
const EVERYWHERE: &str = r#"
for a in 192.168.77.4 192.168.77.5 192.168.77.6; do
    within 30 says $a:8001/version one
    within 10 says $a:8002/version one
    within 10 says $a:8003/version one
    within 10 says $a:8004/version one
    within 10 says $a:8005/greeting "good morning"
    within 10 says $a:8006/vault/version two
    within 10 says $a:8007/version one
    within 10 says $a:61001/version one
done
"#;

/// The site, baked.
pub fn site() -> Site {
    let site = Site::new();
    site.edit(
        "    # internal_cidr: 172.31.252.0/22",
        "    internal_cidr: 172.31.252.0/22\n    data_path_port: 4790",
    );
    drbd_packages::used_if_named(&site);
    fs::write(site.path("inventory/services.yml"), SERVICES).unwrap();
    site.ok(&["bake"]);
    site
}

fn definition(c: &Cluster) -> PathBuf {
    c.path("inventory/services.yml")
}

/// Changes the definition of the services.
fn edit(c: &Cluster, from: &str, to: &str) {
    let text = fs::read_to_string(definition(c)).unwrap();
    assert!(text.contains(from), "{from:?} is not in the definition");
    fs::write(definition(c), text.replacen(from, to, 1)).unwrap();
}

/// Runs the command under test, which has to succeed; returns all it said.
fn told(c: &Cluster, args: &[&str]) -> String {
    let output = c.hive(args);
    assert!(output.status.success(), "hive {args:?}: {}", said(&output));
    said(&output)
}

fn has(word: &str, text: &str) {
    assert!(text.contains(word), "no {word:?} in: {text}");
}

fn all(c: &Cluster) {
    println!("{}", told(c, &["all", "-S", "build-infra"]));
    let services = c.sh(
        "p-hive0",
        "docker service ls --format '{{.Name}} {{.Replicas}}' | sort",
    );
    let expected = "agent 3/3\nchosen 1/1\nclerk 1/1\ncounted 1/1\nedge 3/3\nkeeper 1/1\nmachine 1/1\nmover 1/1\nnames 2/2\nteller 1/1\nvault 1/1\nweb 3/3";
    assert_eq!(services, expected);
}

fn reached(c: &Cluster) {
    c.everywhere(EVERYWHERE);
}

fn as_defined(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
same "p-hive0 p-hive1 p-hive2" "$(nodes_of agent)"
same p-hive2 "$(nodes_of keeper)"
same open-sesame "$(page 127.0.0.1:8005/word)"
same 32 "$(page 127.0.0.1:8005/length)"
has '"HIVE_STANDALONE":"True"' "$(spec machine)"
has '"HIVE_STANDALONE":"False"' "$(spec web)"
has '"purpose":"{\"tier\": 1}"' "$(spec web)"
has '"Mode":"dnsrr"' "$(spec names)"
has '"PublishMode":"host"' "$(spec edge)"
has '192.168.77.5' "$(inside agent cat /etc/hosts)"
same web "$(inside web hostname)"
same 2 "$(inside agent nslookup names 127.0.0.11 | awk '/^Name/ {n=1} n && /^Address/' | sort -u | wc -l)"
same "map[com.docker.network.driver.overlay.vxlanid_list" "$(docker network inspect --format '{{.Options}}' front | cut -d: -f1)"
has "encrypted:" "$(docker network inspect --format '{{.Options}}' sealed)"
# Where no task of the host-mode service would be, nobody would answer: it is global, so all do.
same 3 "$(docker service ps -q -f desired-state=running edge | wc -l)"
"#,
    );
    let host = c.sh("p-hive0", "nodes_of machine");
    c.sh(
        &host,
        "has init \"$(inside machine cat /proc/1/cmdline | tr '\\0' ' ')\"; inside machine test -d /run/lock",
    );
}

/// Versions of all services: a service that nobody touched keeps its own.
fn versions(c: &Cluster) -> String {
    c.sh(
        "p-hive0",
        "docker service inspect --format '{{.Spec.Name}} {{.Version.Index}}' $(docker service ls -q) | sort",
    )
}

fn unchanged(c: &Cluster) {
    let before = versions(c);
    has("unchanged", &told(c, &["deploy-services"]));
    assert_eq!(versions(c), before);
}

fn drift(c: &Cluster) {
    c.sh(
        "p-hive0",
        "update --env-add BY_HAND=1 web; docker service scale -d web=2 >/dev/null",
    );
    let before = versions(c);
    let plan = told(c, &["deploy-services", "--plan"]);
    has("BY_HAND", &plan);
    has("web", &plan);
    has("2", &plan);
    assert_eq!(versions(c), before, "--plan changed something");
    told(c, &["deploy-services"]);
    c.sh(
        "p-hive0",
        "lacks BY_HAND \"$(spec web)\"; within 30 runs web 3",
    );
    has("unchanged", &told(c, &["deploy-services"]));
}

fn scaled(c: &Cluster) {
    c.sh(
        "p-hive0",
        "docker service scale -d counted=3 >/dev/null; within 40 runs counted 3",
    );
    edit(c, "replicas: 3", "replicas: 4");
    told(c, &["deploy-services"]);
    c.sh("p-hive0", "within 40 runs web 4; runs counted 3");
    edit(c, "replicas: 4", "replicas: 3");
}

fn rolled_back(c: &Cluster) {
    edit(c, "  web:\n    image: box:1", "  web:\n    image: box:2");
    told(c, &["deploy-services", "-l", "web"]);
    c.sh("p-hive1", "within 30 says 192.168.77.6:8001/version two");
    told(c, &["rollback", "web"]);
    c.sh("p-hive1", "within 60 says 192.168.77.6:8001/version one");
    edit(c, "  web:\n    image: box:2", "  web:\n    image: box:1");
    told(c, &["deploy-services"]);
}

fn drained(c: &Cluster) {
    let host = c.sh("p-hive0", "nodes_of mover");
    c.sh(
        "p-hive0",
        &format!(
            "docker node update --availability drain {host} >/dev/null
             left() {{ [ \"$(nodes_of mover)\" != {host} ] && runs mover 1; }}
             within 60 left"
        ),
    );
    c.everywhere(
        "for a in 192.168.77.4 192.168.77.5 192.168.77.6; do within 20 says $a:8007/version one; done",
    );
    c.sh(
        "p-hive0",
        &format!("docker node update --availability active {host} >/dev/null; within 60 runs agent 3; within 30 runs edge 3"),
    );
}

fn seen(c: &Cluster) {
    let rows = c.ok(&["ps", "web"]);
    let tasks: Vec<&str> = rows
        .lines()
        .filter_map(|row| row.split_whitespace().next())
        .filter(|task| task.starts_with("web."))
        .collect();
    assert_eq!(tasks.len(), 3, "{rows}");
    let last = tasks[2];
    has("agent is here", &told(c, &["logs", "agent"]));
    has(
        "one",
        &c.ok(&["exec", tasks[1], "--", "cat", "/www/version"]),
    );
    let failed = c.hive(&["exec", "web", "--", "sh", "-c", "exit 7"]);
    assert_eq!(failed.status.code(), Some(7), "{}", said(&failed));
    has("p-hive1", &c.ok(&["ps", "agent"]));
    let file = c.path("carried");
    fs::write(&file, "carried over\n").unwrap();
    let there = format!("{last}:/www/carried");
    told(c, &["cp", "./carried", &there]);
    told(c, &["cp", &there, "./back"]);
    assert_eq!(
        fs::read_to_string(c.path("back")).unwrap(),
        "carried over\n"
    );
}

fn stack(c: &Cluster) {
    let file = "version: '3.8'
services:
  page:
    image: box:2
    ports: ['8009:80']
    networks: [inner]
    configs: [{source: note, target: /www/note}]
    deploy: {replicas: 2}
networks:
  inner:
configs:
  note: {file: ./note.txt}
";
    fs::write(c.path("shop.yml"), file).unwrap();
    fs::write(c.path("note.txt"), "of the stack\n").unwrap();
    told(c, &["stack", "deploy", "shop.yml", "shop"]);
    c.everywhere("within 30 says 127.0.0.1:8009/note 'of the stack'");
    c.sh("p-hive0", "same shop_page \"$(docker stack services --format '{{.Name}}' shop)\"; docker stack rm shop >/dev/null 2>&1");
}

/// The command speaks to the first host, as long as it answers.
fn manager_lost(c: &Cluster) {
    c.sh(
        "p-hive0",
        "for name in agent counted keeper mover names web; do update --env-add BY_HAND=1 $name; done",
    );
    let mut command = Command::new(hive_program())
        .arg("deploy-services")
        .current_dir(c.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(command.stderr.take().unwrap()).lines();
    let mut heard = String::new();
    let machine = Vm::attach(&c.path(".hive/private/run/p-hive0")).unwrap();
    let mut cut = false;
    while let Some(Ok(line)) = lines.next() {
        heard += &format!("{line}\n");
        if !cut && line.ends_with(" updated") {
            machine.power_cut().unwrap();
            cut = true;
        }
    }
    let code = command.wait().unwrap().code();
    println!("the power went while it ran; it ended with {code:?}:\n{heard}");
    assert!(cut, "nothing was updated");
    match code {
        Some(0) => {}
        Some(1) => has("error: ", &heard),
        _ => panic!("it ended with {code:?}"),
    }
    // The host is switched on again, and what was left is done.
    told(c, &["run", "--no-wait", "p-hive0"]);
    let seconds = hive_tests::swarm::patience().as_secs().to_string();
    told(c, &["setup-hosts", "--timeout", &seconds]);
    told(c, &["deploy-services"]);
    for name in ["agent", "counted", "keeper", "mover", "names", "web"] {
        c.sh("p-hive1", &format!("lacks BY_HAND \"$(spec {name})\""));
    }
    has("unchanged", &told(c, &["deploy-services"]));
}

fn removed(c: &Cluster) {
    told(c, &["deploy-services", "-D", "--yes"]);
    for kind in ["service", "secret", "config"] {
        assert_eq!(
            c.sh("p-hive1", &format!("docker {kind} ls -q")),
            "",
            "{kind}"
        );
    }
}
