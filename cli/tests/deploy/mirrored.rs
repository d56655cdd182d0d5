//! Mirrored volumes where no host makes its part: plans, records, refusals, and what is said of hosts that
//! report nothing.

use crate::machine::wait;
use crate::operator::{Operator, err, out};

const PLAIN: &str = "    - {source: data, target: /data, type: volume, driver: local}\n";
const NEW: &str = "+ volume db: 100 MiB, ext4, device /dev/drbd1, copies on p-hive0, p-hive1\n";

/// The line of a mirrored volume.
fn line(drbd: &str) -> String {
    format!("    - {{source: db, target: /db, type: volume, drbd: {{{drbd}}}}}\n")
}

pub fn volumes(operator: &Operator) {
    let good = operator.services();
    let with = |drbd: &str| good.replace(PLAIN, &format!("{PLAIN}{}", line(drbd)));

    refused(operator, &good, &with);
    operator.write_services(&with("fstype: ext4, size: 100M"));
    planned_and_written(operator);
    shown(operator);
    used_and_removed(operator);
    operator.write_services(&good);
}

/// Nothing is changed by any of these.
fn refused(operator: &Operator, good: &str, with: &dyn Fn(&str) -> String) {
    let twice = with("fstype: ext4, size: 100M").replace(
        "    ports: [{target_port: 80,",
        &format!(
            "    volumes:\n{}    ports: [{{target_port: 80,",
            line("fstype: ext4, size: 200M")
        ),
    );
    let many: String = (0..256)
        .map(|number| {
            format!(
                "    - {{source: v{number}, target: /v{number}, type: volume, drbd: {{fstype: ext4, size: 100M}}}}\n"
            )
        })
        .collect();
    let many = good.replace(PLAIN, &format!("{PLAIN}{many}"));
    let all = "fstype: ext4, size: 100M, diskless: [p-hive0, p-hive1, p-hive2]";
    let before = operator.connections();
    for (services, words) in [
        (twice, "has not the same size as at inventory/services.yml:"),
        (
            with("fstype: btrfs, size: 100M"),
            "must be one of xfs, ext4",
        ),
        (
            with("fstype: xfs, size: 100M"),
            "xfs needs 300 MiB at least",
        ),
        (with(all), "names every hive of the stage"),
        (many, "there is no device id left for volume `v255`"),
    ] {
        operator.write_services(&services);
        let told = operator.hive(&["build-volumes", "--timeout", "3"]);
        assert_eq!(told.status.code(), Some(1), "{}", err(&told));
        let told = err(&told);
        assert!(told.contains(words), "{words} in {told}");
        assert!(told.contains("--> inventory/services.yml:"), "{told}");
    }
    assert_eq!(operator.connections(), before, "nobody was connected to");

    operator.write_services(&with("fstype: ext4, size: 5G"));
    let told = operator.hive(&["build-volumes", "--timeout", "3"]);
    assert_eq!(told.status.code(), Some(1), "{}", err(&told));
    let large = "the whole pool of p-hive0 has 4 GiB";
    assert!(err(&told).contains(large), "{}", err(&told));
    operator.write_services(&with("fstype: ext4, size: 100M"));
    operator.volume_by_hand(1, "db");
    let told = operator.hive(&["build-volumes", "--timeout", "3"]);
    assert_eq!(told.status.code(), Some(1), "{}", err(&told));
    let clash = "docker on p-hive1 has a volume of driver local";
    assert!(err(&told).contains(clash), "{}", err(&told));
    operator.remove_volume(1, "db");
    let told = operator.hive(&["deploy-services", "-l", "gamma"]);
    assert_eq!(told.status.code(), Some(1), "{}", err(&told));
    let missing = "is mirrored, and the swarm has no record of it";
    assert!(err(&told).contains(missing), "{}", err(&told));
    assert_eq!(operator.configs().len(), 0);
}

