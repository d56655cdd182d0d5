//! Taking a volume into use on this host, and letting go of it.

use std::path::Path;
use std::time::Duration;

use hive_system::{drbd, file_system};
use hive_volumes::upkeep::{Seen, view};
use hive_volumes::{Module, Record, lease};
use tokio::time::timeout;

use super::host::Host;
use super::mounts;
use crate::swarm::Written;

/// DRBD 8.4 asks its fence handler, and with it Raft, before it promotes without sight of the peer.
const PROMOTE: Duration = Duration::from_secs(60);
/// Other changes of DRBD in the kernel.
pub(super) const DRBD: Duration = Duration::from_secs(60);
/// xfs plays its log back.
const MOUNT: Duration = Duration::from_secs(120);
/// What is not written yet goes to all hosts first.
const UNMOUNT: Duration = Duration::from_secs(60);
/// A large ext4 with much to mend.
const CHECK: Duration = Duration::from_secs(30 * 60);
/// A lease that is not released now is released by the upkeep; docker waits meanwhile.
const RELEASE: Duration = Duration::from_secs(5);
/// Others change the record at the same moment; more often is no coincidence.
pub(super) const TRIES: u32 = 5;

impl Host {
    /// Takes a volume into use: `drbdadm primary`. With DRBD 8.4 the lease is acquired first, at a version read
    /// just now, by what is seen after that.
    ///
    /// # Errors
    /// Raft or DRBD refuses, in their own words.
    pub async fn promote(&self, record: &Record, seen: &Seen) -> Result<(), String> {
        if seen.resource.as_ref().is_some_and(|r| r.primary) {
            return Ok(());
        }
        if record.identity.module == Module::Drbd84 {
            self.acquire(record).await?;
        }
        let name = record.identity.name.as_str();
        self.bench.run(drbd::primary(name), PROMOTE).await.map(drop)
    }

    async fn acquire(&self, record: &Record) -> Result<(), String> {
        let name = &record.identity.name;
        for _ in 0..TRIES {
            let now = self.same(record).await?;
            let seen = self.glance(&now).await?;
            let here = self.here(&now, &seen).await?;
            let view = view(&now, &here.borrow(), &seen)
                .ok_or_else(|| format!("volume {name} is not up on {}", self.me()))?;
            let held = lease::acquire(&now.state, &view)
                .map_err(|refusal| format!("volume {name}: {refusal}"))?;
            if self.write(&now, &held).await? == Written::Done {
                return Ok(());
            }
        }
        Err(format!(
            "the swarm's record of volume {name} was changed by others {TRIES} times in a row; trying again"
        ))
    }

    /// The record as it is now, if it is still the same volume.
    pub(super) async fn same(&self, record: &Record) -> Result<Record, String> {
        let (name, birthmark) = (&record.identity.name, &record.identity.birthmark);
        let now = self.record(name.as_str()).await?;
        now.filter(|now| now.identity.birthmark == *birthmark)
            .ok_or_else(|| format!("volume {name} was removed"))
    }

    /// Lets go of a volume: `drbdadm secondary`, and with DRBD 8.4 the lease is released. If Raft does not
    /// take that now, the upkeep sees to it.
    ///
    /// # Errors
    /// Something still has the device open, in DRBD's own words.
    pub async fn demote(&self, record: &Record) -> Result<(), String> {
        let name = record.identity.name.as_str();
        self.bench.run(drbd::secondary(name), DRBD).await?;
        if record.identity.module == Module::Drbd84 {
            let released = timeout(RELEASE, self.release(record)).await;
            let released = released.unwrap_or_else(|_| Err("no answer in time".into()));
            if let Err(why) = released {
                eprintln!("hived: the lease of volume {name} is released later: {why}");
                self.look_again(name);
            }
        }
        Ok(())
    }

    async fn release(&self, record: &Record) -> Result<(), String> {
        for _ in 0..TRIES {
            let now = self.same(record).await?;
            let Some(free) = lease::release(&now.state, self.me()) else {
                return Ok(());
            };
            if self.write(&now, &free).await? == Written::Done {
                return Ok(());
            }
        }
        Err("others changed the record".into())
    }

    /// Checks the file system of a volume that is in use here and not mounted: `e2fsck -p`, nothing for xfs.
    ///
    /// # Errors
    /// It needs a person, in e2fsck's words.
    pub async fn check(&self, record: &Record) -> Result<(), String> {
        let device = record.identity.device();
        let kind = mounts::kind(record.identity.file_system);
        let work = format!("checking the file system on {device}");
        let check = move || {
            file_system::check(kind, Path::new(&device)).map_err(|e| {
                format!("{e}\nthe file system needs a person: `e2fsck {device}` on this host")
            })
        };
        self.bench.work(work, CHECK, check).await
    }

    /// Mounts the file system, makes the folder for containers in it and lets it fill its device.
    ///
    /// # Errors
    /// The kernel refuses, in words.
    pub async fn mount(&self, record: &Record) -> Result<(), String> {
        let (device, at) = (
            record.identity.device(),
            self.mount_point(&record.identity.name),
        );
        let file_system = record.identity.file_system;
        let work = format!("mounting {device}");
        let mount = move || mounts::mount(&device, file_system, &at);
        self.bench.work(work, MOUNT, mount).await?;
        // It can be used all the same; the upkeep tries again, and tells.
        if let Err(why) = self.grow(record).await {
            eprintln!("hived: {why}");
            self.look_again(record.identity.name.as_str());
        }
        Ok(())
    }

    /// Unmounts the file system; one that is not mounted is no error.
    ///
    /// # Errors
    /// Something still uses it, in words.
    pub async fn unmount(&self, record: &Record) -> Result<(), String> {
        let at = self.mount_point(&record.identity.name);
        let work = format!("unmounting {}", at.display());
        let unmount = move || mounts::unmount(&at);
        self.bench.work(work, UNMOUNT, unmount).await?;
        let name = record.identity.name.as_str();
        // What they say is about the mount that is gone; a later one writes them anew.
        for file in [self.grown_file(name), self.cleared_file(name)] {
            drop(std::fs::remove_file(file));
        }
        Ok(())
    }
}
