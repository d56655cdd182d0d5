//! What goes wrong.

use std::collections::BTreeSet;

use hive_inventory::seed::KnownSwarm;
use hive_membership::Record;

use crate::docker::Engine;
use crate::machine::Disk;
use crate::world::{Happening, World};

/// A machine is not flashed and started faster: more than a round, an Init and a stall together, and
/// more than a message gets old.
const FLASH: u64 = 45_000;

impl World {
    /// A second of bad luck.
    pub fn chaos(&mut self) {
        let count = self.hosts.len();
        let host = self.random.index(count);
        if self.random.chance(self.weather.power) && self.hosts[host].on {
            self.power_off(host);
            let wait = if self.random.chance(500) {
                3_000
            } else {
                self.random.within(3_000, 120_000)
            };
            let boot = self.hosts[host].boot;
            self.after(wait, Happening::PowerOn { host, boot });
        }
        let host = self.random.index(count);
        if self.random.chance(self.weather.restart) && self.hosts[host].member.is_some() {
            self.restart(host);
        }
        let host = self.random.index(count);
        if self.random.chance(self.weather.reflash) {
            self.reflash(host);
        }
        if self.random.chance(self.weather.storm) {
            let spared = self.random.index(2 * count);
            for host in (0..count).filter(|host| *host != spared) {
                self.reflash(host);
            }
            // Who is spared has what the others must not forget, and is silent.
            if self.weather.wide && spared < count && self.hosts[spared].on {
                self.power_off(spared);
                let wait = self.random.within(60_000, 150_000);
                let boot = self.hosts[spared].boot;
                self.after(wait, Happening::PowerOn { host: spared, boot });
            }
        }
        if self.random.chance(self.weather.part) {
            self.part();
        }
        let host = self.random.index(count);
        if self.random.chance(self.weather.stall)
            && self.hosts[host].on
            && !self.hosts[host].stalled
        {
            // Either its clock goes on meanwhile, or it stops, but not for long.
            let stops = self.random.chance(500);
            let wait = self
                .random
                .within(1_000, if stops { 8_000 } else { 60_000 });
            let boot = self.hosts[host].boot;
            self.hosts[host].stalled = true;
            let lost = if stops { wait } else { 0 };
            self.after(wait, Happening::Resume { host, boot, lost });
        }
        if self.random.chance(self.weather.persons) {
            self.person_founds();
        }
        if self.random.chance(self.weather.removals) {
            self.person_removes();
        }
        if self.weather.recoveries > 0 && self.random.chance(self.weather.recoveries) {
            self.person_recovers();
        }
    }

    /// A host that founds is cut off at this very moment, and the daemons of others start anew.
    pub fn spite(&mut self, founder: usize) {
        let wait = self.random.within(5_000, 90_000);
        self.note(|| format!("h{founder} is cut off"));
        for other in (0..self.hosts.len()).filter(|other| *other != founder) {
            let (a, b) = (founder.min(other), founder.max(other));
            if self.cut.insert((a, b)) {
                self.after(wait, Happening::Heal { a, b });
            }
            if self.hosts[other].member.is_some() && self.random.chance(700) {
                self.restart(other);
            }
        }
    }

    fn part(&mut self) {
        let count = self.hosts.len();
        let side: BTreeSet<usize> = (0..count).filter(|_| self.random.chance(400)).collect();
        let wait = self.random.within(5_000, 90_000);
        for a in 0..count {
            for b in a + 1..count {
                if side.contains(&a) != side.contains(&b) && self.cut.insert((a, b)) {
                    self.after(wait, Happening::Heal { a, b });
                }
            }
        }
        self.note(|| format!("network parts: {side:?} from the rest"));
    }

    /// The clusters that some disk's Docker is in.
    pub fn clusters(&self) -> BTreeSet<&str> {
        let of = |engine| match engine {
            &Engine::In { group, .. } => Some(self.groups[group].cluster.as_str()),
            _ => None,
        };
        self.hosts
            .iter()
            .filter_map(|host| of(&host.disk.engine))
            .collect()
    }

    /// A blank disk, with an old seed, or with one made after the site was seen joined.
    fn reflash(&mut self, host: usize) {
        if self.hosts[host].on {
            self.power_off(host);
        }
        let seed = if self.random.chance(400) {
            self.newest_known()
        } else {
            None
        };
        self.note(|| format!("h{host} is flashed, its seed knows {seed:?}"));
        self.hosts[host].boot += 1;
        self.written = true;
        self.hosts[host].disk = Disk {
            record: Record::default(),
            engine: Engine::Inactive,
            seed,
            flashed_at: Some(self.now),
        };
        let wait = self.random.within(FLASH, 2 * FLASH);
        let boot = self.hosts[host].boot;
        self.after(wait, Happening::PowerOn { host, boot });
    }

    /// What the operator's command has seen: the newest that a member of a living swarm knows.
    fn newest_known(&self) -> Option<KnownSwarm> {
        (0..self.hosts.len())
            .filter(|host| self.group_with_quorum(*host).is_some())
            .filter_map(|host| self.hosts[host].disk.record.known.clone())
            .max()
    }
}
