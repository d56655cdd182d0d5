//! The host that founded the swarm breaks, and a blank disk with its seed takes its place.

use hive_tests::Site;
use hive_tests::swarm::eventually;

#[test]
fn a_blank_disk_takes_its_place_while_services_go_on() {
    let site = Site::baked();
    for name in ["p-hive0", "p-hive1", "p-hive2"] {
        site.host(name).start();
    }
    site.joined();
    let (founder, survivor) = (site.host("p-hive0"), site.host("p-hive1"));
    let before = survivor.nodes();
    // A service on the survivors, of an image from nothing but what is on the hosts.
    for name in ["p-hive1", "p-hive2"] {
        site.host(name)
            .sh("tar -C / -ch usr/bin/sleep lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 | docker import - tiny >/dev/null");
    }
    survivor.sh("docker service create --detach --name keep --mode global --constraint node.hostname!=p-hive0 --no-resolve-image tiny /usr/bin/sleep infinity >/dev/null");
    let started = |name: &str| -> Result<String, String> {
        let host = site.host(name);
        let text = host.try_sh("docker inspect --format \"{{.Id}} {{.State.StartedAt}} {{.State.Running}}\" $(docker ps -qf label=com.docker.swarm.service.name=keep)")?;
        text.ends_with("true").then_some(text.clone()).ok_or(text)
    };
    let running = ["p-hive1", "p-hive2"]
        .map(|name| eventually(&format!("the service on {name}"), || started(name)));

    founder.power_cut();
    founder.start_fresh();
    let nodes = eventually("the founder's new disk to be a manager", || {
        let nodes = survivor.try_nodes()?;
        let good = nodes.len() == 3
            && nodes.iter().all(|n| {
                n.state == "Ready" && matches!(n.manager.as_str(), "Leader" | "Reachable")
            });
        good.then_some(nodes.clone()).ok_or(format!("{nodes:?}"))
    });
    let hosts: Vec<&str> = nodes.iter().map(|n| n.host.as_str()).collect();
    assert_eq!(hosts, ["p-hive0", "p-hive1", "p-hive2"]);
    assert_ne!(nodes[0].id, before[0].id, "the old entry is still there");
    assert_eq!((&nodes[1].id, &nodes[2].id), (&before[1].id, &before[2].id));
    site.joined();
    assert_eq!(survivor.labels(&nodes[0].id)["first_hive"], "true");
    for (name, before) in ["p-hive1", "p-hive2"].iter().zip(running) {
        assert_eq!(
            started(name).unwrap(),
            before,
            "{name}'s container did not go on\n{}\n{}",
            survivor.sh("docker service ps --no-trunc keep"),
            site.host(name)
                .sh("journalctl --no-pager -o short-precise -u docker -u hived -n 100"),
        );
    }
}
