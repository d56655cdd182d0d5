//! W7: all hosts are rebooted, one after the other, as one does for an upgrade.

use std::time::Instant;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;

use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W7",
    name: "a rolling reboot of all hosts",
    how: How::Run(rolling),
}];

fn rolling(stage: &Stage) {
    let cluster = &stage.cluster;
    stage.intact();
    stage.writing();
    for host in HOSTS {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = cluster.sh(host, boot);
        let since = Instant::now();
        // The connection may end with the host.
        drop(cluster.try_sh(host, "systemctl reboot"));
        stage.eventually(&format!("{host} to be back"), 600, || {
            let now = cluster.try_sh(host, boot)?;
            (now != before)
                .then_some(())
                .ok_or("it has not gone down".into())
        });
        cluster.joined();
        cluster.whole();
        stage.intact();
        let writer = stage.writing();
        println!(
            "{host} rebooted in {:.0} s; the writer is on {writer}, and the longest time without a record was {:.2} s",
            since.elapsed().as_secs_f64(),
            stage.listener.look(|h| h.silence(since)).as_secs_f64()
        );
    }
    stage.verified();
}
