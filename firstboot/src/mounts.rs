//! The kernel's file systems, mounted before anything else and carried over to the real root.

use std::fs;
use std::path::Path;

use rustix::mount::{MountFlags, mount};

use crate::failure::{Explain, Failure};

/// Where the real root is put together.
pub const SYSROOT: &str = "/sysroot";

/// Mounted in this order: file system, place, options, whether the boot fails without it.
const EARLY: [(&str, &str, MountFlags, &std::ffi::CStr, bool); 5] = [
    ("proc", "/proc", HARDENED, c"", true),
    ("sysfs", "/sys", HARDENED, c"", true),
    ("devtmpfs", "/dev", MountFlags::NOSUID, c"mode=0755", true),
    (
        "devpts",
        "/dev/pts",
        MountFlags::NOSUID.union(MountFlags::NOEXEC),
        c"mode=0620,gid=5,ptmxmode=0666",
        false,
    ),
    (
        "tmpfs",
        "/run",
        MountFlags::NOSUID.union(MountFlags::NODEV),
        c"mode=0755,size=20%",
        true,
    ),
];

const HARDENED: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// Mounts what every later step reads: `/proc`, `/sys`, `/dev`, `/run`.
pub fn early() -> Result<(), Failure> {
    for (kind, place, flags, options, needed) in EARLY {
        let done = fs::create_dir_all(place)
            .and_then(|()| Ok(mount(kind, place, kind, flags, Some(options))?));
        match done {
            // The kernel mounts devtmpfs itself when it was built that way.
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {}
            Err(_) if !needed => {}
            done => done.explain(
                format!("cannot mount {kind} on {place}"),
                "the kernel lacks a file system that every Debian kernel has; bake the image again",
            )?,
        }
    }
    Ok(())
}

/// Mounts the firmware's variables; `false` where there is no UEFI or no driver for them.
pub fn efi_variables() -> bool {
    let place = "/sys/firmware/efi/efivars";
    Path::new(place).exists()
        && match mount("efivarfs", place, "efivarfs", HARDENED, None) {
            Ok(()) | Err(rustix::io::Errno::BUSY) => true,
            Err(_) => false,
        }
}
