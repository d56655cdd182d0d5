//! Whether a disk may be taken though nobody named it.

use std::fmt;

use hive_inventory::seed::MirroredDisk;

use crate::disk::{Content, Disk};
use crate::size;

/// The answer about one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is empty and of the right size.
    Takeable,
    /// Hive was preparing it.
    Ours,
    /// It is left alone, because.
    Left(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Takeable => f.write_str("could be taken"),
            Self::Ours => f.write_str("hive prepares it"),
            Self::Left(why) => f.write_str(why),
        }
    }
}

/// Judges one disk. Whatever is in doubt is left alone.
pub fn verdict(wanted: &MirroredDisk, disk: &Disk) -> Verdict {
    let left = |why: &str| Verdict::Left(why.to_owned());
    if disk.boot {
        return left("the host starts from it");
    }
    if super::unfinished::is_begun(disk) || super::unfinished::ours(disk).is_some() {
        return Verdict::Ours;
    }
    match &disk.content {
        Content::Unreadable(why) => return Verdict::Left(format!("can't be read: {why}")),
        Content::TooSmall => return left("too small"),
        Content::Zeros if disk.signatures.is_empty() => {}
        _ => return left("not empty"),
    }
    if disk.read_only {
        return left("read-only");
    }
    if disk.removable {
        return left("removable");
    }
    if !disk.holders.is_empty() || !disk.mounts.is_empty() {
        return left("in use");
    }
    match wanted.gigabytes {
        Some(gb) if !size::matches(disk.bytes, gb) => Verdict::Left(format!("not of {gb} GiB")),
        _ => Verdict::Takeable,
    }
}

/// Whether a signature is that of a GUID partition table.
pub(super) fn is_of_table(signature: &str) -> bool {
    matches!(signature, "gpt" | "PMBR")
}

/// What is on a disk, in a few words.
pub fn holds(disk: &Disk) -> String {
    let kinds = || -> Vec<String> {
        let mut kinds: Vec<String> = disk.signatures.iter().map(|s| name(s)).collect();
        kinds.dedup();
        if let (Some(group), Some(last)) = (&disk.group, kinds.last_mut()) {
            last.push_str(&format!(" (volume group {group})"));
        }
        kinds
    };
    let what = match &disk.content {
        Content::Unreadable(_) | Content::TooSmall => "unknown".to_owned(),
        Content::Zeros if disk.signatures.is_empty() => "nothing".to_owned(),
        Content::Begun => "a partition table that hive began".to_owned(),
        Content::Bytes if disk.signatures.is_empty() => "data of an unknown kind".to_owned(),
        Content::Zeros | Content::Bytes => kinds().join(" and "),
        Content::Broken(_) => "a damaged GPT".to_owned(),
        Content::Table(view) if view.partitions.is_empty() => "GPT without partitions".to_owned(),
        Content::Table(view) => {
            let parts: Vec<String> = view
                .partitions
                .iter()
                .map(|part| {
                    let mut what: Vec<String> = part.signatures.iter().map(|s| name(s)).collect();
                    if let Some(group) = part.physical.as_ref().and_then(|p| p.group.as_ref()) {
                        what.push(format!("volume group {group}"));
                    }
                    if what.is_empty() {
                        what.push("no signature".to_owned());
                    }
                    format!("{}: {}", part.number, what.join(", "))
                })
                .collect();
            format!("GPT ({})", parts.join("; "))
        }
    };
    match disk.mounts.as_slice() {
        [] => what,
        mounts => format!("{what}, used at {}", mounts.join(" ")),
    }
}

fn name(signature: &str) -> String {
    match signature {
        "dos" => "an MS-DOS partition table".to_owned(),
        "LVM2_member" => "a physical volume of LVM".to_owned(),
        "linux_raid_member" => "a member of a RAID array".to_owned(),
        "crypto_LUKS" => "an encrypted volume (LUKS)".to_owned(),
        "swap" => "swap space".to_owned(),
        other => other.to_owned(),
    }
}
