//! How big the slots and the ESP become on a disk.

use hive_inventory::disk::{ALIGNMENT, GIB, MIB, SECTOR};

use super::plan::Refusal;
use crate::gpt::TAIL_SECTORS;

/// From this size on a disk gets full slots, in bytes.
const FULL_DISK: u64 = 24 * GIB;
/// A full slot, in bytes: ten years of updates of a root that begins below 1 GiB.
const FULL_SLOT: u64 = 4 * GIB;
/// A full ESP, in bytes.
const FULL_ESP: u64 = GIB;
/// The least ESP of a small disk, in bytes.
const LEAST_ESP: u64 = 256 * MIB;
/// The least state partition, in bytes: below that not even one container image fits.
pub(super) const LEAST_STATE: u64 = GIB;

/// What a disk affords, in bytes.
pub(super) struct Sizes {
    /// Each of the two slots.
    pub slot: u64,
    /// The ESP.
    pub esp: u64,
}

impl Sizes {
    /// Decides for a disk of `disk_bytes` with `room` bytes from the start of root-a at `start`.
    pub fn decide(
        disk_bytes: u64,
        start: u64,
        room: u64,
        root_bytes: u64,
        esp_used: u64,
    ) -> Result<Self, Refusal> {
        // A later root is rarely more than a quarter bigger; while updating, the ESP holds the old
        // kernel image, the new one, and the new one under its temporary name.
        let least_slot = up(root_bytes + root_bytes / 4);
        let least_esp = LEAST_ESP.max(up(3 * esp_used + 32 * MIB));
        let full = Sizes {
            slot: least_slot.max(FULL_SLOT),
            esp: least_esp.max(FULL_ESP),
        };
        let small = Sizes {
            slot: least_slot.max(down(room / 5).min(FULL_SLOT)),
            esp: least_esp.max(if room >= 6 * GIB { 512 * MIB } else { 0 }),
        };
        let least = Sizes {
            slot: least_slot,
            esp: least_esp,
        };
        // One alignment more: root-a's end is rounded up where its start is odd.
        let needs = |s: &Sizes| 2 * s.slot + s.esp + LEAST_STATE + ALIGNMENT;
        let need = start + needs(&least) + up(TAIL_SECTORS * SECTOR);
        [full, small, least]
            .into_iter()
            .skip(usize::from(disk_bytes < FULL_DISK))
            .find(|s| needs(s) <= room)
            .ok_or(Refusal::TooSmall {
                have: disk_bytes,
                need,
                slot: least_slot,
                esp: least_esp,
            })
    }
}

pub(super) fn up(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

pub(super) fn down(bytes: u64) -> u64 {
    bytes - bytes % ALIGNMENT
}
