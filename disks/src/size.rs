//! Sizes: of the pool, and whether a disk is the one that the inventory means.

const MIB: u64 = 1 << 20;

/// How much a disk may differ from what the inventory says, as a fraction: one hundredth. Clouds
/// make disks of exactly so many GiB; what a person reads off a drive is rounded.
const TOLERANCE: u64 = 100;

/// Whether `bytes` is a size of `gigabytes` (2^30 bytes each), within 1 %.
pub fn matches(bytes: u64, gigabytes: u64) -> bool {
    let wanted = gigabytes.saturating_mul(1 << 30);
    bytes.abs_diff(wanted) <= wanted / TOLERANCE
}

/// A thin pool, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// What volumes can fill.
    pub data: u64,
    /// What the pool keeps books in; LVM sets a spare of the same size beside it.
    pub metadata: u64,
}

/// The pool for a partition of `partition` bytes, of whose volume group `free` bytes are free, in
/// extents of `extent` bytes. `None`: there is no room for one.
///
/// (MiB − 8) · 8192/8193 rounded down to 16 MiB leaves room for metadata of 64 bytes a chunk of
/// 1 MiB, twice; where rounding to whole extents takes more than that, the pool gives way.
pub fn pool(partition: u64, free: u64, extent: u64) -> Option<Pool> {
    let extent = extent.div_ceil(MIB).max(1);
    let mut data = (partition / MIB).checked_sub(8)? * 8192 / 8193 / 16 * 16;
    loop {
        // LVM's least is 2 MiB.
        let metadata = (data * 64).div_ceil(MIB).max(2).div_ceil(extent) * extent;
        if data == 0 {
            return None;
        }
        if data.div_ceil(extent) * extent + 2 * metadata <= free / MIB {
            return Some(Pool { data, metadata });
        }
        data -= 16;
    }
}

/// A size for people.
pub fn show(bytes: u64) -> String {
    let gib = bytes as f64 / f64::from(1 << 30);
    if gib >= 0.95 {
        format!("{gib:.1} GiB")
    } else {
        format!("{:.0} MiB", bytes as f64 / MIB as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_size_is_the_disk_that_is_meant() {
        assert!(matches(100 << 30, 100));
        // A drive of «500 GB» has 465.76 GiB.
        assert!(matches(500_107_862_016, 465) && matches(500_107_862_016, 466));
        assert!(!matches(500_107_862_016, 500));
        assert!(!matches(2 << 30, 1) && !matches(0, 1));
    }

    #[test]
    fn pools_are_as_large_as_the_formula_says() {
        let usable = |mib: u64| (mib - 1) / 4 * 4 * MIB;
        let made = |mib: u64| pool(mib * MIB, usable(mib), 4 * MIB).unwrap();
        assert_eq!(
            made(1022),
            Pool {
                data: 1008,
                metadata: 4
            }
        );
        assert_eq!(
            made(102_398),
            Pool {
                data: 102_368,
                metadata: 8
            }
        );
        assert_eq!(pool(16 * MIB, usable(16), 4 * MIB), None);
        assert_eq!(pool(1022 * MIB, 0, 4 * MIB), None);
    }

    #[test]
    fn every_pool_fits_its_volume_group_and_wastes_little() {
        for mib in (62..4 << 20).step_by(997).chain(62..70_000) {
            let usable = (mib - 1) / 4 * 4;
            let pool = pool(mib * MIB, usable * MIB, 4 * MIB).unwrap();
            assert!(pool.data + 2 * pool.metadata <= usable, "{mib}: {pool:?}");
            assert!(pool.metadata * MIB >= pool.data * 64);
            assert!(mib - pool.data - 2 * pool.metadata < 48, "{mib}: {pool:?}");
        }
    }
}
