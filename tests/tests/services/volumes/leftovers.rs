//! What must be nowhere when a volume is gone.

use hive_tests::cluster::HOSTS;

use super::stage::Stage;

/// On each host. MINOR is that of the device.
const LEFT: &str = r#"
! lvs --noheadings -o lv_name drbdvg | grep -qwF -- NAME || echo logical volume
[ ! -e /sys/block/drbdMINOR ] || echo device
[ ! -e /etc/drbd.d/NAME.res ] || echo configuration
! grep -q '/var/lib/hive/volumes/NAME ' /proc/self/mountinfo || echo mount
! docker volume ls --format '{{.Name}}' | grep -qxF -- NAME || echo docker volume
"#;
/// In the swarm.
const KNOWN: &str = r#"
! docker config ls --format '{{.Name}}' | grep -qxF -- hive.volume.NAME || echo record
! docker node inspect --format '{{json .Spec.Labels}}' $(docker node ls -q) | grep -qF -- '"hive.volume.NAME"' || echo label
"#;

impl Stage {
    /// The minor number of a volume's device.
    pub fn minor(&self, volume: &str) -> u64 {
        let all = self.volumes();
        let mut volumes = all["volumes"].as_array().unwrap().iter();
        let found = volumes.find(|v| v["name"] == volume);
        found.and_then(|v| v["minor"].as_u64()).unwrap()
    }

    /// Waits until nothing is left of a volume anywhere.
    pub fn left_nothing(&self, volume: &str, minor: u64) {
        let fill = |script: &str| {
            script
                .replace("NAME", volume)
                .replace("MINOR", &minor.to_string())
        };
        self.cluster
            .eventually(&format!("nothing to be left of {volume}"), 120, || {
                let mut left = Vec::new();
                for host in HOSTS {
                    let found = self.cluster.try_sh(host, &fill(LEFT))?;
                    left.extend(found.lines().map(|what| format!("{host}: {what}")));
                }
                let found = self.cluster.try_sh(HOSTS[0], &fill(KNOWN))?;
                left.extend(found.lines().map(|what| format!("the swarm: {what}")));
                let reports = self.reports(volume)?;
                left.extend(reports.keys().map(|host| format!("{host} reports it")));
                match left.is_empty() {
                    true => Ok(()),
                    false => Err(left.join(", ")),
                }
            });
    }

    /// Nobody gave up on another.
    pub fn all_on_speaking_terms(&self) {
        let volumes = self.volumes();
        assert!(
            !volumes.to_string().contains("StandAlone"),
            "some stand alone: {volumes}"
        );
    }

    /// The swarm's documents with their versions: of what nobody touched they are as before.
    pub fn versions(&self) -> String {
        self.cluster.sh(
            HOSTS[0],
            "ids=$(docker config ls -q); [ -z \"$ids\" ] || docker config inspect --format '{{.Spec.Name}} {{.ID}} {{.Version.Index}}' $ids | sort",
        )
    }
}
