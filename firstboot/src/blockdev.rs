//! A disk as bytes, so that what writes to it can be tested on a torn one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A disk, or something that behaves like one. Writing takes a shared reference, as a file's
/// positioned writes do, so that one part can be read while another is written.
pub trait Disk {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// Fills `buffer` from `offset` (bytes).
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes `bytes` at `offset` (bytes). Lasting only after [`Disk::flush`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written before is on the medium.
    fn flush(&self) -> io::Result<()>;
}

/// A block device or an image file.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    size: u64,
}

impl FileDisk {
    /// Opens for reading only.
    pub fn read_only(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Opens for reading and writing.
    pub fn read_write(path: &Path) -> io::Result<Self> {
        Self::new(File::options().read(true).write(true).open(path)?)
    }

    fn new(mut file: File) -> io::Result<Self> {
        // Works for files and for block devices alike.
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }
}

impl Disk for FileDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// A part of a disk that can be read, written and sought like a file.
#[derive(Debug)]
pub struct Window<'a, D: ?Sized> {
    disk: &'a D,
    start: u64,
    length: u64,
    position: u64,
}

impl<'a, D: Disk + ?Sized> Window<'a, D> {
    /// The `length` bytes from `start`.
    pub fn new(disk: &'a D, start: u64, length: u64) -> Self {
        Self {
            disk,
            start,
            length,
            position: 0,
        }
    }

    fn room(&self, wanted: usize) -> usize {
        let left = self.length.saturating_sub(self.position);
        wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}

impl<D: Disk + ?Sized> Read for Window<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.room(buffer.len());
        self.disk
            .read_at(self.start + self.position, &mut buffer[..n])?;
        self.position += n as u64;
        Ok(n)
    }
}

impl<D: Disk + ?Sized> Write for Window<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.room(bytes.len());
        self.disk
            .write_at(self.start + self.position, &bytes[..n])?;
        self.position += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.flush()
    }
}

impl<D: Disk + ?Sized> Seek for Window<'_, D> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
