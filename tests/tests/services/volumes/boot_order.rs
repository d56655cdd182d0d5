//! W14: one broken volume keeps nothing else of its host from starting.

use std::time::Instant;

use hive_tests::checklist::{How, Item};

use super::site::FILLED;
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W14",
    name: "a volume whose copy is broken at boot: Docker starts, the others are up, and it is told whose it is",
    how: How::Run(broken),
}];

/// The one that is broken.
const NAME: &str = FILLED[0].0;
/// Where its logical volume is meanwhile.
const HIDDEN: &str = "t-hidden";
/// What hived says of a logical volume that is not its own.
const COMPLAINT: &str = "is something that hive did not make";

/// Puts another logical volume in the place of the copy, while hived does not look.
const BREAK: &str = r#"
systemctl stop hived
drbdadm down NAME
lvrename drbdvg NAME HIDDEN >/dev/null
lvcreate --quiet --type thin --virtualsize 16m --thinpool drbdpool --wipesignatures n --setactivationskip n --name NAME drbdvg >/dev/null
systemctl start hived
"#;
const MEND: &str = r#"
if lvs drbdvg/HIDDEN >/dev/null 2>&1; then
    systemctl stop hived
    drbdadm down NAME || true
    lvremove --yes drbdvg/NAME >/dev/null
    lvrename drbdvg HIDDEN NAME >/dev/null
    systemctl start hived
fi
"#;

fn script(text: &str) -> String {
    text.replace("NAME", NAME).replace("HIDDEN", HIDDEN)
}

fn broken(stage: &Stage) {
    stage.intact();
    let reports = stage.told(NAME);
    let mut idle = reports
        .iter()
        .filter(|(_, v)| v.part == "copy" && v.users == 0 && v.mounted.is_none());
    let (host, _) = idle
        .next()
        .unwrap_or_else(|| panic!("no idle copy of {NAME}: {reports:#?}"));
    stage.cluster.sh(host, &script(BREAK));
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| boots(stage, host)));
    stage.cluster.sh(host, &script(MEND));
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
    // Its own copy is the right one again, and gets what it missed.
    stage.intact();
    stage.same_below_drbd();
}

fn boots(stage: &Stage, host: &'static str) {
    let cluster = &stage.cluster;
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = cluster.sh(host, boot);
    let since = Instant::now();
    drop(cluster.try_sh(host, "systemctl reboot"));
    stage.cluster.eventually("Docker to be up again", 600, || {
        let now = cluster.try_sh(host, &format!("docker info >/dev/null && {boot}"))?;
        (now != before)
            .then_some(())
            .ok_or("it has not gone down".into())
    });
    println!(
        "{host}: Docker is up {:.0} s after the reboot was asked for",
        since.elapsed().as_secs_f64()
    );
    cluster.whole();
    let broken = stage
        .cluster
        .eventually("the host to tell of the broken volume", 240, || {
            let report = stage.reports(NAME)?.remove(host);
            let trouble = report.and_then(|report| report.trouble);
            trouble.ok_or_else(|| format!("{host} has no trouble with {NAME}"))
        });
    println!("{host}: {broken}");
    assert!(broken.contains(COMPLAINT), "{broken}");
    let output = cluster.hive(&["volumes"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a broken copy is no reason to be content"
    );
    others_are_up(stage, host);
    // Those who write go on, wherever they are.
    stage.writing();
    stage.verified();
}

/// The other volumes' copies on the host.
fn others_are_up(stage: &Stage, host: &str) {
    stage
        .cluster
        .eventually("the other volumes to be up", 240, || {
            let volumes = stage.status(host)?.volumes.ok_or("it tells of none")?;
            let mut others = volumes.volumes.iter().filter(|(name, _)| *name != NAME);
            let down = others.find(|(_, v)| {
                let disk = v.resource.as_ref().map(|resource| resource.disk.as_str());
                v.part == "copy" && disk != Some("UpToDate")
            });
            match down {
                None => Ok(()),
                Some(found) => Err(format!("{found:?}")),
            }
        });
}
