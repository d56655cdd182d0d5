//! Whether containers have a volume, by what the kernel knows: docker's daemon may have died, and its containers live
//! on. Each has a mount namespace of its own, where the volume's folder is mounted.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use rustix::io::Errno;

/// Whether a folder of the file system on `device` (`MAJOR:MINOR`) is mounted anywhere. A mount of the whole is
/// hived's own, or a copy of it in the namespace of a service, which comes and goes with it.
///
/// # Errors
/// The kernel does not tell.
pub fn have(device: &str) -> io::Result<bool> {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let is_process = |name: &str| name.parse::<u32>().is_ok();
        if !entry.file_name().to_str().is_some_and(is_process) {
            continue;
        }
        let process = entry.path();
        // Most see the same mounts. Where they look from may not be told of a process with more rights than hived's.
        let from = |what| fs::read_link(process.join(what)).ok();
        let view = from("ns/mnt").zip(from("root"));
        if view.as_ref().is_some_and(|same| seen.contains(same)) {
            continue;
        }
        match fs::read_to_string(process.join("mountinfo")) {
            Ok(mounts) if has_folder(&mounts, device) => return Ok(true),
            Ok(_) => seen.extend(view),
            Err(e) if has_ended(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(false)
}

/// In the text of a `mountinfo` (proc_pid_mountinfo(5)).
fn has_folder(mountinfo: &str, device: &str) -> bool {
    mountinfo.lines().any(|line| {
        let mut words = line.split(' ').skip(2);
        words.next() == Some(device) && words.next().is_some_and(|root| root != "/")
    })
}

/// A process that ended has no namespaces, and may still be listed.
fn has_ended(error: &io::Error) -> bool {
    let gone = Errno::from_io_error(error);
    gone.is_some_and(|gone| [Errno::NOENT, Errno::SRCH, Errno::INVAL].contains(&gone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn a_folder_is_a_container_s_and_the_whole_is_not() {
        let whole = "90 30 147:1 / /var/lib/hive/volumes/web rw shared:9 - xfs /dev/drbd1 rw\n";
        let folder = "91 30 147:11 /data /srv rw - xfs /dev/drbd11 rw\n";
        let both = format!("{whole}{folder}nonsense\n");
        assert!(has_folder(&both, "147:11"));
        assert!(!has_folder(&both, "147:1"));
    }

    /// As a container would have it, until the process ends.
    fn container(at: &Path) -> Child {
        let mount = "mount -t tmpfs none \"$1\" && mkdir \"$1\"/data && mount --bind \"$1\"/data /mnt && echo && exec sleep 1000";
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "-m", "sh", "-c", mount])
            .args(["sh".as_ref(), at.as_os_str()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[test]
    fn what_a_container_has_is_found_until_it_ends() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: not root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut child = container(dir.path());
        let mut said = [0];
        let told = io::Read::read(child.stdout.as_mut().unwrap(), &mut said);
        if told.unwrap() == 0 {
            child.wait().unwrap();
            eprintln!("SKIPPED: no namespaces");
            return;
        }
        let inside = format!("/proc/{}/root{}", child.id(), dir.path().display());
        let number = fs::metadata(inside).unwrap().dev();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        let device = format!("{major}:{minor}");
        assert!(have(&device).unwrap());
        assert!(!have("147:300").unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        while have(&device).unwrap() {
            sleep(Duration::from_millis(20));
        }
    }
}
