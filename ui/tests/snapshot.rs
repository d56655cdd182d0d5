//! What is read out of an engine's lists, and what is left out.

#![allow(clippy::unwrap_used)]

mod swarm;

use hive_ui::snapshot::{About, HostState, Phase, Problem, Severity, Snapshot};
use serde_json::json;
use swarm::Swarm;

fn about_service<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<&'a Problem> {
    let about = About::Service(name.to_owned());
    snapshot
        .problems
        .iter()
        .filter(|problem| problem.about == about)
        .collect()
}

fn only<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Problem {
    let found = about_service(snapshot, name);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[test]
fn a_swarm_in_order_has_no_problems() {
    let mut swarm = Swarm::new(3);
    swarm.running("web", 3, json!({}));
    let snapshot = swarm.snapshot();
    assert_eq!(snapshot.problems, []);
    assert_eq!(snapshot.swarm.leader.as_deref(), Some("h1"));
    assert_eq!(
        (snapshot.swarm.managers_reachable, snapshot.swarm.may_fail),
        (3, 1)
    );
    let web = &snapshot.services[0];
    assert_eq!((web.running, web.wanted), (3, 3));
    assert_eq!(web.image, "registry.example:5000/image_web:latest");
    assert!(web.digest.as_deref().unwrap().starts_with("sha256:"));
}

#[test]
fn nothing_that_may_be_secret_reaches_the_page() {
    let mut swarm = Swarm::new(1);
    swarm.running("web", 1, json!({
        "Labels": {"traefik.http.middlewares.a.basicauth.users": "admin:S3CRET", "db.PASSWORD": "S3CRET", "team": "shop"},
        "TaskTemplate": {
            "LogDriver": {"Name": "splunk", "Options": {"splunk-token": "S3CRET"}},
            "ContainerSpec": {
                "Env": ["PASSWORD=S3CRET", "URL=http://u:S3CRET@db/?a=b", "EMPTY"],
                "Command": ["serve", "--key=S3CRET"], "Args": ["S3CRET"],
                "Labels": {"x": "S3CRET"},
                "HealthCheck": {"Test": ["CMD", "curl", "-uadmin:S3CRET"]},
                "Secrets": [{"SecretID": "1", "SecretName": "db-password-1a2b3c4d", "File": {"Name": "db"}}],
                "Configs": [{"ConfigID": "1", "ConfigName": "nginx-1a2b3c4d"}],
                "Mounts": [{"Type": "volume", "Source": "data", "Target": "/data",
                    "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"o": "password=S3CRET"}}}}],
            },
        },
    }));
    let task = swarm.tasks.last_mut().unwrap();
    task["Spec"]["ContainerSpec"]["Env"] = json!(["PASSWORD=S3CRET"]);
    let snapshot = swarm.snapshot();
    let json = serde_json::to_string(&snapshot).unwrap();
    assert!(!json.contains("S3CRET"), "{json}");
    let web = &snapshot.services[0];
    assert_eq!(web.environment, ["EMPTY", "PASSWORD", "URL"]);
    assert_eq!(web.secrets, ["db-password-1a2b3c4d"]);
    assert_eq!(web.configs, ["nginx-1a2b3c4d"]);
    assert_eq!(web.labels["team"], "shop");
    assert_eq!(web.labels["db.PASSWORD"], "(concealed)");
    assert_eq!(web.log_driver.as_deref(), Some("splunk"));
    assert!(web.health_check);
}

#[test]
fn an_image_that_no_host_has_is_told_with_the_hosts_and_the_next_step() {
    let mut swarm = Swarm::new(3);
    swarm.service("web", 2, json!({}));
    for (slot, host) in [(1, "h1"), (2, "h2")] {
        swarm.failed(
            "web",
            slot,
            host,
            3,
            "No such image: registry.example:5000/image_web:latest",
        );
        swarm.failed(
            "web",
            slot,
            host,
            2,
            "No such image: registry.example:5000/image_web:latest",
        );
        swarm.task("web", slot, host, "preparing", 0);
    }
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "web");
    assert_eq!(problem.severity, Severity::Error);
    assert_eq!(problem.title, "web: 0 of 2 running");
    assert_eq!(
        problem.reasons,
        [
            "h1 does not have the image registry.example:5000/image_web:latest and could not pull it (2 tasks, on h1 and h2)"
        ]
    );
    assert!(
        problem.next[0]
            .contains("`hive ssh -t h1 -- docker pull registry.example:5000/image_web:latest`")
    );
    assert_eq!(
        problem.said,
        ["No such image: registry.example:5000/image_web:latest"]
    );
}

#[test]
fn no_suitable_node_is_taken_apart_reason_by_reason() {
    let mut swarm = Swarm::new(3);
    swarm.service(
        "db",
        1,
        json!({"TaskTemplate": {"Placement": {"Constraints": ["node.labels.ssd==true"]}}}),
    );
    let said = "no suitable node (scheduling constraints not satisfied on 2 nodes; insufficient resources on 1 node)";
    swarm.task("db", 1, "", "pending", 5)["Status"]["Err"] = json!(said);
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "db");
    assert_eq!(
        problem.reasons,
        [
            "No host can take it: 2 hosts do not meet node.labels.ssd==true; 1 host does not have the memory or processors that it reserves free."
        ]
    );
    assert_eq!(
        problem.next,
        [
            "Give a host the label or role that is asked for, or change the placement; lower its reservations, or free a host."
        ]
    );
    let task = &snapshot.tasks[0];
    assert_eq!((task.phase, task.host.as_deref()), (Phase::Waiting, None));
}

#[test]
fn a_service_that_is_restarted_again_and_again_is_told_though_it_runs_now() {
    let mut swarm = Swarm::new(1);
    swarm.service("mail", 1, json!({}));
    for minutes in [9, 6, 3] {
        swarm.failed(
            "mail",
            1,
            "h1",
            minutes,
            "task: non-zero exit (137): dockerexec: unhealthy container",
        );
    }
    swarm.task("mail", 1, "h1", "running", 1);
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "mail");
    assert_eq!(problem.severity, Severity::Warning);
    assert_eq!(
        problem.title,
        "mail is restarted again and again: 3 failures in 15 minutes"
    );
    assert!(
        problem.reasons[0].contains("health check failed"),
        "{problem:?}"
    );
    assert!(problem.next[0].contains("start_period"));
}

