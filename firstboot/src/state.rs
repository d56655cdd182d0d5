//! The state partition: made once, checked and mounted at every boot.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hive_inventory::disk::{FACTORY_VAR, STATE_LABEL};
use rustix::mount::{MountFlags, mount};

use crate::cmdline::hex;
use crate::console::Console;
use crate::failure::{Explain, Failure};
use crate::guid::Guid;
use crate::mounts::SYSROOT;
use crate::root_program::{RootPrograms, said};
use crate::tree_copy::{Existing, copy_tree};

const MKFS: &str = "/usr/sbin/mkfs.ext4";
const FSCK: &str = "/usr/sbin/fsck.ext4";
const KEYGEN: &str = "/usr/bin/ssh-keygen";

/// On state, below `/var`: what `hive-init` keeps there.
const OWN: &str = "lib/hive";
/// Root hash of the image whose factory files were copied last.
const FACTORY_MARK: &str = "factory-of";
/// The machine's id.
const MACHINE_ID: &str = "machine-id";
/// The machine's own ssh key, where the seed brings none.
const HOST_KEY: &str = "ssh_host_ed25519_key";

const REFLASH: &str = "bake the image again and flash it";

/// The mounted state.
#[derive(Debug)]
pub struct State {
    var: PathBuf,
}

impl State {
    /// Makes the file system on `device`, fills and mounts it, and returns when all is on the medium.
    pub fn make(
        programs: &RootPrograms,
        device: &Path,
        root_hash: &str,
        console: &Console,
    ) -> Result<Self, Failure> {
        let name = device.display().to_string();
        console.say(&format!("making the state file system on {name}"));
        let made = programs
            .run(MKFS, &["-q", "-F", "-m", "1", "-L", STATE_LABEL, &name])
            .explain(
                format!("cannot start {MKFS} of the root file system"),
                REFLASH,
            )?;
        if !made.status.success() {
            return Err(Failure::new(
                format!("{MKFS} {name} failed ({})", said(&made)),
                "see whether the kernel reports errors of this disk; if so replace it",
            ));
        }
        let state = Self::mount(device)?;
        state.fill(root_hash, console)?;
        Ok(state)
    }

    /// Checks and mounts the state on `device`, and adds what a newer image brings for `/var`.
    pub fn open(
        programs: &RootPrograms,
        device: &Path,
        root_hash: &str,
        console: &Console,
    ) -> Result<Self, Failure> {
        let name = device.display().to_string();
        let checked = programs.run(FSCK, &["-p", &name]).explain(
            format!("cannot start {FSCK} of the root file system"),
            REFLASH,
        )?;
        match checked.status.code() {
            Some(0) => {}
            // 1: repaired, 2: repaired and wants a restart, which a file system not yet mounted doesn't need.
            Some(1 | 2) => console.warn(&format!(
                "the state file system on {name} was repaired ({})",
                said(&checked)
            )),
            _ => {
                return Err(Failure::new(
                    format!(
                        "the state file system on {name} is damaged beyond automatic repair ({})",
                        said(&checked)
                    ),
                    format!(
                        "nothing was changed; start a rescue system, copy the disk if the data matters, and run `fsck.ext4 -f {name}`"
                    ),
                ));
            }
        }
        let state = Self::mount(device)?;
        let mark = state.own(FACTORY_MARK);
        if fs::read_to_string(&mark).is_ok_and(|hash| hash.trim() == root_hash) {
            return Ok(state);
        }
        state.fill(root_hash, console)?;
        Ok(state)
    }

    fn mount(device: &Path) -> Result<Self, Failure> {
        let var = Path::new(SYSROOT).join("var");
        mount(device, &var, "ext4", MountFlags::NOATIME, None).explain(
            format!("cannot mount the state {} on /var", device.display()),
            "start a rescue system and look at the partition; the kernel's last messages name the cause",
        )?;
        Ok(Self { var })
    }

    /// Copies what is missing from the image's factory and marks that it is complete.
    fn fill(&self, root_hash: &str, console: &Console) -> Result<(), Failure> {
        let factory = PathBuf::from(format!("{SYSROOT}{FACTORY_VAR}"));
        if factory.is_dir() {
            copy_tree(&factory, &self.var, Existing::Keep)
                .explain("cannot fill /var from the image", FULL)?;
        } else {
            console.warn(&format!(
                "the image has no {FACTORY_VAR}; /var begins empty"
            ));
        }
        self.keep(FACTORY_MARK, 0o644, root_hash.as_bytes())?;
        // The whole file system, before anybody relies on it.
        File::open(&self.var)
            .and_then(|dir| Ok(rustix::fs::syncfs(&dir)?))
            .explain("cannot write /var to the disk", FULL)
    }

