//! What DRBD and mkfs do when hived asks them, and when they refuse.

use hive_volumes::lease::{acquire, fence};
use hive_volumes::seen::DiskState;
use hive_volumes::upkeep::{Here, view};
use hive_volumes::{Birth, Module};

use crate::cluster::{Cluster, FILE};
use crate::machine::Done;

impl Cluster {
    pub fn mint(&mut self) -> Done {
        let hosts: Vec<String> = self.record().state.copies().map(str::to_owned).collect();
        for host in &hosts {
            if self.disk(host) != DiskState::Inconsistent || self.newest().is_some() {
                return Err("drbdadm: not just created".into());
            }
        }
        assert_eq!(self.minted, 0, "minted twice");
        self.minted += 1;
        for host in &hosts {
            let volume = self.machines.get_mut(host).and_then(|m| m.volume.as_mut());
            volume.expect("a copy").copy.generation = Some(1);
        }
        Ok(())
    }

    /// DRBD 8.4 asks the lease, and its handler when the peer is not there.
    pub fn promote(&mut self, me: &str) -> Done {
        let seen = self.seen(me);
        let Some(resource) = &seen.resource else {
            return Err("drbdadm: not up".into());
        };
        if resource.peers.values().any(|peer| peer.primary) {
            return Err("drbdadm: in use elsewhere".into());
        }
        let reachable = resource
            .peers
            .values()
            .any(|peer| peer.disk == DiskState::UpToDate);
        let good = resource.disk == DiskState::UpToDate
            || (resource.disk == DiskState::Diskless && reachable);
        if !good || !self.quorum(me) {
            return Err("drbdadm: need access to up-to-date data, and quorum".into());
        }
        let record = self.record().clone();
        if record.identity.module == Module::Drbd84 {
            let here = Here {
                me,
                epoch: 0,
                file: FILE,
                peer_agrees: false,
                holder_down: true,
            };
            let view = view(&record, &here, &seen).ok_or("down")?;
            let held = acquire(&record.state, &view).map_err(|e| e.to_string())?;
            self.write(record.version, held)?;
            if resource.peers.values().all(|peer| !peer.connection.is_up()) {
                let record = self.record().clone();
                let alone = fence(&record.state, me, 0).map_err(|e| e.to_string())?;
                self.write(record.version, alone)?;
                self.new_generation();
            }
        } else if resource.peers.values().any(|peer| !peer.connection.is_up()) {
            self.new_generation();
        }
        let up = self.machines.get_mut(me).and_then(|m| m.up.as_mut());
        up.expect("is up").primary = true;
        Ok(())
    }

    /// Who is not there lags from now on.
    pub fn new_generation(&mut self) {
        let next = self.newest().map(|newest| newest + 1);
        for machine in self.machines.values_mut() {
            if machine.up.is_some_and(|up| up.attached)
                && let Some(volume) = &mut machine.volume
            {
                volume.copy.generation = next;
            }
        }
    }

    pub fn format(&mut self, me: &str, kill: bool) -> Done {
        if !self.machines[me].up.is_some_and(|up| up.primary) {
            return Err("mkfs: wrong medium type".into());
        }
        // Read after it was promoted.
        let record = self.record().clone();
        if record.state.birth == Birth::Formatted {
            return Err("formatted already".into());
        }
        let claim = record
            .state
            .changed(|next| next.birth = Birth::Formatting(me.to_owned()));
        self.write(record.version, claim)?;
        if kill && self.random.chance(500) {
            return Ok(());
        }
        self.formatted += 1;
        let number = self.formatted;
        for machine in self.machines.values_mut() {
            if machine.up.is_some_and(|up| up.attached)
                && let Some(volume) = &mut machine.volume
            {
                assert_eq!(volume.copy.written, 0, "formatted a volume with data");
                volume.copy.file_system = Some(number);
            }
        }
        if kill {
            return Ok(());
        }
        let record = self.record().clone();
        let born = record.state.changed(|next| next.birth = Birth::Formatted);
        self.write(record.version, born)
    }

    pub fn resize(&mut self, me: &str, size: u64) -> Done {
        let seen = self.seen(me);
        let record = self.record().clone();
        let resource = seen.resource.ok_or("drbdadm: not up")?;
        let used = resource.primary || resource.peers.values().any(|peer| peer.primary);
        assert!(used, "nobody writes zeros to what is new");
        if resource.peers.values().any(|peer| !peer.connection.is_up()) {
            return Err("drbdadm: resize needs all peers".into());
        }
        let bytes = record.identity.backing_size(size);
        let copies: Vec<String> = record.state.copies().map(str::to_owned).collect();
        let small = copies.iter().any(|host| {
            let volume = self.machines[host].volume.as_ref();
            volume.is_none_or(|volume| volume.backing.bytes < bytes)
        });
        if small {
            // DRBD takes the smallest of them: nothing changes.
            return Err("drbdadm: a peer is smaller".into());
        }
        for host in &copies {
            if let Some(volume) = self.machines.get_mut(host).and_then(|m| m.volume.as_mut()) {
                volume.copy.size = size;
            }
        }
        Ok(())
    }
}
