//! A fourth host that may not be a manager.

use hive_inventory::node::SwarmRole;
use hive_tests::Site;

#[test]
#[ignore = "takes minutes"]
fn it_joins_as_a_worker() {
    let site = Site::new();
    site.edit(
        "number_of_hosts: 3",
        "number_of_hosts: 4\n    number_of_managers: 3",
    );
    site.ok(&["bake"]);
    for name in ["p-hive3", "p-hive0", "p-hive1", "p-hive2"] {
        site.host(name).start();
    }
    site.joined();
    let nodes = site.host("p-hive0").nodes();
    let kinds: Vec<bool> = nodes.iter().map(|n| !n.manager.is_empty()).collect();
    assert_eq!(kinds, [true, true, true, false], "{nodes:?}");
    let status = site.host("p-hive3").status();
    assert_eq!(status.swarm.unwrap().role, SwarmRole::Worker);
}
