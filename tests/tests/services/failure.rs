//! Kinds of failure: how they are done to a host, and how it is brought back.

use std::time::Instant;

use hive_tests::cluster::Cluster;
use hive_tests::waiting::other;

/// What goes wrong on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The first process of a container is killed.
    Kill,
    /// The host is to have no tasks any more.
    Drain,
    /// The power goes.
    PowerCut,
    /// Frames are lost between the host and all others; it notices nothing of its cable.
    Partition,
    /// The power goes, and what comes back has blank disks.
    Replacement,
}

impl Failure {
    /// Those after which the host is what it was.
    pub const PASSING: [Self; 4] = [Self::Kill, Self::Drain, Self::PowerCut, Self::Partition];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "container killed",
            Self::Drain => "host drained",
            Self::PowerCut => "power cut",
            Self::Partition => "host cut off",
            Self::Replacement => "host replaced",
        }
    }

    /// Does it to a host, and to those containers on it that `services` name. The moment: just before the
    /// kernel was asked to kill, the command to drain was started on a manager, QEMU was killed, the switch was told.
    pub fn strike(self, cluster: &Cluster, host: &str, services: &[&str]) -> Instant {
        match self {
            Self::Kill => {
                let clock = cluster.clock(host);
                let told = cluster.sh(
                    host,
                    &format!(
                        "pids=; for service in {}; do
                             pids=\"$pids $(docker inspect --format '{{{{.State.Pid}}}}' $(container $service))\"
                         done
                         echo $EPOCHREALTIME; kill -9 $pids",
                        services.join(" ")
                    ),
                );
                clock.moment(told.parse().unwrap())
            }
            Self::Drain => {
                let manager = other(host);
                let clock = cluster.clock(manager);
                let told = cluster.sh(
                    manager,
                    &format!(
                        "echo $EPOCHREALTIME; docker node update --availability drain {host} >/dev/null"
                    ),
                );
                clock.moment(told.parse().unwrap())
            }
            Self::PowerCut | Self::Replacement => {
                let vm = cluster.vm(host);
                let moment = Instant::now();
                vm.power_cut().unwrap();
                moment
            }
            Self::Partition => {
                let switch = cluster.switch();
                let moment = Instant::now();
                switch.set_port(host, false).unwrap();
                moment
            }
        }
    }

    /// Brings the host back, and waits until the swarm is whole.
    pub fn mend(self, cluster: &Cluster, host: &str) {
        match self {
            Self::Kill => {}
            Self::Drain => {
                let manager = other(host);
                let command = format!("docker node update --availability active {host} >/dev/null");
                cluster.sh(manager, &command);
            }
            Self::PowerCut => {
                cluster.power_on(host);
                cluster.joined();
            }
            Self::Replacement => {
                cluster.ok(&["run", "--no-wait", "--fresh", host]);
                cluster.joined();
            }
            Self::Partition => cluster.switch().set_port(host, true).unwrap(),
        }
        cluster.eventually("its swarm to answer", 600, || {
            cluster.try_sh(host, "docker node ls").map(drop)
        });
        // Not asked there: a host whose volume was taken over while it was cut off starts itself anew.
        cluster.whole_by(other(host));
    }
}
