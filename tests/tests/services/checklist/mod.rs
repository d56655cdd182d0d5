//! What a swarm can do, box by box. Each leaves the cluster as it found it.

mod a_cluster;
mod b_services;
mod c_networking;
mod d_stacks;

use hive_tests::checklist::Item;

use hive_tests::cluster::{Cluster, HOSTS};

/// The sections, with their names.
pub const SECTIONS: [(&str, &[Item<Cluster>]); 4] = [
    ("Cluster", a_cluster::BOXES),
    ("Services and tasks", b_services::BOXES),
    ("Networking", c_networking::BOXES),
    ("Stacks, secrets and configs", d_stacks::BOXES),
];

/// Takes away what a box that failed may have left: everything it made begins with `t-`.
pub fn mend(cluster: &Cluster) {
    for host in HOSTS {
        drop(cluster.try_sh(host, "systemctl start docker hived"));
    }
    cluster.try_mend(
        "whole() { [ \"$(docker node ls --format '{{.Status}} {{.ManagerStatus}}' | sort | xargs)\" = \"Ready Leader Ready Reachable Ready Reachable\" ]; }
         within 120 whole
         docker stack rm t-stack >/dev/null 2>&1 || true
         for kind in service secret config; do
             names=$(docker $kind ls --format '{{.Name}}' | grep ^t- || true)
             [ -z \"$names\" ] || docker $kind rm $names >/dev/null || true
         done
         for node in $(docker node ls -q); do
             docker node update --availability active $node >/dev/null || true
         done
         sleep 5
         names=$(docker network ls --format '{{.Name}}' | grep ^t- || true)
         [ -z \"$names\" ] || docker network rm $names >/dev/null || true",
    );
}
