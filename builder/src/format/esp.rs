//! The boot volume: a FAT32 EFI system partition with systemd-boot and one unified kernel image.
//!
//! Names after the Boot Loader Specification (UAPI group) and, for the tries that are left to an
//! image, systemd's "Automatic Boot Assessment".

use std::fs::File;
use std::io;

use hive_fat::{FatError, Volume};
use hive_inventory::disk::{MIB, uki_name};

use super::guid;

/// Sizes grow in steps, so that a slightly bigger kernel leaves the partitions where they are.
const STEP: u64 = 32 * MIB;
/// Least size: FAT32 needs 65525 clusters.
const LEAST: u64 = 64 * MIB;
/// Label of the volume.
const LABEL: &str = "ESP";
/// How often an image is tried before systemd-boot takes the one before it.
pub const TRIES: u32 = 3;
/// Path of systemd-boot, where firmware looks on a disk that it does not know.
pub const BOOT_LOADER: &str = "EFI/BOOT/BOOTX64.EFI";
/// Folder of the unified kernel images.
pub const IMAGES: &str = "EFI/Linux";
/// What systemd-boot is told. Without an editor nobody at the screen changes a command line.
const LOADER_CONF: &str = "timeout 3\neditor no\ndefault hive_*\n";

/// What lies on the volume.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// systemd's `systemd-bootx64.efi`.
    pub boot_loader: &'a [u8],
    /// The unified kernel image, see [`super::uki`].
    pub uki: &'a [u8],
    /// Version of the image, part of the file's name.
    pub image_version: &'a str,
}

/// Why a boot volume could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EspError {
    /// The version cannot be part of a file name.
    #[error(
        "the image version {0:?} cannot be part of a boot entry's name: letters, digits and . _ ~ ^ - + only"
    )]
    Version(String),
    /// The file for it could not be made.
    #[error("making the file of the boot volume; is the disk full?")]
    Prepare(#[source] io::Error),
    /// The file system could not be written.
    #[error("writing the boot volume")]
    Fat(#[from] FatError),
}

/// Size in bytes of the volume for `content` bytes of files: at least a fifth of it stays free.
pub fn size_for(content: u64) -> u64 {
    // Two mebibytes for tables and folders.
    ((content + 2 * MIB) * 5)
        .div_ceil(4)
        .next_multiple_of(STEP)
        .max(LEAST)
}

/// Name of the image's file, with the tries that it has.
pub fn file_name(image_version: &str) -> String {
    format!("{}+{TRIES}.efi", uki_name(image_version))
}

/// Writes the volume into `out`, which loses what it held, and returns its size in bytes.
pub fn write(out: &File, content: &Content<'_>) -> Result<u64, EspError> {
    let version = content.image_version;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~^-+".contains(&b);
    if version.is_empty() || !version.bytes().all(plain) {
        return Err(EspError::Version(version.to_owned()));
    }
    let size = size_for((content.boot_loader.len() + content.uki.len()) as u64);
    out.set_len(0)
        .and_then(|()| out.set_len(size))
        .map_err(EspError::Prepare)?;
    let mut device = out;
    hive_fat::format(
        &mut device,
        size,
        guid::volume_id("esp", version.as_bytes()),
        LABEL,
    )?;
    let mut volume = Volume::open(device)?;
    volume.add_file(BOOT_LOADER, content.boot_loader)?;
    volume.add_file("loader/loader.conf", LOADER_CONF.as_bytes())?;
    volume.add_file(&format!("{IMAGES}/{}", file_name(version)), content.uki)?;
    volume.finish()?;
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Command;

    fn volume() -> tempfile::NamedTempFile {
        let out = tempfile::NamedTempFile::new().unwrap();
        let content = Content {
            boot_loader: b"boot",
            uki: &[7; 5 << 20],
            image_version: "trixie-0123",
        };
        assert_eq!(write(out.as_file(), &content).unwrap(), 64 * MIB);
        out
    }

    #[test]
    fn what_is_written_reads_back() {
        let out = volume();
        let mut volume = Volume::open(out.as_file()).unwrap();
        assert_eq!(volume.read_file("EFI/BOOT/BOOTX64.EFI").unwrap(), b"boot");
        assert!(
            volume
                .read_file("EFI/Linux/hive_trixie-0123+3.efi")
                .unwrap()
                == [7; 5 << 20]
        );
        let loader = volume.read_file("loader/loader.conf").unwrap();
        assert_eq!(loader, b"timeout 3\neditor no\ndefault hive_*\n");
        assert_eq!(volume.kind(), hive_fat::FatKind::Fat32);
    }

    #[test]
    fn two_volumes_are_the_same() {
        let bytes = |file: tempfile::NamedTempFile| {
            let mut bytes = Vec::new();
            file.reopen().unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert!(bytes(volume()) == bytes(volume()));
    }

    #[test]
    fn a_fifth_stays_free_and_sizes_come_in_steps() {
        assert_eq!(size_for(0), 64 * MIB);
        assert_eq!(size_for(49 * MIB), 64 * MIB);
        assert_eq!(size_for(50 * MIB), 96 * MIB);
        assert_eq!(size_for(200 * MIB), 256 * MIB);
    }

    #[test]
    fn a_version_that_is_no_name_is_refused() {
        let out = tempfile::tempfile().unwrap();
        let content = Content {
            boot_loader: b"",
            uki: b"",
            image_version: "../x",
        };
        let error = write(&out, &content).unwrap_err();
        assert!(matches!(error, EspError::Version(_)), "{error}");
    }

    #[test]
    fn fsck_finds_no_fault() {
        let out = volume();
        match Command::new("fsck.fat").arg("-n").arg(out.path()).output() {
            Err(_) => println!("SKIPPED: fsck.fat is not installed (package dosfstools)"),
            Ok(output) => {
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stdout)
                )
            }
        }
    }
}
