//! Keeping a seed that came on a stick, or was chosen at the console, on the machine's own disk,
//! so that the next start needs neither the stick nor a person.
//!
//! Only where the disk's seed partition has no `seed.json`, and, for a stick's, no seed at all:
//! nothing that is there is ever changed. The folder's entry is written last, so that a power cut
//! leaves a partition without the file, and never half a file.

use std::io::{self, Read, Seek, SeekFrom, Write};

use hive_fat::{FatError, Volume};
use hive_inventory::disk::{NAME_SEED, SEED_FILE};

use crate::blockdev::{Disk, Window};
use crate::gpt::Table;
use crate::seed_choice::Chosen;
use crate::seed_source::{Class, is_seed_file};

/// Whether a seed is worth keeping. `by_person`: it was chosen at the console.
pub fn is_wanted(chosen: &Chosen, by_person: bool) -> bool {
    // One for another machine would be refused at the next start.
    chosen.fits
        && match chosen.class {
            Class::OtherDisk => true,
            Class::BootDisk => by_person && !chosen.plain,
            Class::CommandLine | Class::Smbios | Class::FwCfg => false,
        }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on the seed partition now.
    Written,
    /// The disk has no seed partition, or one with another file system.
    NoPlace,
    /// The partition has a seed already.
    Occupied,
}

/// Writes the seed's signed text as `seed.json` onto the disk's seed partition.
///
/// # Errors
/// The partition is damaged or full, or the disk fails.
pub fn keep(disk: &dyn Disk, table: &Table, chosen: &Chosen) -> Result<Kept, FatError> {
    let Some(partition) = table.named(NAME_SEED) else {
        return Ok(Kept::NoPlace);
    };
    let window = Window::new(disk, partition.offset(), partition.bytes());
    let mut volume = match Volume::open(Recorder::new(window)) {
        Ok(volume) => volume,
        Err(FatError::NotFat(_)) => return Ok(Kept::NoPlace),
        Err(other) => return Err(other),
    };
    if volume.label()?.as_deref() != Some(NAME_SEED) {
        return Ok(Kept::NoPlace);
    }
    let occupied = volume.list("")?.iter().any(|entry| match chosen.class {
        Class::OtherDisk => is_seed_file(&entry.name),
        _ => entry.name.eq_ignore_ascii_case(SEED_FILE),
    });
    if occupied {
        return Ok(Kept::Occupied);
    }
    volume.add_file(SEED_FILE, chosen.text.as_bytes())?;
    let (folder, rest): (Vec<_>, Vec<_>) = volume
        .finish()?
        .writes
        .into_iter()
        .partition(|(_, bytes)| names_the_file(bytes));
    for writes in [rest, folder] {
        for (at, bytes) in writes {
            disk.write_at(partition.offset() + at, &bytes)
                .map_err(failed)?;
        }
        disk.flush().map_err(failed)?;
    }
    Ok(Kept::Written)
}

fn failed(source: io::Error) -> FatError {
    FatError::Io {
        doing: "write the seed",
        source,
    }
}

/// Whether these bytes are the folder with the file's entry: its long name begins there.
fn names_the_file(bytes: &[u8]) -> bool {
    let start: Vec<u8> = SEED_FILE
        .encode_utf16()
        .take(5)
        .flat_map(u16::to_le_bytes)
        .collect();
    bytes.windows(start.len()).any(|w| w == start)
}

/// Reads from the disk, and only remembers what is to be written.
struct Recorder<'a> {
    window: Window<'a, dyn Disk + 'a>,
    writes: Vec<(u64, Vec<u8>)>,
}

impl<'a> Recorder<'a> {
    fn new(window: Window<'a, dyn Disk + 'a>) -> Self {
        Self {
            window,
            writes: Vec::new(),
        }
    }
}

impl Read for Recorder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.window.read(buffer)
    }
}

impl Write for Recorder<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.window.stream_position()?;
        self.writes.push((at, bytes.to_vec()));
        self.window.seek(SeekFrom::Current(bytes.len() as i64))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Recorder<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.window.seek(to)
    }
}

#[cfg(test)]
mod tests;
