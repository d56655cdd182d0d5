//! Adding to a volume, and removing from it.

use std::io::{Read, Seek, SeekFrom, Write};

use crate::directory;
use crate::error::io;
use crate::format::info_sector;
use crate::volume::{Place, Volume, parts, runs, split};
use crate::{FatError, name};

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

    /// Removes the file `path`, after all its clusters were overwritten with zeros.
    pub fn wipe_file(&mut self, path: &str) -> Result<(), FatError> {
        let entry = self.entry(path)?;
        if !entry.folder && entry.cluster != 0 {
            let zeros = vec![0u8; self.geometry.cluster_bytes() as usize];
            for cluster in self.table.chain(entry.cluster)? {
                self.write_at(self.geometry.cluster_offset(cluster), &zeros)?;
            }
        }
        self.remove_file(path)
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
