//! An open volume: list, read, add, remove.

use std::io::{Read, Seek, SeekFrom, Write};

use crate::directory::{self, Entry};
use crate::error::io;
use crate::format::info_sector;
use crate::geometry::{FatKind, Geometry};
use crate::table::Table;
use crate::{FatError, name};

/// Bytes moved at a time, rounded down to whole clusters.
const CHUNK: usize = 1 << 20;

/// A FAT volume in a file, a partition, or memory. Paths are separated by `/`; case does not matter.
#[derive(Debug)]
pub struct Volume<T> {
    disk: T,
    geometry: Geometry,
    table: Table,
}

/// Where a folder lies.
#[derive(Debug, Clone)]
enum Place {
    FixedRoot,
    Clusters(Vec<u32>),
}

impl<T: Read + Seek> Volume<T> {
    /// Opens the volume that begins at the first byte of `disk`.
    pub fn open(mut disk: T) -> Result<Self, FatError> {
        let mut boot = [0u8; 512];
        disk.seek(SeekFrom::Start(0))
            .and_then(|_| disk.read_exact(&mut boot))
            .map_err(io("read the boot sector"))?;
        let geometry = Geometry::read(&boot)?;
        let mut bytes = vec![0u8; geometry.fat_bytes() as usize];
        disk.seek(SeekFrom::Start(geometry.fat_offset(0)))
            .and_then(|_| disk.read_exact(&mut bytes))
            .map_err(io("read the allocation table"))?;
        let table = Table::new(&geometry, bytes);
        Ok(Self {
            disk,
            geometry,
            table,
        })
    }

    /// The width of the table's entries.
    pub fn kind(&self) -> FatKind {
        self.geometry.kind
    }

    /// Bytes that nothing uses.
    pub fn free_bytes(&self) -> u64 {
        u64::from(self.table.free()) * self.geometry.cluster_bytes()
    }

    /// Bytes in use by files and folders, whole clusters counted.
    pub fn used_bytes(&self) -> u64 {
        u64::from(self.geometry.clusters - self.table.free()) * self.geometry.cluster_bytes()
    }

    /// The volume's label, from the root folder.
    pub fn label(&mut self) -> Result<Option<String>, FatError> {
        let root = self.root()?;
        Ok(directory::label(&self.folder_bytes(&root)?))
    }

    /// What the folder `path` holds, in the order on disk; the empty path is the root folder.
    pub fn list(&mut self, path: &str) -> Result<Vec<Entry>, FatError> {
        let place = self.folder(path)?;
        Ok(directory::entries(&self.folder_bytes(&place)?))
    }

