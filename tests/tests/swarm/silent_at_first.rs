//! One host is silent at the very first start.

use hive_tests::Site;
use hive_tests::swarm::eventually;

#[test]
#[ignore = "takes minutes"]
fn the_others_wait_until_a_person_founds_without_it() {
    let site = Site::baked();
    for name in ["p-hive0", "p-hive1"] {
        site.host(name).start();
    }
    for name in ["p-hive0", "p-hive1"] {
        site.host(name).waits_for("p-hive2");
    }
    let silent = &site.statuses()["p-hive2.hive.example"];
    assert!(silent["status"].is_null(), "{silent}");

    let words = ["found", "--without", "p-hive1", "--yes"];
    let refusal = site.refused(&words);
    assert!(refusal.contains("p-hive1"), "it answers: {refusal}");
    site.ok(&["found", "--without", "p-hive2", "--yes"]);
    eventually("a swarm of the two", || {
        let nodes = site.host("p-hive0").try_sh("docker node ls -q | wc -l")?;
        (nodes == "2").then_some(()).ok_or(nodes)
    });
    // Two managers die with either of them.
    let managers = site
        .host("p-hive0")
        .nodes()
        .iter()
        .filter(|n| !n.manager.is_empty())
        .count();
    assert_eq!(managers, 1);

    // The third comes late, and finds the swarm.
    site.host("p-hive2").start();
    site.joined();
    assert_eq!(site.host("p-hive2").nodes().len(), 3);
}
