//! Hosts with their DRBD connected to each other, the record in Raft, and hived on each, which can be
//! killed inside of any step.

use std::collections::BTreeMap;

use hive_volumes::lease::fence;
use hive_volumes::seen::{Connection, DiskState, Peer, Resource};
use hive_volumes::upkeep::{Here, Mount, Next, Seen, Step, next};
use hive_volumes::{Birth, Module, PartKind, Record};

use crate::machine::{Copy, Done, Machine};
use crate::random::Random;

pub const FILE: &str = "the resource file";

pub struct Cluster {
    pub random: Random,
    pub record: Option<Record>,
    pub machines: BTreeMap<String, Machine>,
    pub minted: u64,
    pub formatted: u64,
    pub steps: u64,
    pub kills: u64,
    pub refusals: BTreeMap<String, u64>,
    /// What the last container wrote.
    pub written: u64,
    pub trace: Vec<String>,
}

impl Cluster {
    pub fn record(&self) -> &Record {
        self.record.as_ref().expect("there is a record")
    }

    fn has_copy(&self, host: &str) -> bool {
        let part = self.record().state.part(host);
        part.is_some_and(|part| part.kind == PartKind::Copy)
    }

    pub fn copy(&self, host: &str) -> Option<Copy> {
        let machine = &self.machines[host];
        let attached = machine.up.is_some_and(|up| up.attached);
        let volume = machine.volume.as_ref().filter(|_| attached);
        volume.map(|volume| volume.copy)
    }

    pub fn is_up(&self, host: &str) -> bool {
        self.machines[host].on && self.machines[host].up.is_some()
    }

    pub fn newest(&self) -> Option<u64> {
        let copies = self.machines.keys().filter_map(|host| self.copy(host));
        copies.filter_map(|copy| copy.generation).max()
    }

    pub fn disk(&self, host: &str) -> DiskState {
        match self.copy(host) {
            None => DiskState::Diskless,
            Some(copy) if copy.generation.is_none() => DiskState::Inconsistent,
            Some(copy) if copy.generation == self.newest() => DiskState::UpToDate,
            Some(_) => DiskState::Inconsistent,
        }
    }

    /// All copies that are up are connected; those that lag are filled.
    pub fn fill(&mut self) {
        let best = self.machines.keys().filter_map(|host| self.copy(host));
        let Some(best) = best
            .filter(|copy| copy.generation.is_some())
            .max_by_key(|copy| (copy.generation, copy.written))
        else {
            return;
        };
        for machine in self.machines.values_mut() {
            if machine.up.is_some_and(|up| up.attached)
                && let Some(volume) = &mut machine.volume
            {
                let size = volume.copy.size;
                volume.copy = Copy { size, ..best };
            }
        }
    }

    pub fn seen(&self, me: &str) -> Seen {
        let machine = &self.machines[me];
        let others = self
            .record()
            .state
            .present()
            .filter(|(host, _)| *host != me);
        let peers = others.map(|(host, _)| {
            let up = self.is_up(host);
            let peer = Peer {
                connection: if up {
                    Connection::Connected
                } else {
                    Connection::Trying
                },
                primary: up && self.machines[host].up.is_some_and(|up| up.primary),
                disk: if up {
                    self.disk(host)
                } else {
                    DiskState::Unknown
                },
                out_of_sync: 0,
            };
            (host.to_owned(), peer)
        });
        let resource = machine.up.map(|up| Resource {
            primary: up.primary,
            disk: self.disk(me),
            suspended: false,
            quorum: self.quorum(me),
            peers: peers.collect(),
        });
        let sizes = self.machines.keys().filter_map(|host| self.copy(host));
        Seen {
            backing: machine.volume.as_ref().map(|volume| volume.backing.clone()),
            file: machine.file.clone(),
            resource,
            device: machine.up.and(sizes.map(|copy| copy.size).min()),
            mount: machine.mount,
            users: machine.users,
            docker: machine.docker.clone(),
            left_over: None,
            stands_still: None,
            nothing_came: false,
            half_agreed: None,
        }
    }

    pub fn quorum(&self, me: &str) -> bool {
        let up = self.machines[me].up;
        self.record().identity.module == Module::Drbd84 || up.is_some_and(|up| up.quorum)
    }

    /// What DRBD does by itself when hosts come and go.
    pub fn settle_drbd(&mut self) {
        if self.record.is_none() {
            return;
        }
        self.count_quorum();
        self.fence_lost();
        self.fill();
    }

    fn count_quorum(&mut self) {
        let state = &self.record().state;
        let copies: Vec<&str> = state.copies().collect();
        let present = copies.iter().filter(|host| self.is_up(host)).count();
        let clients = state
            .present()
            .filter(|(_, part)| part.kind == PartKind::Diskless);
        let clients: Vec<&str> = clients.map(|(host, _)| host).collect();
        let helping = clients.iter().filter(|host| self.is_up(host)).count();
        let gains = present * 2 > copies.len();
        let keeps = present * 2 == copies.len() && helping * 2 > clients.len();
        for machine in self.machines.values_mut() {
            if let Some(up) = &mut machine.up {
                up.quorum = gains || (keeps && up.quorum);
            }
        }
    }

