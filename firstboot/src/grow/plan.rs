//! What the grown disk looks like: sizes and the new table, decided without touching anything.

use hive_inventory::disk::{
    ATTR_NO_AUTO, NAME_ESP, NAME_ROOT_A, NAME_ROOT_B, NAME_SEED, NAME_STATE, NAME_STATE_NEW,
    SECTOR, TYPE_ESP, TYPE_ROOT, TYPE_STATE,
};

use super::sizes::{LEAST_STATE, Sizes, down, up};
use crate::gpt::{Partition, TAIL_SECTORS, Table};
use crate::guid::Guid;
use crate::slot::size_text;

/// How far a disk came, from its table alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// As flashed.
    Flashed,
    /// Grown, but its state partition was not completed: it may be formatted.
    Grown,
    /// Complete: the state partition is never formatted again.
    Complete,
}

/// Reads the stage from the names of the partitions.
pub fn stage(table: &Table) -> Stage {
    if table.named(NAME_STATE).is_some() {
        Stage::Complete
    } else if table.named(NAME_STATE_NEW).is_some() {
        Stage::Grown
    } else {
        Stage::Flashed
    }
}

/// A decided growth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The table after it.
    pub table: Table,
    /// The ESP as flashed, whose files move.
    pub old_esp: Partition,
    /// The ESP after it, in space that nothing used before.
    pub new_esp: Partition,
}

/// Why a disk is not grown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// No room.
    #[error(
        "the disk has {}, this image needs at least {}: two slots of {}, an ESP of {} and {} for data",
        size_text(*.have), size_text(*.need), size_text(*.slot), size_text(*.esp), size_text(LEAST_STATE)
    )]
    TooSmall {
        /// Size of the disk in bytes.
        have: u64,
        /// Least size in bytes.
        need: u64,
        /// Least slot in bytes.
        slot: u64,
        /// Least ESP in bytes.
        esp: u64,
    },
    /// Somebody else's layout.
    #[error("the partitions are not as they were baked: {0}")]
    NotAsBaked(&'static str),
}

