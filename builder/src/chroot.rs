//! Running programs inside a tree, in the mount namespace of a [`crate::namespace`] task.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hive_system::{Output, Program};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};
use serde::{Deserialize, Serialize};

/// Where programs are looked up inside.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What tools write in place of today: 2025-01-01. Accounts whose password changed at 0 would have to change it.
const SOURCE_DATE: &str = "1735689600";
/// Devices that package scripts may use.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// A tree with /proc, /dev, /run and /tmp mounted in it until it is dropped.
#[derive(Debug)]
pub struct Chroot {
    root: PathBuf,
    mounted: Vec<PathBuf>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Chroot {
    /// Mounts what programs expect. Nothing of the builder's devices but the harmless ones is visible.
    ///
    /// # Errors
    /// Something can't be mounted.
    pub fn enter(root: &Path) -> Result<Self> {
        let mut chroot = Self {
            root: root.to_owned(),
            mounted: Vec::new(),
            environment: Vec::new(),
        };
        chroot.file_system(
            "proc",
            "proc",
            MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
            "",
        )?;
        chroot.file_system("tmpfs", "dev", MountFlags::NOSUID, "mode=0755")?;
        chroot.file_system(
            "tmpfs",
            "run",
            MountFlags::NOSUID | MountFlags::NODEV,
            "mode=0755",
        )?;
        chroot.file_system(
            "tmpfs",
            "tmp",
            MountFlags::NOSUID | MountFlags::NODEV,
            "mode=1777",
        )?;
        let dev = root.join("dev");
        for name in DEVICES {
            let place = dev.join(name);
            fs::write(&place, "").with_context(|| format!("making {}", place.display()))?;
            chroot.bind(&Path::new("/dev").join(name), &place)?;
        }
        for (link, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "fd/0"),
            ("stdout", "fd/1"),
            ("stderr", "fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            symlink(target, dev.join(link)).with_context(|| format!("linking dev/{link}"))?;
        }
        for dir in ["pts", "shm"] {
            fs::create_dir(dev.join(dir)).with_context(|| format!("making dev/{dir}"))?;
        }
        fs::create_dir_all(root.join("run/lock")).context("making run/lock")?;
        Ok(chroot)
    }

    fn file_system(
        &mut self,
        kind: &str,
        place: &str,
        flags: MountFlags,
        options: &str,
    ) -> Result<()> {
        let place = self.root.join(place);
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let options = std::ffi::CString::new(options).context("mount options")?;
        mount(kind, &place, kind, flags, options.as_c_str())
            .with_context(|| format!("mounting {kind} on {}", place.display()))?;
        self.mounted.push(place);
        Ok(())
    }

    /// Makes a file or folder of the outside visible at a place inside.
    ///
    /// # Errors
    /// It can't be mounted.
    pub fn bind(&mut self, from: &Path, to: &Path) -> Result<()> {
        mount_bind(from, to)
            .with_context(|| format!("showing {} at {}", from.display(), to.display()))?;
        self.mounted.push(to.to_owned());
        Ok(())
    }

    /// Gives a variable to every program that is to run inside.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// A program that is to run inside, with a fixed environment.
    pub fn program(&self, name: &str) -> Program {
        let program = Program::new("chroot")
            .package("coreutils")
            .clear_env()
            .env("PATH", PATH)
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBCONF_NONINTERACTIVE_SEEN", "true")
            .env("SYSTEMD_OFFLINE", "1")
            // Tools that would write today's date write this one.
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE);
        self.environment
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value))
            .arg(&self.root)
            .arg(name)
    }

    /// Unmounts everything again, so that the tree holds only its own files.
    ///
    /// # Errors
    /// Something is still in use.
    pub fn leave(mut self) -> Result<()> {
        while let Some(place) = self.mounted.pop() {
            unmount(&place, UnmountFlags::empty())
                .with_context(|| format!("unmounting {}", place.display()))?;
        }
        Ok(())
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        for place in self.mounted.drain(..).rev() {
            // On the way out of an error; the namespace takes the rest with it.
            let _ = unmount(&place, UnmountFlags::DETACH);
        }
    }
}

/// A program of the tool root with folders of the outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolTask {
    /// The tool root.
    pub tools: PathBuf,
    /// Outside folder and its place inside; the places exist in the tool root: `work`, `out`.
    pub binds: Vec<(PathBuf, String)>,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// Runs a program of the tool root.
///
/// # Errors
/// It fails.
pub fn tool(task: &ToolTask) -> Result<()> {
    run_tool(task).map(drop)
}

/// Runs a program of the tool root and returns what it printed.
///
/// # Errors
/// It fails.
pub fn run_tool(task: &ToolTask) -> Result<Output> {
    // The tool root is shared by all bakes: mount over a private view of it.
    mount_bind_recursive(&task.tools, &task.tools)
        .with_context(|| format!("showing the tool root {}", task.tools.display()))?;
    let mut chroot = Chroot::enter(&task.tools)?;
    for (from, to) in &task.binds {
        chroot.bind(from, &task.tools.join(to))?;
    }
    let (name, args) = task.command.split_first().context("no program given")?;
    let output = chroot.program(name).args(args).output()?;
    chroot.leave()?;
    unmount(&task.tools, UnmountFlags::DETACH).context("leaving the tool root")?;
    Ok(output)
}
