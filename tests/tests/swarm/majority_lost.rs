//! Two of three hosts get new disks with seeds from before the site was founded, while the third is off.

use std::time::Duration;

use hive_inventory::node::SwarmRole;
use hive_tests::Site;
use hive_tests::swarm::eventually;

#[test]
#[ignore = "takes minutes"]
fn two_new_disks_wait_for_the_third_host_and_a_person_recovers() {
    let site = Site::baked();
    let names = ["p-hive0", "p-hive1", "p-hive2"];
    for name in names {
        site.host(name).start();
    }
    site.joined();
    let third = site.host("p-hive2");
    let before = third.nodes();
    third.sh("docker network create --driver overlay kept >/dev/null");
    // The majority that wrote it down may not include the third host yet; the next heartbeats tell it.
    std::thread::sleep(Duration::from_secs(20));
    for name in names {
        site.host(name).power_cut();
    }
    // Old sticks: what was learned since is not on them.
    std::fs::remove_file(site.path(".hive/private/swarm.json")).unwrap();
    for name in &names[..2] {
        site.host(name).start_fresh();
    }
    for name in &names[..2] {
        site.host(name).waits_for("p-hive2");
        let status = site.host(name).status();
        assert_eq!(status.swarm.unwrap().role, SwarmRole::Blank, "{name}");
    }

    // The third knows the swarm, and alone is no majority of it.
    third.start();
    third.waits_for("hive recover");
    eventually("the new disks to know the third host's swarm", || {
        let status = site.host("p-hive0").asked()?;
        let swarm = status.swarm.unwrap();
        (swarm.role == SwarmRole::Joining)
            .then_some(())
            .ok_or(format!("{swarm:?}"))
    });
    let refused = site.hive(&["recover", "p-hive2"]);
    assert_eq!(refused.status.code(), Some(2), "it did not ask first");
    site.ok(&["recover", "--yes", "p-hive2"]);
    site.joined();
    let after = third.nodes();
    assert_eq!(after.len(), 3, "{after:?}");
    assert_eq!(after[2].id, before[2].id, "{after:?}");
    assert!(third.sh("docker network ls").contains("kept"));
}
