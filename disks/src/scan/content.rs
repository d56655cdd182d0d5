//! What is on a disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::block::Block;
use super::probe;
use crate::area;
use crate::decide::MAKING;
use crate::disk::{Content, Device, Part, Physical, Room, TableView};
use crate::error::Error;
use crate::gpt::state::{State, state};
use crate::gpt::target::added;
use crate::gpt::{EDGE, Edges, MINIMUM, Partition, Table};
use crate::layout::Layout;

/// Signatures on the disk as a whole, and its content.
pub(super) fn look(
    layout: &Layout,
    block: &Block,
    uses: &dyn Fn(&str) -> Option<Physical>,
) -> Result<(Vec<String>, Content), Error> {
    if block.bytes < MINIMUM {
        return Ok((Vec::new(), Content::TooSmall));
    }
    let edges = File::open(&block.path)
        .and_then(|file| edges(block, &file))
        .map_err(Error::io("reading", &block.path))?;
    let signatures = probe::device(&block.path.display().to_string())?;
    let content = match state(&edges, &words(&identity(layout, block))) {
        State::Zeros => Content::Zeros,
        State::Bytes => Content::Bytes,
        State::Begun(_) => Content::Begun,
        State::Broken(why) => Content::Broken(why),
        State::Whole(table) => Content::Table(view(block, &edges, &table, uses)?),
    };
    Ok((signatures, content))
}

/// Both ends of a disk.
pub(crate) fn edges(block: &Block, file: &File) -> io::Result<Edges> {
    let mut edges = Edges {
        sector: block.sector,
        sectors: block.bytes / block.sector,
        head: vec![0; EDGE],
        tail: vec![0; EDGE],
    };
    // By whole sectors: a disk's size need not be a multiple of the end's.
    let tail = edges.sectors * block.sector - EDGE as u64;
    file.read_exact_at(&mut edges.head, 0)?;
    file.read_exact_at(&mut edges.tail, tail)?;
    Ok(edges)
}

/// What tells this disk in this machine from all others.
pub(crate) fn identity(layout: &Layout, block: &Block) -> [Vec<u8>; 3] {
    [
        layout.machine.clone(),
        block.model.clone().into_bytes(),
        block.serial.clone().into_bytes(),
    ]
}

/// [`identity`] as slices.
pub(crate) fn words(identity: &[Vec<u8>; 3]) -> [&[u8]; 3] {
    [&identity[0], &identity[1], &identity[2]]
}

fn view(
    block: &Block,
    edges: &Edges,
    table: &Table,
    uses: &dyn Fn(&str) -> Option<Physical>,
) -> Result<TableView, Error> {
    let partitions = table
        .partitions
        .iter()
        .map(|partition| part(block, table, partition, uses))
        .collect::<Result<_, Error>>()?;
    let room = match added(edges, table) {
        Ok(target) => {
            let start = target.ours.first * block.sector;
            let bytes = (target.ours.last + 1) * block.sector - start;
            Room::Free {
                start,
                bytes,
                remains: probe::range(&block.path, start, bytes)?,
            }
        }
        Err(why) => Room::None(why.to_string()),
    };
    Ok(TableView { partitions, room })
}

fn part(
    block: &Block,
    table: &Table,
    partition: &Partition,
    uses: &dyn Fn(&str) -> Option<Physical>,
) -> Result<Part, Error> {
    let start = partition.first * block.sector;
    let bytes = (partition.last + 1).saturating_sub(partition.first) * block.sector;
    let known = block
        .partitions()
        .into_iter()
        .find(|known| known.number == partition.number);
    let device = match known {
        Some(known) if known.start == start && known.bytes == bytes => Device::Path(known.path),
        Some(_) => Device::Stale,
        None => Device::Unknown,
    };
    let ours = partition.is_ours(table.disk);
    let inside = start + bytes <= block.bytes;
    // Through its own device where there is one: the kernel caches the disk and the partition apart,
    // and what was written through one of them may not be seen through the other.
    let (signatures, area) = match &device {
        Device::Path(path) => {
            let area = ours.then(|| area_of(Path::new(path), 0)).transpose()?;
            (probe::device(path)?, area)
        }
        _ if inside => {
            let area = ours.then(|| area_of(&block.path, start)).transpose()?;
            (probe::range(&block.path, start, bytes)?, area)
        }
        _ => (vec!["nothing readable".to_owned()], None),
    };
    Ok(Part {
        number: partition.number,
        bytes,
        name: partition.name.clone(),
        ours,
        signatures,
        area,
        physical: match &device {
            Device::Path(path) => uses(path),
            _ => None,
        },
        device,
    })
}

fn area_of(path: &Path, start: u64) -> Result<crate::disk::Area, Error> {
    let mut bytes = vec![0; area::LENGTH];
    File::open(path)
        .and_then(|file| file.read_exact_at(&mut bytes, start))
        .map_err(Error::io("reading", path))?;
    Ok(area::area(&bytes, MAKING))
}
