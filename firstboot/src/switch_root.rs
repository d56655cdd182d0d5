//! Leaving the initrd: the verified root becomes `/`, and its init becomes this process.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::mount_move;
use rustix::process::{chdir, chroot};

use crate::failure::{Explain, Failure};
use crate::mounts::SYSROOT;

/// In this order; the first that is there is started.
const INITS: [&str; 2] = ["/usr/lib/systemd/systemd", "/sbin/init"];
/// Mounts that the real root takes over.
const CARRIED: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];

const BAKE: &str = "the root file system is not complete; bake the image again and flash it";

/// Does not return when all went well.
pub fn run() -> Result<std::convert::Infallible, Failure> {
    let init = INITS
        .iter()
        // Not followed: a link there is meant for the root that is not `/` yet.
        .find(|path| fs::symlink_metadata(format!("{SYSROOT}{path}")).is_ok())
        .ok_or_else(|| Failure::new("the root file system has no init program", BAKE))?;
    for place in CARRIED {
        mount_move(place, format!("{SYSROOT}{place}"))
            .explain(format!("cannot move {place} to the real root"), BAKE)?;
    }
    free_initrd(Path::new("/"));
    chdir(SYSROOT).explain("cannot enter the real root", BAKE)?;
    mount_move(".", "/").explain("cannot move the real root to /", BAKE)?;
    chroot(".").explain("cannot change to the real root", BAKE)?;
    chdir("/").explain("cannot change to the real root", BAKE)?;
    // Nothing of our environment or arguments: systemd reads the command line itself.
    let error = Command::new(init).env_clear().env("TERM", "linux").exec();
    Err(error).explain(format!("cannot start {init}"), BAKE)
}

/// Gives the initrd's memory back. Never leaves the file system that `/` is on.
fn free_initrd(top: &Path) {
    if let Ok(meta) = fs::metadata(top) {
        remove_below(top, meta.dev());
    }
}

fn remove_below(folder: &Path, device: u64) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = entry.metadata() else { continue };
        // Of a mount point this is the device that is mounted there: the real root is not touched.
        if meta.dev() != device {
            continue;
        }
        if meta.is_dir() {
            remove_below(&path, device);
            let _ = fs::remove_dir(&path);
        } else {
            let _ = fs::remove_file(&path);
        }
    }
}