#[test]
fn failures_of_long_ago_are_history_and_no_problem() {
    let mut swarm = Swarm::new(1);
    swarm.service("mail", 1, json!({}));
    for minutes in [90, 80, 70, 60] {
        swarm.failed("mail", 1, "h1", minutes, "task: non-zero exit (1)");
    }
    swarm.task("mail", 1, "h1", "running", 59);
    let snapshot = swarm.snapshot();
    assert_eq!(snapshot.problems, []);
    assert_eq!(snapshot.tasks.len(), 5);
    assert_eq!(snapshot.tasks.iter().filter(|task| task.current).count(), 1);
}

#[test]
fn tasks_on_their_way_are_a_notice_first_and_a_warning_when_it_takes_long() {
    let severity = |minutes| {
        let mut swarm = Swarm::new(1);
        swarm.service("web", 1, json!({}));
        swarm.task("web", 1, "h1", "preparing", minutes);
        let snapshot = swarm.snapshot();
        only(&snapshot, "web").severity
    };
    assert_eq!(severity(0), Severity::Notice);
    assert_eq!(severity(10), Severity::Warning);
}

#[test]
fn a_lost_host_is_told_since_when_and_its_tasks_do_not_count_as_running() {
    let mut swarm = Swarm::new(3);
    swarm.service("web", 3, json!({}));
    for (slot, host) in [(1, "h1"), (2, "h2"), (3, "h3")] {
        swarm.task("web", slot, host, "running", 60);
    }
    swarm.down("h3", 7);
    let snapshot = swarm.snapshot();
    let about = About::Host("h3".into());
    let problem = snapshot
        .problems
        .iter()
        .find(|problem| problem.about == about)
        .unwrap();
    assert_eq!(problem.title, "h3 is down");
    assert_eq!(problem.since, Some(swarm.now - 7 * swarm::MINUTE));
    assert!(problem.next[0].contains("10.0.3.3"));
    assert_eq!(problem.said, ["heartbeat failure"]);
    assert_eq!(snapshot.services[0].running, 2);
    let titles: Vec<&str> = snapshot
        .problems
        .iter()
        .map(|problem| problem.title.as_str())
        .collect();
    assert!(
        titles.contains(&"No further manager may fail"),
        "{titles:?}"
    );
}

#[test]
fn a_lost_majority_comes_first() {
    let mut swarm = Swarm::new(3);
    swarm.down("h2", 1);
    swarm.down("h3", 1);
    let snapshot = swarm.snapshot();
    let problem = snapshot
        .problems
        .iter()
        .find(|problem| problem.about == About::Swarm)
        .unwrap();
    assert_eq!(problem.title, "The managers have lost their majority");
    assert!(problem.reasons[0].starts_with("1 of 3 managers reachable, 2 needed"));
    assert_eq!(snapshot.problems[0].about, About::Swarm);
    assert!(
        snapshot
            .hosts
            .iter()
            .any(|host| host.state == HostState::Down)
    );
}

#[test]
fn a_host_that_came_back_and_gets_nothing_is_told() {
    let mut swarm = Swarm::new(3);
    swarm.service("web", 4, json!({}));
    for slot in 1..=4 {
        swarm.task(
            "web",
            slot,
            if slot % 2 == 0 { "h1" } else { "h2" },
            "running",
            60,
        );
    }
    let snapshot = swarm.snapshot();
    assert_eq!(snapshot.problems[0].title, "h3 runs no replicated task");
    assert_eq!(snapshot.problems[0].severity, Severity::Notice);
}

