//! How large a logical volume must be, so that the device that DRBD makes of it has the size that was asked for.
//!
//! DRBD keeps its notes at the end of the same logical volume (internal meta data): a superblock, a
//! log of recently written areas, and a bitmap with a bit for each 4 KiB of data, once for each
//! peer that may need a resync (DRBD user's guide, "Estimating meta data size").

/// What a bit of the bitmap stands for, in bytes.
const BYTES_PER_BIT: u64 = 4096;
/// LVM gives space in pieces of this many bytes, its default.
const EXTENT: u64 = 4 << 20;
/// Superblock and activity log, 36 KiB, in bytes.
const FIXED: u64 = 36 << 10;
/// Bitmaps end on this boundary, in bytes.
const PAGE: u64 = 4096;

/// Bytes of the notes about `device` bytes of data for so many peers.
pub fn notes(device: u64, peers: u8) -> u64 {
    let words = device.div_ceil(BYTES_PER_BIT).div_ceil(64);
    (words * 8 * u64::from(peers)).next_multiple_of(PAGE) + FIXED
}

/// Bytes of the logical volume below a device of at least `device` bytes.
pub fn below(device: u64, peers: u8) -> u64 {
    // The notes are about the whole of the logical volume, their own place included.
    let mut volume = device;
    loop {
        let needed = (device + notes(volume, peers)).next_multiple_of(EXTENT);
        if needed <= volume {
            return volume;
        }
        volume = needed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_as_large_as_the_guide_says() {
        // 32 KiB for a GiB and peer, and 36 KiB.
        assert_eq!(notes(1 << 30, 1), (32 + 36) << 10);
        assert_eq!(notes(1 << 30, 7), (7 * 32 + 36) << 10);
        assert_eq!(notes(1 << 40, 1), (32 << 20) + (36 << 10));
    }

    #[test]
    fn data_and_notes_fit_without_more_than_an_extent_to_spare() {
        for device in [16 << 20, 300 << 20, (1 << 30) + 1, 20 << 30, 3 << 40] {
            for peers in [1, 7, 15] {
                let volume = below(device, peers);
                assert_eq!(volume % EXTENT, 0);
                assert!(volume - notes(volume, peers) >= device, "{device} {peers}");
                let less = volume - EXTENT;
                assert!(less < device + notes(less, peers), "{device} {peers}");
            }
        }
    }
}
