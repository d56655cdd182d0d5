//! A site's services on three engines in one swarm, over real ssh.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[allow(dead_code, reason = "the other test needs more of it")]
#[path = "../cluster/machine.rs"]
mod machine;
mod mirrored;
mod operator;
#[allow(dead_code, reason = "the other test needs more of it")]
#[path = "../cluster/swarm.rs"]
mod swarm;

use std::fs;

use machine::{missing, wait};
use operator::{Operator, err, out};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn a_sites_services_are_deployed_and_stay_as_its_files_say() {
    if let Some(why) = missing() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let operator = Operator::start();
    mistakes(&operator);
    plan_alone(&operator);
    networks_and_volumes(&operator);
    mirrored::volumes(&operator);
    first_time(&operator);
    second_time(&operator);
    drift(&operator);
    one_service_and_back(&operator);
    no_place(&operator);
    interrupted(&operator);
    two_at_once(&operator);
    lost_connection(&operator);
    all_phases(&operator);
    removal(&operator);
    assert_eq!(operator.swarm.left(), [""; 0]);
}

/// Nobody is connected to before all files are read.
fn mistakes(operator: &Operator) {
    let good = operator.services();
    operator.write_services(&good.replace("replicas: 2", "replicas: two"));
    for command in ["deploy-services", "build-networks", "build-volumes"] {
        let told = operator.hive(&[command]);
        assert_eq!(told.status.code(), Some(1), "{}", err(&told));
        assert!(
            err(&told).contains("inventory/services.yml:"),
            "{}",
            err(&told)
        );
    }
    operator.write_services(&good.replace("content: hello", "environment: NOT_SET"));
    let told = err(&operator.hive(&["deploy-services"]));
    assert!(
        told.contains("config `motd` (inventory/services.yml:")
            && told.contains("NOT_SET is not set"),
        "{told}"
    );
    operator.write_services(&good);
    let unknown = operator.hive(&["deploy-services", "-l", "alhpa"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", err(&unknown));
    assert!(err(&unknown).contains("has no service `alhpa`; it has alpha, beta"));
    assert_eq!(operator.connections(), 0, "nobody was connected to");
}

fn plan_alone(operator: &Operator) {
    fs::remove_dir_all(operator.path("secrets")).ok();
    fs::remove_file(operator.path(".hive/private/secrets.key")).ok();
    let plan = operator.passes(&["deploy-services", "--plan"]);
    for line in [
        "+ create network back\n",
        "+ create volume data on p-hive1\n",
        "+ create service alpha\n",
        "    environment.MODE: first\n",
        "+ create secret password-",
    ] {
        assert!(out(&plan).contains(line), "{line} in {}", out(&plan));
    }
    assert!(!operator.path("secrets").exists());
    assert!(!operator.path(".hive/private/secrets.key").exists());
    assert_eq!(operator.versions().len(), 0);
}

fn networks_and_volumes(operator: &Operator) {
    let made = operator.passes(&["build-networks"]);
    assert!(out(&made).contains("+ create network back\n"), "{made:?}");
    let again = operator.passes(&["build-networks"]);
    assert_eq!(out(&again), "2 networks unchanged\n");
    let made = operator.passes(&["build-volumes"]);
    assert!(
        out(&made).contains("+ create volume data on p-hive2\n"),
        "{made:?}"
    );
    let again = operator.passes(&["build-volumes"]);
    assert_eq!(out(&again), "1 volume unchanged\n");
}

fn first_time(operator: &Operator) {
    let made = operator.passes(&["deploy-services"]);
    assert_eq!(out(&made).matches("+ create service ").count(), 6);
    assert!(!out(&made).contains("create network"), "{}", out(&made));
    assert!(err(&made).contains("alpha 2/2 running"), "{}", err(&made));
    assert!(err(&made).contains("beta 3/3 running"), "{}", err(&made));
    let kept = fs::read_to_string(operator.path(".hive/persistents.yml")).unwrap();
    assert!(
        kept.contains("delta:80/tcp") && kept.contains("61001"),
        "{kept}"
    );
    let secret = fs::read_to_string(operator.path("secrets/private/password")).unwrap();
    assert!(secret.starts_with("hive secret 1\n"), "{secret}");
    let read = operator.passes(&[
        "exec",
        "alpha",
        "--",
        "cat",
        "/run/secrets/password",
        "/motd",
    ]);
    let read = out(&read);
    assert!(read.len() == 25 && read.ends_with("hello"), "{read}");
}

fn second_time(operator: &Operator) {
    let versions = operator.versions();
    let files = operator.files();
    let again = operator.passes(&["deploy-services"]);
    assert_eq!(out(&again), "6 services unchanged\n");
    let json = operator.passes(&["deploy-services", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    let report = &json["deployment"];
    assert_eq!(report["steps"].as_array().unwrap().len(), 0);
    let steps = report["plan"]["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["action"] == "unchanged"));
    eprintln!(
        "connected in {} ms, planned in {} ms",
        report["connected_ms"], report["planned_ms"]
    );
    assert_eq!(operator.versions(), versions, "nothing was written");
    assert_eq!(operator.files(), files, "nothing was written here");
}

fn drift(operator: &Operator) {
    operator.label_by_hand("gamma");
    let plan = operator.passes(&["deploy-services", "-C"]);
    let text = out(&plan);
    assert!(
        text.contains("~ update service gamma\n    labels.by: hand → (nothing)\n")
            && text.contains("= 5 services unchanged: alpha, beta"),
        "{text}"
    );
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
}

fn one_service_and_back(operator: &Operator) {
    let before = operator.versions();
    operator.mode("second");
    let one = operator.passes(&["deploy-services", "-l", "alpha"]);
    let change = "~ update service alpha\n    environment.MODE: first → second\n";
    assert!(out(&one).contains(change), "{}", out(&one));
    let after = operator.versions();
    for name in ["beta", "gamma", "delta"] {
        assert_eq!(before[name], after[name]);
    }
    let back = operator.passes(&["rollback", "alpha"]);
    assert!(err(&back).contains("alpha 2/2 running"), "{}", err(&back));
    let unknown = operator.hive(&["rollback", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2));
    let plan = operator.passes(&["deploy-services", "--plan", "-l", "alpha"]);
    assert!(out(&plan).contains(change), "{}", out(&plan));
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
}

fn no_place(operator: &Operator) {
    let good = operator.services();
    let nowhere =
        "    placement: {constraints: ['node.hostname == p-hive9']}\n    mode: replicated";
    operator.write_services(&good.replacen("    mode: replicated", nowhere, 1));
    let failed = operator.hive(&["deploy-services"]);
    let told = err(&failed);
    assert_eq!(failed.status.code(), Some(1), "{told}");
    assert!(
        told.contains("1 of 1 services did not come to run")
            && told.contains("no suitable node (scheduling constraints"),
        "{told}"
    );
    operator.write_services(&good);
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
}

fn interrupted(operator: &Operator) {
    operator.mode("third");
    let child = operator.until(&["deploy-services"], " updated");
    kill_process(Pid::from_child(&child.process), Signal::INT).unwrap();
    let (code, told) = child.end();
    assert_eq!(code, Some(130), "{told}");
    assert!(
        told.contains("interrupted") && told.contains("unning the command again"),
        "{told}"
    );
    assert_eq!(operator.swarm.left(), [""; 0], "after Ctrl-C");
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
}

fn two_at_once(operator: &Operator) {
    operator.mode("fourth");
    let one = operator.spawn(&["deploy-services"]);
    let other = operator.spawn(&["deploy-services"]);
    for child in [one, other] {
        let output = child.wait_with_output().unwrap();
        let told = err(&output);
        let clear = output.status.success()
            || (output.status.code() == Some(1) && told.contains("changed by somebody else"));
        assert!(clear, "{:?} {told}", output.status.code());
    }
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
}

/// It goes on through another manager, or says what was lost.
fn lost_connection(operator: &Operator) {
    operator.mode("fifth");
    let child = operator.until(&["deploy-services"], " updated");
    for ssh in operator.swarm.forwarders() {
        // One may have ended by itself.
        kill_process(Pid::from_raw(ssh).unwrap(), Signal::KILL).ok();
    }
    let (code, told) = child.end();
    match code {
        Some(0) => eprintln!("went on through another connection"),
        _ => assert!(code == Some(1) && told.contains("lost"), "{code:?} {told}"),
    }
    operator.passes(&["deploy-services"]);
    operator.is_unchanged();
    assert_eq!(operator.swarm.left(), [""; 0]);
}

fn all_phases(operator: &Operator) {
    let all = operator.passes(&["all", "-S", "build-volumes"]);
    for phase in ["build-volumes", "build-networks", "deploy-services"] {
        assert!(
            err(&all).contains(&format!("PHASE {phase} END")),
            "{}",
            err(&all)
        );
    }
    assert!(out(&all).contains("6 services unchanged"), "{}", out(&all));
}

fn removal(operator: &Operator) {
    let used = operator.hive(&["build-volumes", "-D", "--yes"]);
    assert_eq!(used.status.code(), Some(1));
    assert!(
        err(&used).contains("volume data is mounted by service gamma"),
        "{}",
        err(&used)
    );
    let asked = operator.hive(&["deploy-services", "-D"]);
    assert_eq!(asked.status.code(), Some(2), "{}", err(&asked));
    assert_eq!(operator.versions().len(), 6);
    let one = operator.passes(&["deploy-services", "-D", "-l", "zeta", "--yes"]);
    assert!(out(&one).contains("- remove service zeta"), "{}", out(&one));
    assert_eq!(operator.versions().len(), 5);
    operator.passes(&["deploy-services", "-D", "--yes"]);
    assert_eq!(operator.versions().len(), 0);
    wait("the volume to be free", || {
        let removed = operator.hive(&["build-volumes", "-D", "--yes"]);
        removed.status.success().then_some(())
    });
    // What a service needs and is not there comes along with it.
    operator.remove_network("back");
    let made = operator.passes(&["deploy-services", "-l", "gamma"]);
    for line in [
        "+ create network back\n",
        "+ create volume data on p-hive1\n",
    ] {
        assert!(out(&made).contains(line), "{line} in {}", out(&made));
    }
    assert!(err(&made).contains("gamma 1/1 running"), "{}", err(&made));
    operator.passes(&["deploy-services", "-D", "--yes"]);
    wait("the volume to be free", || {
        let removed = operator.hive(&["build-volumes", "-D", "--yes"]);
        removed.status.success().then_some(())
    });
    let plan = operator.passes(&["build-volumes", "-C"]);
    assert!(
        out(&plan).contains("+ create volume data on p-hive0"),
        "{plan:?}"
    );
}
