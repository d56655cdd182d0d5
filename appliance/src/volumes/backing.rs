//! What LVM has below the volumes of this host.

use std::sync::Arc;
use std::time::Duration;

use hive_inventory::volumes::PoolReport;
use hive_system::lvm::{self, LogicalVolume};
use hive_volumes::upkeep::Backing;
use hive_volumes::{PartKind, Record};
use tokio::time::Instant;

use super::host::Host;
use super::look::words;
use super::shared::Shared;

/// LVM waits for the metadata of its group, which others may be changing.
const LVM: Duration = Duration::from_secs(30);
/// How old what is told of the thin pool may be.
const POOL_AGE: Duration = Duration::from_secs(60);

/// The volumes of a group; `None`: LVM says that there is no such group.
pub(super) type Group = Shared<Option<Vec<LogicalVolume>>>;

impl Host {
    /// What LVM has of a volume, looked at since `oldest`.
    pub(super) async fn backing(
        &self,
        record: &Record,
        oldest: Instant,
    ) -> Result<Option<Backing>, String> {
        let copy = record.state.part(self.me()).map(|part| part.kind) == Some(PartKind::Copy);
        // A host that never had a disk for volumes has nothing of any.
        if !copy && self.disk.is_none() {
            return Ok(None);
        }
        let identity = &record.identity;
        let volumes = self.volumes(&identity.group, oldest).await?;
        let all = volumes.iter().flatten();
        let mut named = all.filter(|volume| volume.name == identity.name.as_str());
        Ok(named.next().map(|volume| Backing {
            bytes: volume.bytes,
            tags: volume.tags.clone(),
            active: volume.active,
        }))
    }

    /// The volumes of a group, looked at since `oldest`; `None` when LVM says that there is no such group.
    async fn volumes(
        &self,
        group: &str,
        oldest: Instant,
    ) -> Result<Arc<Option<Vec<LogicalVolume>>>, String> {
        let shared = {
            let mut groups = self.groups.lock().unwrap_or_else(|e| e.into_inner());
            Arc::clone(groups.entry(group.to_owned()).or_default())
        };
        let look = async || match self.bench.run(lvm::list(group), LVM).await {
            Ok(text) => lvm::read_list(&text).map(Some).map_err(|e| words(&e)),
            // It says the same of a group that is not there and of one that it can't read now. Only the
            // first may be taken for «nothing is there».
            Err(why) => {
                let groups = self.bench.run(lvm::list_groups(), LVM).await?;
                let groups = lvm::read_groups(&groups).map_err(|e| words(&e))?;
                match groups.iter().any(|there| there == group) {
                    true => Err(why),
                    false => Ok(None),
                }
            }
        };
        shared.since(oldest, look).await
    }

    /// The thin pool of the seed, if it is there.
    ///
    /// # Errors
    /// LVM does not tell, or the pool is not active; in words.
    pub(super) async fn pool(&self) -> Result<Option<PoolReport>, String> {
        let Some(disk) = &self.disk else {
            return Ok(None);
        };
        let now = Instant::now();
        let recent = now.checked_sub(POOL_AGE).unwrap_or(now);
        let told = async |oldest| -> Result<Option<LogicalVolume>, String> {
            let volumes = self.volumes(&disk.volume_group, oldest).await?;
            let pool = volumes.iter().flatten().find(|v| v.name == disk.pool);
            Ok(pool.cloned())
        };
        let pool = match told(recent).await? {
            // It may have been activated since.
            Some(pool) if pool.used.is_none() => told(now).await?,
            pool => pool,
        };
        let Some(pool) = pool else {
            return Ok(None);
        };
        pool_report(&disk.volume_group, &pool).map(Some)
    }
}

/// What is told of a pool; one that is not active says nothing of itself.
fn pool_report(group: &str, pool: &LogicalVolume) -> Result<PoolReport, String> {
    let (Some(used), Some(notes_used)) = (pool.used, pool.notes_used) else {
        let path = format!("{group}/{}", pool.name);
        return Err(format!(
            "the thin pool {path} is not active, so no copy on this host is up; `lvchange --activate y {path}` tells why. If its check fails, give the host a blank disk in its place, which others fill: what a repaired pool has lost, DRBD takes for written"
        ));
    };
    Ok(PoolReport {
        group: group.to_owned(),
        pool: pool.name.clone(),
        bytes: pool.bytes,
        used,
        notes_used,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_is_not_active_is_a_fault_and_not_an_empty_one() {
        let mut pool = LogicalVolume {
            name: "drbdpool".into(),
            bytes: 1 << 30,
            tags: Vec::new(),
            active: false,
            pool: None,
            used: Some(1234),
            notes_used: Some(1050),
        };
        // The pool itself may be inactive while volumes of it are used.
        let report = pool_report("drbdvg", &pool).unwrap();
        assert_eq!((report.used, report.notes_used), (1234, 1050));
        pool.used = None;
        let why = pool_report("drbdvg", &pool).unwrap_err();
        assert!(
            why.contains("lvchange --activate y drbdvg/drbdpool"),
            "{why}"
        );
    }
}