    /// The machine's id, 32 hex digits: made at the first boot, the same ever after.
    pub fn machine_id(&self) -> Result<String, Failure> {
        let valid = |id: &str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if let Ok(id) = fs::read_to_string(self.own(MACHINE_ID))
            && valid(id.trim())
        {
            return Ok(id.trim().to_owned());
        }
        let id = hex(&random_guid().0);
        self.keep(MACHINE_ID, 0o444, format!("{id}\n").as_bytes())?;
        Ok(id)
    }

    /// The machine's own ssh key for a seed that brings none: made once, kept on state. `None` when
    /// the image has no `ssh-keygen`.
    pub fn host_key(&self, programs: &RootPrograms) -> Result<Option<String>, Failure> {
        let path = self.own(HOST_KEY);
        if let Ok(key) = fs::read_to_string(&path)
            && key
                .trim_end()
                .ends_with("-----END OPENSSH PRIVATE KEY-----")
        {
            return Ok(Some(key));
        }
        if !programs.has(KEYGEN) {
            return Ok(None);
        }
        let inside = format!("/var/{OWN}/{HOST_KEY}");
        let next = "give the host a seed with a key of its own (`ssh_host_key`)";
        // A half-written one of an interrupted boot; ssh-keygen would ask about it.
        let _ = fs::remove_file(&path);
        let made = programs
            .run(
                KEYGEN,
                &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &inside],
            )
            .explain("cannot start ssh-keygen of the root file system", next)?;
        if !made.status.success() {
            return Err(Failure::new(
                format!("cannot make an ssh host key ({})", said(&made)),
                next,
            ));
        }
        let key = fs::read_to_string(&path).explain("cannot read the new ssh host key", next)?;
        // Once more, whole and lasting.
        self.keep(HOST_KEY, 0o600, key.as_bytes())?;
        Ok(Some(key))
    }

    /// Whether Docker on this machine is in a swarm, or was until its state was last written.
    pub fn is_in_swarm(&self) -> bool {
        is_in_swarm(&self.var)
    }

    fn own(&self, file: &str) -> PathBuf {
        self.var.join(OWN).join(file)
    }

    fn keep(&self, file: &str, mode: u32, content: &[u8]) -> Result<(), Failure> {
        write_lasting(&self.own(file), mode, content)
            .explain(format!("cannot write /var/{OWN}/{file}"), FULL)
    }
}

/// Docker keeps its swarm identity here, and removes what is inside when it leaves.
fn is_in_swarm(var: &Path) -> bool {
    fs::read_dir(var.join("lib/docker/swarm")).is_ok_and(|mut inside| inside.next().is_some())
}

const FULL: &str = "if /var is full, start with another slot or a rescue system and make room on the state partition";

/// Writes a file so that after a power cut it is either the old one or the new one.
pub fn write_lasting(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("hive-new");
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// A fresh identity from the kernel's random numbers; waits until the kernel has some.
pub fn random_guid() -> Guid {
    let mut bytes = [0u8; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(n) => filled += n,
            Err(rustix::io::Errno::INTR) => {}
            // No kernel that boots this image lacks the call; time is better than zeros.
            Err(_) => {
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                bytes = now.as_nanos().to_le_bytes();
                break;
            }
        }
    }
    Guid::from_random(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_differ() {
        assert_ne!(random_guid(), random_guid());
    }

    #[test]
    fn a_member_of_a_swarm_is_known_by_what_docker_keeps() {
        let var = tempfile::tempdir().unwrap();
        assert!(!is_in_swarm(var.path()));
        let swarm = var.path().join("lib/docker/swarm");
        fs::create_dir_all(&swarm).unwrap();
        assert!(!is_in_swarm(var.path()));
        fs::write(swarm.join("docker-state.json"), "{}").unwrap();
        assert!(is_in_swarm(var.path()));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib/hive/machine-id");
        write_lasting(&path, 0o600, b"one").unwrap();
        write_lasting(&path, 0o600, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
