//! The initrd: cpio archives in the `newc` format that the kernel unpacks
//! (kernel documentation, `driver-api/early-userspace/buffer-format`).
//!
//! It is made of two archives one behind the other. The first, compressed, holds what follows from
//! the packages and stays in the cache; the second, as it is, holds what follows from the site's
//! configuration and costs nothing to make again. The later archive wins where both have a path.

use std::collections::BTreeMap;
use std::io::{self, Write};

use cpio::NewcBuilder;
use cpio::newc::{ModeFileType, trailer};

/// The kernel looks for the next archive on this boundary, in bytes.
const ALIGNMENT: usize = 4;
/// Strong enough for what is compressed once and kept. The window stays below the 8 MiB that
/// every kernel takes.
const LEVEL: i32 = 15;

/// Why an archive could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitrdError {
    /// The path is not one that an archive may hold.
    #[error(
        "{path:?} cannot be a path of the initrd: it must be absolute, without `.`, `..` or empty parts"
    )]
    Path {
        /// The path.
        path: String,
    },
    /// Two things under one name.
    #[error("the initrd has {path:?} twice, as different things")]
    Twice {
        /// The path.
        path: String,
    },
    /// The format counts bytes in 32 bits.
    #[error("{path:?} is too big for the initrd: {size} bytes, the archive format ends at 4 GiB")]
    TooBig {
        /// The path.
        path: String,
        /// Its size in bytes.
        size: usize,
    },
    /// An encoder failed.
    #[error("writing the initrd")]
    Write(#[from] io::Error),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Folder { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { target: String },
    Character { mode: u32, major: u32, minor: u32 },
}

/// The content of one archive. Everything belongs to root and has no time.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    /// By path without the slash at the front; order of names puts folders before what is in them.
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    /// An archive with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// An archive with `/dev/console` and `/dev/null`, which the kernel opens before anyone mounts devtmpfs.
    pub fn with_devices() -> Result<Self, InitrdError> {
        let mut archive = Self::new();
        // Numbers of the kernel documentation, `admin-guide/devices`.
        archive.add_character("/dev/console", 0o600, 5, 1)?;
        archive.add_character("/dev/null", 0o666, 1, 3)?;
        Ok(archive)
    }

    /// Adds a folder; those above it are made with mode 0755. A folder may be added again to set its mode.
    pub fn add_folder(&mut self, path: &str, mode: u32) -> Result<(), InitrdError> {
        let name = self.place(path)?;
        match self.nodes.insert(name, Node::Folder { mode }) {
            None | Some(Node::Folder { .. }) => Ok(()),
            Some(_) => Err(InitrdError::Twice {
                path: path.to_owned(),
            }),
        }
    }

    /// Adds a file with permission bits `mode`.
    pub fn add_file(&mut self, path: &str, mode: u32, content: Vec<u8>) -> Result<(), InitrdError> {
        if u32::try_from(content.len()).is_err() {
            return Err(InitrdError::TooBig {
                path: path.to_owned(),
                size: content.len(),
            });
        }
        self.add(path, Node::File { mode, content })
    }

    /// Adds a symbolic link.
    pub fn add_link(&mut self, path: &str, target: &str) -> Result<(), InitrdError> {
        self.add(
            path,
            Node::Link {
                target: target.to_owned(),
            },
        )
    }

    /// Adds a character device.
    pub fn add_character(
        &mut self,
        path: &str,
        mode: u32,
        major: u32,
        minor: u32,
    ) -> Result<(), InitrdError> {
        self.add(path, Node::Character { mode, major, minor })
    }

    fn add(&mut self, path: &str, node: Node) -> Result<(), InitrdError> {
        let name = self.place(path)?;
        match self.nodes.get(&name) {
            Some(there) if *there != node => Err(InitrdError::Twice {
                path: path.to_owned(),
            }),
            _ => {
                self.nodes.insert(name, node);
                Ok(())
            }
        }
    }

    /// Checks `path`, makes the folders above it, and returns it as the archive has it.
    fn place(&mut self, path: &str) -> Result<String, InitrdError> {
        let bad = || InitrdError::Path {
            path: path.to_owned(),
        };
        let name = path.strip_prefix('/').ok_or_else(bad)?;
        let strange = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
        if name.split('/').any(strange) || name == "TRAILER!!!" {
            return Err(bad());
        }
        for (end, _) in name.match_indices('/') {
            let folder = self.nodes.entry(name[..end].to_owned());
            if !matches!(
                folder.or_insert(Node::Folder { mode: 0o755 }),
                Node::Folder { .. }
            ) {
                return Err(InitrdError::Twice {
                    path: format!("/{}", &name[..end]),
                });
            }
        }
        Ok(name.to_owned())
    }

    /// The archive as it is, its length a multiple of 4 bytes.
    pub fn plain(&self) -> Result<Vec<u8>, InitrdError> {
        let mut out = Vec::new();
        for (n, (name, node)) in self.nodes.iter().enumerate() {
            // Inodes are numbered from 1: the kernel takes equal numbers of files with several
            // links for one file.
            let head = NewcBuilder::new(name)
                .ino(n as u32 + 1)
                .uid(0)
                .gid(0)
                .mtime(0);
            let (head, content): (_, &[u8]) = match node {
                Node::Folder { mode } => (
                    head.nlink(2)
                        .mode(*mode)
                        .set_mode_file_type(ModeFileType::Directory),
                    &[],
                ),
                Node::File { mode, content } => (
                    head.nlink(1)
                        .mode(*mode)
                        .set_mode_file_type(ModeFileType::Regular),
                    content,
                ),
                Node::Link { target } => (
                    head.nlink(1)
                        .mode(0o777)
                        .set_mode_file_type(ModeFileType::Symlink),
                    target.as_bytes(),
                ),
                Node::Character { mode, major, minor } => (
                    head.nlink(1)
                        .mode(*mode)
                        .set_mode_file_type(ModeFileType::Char)
                        .rdev_major(*major)
                        .rdev_minor(*minor),
                    &[],
                ),
            };
            let mut writer = head.write(&mut out, content.len() as u32);
            writer.write_all(content)?;
            writer.finish()?;
        }
        trailer(&mut out)?;
        pad(&mut out);
        Ok(out)
    }

    /// The archive compressed with zstd, padded to a multiple of 4 bytes.
    ///
    /// The checksum of the content makes a damaged initrd fail to unpack. One worker thread, on
    /// every machine: the number of threads is part of what the encoder writes.
    pub fn compressed(&self) -> Result<Vec<u8>, InitrdError> {
        let plain = self.plain()?;
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.multithread(1)?;
        encoder.set_pledged_src_size(Some(plain.len() as u64))?;
        encoder.write_all(&plain)?;
        let mut out = encoder.finish()?;
        pad(&mut out);
        Ok(out)
    }
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests;