fn planned_and_written(operator: &Operator) {
    let plan = operator.passes(&["build-volumes", "--plan"]);
    assert!(out(&plan).contains(NEW), "{}", out(&plan));
    assert_eq!(operator.configs().len(), 0);
    // No host does anything: the record is written, and each of its hosts is told of.
    let made = operator.hive(&["build-volumes", "--timeout", "3"]);
    assert_eq!(made.status.code(), Some(1), "{}", err(&made));
    assert!(out(&made).contains(NEW), "{}", out(&made));
    for words in [
        "volume db: the swarm knows",
        "mirrored volumes are not done after",
        "db on p-hive0: no word of it",
        "db on p-hive1: no word of it",
        "hint: a host that is out of reach does its part as soon as it is back",
    ] {
        assert!(err(&made).contains(words), "{words} in {}", err(&made));
    }
    let written = operator.configs();
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(names, ["hive.volume-secret", "hive.volume.db"]);
    let unchanged = "1 volume unchanged\n1 mirrored volume unchanged\n";
    let plan = operator.passes(&["build-volumes", "--plan"]);
    assert_eq!(out(&plan), unchanged);
    let again = operator.passes(&["build-volumes", "--detach"]);
    assert_eq!(out(&again), unchanged);
    assert_eq!(operator.configs(), written, "nothing was written");
    let json = operator.passes(&["build-volumes", "--plan", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        json["plan"]["mirrored"],
        serde_json::json!([{"name": "db", "action": "unchanged"}])
    );
}

fn shown(operator: &Operator) {
    let shown = operator.hive(&["volumes"]);
    assert_eq!(shown.status.code(), Some(1), "{}", err(&shown));
    let text = out(&shown);
    assert!(text.contains("db      100 MiB  /dev/drbd1 ext4"), "{text}");
    assert!(text.contains("0 of 2"), "{text}");
    assert!(text.contains("db: no word from p-hive0, p-hive1"), "{text}");
    let told = err(&shown);
    assert!(told.contains("p-hive2 says nothing of volumes"), "{told}");
    let doctor = operator.hive(&["doctor", "volumes"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", err(&doctor));
    let verify = operator.hive(&["volumes", "verify", "db"]);
    assert_eq!(verify.status.code(), Some(1), "{}", err(&verify));
    let silent = "p-hive0 says nothing of volume db";
    assert!(err(&verify).contains(silent), "{}", err(&verify));
    let unknown = operator.hive(&["volumes", "verify", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", err(&unknown));
}

fn used_and_removed(operator: &Operator) {
    let made = operator.passes(&["deploy-services", "-l", "gamma", "--detach"]);
    let text = out(&made);
    assert!(
        text.contains("node.labels.hive.volume.db == true"),
        "{text}"
    );
    assert!(text.contains("{\"Name\":\"drbd\"}"), "{text}");
    let again = operator.passes(&["deploy-services", "-l", "gamma", "--detach"]);
    assert_eq!(out(&again), "1 service unchanged\n");
    let before = operator.configs();
    let used = operator.hive(&["build-volumes", "-D", "-l", "db", "--yes"]);
    assert_eq!(used.status.code(), Some(1), "{}", err(&used));
    let user = "volume db is used by service gamma";
    assert!(err(&used).contains(user), "{}", err(&used));
    assert_eq!(operator.configs(), before, "nothing was removed");
    operator.passes(&["deploy-services", "-D", "-l", "gamma", "--yes"]);
    wait("the service to be gone", || {
        (!operator.versions().contains_key("gamma")).then_some(())
    });

    let asked = operator.hive(&["build-volumes", "-D", "-l", "db"]);
    assert_eq!(asked.status.code(), Some(2), "{}", err(&asked));
    assert_eq!(operator.configs(), before, "nobody confirmed");
    let removed = operator.hive(&["build-volumes", "-D", "-l", "db", "--yes", "--timeout", "3"]);
    assert_eq!(removed.status.code(), Some(1), "{}", err(&removed));
    let told = "- volume db: removed, with all that it holds\n";
    assert_eq!(out(&removed), told);
    assert!(
        err(&removed).contains("db on p-hive0: no word of it"),
        "{}",
        err(&removed)
    );
    let plan = operator.passes(&["build-volumes", "--plan", "-l", "db"]);
    assert_eq!(out(&plan), "- volume db: is being removed\n");
    // As the last host does.
    operator.remove_config("hive.volume.db");
    let gone = operator.passes(&["build-volumes", "-D", "-l", "db", "--yes"]);
    assert_eq!(out(&gone), "");
    operator.remove_config("hive.volume-secret");
}
