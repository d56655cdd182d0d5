//! The contract between a baked image and the machine that boots it: partitions and their types,
//! the words of the sealed kernel command line, and the paths inside the initrd.
//!
//! The builder writes by these names and `hive-init` reads by them; neither sees the other's code.
//! Partition types are those of the Discoverable Partitions Specification (UAPI group).

/// Bytes of a logical block as the partition table counts them.
pub const SECTOR: u64 = 512;
/// Every partition starts and ends on this boundary, in bytes.
pub const ALIGNMENT: u64 = 1 << 20;

/// One mebibyte, in bytes.
pub const MIB: u64 = 1 << 20;
/// One gibibyte, in bytes.
pub const GIB: u64 = 1 << 30;

/// Partition type of the EFI system partition.
pub const TYPE_ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
/// Partition type of the seed partition: basic data, so that any laptop shows it when the stick is plugged in.
pub const TYPE_SEED: &str = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
/// Partition type of both root slots (DPS: root, x86-64).
pub const TYPE_ROOT: &str = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709";
/// Partition type of the state partition (DPS: variable data).
pub const TYPE_STATE: &str = "4D21B016-B534-45C2-A9FB-5C16E091FD2D";

/// Attribute bit: the partition is mounted read-only (DPS).
pub const ATTR_READ_ONLY: u64 = 1 << 60;
/// Attribute bit: nothing mounts the partition by itself (DPS).
pub const ATTR_NO_AUTO: u64 = 1 << 63;

/// Name of the EFI system partition.
pub const NAME_ESP: &str = "esp";
/// Name of the seed partition and label of the FAT file system on it; a stick with this label carries seeds too.
pub const NAME_SEED: &str = "HIVE-SEED";
/// Name of the first root slot, the one that the golden image carries.
pub const NAME_ROOT_A: &str = "root-a";
/// Name of the second root slot, made on the target.
pub const NAME_ROOT_B: &str = "root-b";
/// Name of the state partition while its file system was not yet completed: it may be formatted again.
pub const NAME_STATE_NEW: &str = "state-new";
/// Name of the state partition once it is complete: it is never formatted again.
pub const NAME_STATE: &str = "state";
/// Label of the file system on the state partition.
pub const STATE_LABEL: &str = "hive-state";

/// Size of the seed partition in bytes.
pub const SEED_SIZE: u64 = 16 * MIB;
/// Name of the seed document in the root folder of the seed file system.
pub const SEED_FILE: &str = "seed.json";

/// Command line: root hash of the dm-verity tree, 64 hex digits.
pub const ARG_ROOT_HASH: &str = "hive.roothash";
/// Command line: number of 4096-byte data blocks; the hash tree (with its superblock block) follows the data.
pub const ARG_ROOT_BLOCKS: &str = "hive.rootblocks";
/// Command line: salt of the dm-verity tree, hex.
pub const ARG_ROOT_SALT: &str = "hive.salt";

/// Bytes of a dm-verity data block and hash block.
pub const VERITY_BLOCK: u64 = 4096;

/// In the initrd: the sealed command line, byte for byte; `hive-init` refuses to start under another.
pub const INITRD_CMDLINE: &str = "/hive/cmdline";
/// In the initrd: what was baked, a [`crate::image::BakedImage`] as JSON.
pub const INITRD_IMAGE: &str = "/hive/image.json";
/// In the initrd: the site layer. What lies below is copied onto the host's `/etc` at every boot.
pub const INITRD_SITE_ETC: &str = "/hive/etc";
/// In the initrd: kernel modules to load, a path a line in load order, `-` before those that may fail.
pub const INITRD_MODULES: &str = "/hive/modules";

/// On the host: what `hive-init` found and did, a [`crate::node::BootReport`] as JSON.
pub const BOOT_REPORT: &str = "/run/hive/boot.json";
/// On the host: the seed in force, as JSON, readable by root only.
pub const RUN_SEED: &str = "/run/hive/seed.json";
/// In the site layer and on the host, below `/etc`: the public half of the site's seed key, text form.
pub const ETC_SEED_KEY: &str = "hive/seed-key.pub";
/// In the site layer and on the host, below `/etc`: certificate of the stage's authority, PEM.
pub const ETC_AUTHORITY: &str = "hive/authority.pem";
/// End of the name of one of several seed documents on one volume: `p-hive0.example.com.seed.json`.
pub const SEED_FILE_SUFFIX: &str = ".seed.json";
/// TCP port at which hived speaks to its peers.
pub const HIVED_PORT: u16 = 2378;
/// On the host: the unix socket at which hived takes questions and decisions of a person, root only.
pub const HIVED_SOCKET: &str = "/run/hive/hived.sock";
/// On the host: what hived must never forget, a `hive_membership::Record` as JSON.
pub const MEMBERSHIP_RECORD: &str = "/var/lib/hive/membership.json";
/// On the host: what became of the disk for mirrored volumes, a [`crate::node::DiskReport`] as JSON.
pub const DISK_REPORT: &str = "/run/hive/disks.json";
/// On the host: the node's status, a [`crate::node::NodeStatus`] as JSON, written by `hived`.
pub const RUN_STATUS: &str = "/run/hive/status.json";
/// What `follow-swarm-service` reports of virtual IPs and marks.
pub const RUN_FOLLOW: &str = "/run/hive/follow.json";
/// In the root file system: what packages put under `/var`, copied to an empty state partition.
pub const FACTORY_VAR: &str = "/usr/share/factory/var";

/// GUID text of the root partition that carries the tree with this root hash: its first 128 bits,
/// as the Discoverable Partitions Specification pairs them.
///
/// Returns `None` when `root_hash` is not 64 hex digits.
pub fn root_partition_uuid(root_hash: &str) -> Option<String> {
    if root_hash.len() != 64 || !root_hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let h = root_hash.to_ascii_uppercase();
    Some(format!(
        "{}-{}-{}-{}-{}",
        &h[0..8],
        &h[8..12],
        &h[12..16],
        &h[16..20],
        &h[20..32]
    ))
}

/// File name of a slot's unified kernel image in `EFI/Linux`, without its boot counter.
///
/// systemd-boot takes the highest version first and reads a trailing `+LEFT[-DONE]` as tries left
/// and done (systemd.io, Automatic Boot Assessment).
pub fn uki_name(image_version: &str) -> String {
    format!("hive_{image_version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_partition_takes_the_first_half_of_the_hash() {
        let hash = "0123456789abcdef00112233445566778899aabbccddeeff0011223344556677";
        assert_eq!(
            root_partition_uuid(hash).as_deref(),
            Some("01234567-89AB-CDEF-0011-223344556677")
        );
        assert_eq!(root_partition_uuid("0123"), None);
        assert_eq!(root_partition_uuid(&"é".repeat(32)), None);
    }
}
