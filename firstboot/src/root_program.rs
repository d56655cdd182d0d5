//! Running a program of the verified root, before that root is the machine's.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount};

use crate::failure::{Explain, Failure};

/// The kernel's file systems, shown to the programs of a root for as long as this lives.
#[derive(Debug)]
pub struct RootPrograms {
    root: &'static str,
}

const SHOWN: [&str; 2] = ["/dev", "/proc"];

impl RootPrograms {
    /// Shows `/dev` and `/proc` below `root`.
    pub fn new(root: &'static str) -> Result<Self, Failure> {
        for place in SHOWN {
            let target = format!("{root}{place}");
            mount_bind(place, &target)
                .and_then(|()| mount_change(&target, MountPropagationFlags::PRIVATE))
                .explain(
                    format!("cannot show {place} to the programs of the root file system"),
                    format!("the root file system has no folder {place}; bake the image again"),
                )?;
        }
        Ok(Self { root })
    }

    /// Whether the root has that program; a path from its top.
    pub fn has(&self, program: &str) -> bool {
        Path::new(&format!("{}{program}", self.root)).exists()
    }

    /// Runs a program, waits for it, and keeps what it says.
    #[allow(
        unsafe_code,
        reason = "changing the root of a child is only possible between fork and exec"
    )]
    pub fn run(&self, program: &str, args: &[&str]) -> io::Result<Output> {
        let root = self.root;
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        // SAFETY: the closure makes two system calls, allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(move || {
                rustix::process::chroot(root)?;
                rustix::process::chdir("/")?;
                Ok(())
            });
        }
        command.output()
    }
}

impl Drop for RootPrograms {
    fn drop(&mut self) {
        for place in SHOWN {
            // Left behind it would hide the mount that is moved there later, no more.
            let _ = unmount(format!("{}{place}", self.root), UnmountFlags::DETACH);
        }
    }
}

/// The end of what a program said, one line, for an error.
pub fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&both);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let tail = &lines[lines.len().saturating_sub(12)..];
    format!("{}; it said: {}", output.status, tail.join(" / "))
}
