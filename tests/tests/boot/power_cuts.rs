//! Power cuts while a machine starts for the first time.

use std::thread::sleep;
use std::time::Duration;

use hive_tests::Site;
use hive_tests::random::Random;

/// How many cuts; `HIVE_POWER_CUTS` says another number.
const CUTS: u64 = 2;

#[test]
fn whenever_the_power_goes_the_next_boot_completes() {
    let cuts = std::env::var("HIVE_POWER_CUTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(CUTS);
    let site = Site::alone();
    let host = site.host("p-hive0");
    let mut random = Random::told();
    // Each round is a first boot of its own; the first half of the cuts go to the seconds in which
    // the disk is divided and its file systems are made.
    for cut in 0..cuts {
        let moment = if cut % 2 == 0 {
            3_000 + random.below(12_000)
        } else {
            random.below(40_000)
        };
        println!("cut {cut} after {moment} ms");
        host.start_fresh();
        sleep(Duration::from_millis(moment));
        host.power_cut();
        host.run();
        let status = host.status();
        assert!(status.ready && status.root_verified, "{status:?}");
        let slots = host.sh("lsblk -nro PARTLABEL /dev/vda");
        assert_eq!(
            slots.split_whitespace().collect::<Vec<_>>(),
            ["esp", "HIVE-SEED", "root-a", "root-b", "state"]
        );
        site.ok(&["run", "--stop", "p-hive0"]);
    }
}
