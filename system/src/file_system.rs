//! Making, checking and growing the file systems of volumes: packages `xfsprogs` and `e2fsprogs`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::{Failure, Program};

/// What is known of a file system's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// XFS.
    Xfs,
    /// ext4.
    Ext4,
}

/// Makes a file system over whatever is there. Blocks are not discarded first: a new volume of a thin
/// pool holds none, and a discard goes to all hosts.
pub fn make(kind: Kind, device: &Path) -> Program {
    match kind {
        Kind::Xfs => Program::new("mkfs.xfs")
            .package("xfsprogs")
            .args(["-f", "-K", "-q"])
            .arg(device),
        Kind::Ext4 => Program::new("mkfs.ext4")
            .package("e2fsprogs")
            // Nothing is left to be zeroed later by the kernel: it would be written on all hosts.
            .args([
                "-F",
                "-q",
                "-E",
                "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
            ])
            .arg(device),
    }
}

/// Checks a file system that is not mounted, and mends what can be mended without a person. XFS plays
/// its log back when it is mounted, so nothing is done for it.
///
/// # Errors
/// It needs a person, or the program is missing.
pub fn check(kind: Kind, device: &Path) -> Result<(), Failure> {
    if kind == Kind::Xfs {
        return Ok(());
    }
    let checked = Program::new("e2fsck")
        .package("e2fsprogs")
        .arg("-p")
        .arg(device)
        .output();
    match checked {
        // e2fsck(8): 1 is "mended".
        Err(Failure::Failed { status, .. }) if status.code() == Some(1) => Ok(()),
        Err(failure) => Err(failure),
        Ok(_) => Ok(()),
    }
}

/// Makes a mounted file system as large as its device.
pub fn grow(kind: Kind, device: &Path, mounted_at: &Path) -> Program {
    match kind {
        Kind::Xfs => Program::new("xfs_growfs")
            .package("xfsprogs")
            .arg(mounted_at),
        Kind::Ext4 => Program::new("resize2fs").package("e2fsprogs").arg(device),
    }
}

/// Tells of a mounted file system how large it is, by what the kernel has of it and not by what it wrote already: see
/// [`bytes`].
pub fn geometry(kind: Kind, device: &Path, mounted_at: &Path) -> Program {
    match kind {
        Kind::Xfs => Program::new("xfs_io")
            .package("xfsprogs")
            .args(["-r", "-c", "statfs"])
            .arg(mounted_at),
        // It shares the kernel's cache of the device with ext4.
        Kind::Ext4 => Program::new("dumpe2fs")
            .package("e2fsprogs")
            .arg("-h")
            .arg(device),
    }
}

/// Bytes from the beginning of its device to the end of a file system, by what [`geometry`] printed.
pub fn bytes(kind: Kind, geometry: &str) -> Option<u64> {
    let [count, size] = match kind {
        Kind::Xfs => ["geom.datablocks =", "geom.bsize ="],
        Kind::Ext4 => ["Block count:", "Block size:"],
    };
    let number = |key: &str| -> Option<u64> {
        let mut lines = geometry.lines();
        let number = lines.find_map(|line| line.strip_prefix(key))?;
        number.trim().parse().ok()
    };
    number(count)?.checked_mul(number(size)?)
}

/// Why it is not known what is on a device.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It can't be read.
    #[error("reading {device} to see what is on it")]
    Read {
        /// The device.
        device: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program did not tell.
    #[error(transparent)]
    Program(#[from] Failure),
}

/// The name of the file system on a device, by its own first blocks and no cache; `None`: there is none.
///
/// # Errors
/// The program is missing, or the device can't be read: that is not the same as an empty one.
pub fn found_on(device: &Path) -> Result<Option<String>, ProbeError> {
    // blkid says the same of an empty device and of one that it can't open.
    let mut first = [0; 4096];
    File::open(device)
        .and_then(|mut file| file.read_exact(&mut first))
        .map_err(|source| ProbeError::Read {
            device: device.display().to_string(),
            source,
        })?;
    let found = Program::new("blkid")
        .package("util-linux")
        .args(["--probe", "--usages", "filesystem"])
        .args(["--match-tag", "TYPE", "--output", "value"])
        .arg(device)
        .text();
    match found {
        Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
        // blkid(8): 2 is "nothing found".
        Err(Failure::Failed { status, stderr, .. })
            if status.code() == Some(2) && stderr.is_empty() =>
        {
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::*;

    /// A file that stands for a device.
    struct Image(PathBuf);

    impl Image {
        fn new(name: &str, mib: u64) -> Self {
            let path = std::env::temp_dir().join(format!("hive-{name}-{}", std::process::id()));
            File::create(&path).unwrap().set_len(mib << 20).unwrap();
            Self(path)
        }
    }

    impl Drop for Image {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// The result, or `None` and said why, where a program is missing.
    fn here<T>(result: Result<T, Failure>) -> Option<T> {
        match result {
            Err(missing @ Failure::Missing { .. }) => {
                eprintln!("SKIPPED: {missing}");
                None
            }
            result => Some(result.unwrap()),
        }
    }

    #[test]
    fn a_file_system_is_made_found_and_checked() {
        for (kind, name, mib) in [(Kind::Xfs, "xfs", 300), (Kind::Ext4, "ext4", 16)] {
            let image = Image::new(name, mib);
            assert_eq!(found_on(&image.0).unwrap(), None);
            if here(make(kind, &image.0).output()).is_none() {
                continue;
            }
            assert_eq!(found_on(&image.0).unwrap().as_deref(), Some(name));
            check(kind, &image.0).unwrap();
            // Again, over what is there: a killed one is made anew.
            make(kind, &image.0).output().unwrap();
        }
    }

    #[test]
    fn the_end_of_a_file_system_is_known() {
        let image = Image::new("end", 16);
        if here(make(Kind::Ext4, &image.0).output()).is_some() {
            let told = geometry(Kind::Ext4, &image.0, Path::new("/"))
                .text()
                .unwrap();
            assert_eq!(bytes(Kind::Ext4, &told), Some(16 << 20));
        }
        let told = "statfs.f_bsize = 4096\ngeom.bsize = 4096\ngeom.agblocks = 32253\ngeom.datablocks = 205808\n";
        assert_eq!(bytes(Kind::Xfs, told), Some(842_989_568));
        assert_eq!(bytes(Kind::Xfs, "xfs_io: not an XFS"), None);
    }

    #[test]
    fn mkfs_refuses_an_xfs_that_is_smaller_than_the_plan_allows() {
        let image = Image::new("small", 299);
        match make(Kind::Xfs, &image.0).output() {
            Err(missing @ Failure::Missing { .. }) => eprintln!("SKIPPED: {missing}"),
            refused => {
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("300MB"), "{refused}");
            }
        }
    }

    #[test]
    fn a_broken_file_system_needs_a_person() {
        let image = Image::new("broken", 16);
        if here(make(Kind::Ext4, &image.0).output()).is_none() {
            return;
        }
        fs::write(&image.0, vec![0x55; 16 << 20]).unwrap();
        assert!(check(Kind::Ext4, &image.0).is_err());
        assert_eq!(found_on(&image.0).unwrap(), None);
    }

    #[test]
    fn a_device_that_is_not_there_is_no_empty_one() {
        let found = found_on(Path::new("/no/such/device"));
        assert!(found.is_err(), "{found:?}");
    }
}
