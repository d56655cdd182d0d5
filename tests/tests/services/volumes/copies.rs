//! W15: the copies, byte by byte: as DRBD compares them while they are in use, and below DRBD while nobody uses them.

use std::collections::BTreeMap;

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;
use hive_tests::said;
use serde_json::Value;

use super::site::{FILLED, RECORDS, SERVICES};
use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W15",
    name: "all copies are the same, byte by byte",
    how: How::Run(|stage| {
        stage.same_by_drbd(RECORDS);
        stage.same_below_drbd();
    }),
}];

impl Stage {
    /// Lets DRBD compare the copies of a volume, which stays in use.
    pub fn same_by_drbd(&self, volume: &str) {
        self.intact();
        let output = self.cluster.hive(&["volumes", "verify", volume, "--json"]);
        assert!(
            output.status.success(),
            "the copies of {volume} can't be compared, or differ: {}",
            said(&output)
        );
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let comparison = &document["comparison"];
        let differing = comparison["differing"].as_object().unwrap();
        assert_eq!(differing.len() + 1, self.copies(volume).len(), "{document}");
        assert!(differing.values().all(|bytes| bytes == 0), "{document}");
        println!("{volume}, compared by DRBD: {comparison}");
    }

    /// Compares what lies below DRBD. The logical volumes are read while DRBD holds them, which the kernel allows who
    /// only reads; the services are stopped meanwhile, so that nothing is written. The volumes are as large as
    /// their devices and DRBD's meta data behind them, which are each host's own and are left out.
    pub fn same_below_drbd(&self) {
        self.verified();
        self.intact();
        self.scale(0);
        self.unused();
        self.intact();
        for volume in [RECORDS, FILLED[0].0, FILLED[1].0] {
            self.same_bytes(volume);
        }
        self.scale(1);
        self.verified();
    }

    fn same_bytes(&self, volume: &str) {
        let minor = self.minor(volume);
        let copies = self.copies(volume);
        // Past the page cache, which knows nothing of what DRBD wrote below it.
        let script = format!(
            "bytes=$(($(cat /sys/block/drbd{minor}/size) * 512))
             sum=$(dd if=/dev/drbdvg/{volume} bs=1M iflag=direct,count_bytes count=$bytes status=none | sha256sum | cut -d' ' -f1)
             echo $bytes $sum"
        );
        let sums = self.cluster.each(&copies, &script);
        let sums: BTreeMap<&str, String> = copies.into_iter().zip(sums).collect();
        println!("{volume}, compared below DRBD: {sums:?}");
        assert!(sums.len() >= 2, "{volume} has one copy: {sums:?}");
        let first = sums.values().next().unwrap();
        assert!(
            sums.values().all(|sum| sum == first) && !first.starts_with("0 "),
            "the copies of {volume} differ: {sums:?}"
        );
    }

    /// Waits until no container uses a volume and no host has one in use.
    pub fn unused(&self) {
        self.cluster.eventually("nobody to use a volume", 120, || {
            let all = self.volumes();
            let mut volumes = all["volumes"].as_array().unwrap().iter();
            let unused =
                |v: &Value| v["users"] == 0 && v["primary"].as_array().is_some_and(Vec::is_empty);
            match volumes.all(unused) {
                true => Ok(()),
                false => Err(all.to_string()),
            }
        });
    }

    /// So many tasks of each service of the stories that there is.
    pub fn scale(&self, to: usize) {
        let script = format!(
            "for service in {}; do
                 ! docker service inspect $service >/dev/null 2>&1 || docker service scale -d $service={to} >/dev/null
             done",
            SERVICES.join(" ")
        );
        self.cluster.sh(HOSTS[0], &script);
    }
}
