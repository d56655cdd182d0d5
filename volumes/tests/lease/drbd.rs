//! What DRBD does on two hosts: connect, fill, write, promote.

use std::collections::VecDeque;

use crate::copy::{Handler, Handshake, Role, handshake};
use crate::world::{Fault, NAMES, Packet, World};

impl World {
    /// A side finds out that the connection is no more.
    pub fn notice(&mut self, host: usize) {
        if self.hosts[host].session.is_some() && !self.connected() {
            self.note(|| format!("h{host} loses sight of its peer"));
            self.hosts[host].lose_sight();
            self.filling = None;
        }
    }

    pub fn connect(&mut self) {
        let [a, b] = &self.hosts;
        let idle = self.link && a.up && b.up && a.session.is_none() && b.session.is_none();
        if !idle {
            return;
        }
        if a.primary() && b.primary() {
            self.hosts[0].refused = true;
            self.hosts[1].refused = true;
            return;
        }
        let source = match handshake([a, b]) {
            Handshake::Same => None,
            Handshake::Source(source) => Some(source),
            Handshake::SplitBrain => {
                let void = (0..2).find(|host| self.void(*host));
                let Some(victim) = void else { return };
                Some(1 - victim)
            }
        };
        // DRBD makes no primary a target.
        if let Some(source) = source
            && self.hosts[1 - source].primary()
        {
            self.hosts[1 - source].refused = true;
            return;
        }
        let session = self.number();
        for host in &mut self.hosts {
            host.session = Some(session);
            host.connects += 1;
            host.frozen = false;
            host.refused = false;
            host.peer_outdated = false;
        }
        self.wire = [VecDeque::new(), VecDeque::new()];
        self.filling = source.map(|source| 1 - source);
        if let Some(target) = self.filling {
            let generations = self.hosts[1 - target].disk.generations.clone();
            let disk = &mut self.hosts[target].disk;
            disk.up_to_date = false;
            disk.crashed_primary = false;
            // From now on it is an old copy of its source.
            disk.generations = generations[..generations.len().max(2) - 1].to_vec();
        }
        let filling = self.filling;
        self.note(|| format!("connected, filling {filling:?}"));
    }

    pub fn void(&self, host: usize) -> bool {
        let epoch = self.raft.epoch;
        hive_volumes::lease::void(self.raft.newest(), NAMES[host], epoch)
    }

    /// A resync ends.
    pub fn filled(&mut self) {
        let Some(target) = self.filling.filter(|_| self.connected()) else {
            return;
        };
        self.filling = None;
        let source = 1 - target;
        let mut disk = self.hosts[source].disk.clone();
        disk.crashed_primary = false;
        self.hosts[source].disk.crashed_primary = false;
        disk.up_to_date = true;
        self.hosts[target].disk = disk;
        self.note(|| format!("h{target} is filled"));
        // What was frozen is on both now.
        for write in std::mem::take(&mut self.hosts[source].pending) {
            self.acknowledge(source, write);
        }
    }

    pub fn write(&mut self, host: usize) {
        let busy = self.calm && !self.hosts[host].pending.is_empty();
        if !self.hosts[host].primary() || self.hosts[host].frozen || busy {
            return;
        }
        let write = self.number();
        self.hosts[host].disk.writes.insert(write);
        match self.hosts[host].session {
            Some(session) => {
                self.hosts[host].pending.insert(write);
                self.wire[1 - host].push_back(Packet {
                    session,
                    write,
                    arrived: false,
                });
            }
            None if self.hosts[host].peer_outdated => self.acknowledge(host, write),
            None => self.violate(format!("h{host} writes alone and unfenced")),
        }
    }

    pub fn deliver(&mut self, host: usize) {
        if !self.link {
            return;
        }
        let Some(packet) = self.wire[host].pop_front() else {
            return;
        };
        if !self.hosts[host].up || self.hosts[host].session != Some(packet.session) {
            return;
        }
        if packet.arrived {
            if self.hosts[host].pending.remove(&packet.write) {
                self.acknowledge(host, packet.write);
            }
            return;
        }
        self.hosts[host].disk.writes.insert(packet.write);
        self.wire[1 - host].push_back(Packet {
            arrived: true,
            ..packet
        });
    }

    pub fn acknowledge(&mut self, host: usize, write: u64) {
        self.acked.insert(write);
        // The word that a write arrived may itself be late: by then the other side, which has that write,
        // can have taken over. So who is connected need not know what is newest; both must have this one.
        if self.hosts[host].session.is_none() {
            self.check(host, "acknowledges");
        } else if !self.hosts[host].disk.writes.contains(&write) {
            self.violate(format!("h{host} acknowledges what it lacks"));
        }
        let other = &self.hosts[1 - host];
        if other.primary() && other.peer_outdated && !other.frozen {
            self.check(1 - host, "writes alone");
        }
    }

    /// Whoever is in use has everything that was ever acknowledged.
    pub fn check(&mut self, host: usize, what: &str) {
        let lacking = self.acked.difference(&self.hosts[host].disk.writes).next();
        if let Some(lacking) = lacking {
            self.violate(format!("h{host} {what} and lacks write {lacking}"));
        }
    }

    pub fn violate(&mut self, what: String) {
        self.note(|| format!("VIOLATION {what}"));
        self.violation.get_or_insert(what);
    }

    /// DRBD makes the host primary, or starts the handler that decides it.
    pub fn promote(&mut self, host: usize) -> bool {
        let broken = self.fault == Some(Fault::StalePromoted);
        if self.hosts[host].session.is_some() && !self.connected() {
            self.notice(host);
        }
        if !self.hosts[host].disk.up_to_date {
            return false;
        }
        if self.connected() {
            if self.hosts[1 - host].primary() {
                return false;
            }
            self.is_primary(host);
            return true;
        }
        if broken {
            self.alone(host);
            self.is_primary(host);
            return true;
        }
        self.hosts[host].handler = Some(Handler {
            connects: self.hosts[host].connects,
            ticket: None,
            promotes: true,
        });
        true
    }

    pub fn is_primary(&mut self, host: usize) {
        self.promotions += 1;
        self.note(|| format!("h{host} is primary"));
        self.hosts[host].role = Role::Primary;
        self.check(host, "is promoted");
    }

    /// The peer is fenced: a new generation begins, and I/O goes on.
    pub fn alone(&mut self, host: usize) {
        let generation = self.number();
        let me = &mut self.hosts[host];
        me.disk.generations.push(generation);
        me.peer_outdated = true;
        me.frozen = false;
    }
}
