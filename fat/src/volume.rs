//! An open volume: list and read. Adding and removing is in `fill.rs`.

use std::io::{Read, Seek, SeekFrom, Write};

use crate::directory::{self, Entry};
use crate::error::io;
use crate::geometry::{FatKind, Geometry};
use crate::table::Table;
use crate::{FatError, name};

/// Bytes moved at a time, rounded down to whole clusters.
const CHUNK: usize = 1 << 20;

/// A FAT volume in a file, a partition, or memory. Paths are separated by `/`; case does not matter.
#[derive(Debug)]
pub struct Volume<T> {
    pub(crate) disk: T,
    pub(crate) geometry: Geometry,
    pub(crate) table: Table,
}

/// Where a folder lies.
#[derive(Debug, Clone)]
pub(crate) enum Place {
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

    pub(crate) fn folder(&mut self, path: &str) -> Result<Place, FatError> {
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

    pub(crate) fn entry(&mut self, path: &str) -> Result<Entry, FatError> {
        let (parent, last) = split(path)?;
        let place = self.folder(parent)?;
        directory::entries(&self.folder_bytes(&place)?)
            .into_iter()
            .find(|e| name::same(&e.name, last) || name::same(&name::display(&e.short, 0), last))
            .ok_or_else(|| FatError::Missing(path.to_owned()))
    }

    pub(crate) fn folder_bytes(&mut self, place: &Place) -> Result<Vec<u8>, FatError> {
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

    pub(crate) fn extents(&self, place: &Place) -> Vec<(u64, u64)> {
        let g = &self.geometry;
        match place {
            Place::FixedRoot => vec![(g.root_offset(), g.root_bytes())],
            Place::Clusters(chain) => chain
                .iter()
                .map(|c| (g.cluster_offset(*c), g.cluster_bytes()))
                .collect(),
        }
    }

    pub(crate) fn clusters_at_once(&self) -> usize {
        (CHUNK / self.geometry.cluster_bytes() as usize).max(1)
    }
}

pub(crate) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

pub(crate) fn split(path: &str) -> Result<(&str, &str), FatError> {
    let path = path.trim_matches('/');
    match path.rsplit_once('/') {
        Some((parent, last)) => Ok((parent, last)),
        None if path.is_empty() => Err(FatError::Name(path.to_owned())),
        None => Ok(("", path)),
    }
}

/// Clusters that lie side by side, as first and count, at most `most` together.
pub(crate) fn runs(chain: &[u32], most: usize) -> Vec<(u32, usize)> {
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