#[test]
fn a_task_that_ended_and_stays_ended_explains_why_nothing_runs() {
    let mut swarm = Swarm::new(1);
    swarm.service(
        "once",
        1,
        json!({"TaskTemplate": {"RestartPolicy": {"Condition": "none"}}}),
    );
    swarm.task("once", 1, "h1", "complete", 3);
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "once");
    assert_eq!(problem.severity, Severity::Notice);
    assert!(problem.reasons[0].contains("ended well"), "{problem:?}");
}

#[test]
fn a_global_service_is_counted_by_its_hosts() {
    let mut swarm = Swarm::new(3);
    swarm.service(
        "agent",
        0,
        json!({"Mode": {"Global": {}, "Replicated": null}}),
    );
    for host in ["h1", "h2", "h3"] {
        swarm.task("agent", 0, host, "running", 60);
    }
    let snapshot = swarm.snapshot();
    let agent = &snapshot.services[0];
    assert_eq!((agent.running, agent.wanted), (3, 3));
    assert_eq!(snapshot.tasks[0].slot, None);
    assert_eq!(snapshot.problems, []);
}

#[test]
fn a_start_first_update_counts_each_slot_once() {
    let mut swarm = Swarm::new(2);
    swarm.service("web", 1, json!({}));
    swarm.task("web", 1, "h1", "running", 60);
    swarm.task("web", 1, "h2", "running", 0);
    let snapshot = swarm.snapshot();
    assert_eq!(
        (snapshot.services[0].running, snapshot.services[0].wanted),
        (1, 1)
    );
}

#[test]
fn an_update_that_stopped_or_went_back_is_told() {
    let mut swarm = Swarm::new(1);
    swarm.running("web", 1, json!({}));
    swarm.told("web")["UpdateStatus"] =
        json!({"State": "rollback_completed", "Message": "rollback completed"});
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "web");
    assert_eq!(problem.title, "web went back to its earlier definition");
    assert_eq!(problem.said, ["rollback completed"]);
}

#[test]
fn networks_name_their_services_and_ports_are_those_that_are_open() {
    let snapshot = Swarm::big().snapshot();
    let network = |name: &str| {
        snapshot
            .networks
            .iter()
            .find(|network| network.name == name)
            .unwrap()
    };
    assert_eq!(network("ingress").services, ["pdns", "web"]);
    assert!(network("shop_backend").encrypted && network("shop_backend").internal);
    assert!(
        network("shop_backend")
            .services
            .contains(&"billing".to_owned())
    );
    let web = snapshot
        .services
        .iter()
        .find(|service| service.name == "web")
        .unwrap();
    assert_eq!(
        (
            web.ports[0].published,
            web.ports[0].target,
            web.ports[0].host_mode
        ),
        (443, 8443, false)
    );
}

#[test]
fn words_that_are_not_known_are_shown_as_they_are() {
    let mut swarm = Swarm::new(1);
    swarm.service("odd", 1, json!({}));
    swarm.failed("odd", 1, "h1", 1, "the frobnicator is out of cheese");
    swarm.task("odd", 1, "h1", "ready", 0);
    let snapshot = swarm.snapshot();
    let problem = only(&snapshot, "odd");
    assert_eq!(problem.said, ["the frobnicator is out of cheese"]);
    assert!(problem.next[0].contains("`hive logs odd`"));
}

#[test]
fn known_words_have_an_explanation_of_their_own() {
    for (said, title) in [
        ("task: non-zero exit (1)", "ended with exit code 1"),
        ("task: non-zero exit (127)", "ended with exit code 127"),
        (
            "invalid mount config for type \"bind\": bind source path does not exist: /srv/data",
            "no folder /srv/data to mount",
        ),
        (
            "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
            "a port is taken",
        ),
        (
            "write /var/lib/docker/tmp/x: no space left on device",
            "no space left",
        ),
        (
            "starting container failed: OCI runtime create failed: exec: \"serve\": executable file not found in $PATH",
            "the program is not in the image",
        ),
        (
            "exec /serve: exec format error",
            "the image is for another processor",
        ),
        (
            "pull access denied for shop/web, repository does not exist",
            "no access to the image",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit",
            "the registry allows no more pulls",
        ),
        (
            "error while mounting volume '/x': VolumeDriver.Mount: held by h2",
            "a volume could not be mounted",
        ),
        ("network shop_backend not found", "a network is missing"),
        (
            "could not find an available IP",
            "a network has no address left",
        ),
        ("context deadline exceeded", "the engine was too slow"),
        (
            "x509: certificate signed by unknown authority",
            "the registry's certificate is not trusted",
        ),
    ] {
        let mut swarm = Swarm::new(1);
        swarm.service("web", 1, json!({}));
        swarm.failed("web", 1, "h1", 1, said);
        let failure = swarm.snapshot().tasks[0].failure.clone().unwrap();
        assert_eq!(failure.title, title, "{said}");
        assert_eq!(failure.said, said);
        assert!(
            !failure.next.is_empty() && failure.next.ends_with('.'),
            "{failure:?}"
        );
    }
}
