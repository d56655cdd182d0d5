//! Doing it: each function commits at most once, as its last act.

use std::io;

use hive_fat::FatError;
use hive_inventory::disk::{NAME_ESP, NAME_STATE, NAME_STATE_NEW};

use super::esp;
use super::plan::{Refusal, Stage, plan, stage};
use crate::blockdev::Disk;
use crate::gpt::{self, Found, Partition, Table};
use crate::guid::Guid;

/// Why a disk could not be grown.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// The plan refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ESP does not read, or the new one does not fill.
    #[error("the files of the EFI system partition could not be moved: {0}")]
    Esp(#[from] FatError),
    /// The table could not be written.
    #[error("the partition table could not be written: {0}")]
    Table(#[source] io::Error),
    /// There is nothing to complete.
    #[error("the partition table has no {NAME_STATE_NEW}")]
    NoState,
    /// The state partition could not be made.
    #[error("the state partition could not be made")]
    State(#[source] crate::failure::Failure),
}

/// Brings a disk from "flashed" to "grown", or repairs a torn copy of its table; returns the table
/// that is in force afterwards.
///
/// `root_bytes` is what the sealed root needs. Nothing is written before everything that can be
/// checked was.
pub fn prepare(
    disk: &dyn Disk,
    found: &Found,
    root: Guid,
    root_bytes: u64,
    mut random: impl FnMut() -> Guid,
) -> Result<Table, GrowError> {
    if stage(&found.table) != Stage::Flashed {
        if !(found.primary_good && found.backup_good) {
            gpt::write(disk, &found.table).map_err(GrowError::Table)?;
        }
        return Ok(found.table.clone());
    }
    let used = match found.table.named(NAME_ESP) {
        Some(old) => esp::used(disk, old)?,
        None => 0,
    };
    let growth = plan(
        disk.size(),
        &found.table,
        root,
        root_bytes,
        used,
        &mut random,
    )?;
    let id = random().0;
    let volume_id = u32::from_le_bytes([id[0], id[1], id[2], id[3]]);
    esp::copy(disk, &growth.old_esp, &growth.new_esp, volume_id)?;
    // The new table must not be on the medium before what it points at.
    disk.flush().map_err(GrowError::Table)?;
    gpt::write(disk, &growth.table).map_err(GrowError::Table)?;
    Ok(growth.table)
}

/// Brings a disk from "grown" to "complete": `make` fills the state partition and returns when
/// everything is on the medium; only then does the partition get the name that protects it.
pub fn complete(
    disk: &dyn Disk,
    table: &Table,
    make: impl FnOnce(&Partition) -> Result<(), crate::failure::Failure>,
) -> Result<Table, GrowError> {
    let state = match stage(table) {
        Stage::Grown => table.named(NAME_STATE_NEW).ok_or(GrowError::NoState)?,
        Stage::Complete | Stage::Flashed => return Err(GrowError::NoState),
    };
    make(state).map_err(GrowError::State)?;
    disk.flush().map_err(GrowError::Table)?;
    let mut complete = table.clone();
    for p in &mut complete.partitions {
        if p.number == state.number {
            p.name = NAME_STATE.to_owned();
        }
    }
    gpt::write(disk, &complete).map_err(GrowError::Table)?;
    Ok(complete)
}
