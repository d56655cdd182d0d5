//! A stretch of a file that reads and writes like a file of its own, such as a partition in a disk image.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// A stretch of a file. Nothing outside of it is touched.
#[derive(Debug)]
pub struct Window<'a> {
    file: &'a File,
    offset: u64,
    length: u64,
    position: u64,
}

impl<'a> Window<'a> {
    /// The `length` bytes of `file` from `offset`.
    pub fn new(file: &'a File, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            length,
            position: 0,
        }
    }

    /// How much of a buffer of `wanted` bytes lies between here and the end.
    fn within(&self, wanted: usize) -> usize {
        let left = self.length.saturating_sub(self.position);
        usize::try_from(left).unwrap_or(usize::MAX).min(wanted)
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.within(buffer.len());
        let read = self
            .file
            .read_at(&mut buffer[..n], self.offset + self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for Window<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.within(buffer.len());
        let written = self
            .file
            .write_at(&buffer[..n], self.offset + self.position)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read_or_written() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut window = Window::new(&file, 2, 4);
        assert!(window.write_all(b"abcdef").is_err());
        window.seek(SeekFrom::End(-2)).unwrap();
        let mut text = String::new();
        window.read_to_string(&mut text).unwrap();
        assert_eq!(text, "cd");
        let mut all = [0; 10];
        file.read_exact_at(&mut all, 0).unwrap();
        assert_eq!(&all, b"01abcd6789");
        assert!(window.seek(SeekFrom::Current(-9)).is_err());
    }
}
