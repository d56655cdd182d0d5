//! A stack from a compose file on three engines in one swarm, over real ssh.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[allow(dead_code, reason = "the other test needs more of it")]
#[path = "../cluster/machine.rs"]
mod machine;
#[allow(dead_code, reason = "the other test needs more of it")]
#[path = "../deploy/operator.rs"]
mod operator;
#[allow(dead_code, reason = "the other test needs more of it")]
#[path = "../cluster/swarm.rs"]
mod swarm;

use std::fs;

use machine::{missing, wait};
use operator::{Operator, err, out};
use serde_json::Value;

const COMPOSE: &str = r#"version: "3.8"
services:
  web:
    image: tiny
    command: sleep 1000
    stop_grace_period: 1s
    container_name: web
    environment: {MODE: "${MODE:-first}"}
    secrets: [password]
    configs: [page]
    healthcheck: {test: [CMD, sleep, "0"], interval: 1s}
    deploy: {replicas: 2, update_config: {monitor: 1s}}
  agent:
    image: tiny
    command: [sleep, "1001"]
    stop_grace_period: 1s
    volumes: ["data:/data"]
    deploy: {mode: global, labels: {a: "1", b: "2", c: "3"}}
volumes: {data: {labels: {a: "1", b: "2", c: "3"}}}
secrets: {password: {file: password.txt}}
configs: {page: {name: page-1, file: page.txt}}
"#;
const FILE: &str = "shop/compose.yml";

#[test]
fn a_stack_is_deployed_changed_listed_and_removed() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let operator = Operator::start();
    let write = |name: &str, text: &str| fs::write(operator.path(name), text).unwrap();
    fs::create_dir(operator.path("shop")).unwrap();
    write("shop/password.txt", "geheim");
    write("shop/page.txt", "a page");

    // Mistakes are told before anybody is connected to.
    write(FILE, &COMPOSE.replace("replicas: 2", "replica: 2"));
    let told = operator.hive(&["stack", "deploy", FILE]);
    assert_eq!(told.status.code(), Some(1), "{}", err(&told));
    assert!(
        err(&told).starts_with("error: unknown key `replica`"),
        "{}",
        err(&told)
    );
    assert!(
        err(&told).contains("did you mean `replicas`?"),
        "{}",
        err(&told)
    );
    let told = operator.hive(&["stack", "deploy"]);
    assert_eq!(told.status.code(), Some(2), "{}", err(&told));
    assert_eq!(operator.connections(), 0, "nobody was connected to");

    write(FILE, COMPOSE);
    let plan = operator.passes(&["stack", "deploy", FILE, "--plan"]);
    for line in [
        "+ create network shop_default\n",
        "+ create secret shop_password-",
        "+ create config page-1\n",
        "+ create service shop_web\n",
        "    environment.MODE: first\n",
    ] {
        assert!(out(&plan).contains(line), "{line} in {}", out(&plan));
    }
    assert!(
        err(&plan).contains("shop/compose.yml:7:5"),
        "{}",
        err(&plan)
    );
    assert_eq!(operator.versions().len(), 0);

    let done = operator.passes(&["stack", "deploy", FILE]);
    assert!(
        err(&done).contains("shop_web 2/2 running"),
        "{}",
        err(&done)
    );
    assert!(
        err(&done).contains("shop_agent 3/3 running"),
        "{}",
        err(&done)
    );
    let first = operator.versions();
    for _ in 0..2 {
        let again = operator.passes(&["stack", "deploy", FILE]);
        assert!(
            out(&again).contains("2 services unchanged"),
            "{}",
            out(&again)
        );
    }
    assert_eq!(operator.versions(), first);

    listed(&operator);

    // Only what changes is changed; a new content has a new name.
    write(FILE, &COMPOSE.replace("first", "second"));
    let changed = operator.passes(&["stack", "deploy", "-c", FILE, "shop"]);
    assert!(
        out(&changed).contains("environment.MODE: first → second"),
        "{}",
        out(&changed)
    );
    let second = operator.versions();
    assert_eq!(second["shop_agent"], first["shop_agent"]);
    assert_ne!(second["shop_web"], first["shop_web"]);
    write("shop/password.txt", "geheimer");
    let rotated = operator.passes(&["stack", "deploy", FILE]);
    assert!(
        out(&rotated).contains("+ create secret shop_password-"),
        "{}",
        out(&rotated)
    );
    assert!(
        out(&rotated).contains("~ update service shop_web\n"),
        "{}",
        out(&rotated)
    );

    // Under a name of its own it can't be.
    write("shop/page.txt", "another page");
    let blocked = operator.hive(&["stack", "deploy", FILE]);
    assert_eq!(blocked.status.code(), Some(1), "{}", out(&blocked));
    assert!(
        err(&blocked).contains("config page-1: it has a fixed name"),
        "{}",
        err(&blocked)
    );
    write("shop/page.txt", "a page");

    // A file without the service: it stays until it is asked to go.
    write(
        "shop/more.yml",
        "services: {more: {image: tiny, command: [sleep, '9']}}\n",
    );
    let more = [
        "stack",
        "deploy",
        "-f",
        FILE,
        "-f",
        "shop/more.yml",
        "--detach",
        "shop",
    ];
    operator.passes(&more);
    let stays = operator.passes(&["stack", "deploy", FILE]);
    assert!(
        out(&stays).contains("service shop_more is not in the file any more"),
        "{}",
        out(&stays)
    );
    let gone = operator.passes(&["stack", "deploy", FILE, "--prune"]);
    assert!(
        out(&gone).contains("- remove service shop_more"),
        "{}",
        out(&gone)
    );

    let asked = operator.hive(&["stack", "rm", "shop"]);
    assert_eq!(asked.status.code(), Some(2), "{}", err(&asked));
    operator.passes(&["stack", "rm", "shop", "--yes"]);
    assert_eq!(operator.versions().len(), 0);
    let stacks = operator.passes(&["stack", "ls", "--json"]);
    let stacks: Value = serde_json::from_str(&out(&stacks)).unwrap();
    assert_eq!(stacks["stacks"], serde_json::json!([]));
    // The other engines list its network until they let go of their part.
    wait("all engines to know no stack", || {
        let again = operator.hive(&["stack", "rm", "shop", "--yes"]);
        let none = err(&again).contains("the swarm has no stack `shop`");
        assert!(none || again.status.success(), "{}", err(&again));
        none.then_some(())
    });
    assert_eq!(operator.swarm.left(), [""; 0]);
}

fn listed(operator: &Operator) {
    let json =
        |args: &[&str]| -> Value { serde_json::from_str(&out(&operator.passes(args))).unwrap() };
    let stacks = json(&["stack", "ls", "--json"]);
    let expected = serde_json::json!([{"name": "shop", "services": 2, "running": 5, "wanted": 5}]);
    assert_eq!(stacks["stacks"], expected);
    let services = json(&["stack", "services", "shop", "--json"]);
    assert_eq!(services["services"][0]["mode"], "global");
    assert_eq!(services["services"][1]["image"], "tiny");
    let tasks = json(&["stack", "ps", "shop", "--json"]);
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 5);
    let table = out(&operator.passes(&["stack", "services", "shop"]));
    assert!(table.starts_with("SERVICE"), "{table}");
    let unknown = operator.hive(&["stack", "ps", "shpo"]);
    assert!(err(&unknown).contains("it has shop"), "{}", err(&unknown));
}