    /// Whether there is a file or folder under `path`.
    pub fn exists(&mut self, path: &str) -> Result<bool, FatError> {
        match self.entry(path) {
            Ok(_) => Ok(true),
            Err(FatError::Missing(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// The whole file `path`.
    pub fn read_file(&mut self, path: &str) -> Result<Vec<u8>, FatError> {
        let mut out = Vec::new();
        self.copy_file(path, &mut out)?;
        Ok(out)
    }

    /// Writes the file `path` into `out`, and returns its size in bytes.
    pub fn copy_file(&mut self, path: &str, out: &mut dyn Write) -> Result<u64, FatError> {
        let entry = self.entry(path)?;
        if entry.folder {
            return Err(FatError::Kind {
                path: path.to_owned(),
                wanted: "file",
            });
        }
        let mut left = u64::from(entry.size);
        if left == 0 {
            return Ok(0);
        }
        let chain = self.table.chain(entry.cluster)?;
        for (first, count) in runs(&chain, self.clusters_at_once()) {
            let n = left.min(count as u64 * self.geometry.cluster_bytes());
            let mut buffer = vec![0u8; n as usize];
            self.disk
                .seek(SeekFrom::Start(self.geometry.cluster_offset(first)))
                .and_then(|_| self.disk.read_exact(&mut buffer))
                .map_err(io("read a file"))?;
            out.write_all(&buffer).map_err(io("hand on a file"))?;
            left -= n;
            if left == 0 {
                return Ok(u64::from(entry.size));
            }
        }
        Err(FatError::NotFat(format!(
            "the file {path:?} is {left} bytes shorter than its folder says"
        )))
    }

    /// Gives the disk back. Changes are on it only after [`Volume::finish`].
    pub fn into_inner(self) -> T {
        self.disk
    }

    fn root(&self) -> Result<Place, FatError> {
        Ok(match self.geometry.kind {
            FatKind::Fat32 => Place::Clusters(self.table.chain(self.geometry.root_cluster)?),
            _ => Place::FixedRoot,
        })
    }

    fn folder(&mut self, path: &str) -> Result<Place, FatError> {
        if parts(path).next().is_none() {
            return self.root();
        }
        let entry = self.entry(path)?;
        if !entry.folder {
            return Err(FatError::Kind {
                path: path.to_owned(),
                wanted: "folder",
            });
        }
        Ok(Place::Clusters(self.table.chain(entry.cluster)?))
    }

    fn entry(&mut self, path: &str) -> Result<Entry, FatError> {
        let (parent, last) = split(path)?;
        let place = self.folder(parent)?;
        directory::entries(&self.folder_bytes(&place)?)
            .into_iter()
            .find(|e| name::same(&e.name, last) || name::same(&name::display(&e.short, 0), last))
            .ok_or_else(|| FatError::Missing(path.to_owned()))
    }

    fn folder_bytes(&mut self, place: &Place) -> Result<Vec<u8>, FatError> {
        let mut out = Vec::new();
        for (at, length) in self.extents(place) {
            let start = out.len();
            out.resize(start + length as usize, 0);
            self.disk
                .seek(SeekFrom::Start(at))
                .and_then(|_| self.disk.read_exact(&mut out[start..]))
                .map_err(io("read a folder"))?;
        }
        Ok(out)
    }

    fn extents(&self, place: &Place) -> Vec<(u64, u64)> {
        let g = &self.geometry;
        match place {
            Place::FixedRoot => vec![(g.root_offset(), g.root_bytes())],
            Place::Clusters(chain) => chain
                .iter()
                .map(|c| (g.cluster_offset(*c), g.cluster_bytes()))
                .collect(),
        }
    }

    fn clusters_at_once(&self) -> usize {
        (CHUNK / self.geometry.cluster_bytes() as usize).max(1)
    }
}

impl<T: Read + Write + Seek> Volume<T> {
    /// Makes the folder `path` with all that lead to it; those that exist are left alone.
    pub fn add_dir(&mut self, path: &str) -> Result<(), FatError> {
        let mut done = String::new();
        for part in parts(path) {
            let parent = done.clone();
            if !done.is_empty() {
                done.push('/');
            }
            done.push_str(part);
            match self.entry(&done) {
                Ok(entry) if entry.folder => continue,
                Ok(_) => {
                    return Err(FatError::Kind {
                        path: done,
                        wanted: "folder",
                    });
                }
                Err(FatError::Missing(_)) => {}
                Err(other) => return Err(other),
            }
            name::check(part)?;
            // ".." of a folder in the root says 0, also where the root is a cluster.
            let above = match self.folder(&parent)? {
                Place::Clusters(chain) if !parent.is_empty() => chain[0],
                _ => 0,
            };
            let own = self.take(None, &done)?;
            let mut first = vec![0u8; self.geometry.cluster_bytes() as usize];
            first[..64].copy_from_slice(&directory::dots(own, above));
            self.write_at(self.geometry.cluster_offset(own), &first)?;
            self.enlist(&parent, part, true, own, 0)?;
        }
        Ok(())
    }

    /// Puts all of `content` into the file `path`, in place of what was there; folders are made as needed.
    pub fn add_file(&mut self, path: &str, mut content: impl Read) -> Result<u64, FatError> {
        let (parent, last) = split(path)?;
        name::check(last)?;
        if !parent.is_empty() {
            self.add_dir(parent)?;
        }
        if self.exists(path)? {
            self.remove_file(path)?;
        }
        let cluster_bytes = self.geometry.cluster_bytes() as usize;
        let mut chain: Vec<u32> = Vec::new();
        let mut size = 0u64;
        let mut buffer = vec![0u8; self.clusters_at_once() * cluster_bytes];
        loop {
            let n = fill(&mut content, &mut buffer)?;
            if n == 0 {
                break;
            }
            size += n as u64;
            let mut taken = Vec::new();
            for _ in 0..n.div_ceil(cluster_bytes) {
                let previous = taken.last().or(chain.last()).copied();
                match self.take(previous, path) {
                    Ok(cluster) => taken.push(cluster),
                    Err(full) => {
                        self.table.release(&chain);
                        self.table.release(&taken);
                        return Err(full);
                    }
                }
            }
            buffer[n..n.next_multiple_of(cluster_bytes)].fill(0);
            let mut from = 0;
            for (first, count) in runs(&taken, usize::MAX) {
                let to = from + count * cluster_bytes;
                self.write_at(self.geometry.cluster_offset(first), &buffer[from..to])?;
                from = to;
            }
            chain.append(&mut taken);
        }
        let short_size = u32::try_from(size).map_err(|_| {
            self.table.release(&chain);
            FatError::Size {
                size,
                why: "a file on FAT has at most 4 GiB less one byte",
            }
        })?;
        let first = chain.first().copied().unwrap_or(0);
        self.enlist(parent, last, false, first, short_size)?;
        Ok(size)
    }

    /// Removes the file `path`.
    pub fn remove_file(&mut self, path: &str) -> Result<(), FatError> {
        let entry = self.entry(path)?;
        if entry.folder {
            return Err(FatError::Kind {
                path: path.to_owned(),
                wanted: "file",
            });
        }
        let (parent, _) = split(path)?;
        let place = self.folder(parent)?;
        let mut bytes = self.folder_bytes(&place)?;
        directory::delete(&mut bytes, &entry);
        self.write_folder(&place, &bytes)?;
        if entry.cluster != 0 {
            let chain = self.table.chain(entry.cluster)?;
            self.table.release(&chain);
        }
        Ok(())
    }

    /// Writes the tables out and gives the disk back; without it the changes are lost.
    pub fn finish(mut self) -> Result<T, FatError> {
        let bytes = self.table.bytes().to_vec();
        for copy in 0..self.geometry.fats {
            self.write_at(self.geometry.fat_offset(copy), &bytes)?;
        }
        if !matches!(self.geometry.info_sector, 0 | 0xFFFF) {
            let info = info_sector(self.table.free(), self.table.hint());
            let at = u64::from(self.geometry.info_sector) * u64::from(self.geometry.sector);
            self.write_at(at, &info)?;
        }
        self.disk.flush().map_err(io("flush the tables"))?;
        Ok(self.disk)
    }

    fn enlist(
        &mut self,
        parent: &str,
        last: &str,
        folder: bool,
        cluster: u32,
        size: u32,
    ) -> Result<(), FatError> {
        let mut place = self.folder(parent)?;
        let mut bytes = self.folder_bytes(&place)?;
        let record = directory::encode(last, &directory::entries(&bytes), folder, cluster, size);
        let slot = loop {
            if let Some(slot) = directory::free_slots(&bytes, record.len() / 32) {
                break slot;
            }
            let Place::Clusters(chain) = &mut place else {
                return Err(self.full(last));
            };
            let next = self.take(chain.last().copied(), last)?;
            chain.push(next);
            bytes.resize(bytes.len() + self.geometry.cluster_bytes() as usize, 0);
        };
        bytes[slot * 32..slot * 32 + record.len()].copy_from_slice(&record);
        self.write_folder(&place, &bytes)
    }

    fn write_folder(&mut self, place: &Place, bytes: &[u8]) -> Result<(), FatError> {
        let mut from = 0;
        for (at, length) in self.extents(place) {
            let to = from + length as usize;
            self.write_at(at, &bytes[from..to])?;
            from = to;
        }
        Ok(())
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), FatError> {
        self.disk
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.disk.write_all(bytes))
            .map_err(io("write into a file or folder"))
    }

    fn take(&mut self, previous: Option<u32>, path: &str) -> Result<u32, FatError> {
        match self.table.take(previous) {
            Some(cluster) if self.geometry.has_cluster(cluster) => Ok(cluster),
            _ => Err(self.full(path)),
        }
    }

    fn full(&self, path: &str) -> FatError {
        FatError::Full {
            path: path.to_owned(),
            free: self.free_bytes(),
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

fn split(path: &str) -> Result<(&str, &str), FatError> {
    let path = path.trim_matches('/');
    match path.rsplit_once('/') {
        Some((parent, last)) => Ok((parent, last)),
        None if path.is_empty() => Err(FatError::Name(path.to_owned())),
        None => Ok(("", path)),
    }
}

/// Clusters that lie side by side, as first and count, at most `most` together.
fn runs(chain: &[u32], most: usize) -> Vec<(u32, usize)> {
    let mut out: Vec<(u32, usize)> = Vec::new();
    for cluster in chain {
        match out.last_mut() {
            Some((first, count)) if *first + *count as u32 == *cluster && *count < most => {
                *count += 1;
            }
            _ => out.push((*cluster, 1)),
        }
    }
    out
}

fn fill(content: &mut impl Read, buffer: &mut [u8]) -> Result<usize, FatError> {
    let mut n = 0;
    while n < buffer.len() {
        match content.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io("read what belongs into a file")(e)),
        }
    }
    Ok(n)
}