/// Decides the layout of a disk of `disk_bytes` whose table is as flashed.
///
/// `root_bytes` is what data and tree of the sealed root need, `esp_used` what the files of the
/// flashed ESP take up, both in bytes. `random` gives the identities: those of the golden image
/// are the same on every disk flashed from it.
pub fn plan(
    disk_bytes: u64,
    flashed: &Table,
    root: Guid,
    root_bytes: u64,
    esp_used: u64,
    mut random: impl FnMut() -> Guid,
) -> Result<Growth, Refusal> {
    let old_esp = flashed
        .named(NAME_ESP)
        .filter(|p| p.kind == Guid::known(TYPE_ESP))
        .ok_or(Refusal::NotAsBaked("there is no ESP"))?;
    let root_a = flashed
        .named(NAME_ROOT_A)
        .filter(|p| p.guid == root)
        .ok_or(Refusal::NotAsBaked("root-a is not this root"))?;
    if flashed.named(NAME_ROOT_B).is_some() {
        return Err(Refusal::NotAsBaked("there is a root-b but no state"));
    }
    if flashed.partitions.iter().any(|p| p.first > root_a.first) {
        return Err(Refusal::NotAsBaked("root-a is not the last partition"));
    }

    let sectors = disk_bytes / SECTOR;
    let start = root_a.offset();
    let end = down((sectors.saturating_sub(TAIL_SECTORS)) * SECTOR);
    let room = end.saturating_sub(start);
    let sizes = Sizes::decide(disk_bytes, start, room, root_bytes, esp_used)?;

    let extent = |from: u64, to: u64| (from / SECTOR, to / SECTOR - 1);
    let a_end = up(start + sizes.slot);
    let b_end = a_end + sizes.slot;
    let esp_end = b_end + sizes.esp;

    let mut table = flashed.clone();
    table.disk = random();
    table.last_usable = sectors - 1 - TAIL_SECTORS;
    table.backup_at = sectors - 1;
    let mut new_esp = old_esp.clone();
    (new_esp.first, new_esp.last) = extent(b_end, esp_end);
    new_esp.guid = random();
    for p in &mut table.partitions {
        if p.number == old_esp.number {
            *p = new_esp.clone();
        } else if p.number == root_a.number {
            p.last = extent(start, a_end).1;
        } else if p.name == NAME_SEED {
            p.guid = random();
        }
    }
    let mut add = |name: &str, kind: &str, attributes: u64, (first, last): (u64, u64)| {
        let number = (1..)
            .find(|n| table.partitions.iter().all(|p| p.number != *n))
            .unwrap_or(1);
        table.partitions.push(Partition {
            number,
            kind: Guid::known(kind),
            guid: random(),
            first,
            last,
            attributes,
            name: name.to_owned(),
        });
    };
    add(
        NAME_ROOT_B,
        TYPE_ROOT,
        root_a.attributes | ATTR_NO_AUTO,
        extent(a_end, b_end),
    );
    add(
        NAME_STATE_NEW,
        TYPE_STATE,
        ATTR_NO_AUTO,
        extent(esp_end, end),
    );
    table.partitions.sort_by_key(|p| p.number);
    Ok(Growth {
        table,
        old_esp: old_esp.clone(),
        new_esp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::disk::{ALIGNMENT, GIB, MIB, SEED_SIZE, TYPE_SEED};

    const ROOT: Guid = Guid([7; 16]);

    fn flashed(root_bytes: u64) -> Table {
        let part = |number, name: &str, kind, from: u64, bytes: u64| Partition {
            number,
            kind: Guid::known(kind),
            guid: if number == 3 {
                ROOT
            } else {
                Guid([number as u8; 16])
            },
            first: from / SECTOR,
            last: (from + bytes) / SECTOR - 1,
            attributes: 0,
            name: name.into(),
        };
        Table {
            disk: Guid([9; 16]),
            first_usable: 34,
            last_usable: 4_000_000,
            backup_at: 4_000_033,
            partitions: vec![
                part(1, NAME_ESP, TYPE_ESP, MIB, 100 * MIB),
                part(2, NAME_SEED, TYPE_SEED, 101 * MIB, SEED_SIZE),
                part(3, NAME_ROOT_A, TYPE_ROOT, 117 * MIB, root_bytes),
            ],
        }
    }

    fn grown(disk: u64, root_bytes: u64) -> Result<Growth, Refusal> {
        let mut next = 0x10;
        plan(
            disk,
            &flashed(root_bytes),
            ROOT,
            root_bytes,
            80 * MIB,
            || {
                next += 1;
                Guid([next; 16])
            },
        )
    }

    fn check(disk: u64, growth: &Growth) {
        let t = &growth.table;
        let mut parts: Vec<_> = t.partitions.iter().collect();
        parts.sort_by_key(|p| p.first);
        let names: Vec<_> = parts.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["HIVE-SEED", "root-a", "root-b", "esp", "state-new"]);
        for pair in parts.windows(2) {
            assert!(pair[0].last < pair[1].first);
        }
        for p in &parts {
            assert_eq!(p.first * SECTOR % ALIGNMENT, 0, "{}", p.name);
        }
        assert!(parts[4].last <= t.last_usable && parts[4].bytes() >= LEAST_STATE);
        assert_eq!(t.backup_at, disk / SECTOR - 1);
        assert_eq!(parts[1].bytes(), parts[2].bytes());
    }

    #[test]
    fn a_disk_gets_full_slots() {
        let growth = grown(100 * GIB, 700 * MIB).unwrap();
        check(100 * GIB, &growth);
        assert_eq!(growth.table.named("root-a").unwrap().bytes(), 4 * GIB);
        assert_eq!(growth.new_esp.bytes(), GIB);
        assert_eq!(growth.table.named("root-a").unwrap().guid, ROOT);
        let flashed = flashed(700 * MIB);
        assert_ne!(growth.table.disk, flashed.disk);
        assert_ne!(
            growth.table.named("HIVE-SEED").unwrap().guid,
            flashed.named("HIVE-SEED").unwrap().guid
        );
    }

    #[test]
    fn a_stick_gets_smaller_slots() {
        let stick = 8_000_000_000 / SECTOR * SECTOR;
        let growth = grown(stick, 700 * MIB).unwrap();
        check(stick, &growth);
        let slot = growth.table.named("root-b").unwrap().bytes();
        assert!((GIB..2 * GIB).contains(&slot), "{slot}");
        assert!(growth.table.named("state-new").unwrap().bytes() > 3 * GIB);
    }

    #[test]
    fn every_size_fits_or_is_refused_with_figures() {
        let mut refused = 0;
        for mib in (1000..30_000).step_by(173) {
            let disk = mib * MIB;
            match grown(disk, 700 * MIB) {
                Ok(growth) => check(disk, &growth),
                Err(Refusal::TooSmall { have, need, .. }) => {
                    assert!(have < need, "{have} {need}");
                    assert!(grown(need, 700 * MIB).is_ok(), "needs {need}");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 5);
        let text = grown(2 * GIB, 700 * MIB).unwrap_err().to_string();
        assert!(text.contains("2048 MiB"), "{text}");
    }

    #[test]
    fn a_strange_table_is_left_alone() {
        let mut table = flashed(700 * MIB);
        table.partitions[2].guid = Guid([8; 16]);
        let refuse = |table: &Table| {
            plan(100 * GIB, table, ROOT, 700 * MIB, 0, || Guid([1; 16])).unwrap_err()
        };
        assert!(matches!(refuse(&table), Refusal::NotAsBaked(_)));
        let mut table = flashed(700 * MIB);
        let mut data = table.partitions[2].clone();
        (data.number, data.name) = (4, "mine".into());
        (data.first, data.last) = (data.last + 1, data.last + 9);
        table.partitions.push(data);
        assert!(matches!(refuse(&table), Refusal::NotAsBaked(_)));
    }
}
