//! How a volume is laid out: reserved sectors, two tables, the root folder, then clusters.

use crate::FatError;

/// Bytes of a sector in the volumes that we make.
pub(crate) const SECTOR: u64 = 512;
/// Entries of the fixed root folder of the FAT16 volumes that we make.
const ROOT_ENTRIES: u32 = 512;
/// Below this size in bytes a volume becomes FAT16: FAT32 needs at least 65525 clusters.
const FAT32_FROM: u64 = 48 << 20;

/// The width of the table's entries, which follows from the number of clusters alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatKind {
    /// 12 bits an entry, fewer than 4085 clusters.
    Fat12,
    /// 16 bits an entry, fewer than 65525 clusters.
    Fat16,
    /// 32 bits an entry, of which 28 count.
    Fat32,
}

/// Where everything lies on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub kind: FatKind,
    pub sector: u32,
    pub sectors_per_cluster: u32,
    pub reserved: u32,
    pub fats: u32,
    pub fat_sectors: u32,
    pub root_entries: u32,
    pub total_sectors: u32,
    pub root_cluster: u32,
    pub info_sector: u32,
    pub clusters: u32,
}

impl Geometry {
    /// Decides the layout of a new volume of `size` bytes.
    pub fn plan(size: u64) -> Result<Self, FatError> {
        let refuse = |why| FatError::Size { size, why };
        let total = u32::try_from(size / SECTOR).map_err(|_| refuse("the limit is 2 TiB"))?;
        let fat32 = size >= FAT32_FROM;
        let mut spc = 1;
        if fat32 {
            // The largest cluster up to 4 KiB that leaves enough of them; above 8 GiB Microsoft's steps.
            while spc < 8 && total / (spc * 2) >= 70_000 {
                spc *= 2;
            }
            while spc < 64 && u64::from(total / spc) > 2 << 20 {
                spc *= 2;
            }
        } else {
            while total / spc >= 65_000 {
                spc *= 2;
            }
        }
        let (reserved, root_entries, width) = if fat32 {
            (32, 0, 4)
        } else {
            (1, ROOT_ENTRIES, 2)
        };
        let root_sectors = root_entries * 32 / SECTOR as u32;
        let mut fat_sectors = 1;
        let clusters = loop {
            let overhead = reserved + 2 * fat_sectors + root_sectors;
            let clusters = total
                .checked_sub(overhead)
                .ok_or(refuse("it is too small"))?
                / spc;
            let needed = ((clusters + 2) * width).div_ceil(SECTOR as u32);
            if needed <= fat_sectors {
                break clusters;
            }
            fat_sectors = needed;
        };
        let kind = kind_of(clusters);
        match (fat32, kind) {
            (true, FatKind::Fat32) | (false, FatKind::Fat16) => {}
            _ => return Err(refuse("the least is 3 MiB")),
        }
        Ok(Self {
            kind,
            sector: SECTOR as u32,
            sectors_per_cluster: spc,
            reserved,
            fats: 2,
            fat_sectors,
            root_entries,
            total_sectors: total,
            root_cluster: if fat32 { 2 } else { 0 },
            info_sector: if fat32 { 1 } else { 0 },
            clusters,
        })
    }

