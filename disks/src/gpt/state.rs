//! What the ends of a disk say about its partition table.

use super::target::{self, Image, Target};
use super::{Edges, Table, codec};

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing but zeros.
    Zeros,
    /// Something, and no GUID partition table.
    Bytes,
    /// A table, both copies of it the same.
    Whole(Table),
    /// A table that hive was writing when the power went: every sector is as it was before or as it
    /// was to be.
    Begun(Box<Target>),
    /// A table that is damaged or out of the ordinary, in words.
    Broken(String),
}

/// Looks at the ends of a disk. `identity` is what [`target::fresh`] would get.
pub fn state(edges: &Edges, identity: &[&[u8]]) -> State {
    if edges.are_zero() {
        return State::Zeros;
    }
    let last = edges.sectors - 1;
    let mut head = codec::copy(edges, 1);
    let tail = codec::copy(edges, last);
    if let (Some(head), Some(tail)) = (&mut head, &tail) {
        // Where the second entries lie is known by the second header only.
        head.places.tail_array = tail.places.tail_array;
    }
    // Without sector 0 no kernel looks at the rest; it is the last that hive writes.
    let protected = edges.get(0, 1).is_some_and(|mbr| !super::is_zero(mbr));
    if let (Some(head), Some(_), true) = (&head, &tail, protected)
        && holds_all(edges, &target::image(edges, head, &head.array))
    {
        return State::Whole(head.clone());
    }
    if let Some(target) = begun(edges, identity, [&head, &tail]) {
        return State::Begun(Box::new(target));
    }
    match (head, tail) {
        (Some(head), None) if head.places.tail_header != last => State::Broken(
            "its second partition table is not at the end of the disk, which has grown since: move it there with `sgdisk --move-second-header`".into(),
        ),
        (Some(_), None) => State::Broken("its second partition table is damaged".into()),
        (None, Some(_)) => State::Broken("its first partition table is damaged".into()),
        (Some(_), Some(_)) if !protected => {
            State::Broken("its partition table has no protective MBR".into())
        }
        (Some(_), Some(_)) => State::Broken("its two partition tables differ".into()),
        (None, None)
            if codec::looks_like_header(edges, 1) || codec::looks_like_header(edges, last) =>
        {
            State::Broken("both its partition tables are damaged, or of a kind that hive does not write".into())
        }
        (None, None) => State::Bytes,
    }
}

/// The table that hive was writing, when that explains every sector that is there.
fn begun(edges: &Edges, identity: &[&[u8]], copies: [&Option<Table>; 2]) -> Option<Target> {
    // On an empty disk: all else is still zero.
    if let Ok(fresh) = target::fresh(edges, identity) {
        let explained = edges.lbas().all(|lba| {
            edges.get(lba, 1).is_some_and(|bytes| {
                super::is_zero(bytes) || fresh.image.get(&lba).is_some_and(|b| b == bytes)
            })
        });
        if explained {
            return Some(fresh);
        }
    }
    // In a table that was there: one of its copies is whole, with our partition or without it.
    copies.into_iter().flatten().find_map(|table| {
        let (before, old) = match table.ours() {
            Some(ours) => target::without(edges, table, ours),
            None => (table.clone(), target::image(edges, table, &table.array)),
        };
        let new = target::added(edges, &before).ok()?;
        explains(edges, &old, &new.image).then_some(new)
    })
}

fn explains(edges: &Edges, old: &Image, new: &Image) -> bool {
    old.len() == new.len()
        && old.iter().all(|(lba, was)| {
            let to_be = new.get(lba);
            holds(edges, *lba, was) || to_be.is_some_and(|to_be| holds(edges, *lba, to_be))
        })
}

fn holds_all(edges: &Edges, image: &Image) -> bool {
    image.iter().all(|(lba, bytes)| holds(edges, *lba, bytes))
}

