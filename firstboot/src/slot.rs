//! Which disk and partition the machine boots from.

use hive_inventory::disk::{GIB, MIB, TYPE_ESP, TYPE_ROOT};

use crate::block_scan::{Content, DiskInfo};
use crate::gpt::Partition;
use crate::guid::Guid;

/// What the disks seen so far allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// No disk carries the root.
    None,
    /// Disks carry it, but none has the ESP from which the boot loader says it came; another may still appear.
    NotTheLoaders(usize),
    /// The disk with this index.
    One(usize),
    /// Several; no way to tell which.
    Several(Vec<usize>),
}

/// Chooses among `disks` by the PARTUUID of the root, then by the ESP that the boot loader came from.
pub fn choose(disks: &[DiskInfo], root: Guid, loader_esp: Option<Guid>) -> Choice {
    let carriers: Vec<usize> = (0..disks.len())
        .filter(|i| root_partition(&disks[*i], root).is_some())
        .collect();
    if carriers.is_empty() {
        return Choice::None;
    }
    let loaders: Vec<usize> = carriers
        .iter()
        .copied()
        .filter(|i| loader_esp.is_some_and(|esp| has_esp(&disks[*i], esp)))
        .collect();
    match (carriers.as_slice(), loaders.as_slice()) {
        (_, [one]) => Choice::One(*one),
        ([one], []) if loader_esp.is_some() => Choice::NotTheLoaders(*one),
        ([one], []) => Choice::One(*one),
        (_, [_, _, ..]) => Choice::Several(loaders),
        _ => Choice::Several(carriers),
    }
}

/// The partition of `disk` with the root.
pub fn root_partition(disk: &DiskInfo, root: Guid) -> Option<&Partition> {
    disk.found()?
        .table
        .partitions
        .iter()
        .find(|p| p.guid == root && p.kind == Guid::known(TYPE_ROOT))
}

fn has_esp(disk: &DiskInfo, esp: Guid) -> bool {
    disk.found().is_some_and(|found| {
        found
            .table
            .partitions
            .iter()
            .any(|p| p.guid == esp && p.kind == Guid::known(TYPE_ESP))
    })
}

/// The disks as a table for the console, one line each.
pub fn describe(disks: &[DiskInfo]) -> String {
    if disks.is_empty() {
        return "  (the kernel sees no disk at all)\n".to_owned();
    }
    let mut out = String::new();
    for disk in disks {
        let content = match &disk.content {
            Content::Other(why) => why.clone(),
            Content::Table(found) => {
                let parts: Vec<&str> = found
                    .table
                    .partitions
                    .iter()
                    .map(|p| if p.name.is_empty() { "?" } else { &p.name })
                    .collect();
                let roots: Vec<String> = found
                    .table
                    .partitions
                    .iter()
                    .filter(|p| p.kind == Guid::known(TYPE_ROOT))
                    .map(|p| format!(", {} {}", p.name, p.guid))
                    .collect();
                format!(
                    "disk id {}, partitions {}{}",
                    found.table.disk,
                    parts.join(" "),
                    roots.concat()
                )
            }
        };
        out.push_str(&format!(
            "  {:8} {:>10}  {}{}: {content}\n",
            disk.name,
            size_text(disk.size),
            if disk.model.is_empty() {
                "disk"
            } else {
                &disk.model
            },
            if disk.removable { ", removable" } else { "" },
        ));
    }
    out
}

/// A size for people, in GiB or MiB.
pub fn size_text(bytes: u64) -> String {
    if bytes >= 10 * GIB {
        format!("{:.1} GiB", bytes as f64 / GIB as f64)
    } else {
        format!("{} MiB", bytes / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpt::{Found, Table};

    fn disk(name: &str, esp: u8, root: u8) -> DiskInfo {
        let part = |number, kind, guid: u8, first| Partition {
            number,
            kind: Guid::known(kind),
            guid: Guid([guid; 16]),
            first,
            last: first + 99,
            attributes: 0,
            name: format!("p{number}"),
        };
        DiskInfo {
            name: name.into(),
            size: 8 * GIB,
            logical_block: 512,
            model: "TEST".into(),
            removable: false,
            content: Content::Table(Box::new(Found {
                table: Table {
                    disk: Guid([9; 16]),
                    first_usable: 34,
                    last_usable: 9999,
                    backup_at: 10_000,
                    partitions: vec![part(1, TYPE_ESP, esp, 100), part(3, TYPE_ROOT, root, 200)],
                },
                primary_good: true,
                backup_good: true,
            })),
        }
    }

    const ROOT: Guid = Guid([7; 16]);

    #[test]
    fn the_loaders_disk_wins() {
        let disks = [disk("vda", 1, 7), disk("vdb", 2, 7), disk("vdc", 3, 8)];
        let esp = |n| Some(Guid([n; 16]));
        assert_eq!(choose(&disks, ROOT, esp(2)), Choice::One(1));
        assert_eq!(choose(&disks, ROOT, None), Choice::Several(vec![0, 1]));
        assert_eq!(choose(&disks, ROOT, esp(3)), Choice::Several(vec![0, 1]));
        assert_eq!(choose(&disks[..1], ROOT, None), Choice::One(0));
        assert_eq!(choose(&disks[..1], ROOT, esp(2)), Choice::NotTheLoaders(0));
        assert_eq!(choose(&disks[2..], ROOT, esp(3)), Choice::None);
    }

    #[test]
    fn twins_of_one_image_are_told_apart_by_nothing() {
        let disks = [disk("vda", 1, 7), disk("sda", 1, 7)];
        assert_eq!(
            choose(&disks, ROOT, Some(Guid([1; 16]))),
            Choice::Several(vec![0, 1])
        );
        let table = describe(&disks);
        assert!(
            table.contains("vda") && table.contains("8192 MiB"),
            "{table}"
        );
    }
}