    /// Reads the layout from a boot sector.
    pub fn read(boot: &[u8; 512]) -> Result<Self, FatError> {
        let bad = |why: &str| FatError::NotFat(why.to_owned());
        let u16_at = |at: usize| u32::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let u32_at =
            |at: usize| u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]);
        if boot[510..512] != [0x55, 0xAA] {
            return Err(bad("no boot signature"));
        }
        let sector = u16_at(11);
        if !sector.is_power_of_two() || !(512..=4096).contains(&sector) {
            return Err(bad("odd sector size"));
        }
        let sectors_per_cluster = u32::from(boot[13]);
        if !sectors_per_cluster.is_power_of_two() {
            return Err(bad("odd cluster size"));
        }
        let reserved = u16_at(14);
        let fats = u32::from(boot[16]);
        let root_entries = u16_at(17);
        let total_sectors = match u16_at(19) {
            0 => u32_at(32),
            small => small,
        };
        let fat_sectors = match u16_at(22) {
            0 => u32_at(36),
            small => small,
        };
        if reserved == 0 || fats == 0 || fat_sectors == 0 {
            return Err(bad("no table"));
        }
        let root_sectors = (root_entries * 32).div_ceil(sector);
        let overhead = u64::from(reserved)
            + u64::from(fats) * u64::from(fat_sectors)
            + u64::from(root_sectors);
        let data = u64::from(total_sectors)
            .checked_sub(overhead)
            .ok_or_else(|| bad("tables larger than the volume"))?;
        let clusters = (data / u64::from(sectors_per_cluster)) as u32;
        let kind = if u16_at(22) == 0 {
            FatKind::Fat32
        } else {
            kind_of(clusters)
        };
        let width_bits: u64 = match kind {
            FatKind::Fat12 => 12,
            FatKind::Fat16 => 16,
            FatKind::Fat32 => 32,
        };
        let room = u64::from(fat_sectors) * u64::from(sector) * 8 / width_bits;
        if u64::from(clusters) + 2 > room || clusters > 0x0FFF_FFF0 {
            return Err(bad("table smaller than the volume"));
        }
        // The table is held in memory; what a stick claims must not decide how much of it.
        if room > 1 << 28 {
            return Err(bad("table larger than FAT32 allows"));
        }
        let fat32 = kind == FatKind::Fat32;
        Ok(Self {
            kind,
            sector,
            sectors_per_cluster,
            reserved,
            fats,
            fat_sectors,
            root_entries,
            total_sectors,
            root_cluster: if fat32 { u32_at(44) } else { 0 },
            info_sector: if fat32 { u16_at(48) } else { 0 },
            clusters,
        })
    }

    /// Bytes of a cluster.
    pub fn cluster_bytes(&self) -> u64 {
        u64::from(self.sectors_per_cluster) * u64::from(self.sector)
    }

    /// Bytes of one copy of the table.
    pub fn fat_bytes(&self) -> u64 {
        u64::from(self.fat_sectors) * u64::from(self.sector)
    }

    /// Offset in bytes of copy `index` of the table.
    pub fn fat_offset(&self, index: u32) -> u64 {
        u64::from(self.reserved) * u64::from(self.sector) + u64::from(index) * self.fat_bytes()
    }

    /// Offset in bytes of the fixed root folder (FAT12 and FAT16).
    pub fn root_offset(&self) -> u64 {
        self.fat_offset(self.fats)
    }

    /// Bytes of the fixed root folder.
    pub fn root_bytes(&self) -> u64 {
        u64::from((self.root_entries * 32).div_ceil(self.sector)) * u64::from(self.sector)
    }

    /// Offset in bytes of a cluster; the first one has number 2.
    pub fn cluster_offset(&self, cluster: u32) -> u64 {
        self.root_offset() + self.root_bytes() + u64::from(cluster - 2) * self.cluster_bytes()
    }

    /// Whether `cluster` is one of the volume's.
    pub fn has_cluster(&self, cluster: u32) -> bool {
        cluster >= 2 && cluster - 2 < self.clusters
    }
}

fn kind_of(clusters: u32) -> FatKind {
    match clusters {
        0..4085 => FatKind::Fat12,
        4085..65525 => FatKind::Fat16,
        _ => FatKind::Fat32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_choose_the_kind() {
        assert_eq!(Geometry::plan(16 << 20).unwrap().kind, FatKind::Fat16);
        for mib in [48, 64, 100, 200, 256, 512, 1024, 40 << 10] {
            let g = Geometry::plan(mib << 20).unwrap();
            assert_eq!(g.kind, FatKind::Fat32, "{mib} MiB");
            assert!(u64::from(g.fat_sectors) * 512 >= (u64::from(g.clusters) + 2) * 4);
        }
        assert_eq!(Geometry::plan(1 << 30).unwrap().cluster_bytes(), 4096);
        assert!(Geometry::plan(1 << 20).is_err());
        assert!(Geometry::plan(0).is_err());
    }

    #[test]
    fn odd_sectors_are_not_taken_for_a_volume() {
        assert!(Geometry::read(&[0; 512]).is_err());
        let mut boot = [0xFF; 512];
        boot[510..].copy_from_slice(&[0x55, 0xAA]);
        assert!(Geometry::read(&boot).is_err());
    }
}
