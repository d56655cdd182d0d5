//! What the volume driver does to a host; tests have a host of their own.

use std::path::PathBuf;
use std::time::Duration;

use hive_volumes::Record;
use hive_volumes::driver::users::Users;
use hive_volumes::driver::{self, Next, Step};

use super::containers;
use crate::volumes::{Held, Host, mounts};

/// Looking through the mounts of all processes.
const LOOK: Duration = Duration::from_secs(10);

/// A host with mirrored volumes.
pub trait Hands: Send + Sync + 'static {
    /// Keeps others from acting on a volume.
    type Held: Send + Sync;

    /// Short name of the host.
    fn me(&self) -> &str;
    /// The record, read from Raft just now.
    fn record(&self, name: &str) -> impl Future<Output = Result<Option<Record>, String>> + Send;
    /// The records as they were read last.
    fn known(&self) -> Vec<Record>;
    /// Waits for the right to act on a volume.
    fn lock(&self, name: &str) -> impl Future<Output = Self::Held> + Send;
    /// What whoever has that right does now and since when, in words.
    fn doing(&self, name: &str) -> Option<String>;
    /// The next step until containers can use the volume.
    fn to_mount(
        &self,
        record: &Record,
        checked: bool,
    ) -> impl Future<Output = Result<Next, String>> + Send;
    /// The next step until the host has let go of it.
    fn to_unmount(&self, record: &Record) -> impl Future<Output = Result<Next, String>> + Send;
    /// Does a step.
    fn carry_out(
        &self,
        held: &Self::Held,
        record: &Record,
        step: Step,
    ) -> impl Future<Output = Result<(), String>> + Send;
    /// The containers that use a volume.
    fn users(&self, name: &str) -> Result<Users, String>;
    /// Replaces that list.
    fn set_users(&self, name: &str, users: &Users) -> Result<(), String>;
    /// Whether containers have the volume mounted, whatever docker knows of them.
    fn in_containers(&self, record: &Record) -> impl Future<Output = Result<bool, String>> + Send;
    /// The folder that containers get.
    fn folder(&self, record: &Record) -> PathBuf;
    /// The upkeep shall look at the volume soon.
    fn look_again(&self, name: &str);
}

impl Hands for Host {
    type Held = Held;

    fn me(&self) -> &str {
        self.me()
    }

    async fn record(&self, name: &str) -> Result<Option<Record>, String> {
        self.record(name).await
    }

    fn known(&self) -> Vec<Record> {
        self.latest().records.volumes.values().cloned().collect()
    }

    async fn lock(&self, name: &str) -> Held {
        self.lock(name).await
    }

    fn doing(&self, name: &str) -> Option<String> {
        self.doing(name)
    }

    async fn to_mount(&self, record: &Record, checked: bool) -> Result<Next, String> {
        if self.goes_down() {
            return Ok(Next::Refuse("this host's volumes go down".into()));
        }
        let seen = self.glance(record).await?;
        let here = self.here(record, &seen).await?;
        Ok(driver::to_mount(record, &here.borrow(), &seen, checked))
    }

    async fn to_unmount(&self, record: &Record) -> Result<Next, String> {
        Ok(driver::to_unmount(&self.glance(record).await?))
    }

    async fn carry_out(&self, held: &Held, record: &Record, step: Step) -> Result<(), String> {
        held.says(step.to_string());
        match step {
            Step::Promote => {
                let seen = self.glance(record).await?;
                self.promote(record, &seen).await
            }
            Step::Check => self.check(record).await,
            Step::Mount => self.mount(record).await,
            Step::Unmount => self.unmount(record).await,
            Step::Demote => self.demote(record).await,
        }
    }

    fn users(&self, name: &str) -> Result<Users, String> {
        self.users(name)
    }

    fn set_users(&self, name: &str, users: &Users) -> Result<(), String> {
        self.set_users(name, users)
    }

    async fn in_containers(&self, record: &Record) -> Result<bool, String> {
        let device = format!("{}:{}", mounts::MAJOR, record.identity.id);
        let work = format!("looking which containers have {}", record.identity.device());
        let look = move || containers::have(&device).map_err(|e| e.to_string());
        self.bench.work(work, LOOK, look).await
    }

    fn folder(&self, record: &Record) -> PathBuf {
        let at = self.mount_point(&record.identity.name);
        at.join(driver::FOLDER)
    }

    fn look_again(&self, name: &str) {
        self.look_again(name);
    }
}