fn holds(edges: &Edges, lba: u64, bytes: &[u8]) -> bool {
    edges.get(lba, 1) == Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{EDGE, MINIMUM, Partition};
    use super::*;
    use crate::guid::Guid;

    const ME: &[&[u8]] = &[b"machine", b"serial"];

    fn blank(sector: u64) -> Edges {
        Edges {
            sector,
            sectors: 4 * MINIMUM / sector,
            head: vec![0; EDGE],
            tail: vec![0; EDGE],
        }
    }

    fn put(edges: &mut Edges, lba: u64, bytes: &[u8]) {
        let tail = edges.sectors - EDGE as u64 / edges.sector;
        let (part, lba) = if lba >= tail {
            (&mut edges.tail, lba - tail)
        } else {
            (&mut edges.head, lba)
        };
        let at = (lba * edges.sector) as usize;
        part[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_all(edges: &mut Edges, image: &Image) {
        for (lba, bytes) in image {
            put(edges, *lba, bytes);
        }
    }

    /// A disk that somebody else divided: one partition, and room behind it.
    fn foreign(sector: u64) -> Edges {
        let mut edges = blank(sector);
        let target = target::fresh(&edges, &[b"somebody else"]).unwrap();
        put_all(&mut edges, &target.image);
        let State::Whole(mut table) = state(&edges, ME) else {
            panic!("not whole");
        };
        let theirs = Partition {
            last: target.ours.first + (16 << 20) / sector - 1,
            guid: Guid([7; 16]),
            name: "theirs".into(),
            ..target.ours
        };
        table.array[..128].copy_from_slice(&codec::entry(&theirs));
        let image = target::image(&edges, &table, &table.array);
        put_all(&mut edges, &image);
        edges
    }

    /// Cuts the power between any two sectors of a write, and also loses one of those that were
    /// not flushed: what is left is recognised, and writing again makes the same table.
    fn survives_every_cut(before: &Edges, target: &Target) {
        let mut disk = before.clone();
        let mut cuts = 0;
        for writes in target.writes(before) {
            let flushed = disk.clone();
            for (until, _) in writes.iter().enumerate() {
                for lost in [0, until / 2, until] {
                    let mut torn = flushed.clone();
                    for (n, (lba, bytes)) in writes[..=until].iter().enumerate() {
                        if n != lost || lost == until {
                            put(&mut torn, *lba, bytes);
                        }
                    }
                    match state(&torn, ME) {
                        State::Begun(again) => assert_eq!(*again, *target),
                        State::Whole(table) if table.ours().is_some() => {
                            assert_eq!(table.ours(), Some(&target.ours));
                        }
                        // Every sector that differs may be among those lost.
                        other => assert!(
                            torn.head == before.head && torn.tail == before.tail,
                            "{other:?} after {until} without {lost}"
                        ),
                    }
                    cuts += 1;
                }
            }
            for (lba, bytes) in writes {
                put(&mut disk, lba, bytes);
            }
        }
        assert!(cuts > 20);
        let State::Whole(table) = state(&disk, ME) else {
            panic!("not whole in the end");
        };
        assert_eq!(table.ours(), Some(&target.ours));
    }

    #[test]
    fn a_cut_while_an_empty_disk_gets_its_table_is_recognised() {
        for sector in [512, 4096] {
            let edges = blank(sector);
            assert_eq!(state(&edges, ME), State::Zeros);
            survives_every_cut(&edges, &target::fresh(&edges, ME).unwrap());
        }
    }

    #[test]
    fn a_cut_while_a_partition_is_added_is_recognised_and_theirs_stay() {
        for sector in [512, 4096] {
            let edges = foreign(sector);
            let State::Whole(table) = state(&edges, ME) else {
                panic!("not whole");
            };
            let target = target::added(&edges, &table).unwrap();
            assert_eq!(target.ours.number, 2);
            survives_every_cut(&edges, &target);
            let mut done = edges.clone();
            put_all(&mut done, &target.image);
            let at = 2 * sector as usize;
            assert_eq!(done.head[at..at + 128], edges.head[at..at + 128]);
            assert_eq!(done.head[..sector as usize], edges.head[..sector as usize]);
        }
    }

    #[test]
    fn a_torn_table_of_somebody_else_is_not_ours() {
        let mut edges = foreign(512);
        edges.tail.fill(0);
        assert!(matches!(state(&edges, ME), State::Broken(_)));
        // Begun on another machine, or on another disk that was copied here.
        let mut edges = blank(512);
        let target = target::fresh(&edges, &[b"another", b"serial"]).unwrap();
        for (lba, bytes) in &target.writes(&edges.clone())[0] {
            put(&mut edges, *lba, bytes);
        }
        assert!(matches!(state(&edges, ME), State::Broken(_)));
        // Ours, and one byte that isn't.
        let mut edges = blank(512);
        let target = target::fresh(&edges, ME).unwrap();
        for (lba, bytes) in &target.writes(&edges.clone())[0] {
            put(&mut edges, *lba, bytes);
        }
        assert!(matches!(state(&edges, ME), State::Begun(_)));
        edges.head[700_000] = 1;
        assert!(matches!(state(&edges, ME), State::Broken(_)));
    }

    #[test]
    fn a_table_whose_numbers_lie_is_not_believed() {
        let edges = foreign(512);
        let State::Whole(table) = state(&edges, ME) else {
            panic!("not whole");
        };
        for (at, value) in [(40, u64::MAX), (40, 1 << 40), (32, 3), (32, 1 << 60)] {
            let mut lying = table.clone();
            lying.array[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
            let mut edges = edges.clone();
            let image = target::image(&edges, &lying, &lying.array);
            put_all(&mut edges, &image);
            assert!(
                matches!(state(&edges, ME), State::Broken(_)),
                "{at} {value}"
            );
        }
        for (at, value) in [(48, u64::MAX), (48, edges.sectors), (40, 4)] {
            let mut lying = table.clone();
            lying.header[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
            let mut edges = edges.clone();
            let image = target::image(&edges, &lying, &lying.array);
            put_all(&mut edges, &image);
            assert!(
                matches!(state(&edges, ME), State::Broken(_)),
                "{at} {value}"
            );
        }
    }

    #[test]
    fn bytes_without_a_table_are_told_from_zeros() {
        let mut edges = blank(512);
        edges.tail[EDGE - 1] = 1;
        assert_eq!(state(&edges, ME), State::Bytes);
    }

    #[test]
    fn a_full_table_takes_no_partition() {
        let edges = foreign(512);
        let State::Whole(mut table) = state(&edges, ME) else {
            panic!("not whole");
        };
        let mut full = table.clone();
        full.array.fill(1);
        assert_eq!(target::added(&edges, &full), Err(target::NoRoom::Entry));
        table.partitions[0].last = table.last_usable;
        assert!(matches!(
            target::added(&edges, &table),
            Err(target::NoRoom::Bytes(0))
        ));
    }
}
