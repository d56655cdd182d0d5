//! The file systems that a mirrored volume can have, and how small they can be.

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// A file system on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// XFS.
    Xfs,
    /// ext4.
    Ext4,
}

impl FileSystem {
    /// By the name that mount(8) and blkid(8) use; `None` for all others.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Xfs, Self::Ext4]
            .into_iter()
            .find(|known| known.name() == name)
    }

    /// The name that mount(8) and blkid(8) use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        }
    }

    /// The smallest device, in bytes, that `mkfs` takes without being forced. Since xfsprogs 5.19
    /// `mkfs.xfs` refuses less than 300 MiB; with ext4 there is little room left below 16 MiB.
    pub fn smallest(self) -> u64 {
        match self {
            Self::Xfs => 300 * MIB,
            Self::Ext4 => 16 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        assert_eq!(FileSystem::named("xfs"), Some(FileSystem::Xfs));
        assert_eq!(FileSystem::named("ext4"), Some(FileSystem::Ext4));
        assert_eq!(FileSystem::named("btrfs"), None);
    }
}
