//! The power goes for all hosts at once, and comes back.

use hive_tests::Site;

#[test]
fn after_all_lost_power_at_once_they_are_the_same_swarm() {
    let site = Site::baked();
    let names = ["p-hive0", "p-hive1", "p-hive2"];
    for name in names {
        site.host(name).start();
    }
    site.joined();
    let before = site.host("p-hive0").nodes();
    for name in names {
        site.host(name).power_cut();
    }
    // The last one first.
    for name in names.iter().rev() {
        site.host(name).start();
    }
    site.joined();
    let after = site.host("p-hive0").nodes();
    for name in names {
        let pool = site
            .host(name)
            .sh("lvs --noheadings -o lv_attr drbdvg/drbdpool");
        assert!(
            pool.starts_with("twi-a"),
            "{name}'s pool is not active: {pool}"
        );
    }
    let ids = |nodes: &[hive_tests::swarm::Entry]| -> Vec<String> {
        nodes.iter().map(|n| n.id.clone()).collect()
    };
    assert_eq!(ids(&after), ids(&before), "{after:?}");
    assert!(
        after
            .iter()
            .all(|n| n.state == "Ready" && !n.manager.is_empty()),
        "{after:?}"
    );
}