    /// A primary that lost its peer goes on when it may, or starts its machine anew.
    fn fence_lost(&mut self) {
        let record = self.record().clone();
        let pair = record.identity.module == Module::Drbd84;
        let primary = self
            .machines
            .iter()
            .find(|(_, m)| m.up.is_some_and(|up| up.primary));
        let Some(me) = primary.map(|(host, _)| host.clone()) else {
            return;
        };
        let alone = record
            .state
            .copies()
            .all(|host| host == me || !self.is_up(host));
        if !pair {
            let lacking = record.state.copies().any(|host| !self.is_up(host));
            if lacking && self.quorum(&me) {
                self.new_generation();
            }
            return;
        }
        if !alone || record.state.birth == Birth::Unborn {
            return;
        }
        match fence(&record.state, &me, 0) {
            // Once is enough here: nobody else writes in between.
            Ok(next) if next.lease != record.state.lease => {
                self.write(record.version, next).expect("no other write");
                self.new_generation();
            }
            Ok(_) => {}
            Err(_) => {
                let machine = self.machines.get_mut(&me).expect("a host");
                machine.power_off();
                machine.on = true;
            }
        }
    }

    /// hived of a host does one thing, and is killed in the middle of it now and then. Between looking
    /// and doing others may have done something.
    pub fn hived(&mut self, me: &str, kills: bool) -> Option<Next> {
        if !self.machines[me].on {
            return None;
        }
        let record = self.record.clone()?;
        let seen = self.seen(me);
        let here = Here {
            me,
            epoch: 0,
            file: FILE,
            peer_agrees: false,
            holder_down: true,
        };
        let next = next(&record, &here, &seen);
        let Next::Do(step) = &next else {
            return Some(next);
        };
        let kill = kills && self.random.chance(200);
        self.steps += 1;
        self.kills += u64::from(kill);
        self.trace.push(format!(
            "{me}: {step}{}",
            if kill { ", killed" } else { "" }
        ));
        if kill && self.random.chance(300) {
            return Some(next);
        }
        if let Err(why) = self.act(me, &record, step, kill) {
            self.trace.push(format!("  {why}"));
            *self.refusals.entry(why).or_default() += 1;
        }
        self.settle_drbd();
        Some(next)
    }

    fn act(&mut self, me: &str, record: &Record, step: &Step, kill: bool) -> Done {
        let copy = self.has_copy(me);
        let size = record.state.size;
        let machine = self.machines.get_mut(me).expect("a host");
        match step {
            Step::CreateBacking { bytes } => machine.create(*bytes, &record.identity.tag()),
            Step::Activate => machine.activate(),
            Step::ExtendBacking { bytes } => machine.extend(*bytes),
            Step::CreateMetaData => machine.create_meta_data(size, kill),
            Step::WriteFile => {
                machine.file = Some(FILE.to_owned());
                Ok(())
            }
            Step::Adjust => machine.adjust(copy),
            Step::Demote => machine.demote(),
            Step::Down => machine.down(),
            Step::RemoveBacking => machine.remove(),
            Step::RemoveFile => {
                machine.file = None;
                Ok(())
            }
            Step::CreateDockerVolume => {
                machine.docker = hive_volumes::upkeep::DockerVolume::Ours;
                Ok(())
            }
            Step::RemoveDockerVolume => machine.remove_docker_volume(),
            Step::GrowFileSystem => {
                machine.mount = Some(Mount { grown_to: size });
                Ok(())
            }
            Step::ConnectAgain
            | Step::ConnectAnew { .. }
            | Step::ConnectAndDiscard
            | Step::FillMarked { .. }
            | Step::GiveMarked { .. }
            | Step::MakeAnew => Err("they are connected, and nothing is marked".into()),
            Step::Mint => self.mint(),
            Step::Promote => self.promote(me),
            Step::Format => self.format(me, kill),
            Step::Resize => self.resize(me, size),
            Step::Write(state) => self.write(record.version, (**state).clone()),
            Step::Forget => {
                for (host, machine) in &self.machines {
                    assert!(machine.is_clean(), "{host} still has {machine:?}");
                }
                self.record = None;
                Ok(())
            }
        }
    }

    /// A compare-and-swap.
    pub fn write(&mut self, version: u64, state: hive_volumes::State) -> Done {
        match &mut self.record {
            Some(record) if record.version == version => {
                assert!(state.turn > record.state.turn, "a turn went back");
                record.state = state;
                record.version += 1;
                Ok(())
            }
            _ => Err("update out of sequence".into()),
        }
    }
}
