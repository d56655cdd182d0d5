//! W10: volumes come, are used, and go, again and again.

use std::time::Instant;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::said;

use super::leftovers::rounds;
use super::site;
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W10",
    name: "made, used and removed again and again: nobody stands alone, and nothing is left",
    how: How::Run(cycles),
}];

/// Of its service, too.
const NAME: &str = "t-cycled";

fn cycles(stage: &Stage) {
    let cluster = &stage.cluster;
    site::add(
        cluster,
        &site::one_more(NAME, NAME, "fstype: ext4, size: 50M"),
    );
    let mut birthmarks = Vec::new();
    for round in 1..=rounds(5) {
        let since = Instant::now();
        cluster.ok(&["build-volumes"]);
        stage.intact();
        stage.all_on_speaking_terms();
        let reports = stage.reports(NAME).unwrap();
        let birthmark = reports.values().next().unwrap().birthmark.clone();
        assert!(
            !birthmarks.contains(&birthmark),
            "the volume of an earlier round is back"
        );
        birthmarks.push(birthmark);
        let minor = stage.minor(NAME);
        cluster.ok(&["deploy-services", "-l", NAME]);
        let host = stage.eventually("its service to run", 240, || stage.host_of(HOSTS[0], NAME));
        // A new volume has nothing of an earlier one of its name.
        cluster.sh(
            &host,
            &format!(
                "same '' \"$(inside {NAME} ls -A /data)\"; inside {NAME} sh -c 'echo {round} >/data/round; sync'"
            ),
        );
        cluster.ok(&["deploy-services", "-D", "--yes", "-l", NAME]);
        // Its container is gone a moment later.
        stage.eventually("the volume to be removed", 120, || {
            let output = cluster.hive(&["build-volumes", "-D", "--yes", "-l", NAME]);
            match output.status.success() {
                true => Ok(()),
                false => Err(said(&output)),
            }
        });
        stage.left_nothing(NAME, minor);
        stage.all_on_speaking_terms();
        println!("round {round}: {:.0} s", since.elapsed().as_secs_f64());
    }
    site::add(cluster, "");
    stage.intact();
    stage.verified();
}
