//! Processes in namespaces of their own.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Why these tests can't run here.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    for program in ["dockerd", "ip", "unshare", "nsenter", "setpriv"] {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).exists())
        });
        if !found {
            return Some(format!("{program} is not installed"));
        }
    }
    let namespaces = Command::new("unshare")
        .args(["-m", "-n", "-u", "-p", "-f", "--mount-proc", "true"])
        .output();
    match namespaces {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(e) => Some(e.to_string()),
    }
}

/// A process in namespaces of its own; ends with the test, and all within ends with it.
pub struct Space(Child);

impl Space {
    /// Starts it.
    pub fn start(flags: &[&str], program: &[&str]) -> Self {
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--kill-child=KILL", "-f"])
            .args(flags)
            .args(program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Process id of the first process within, as seen from outside.
    pub fn inner(&self) -> u32 {
        let id = self.0.id();
        let children = format!("/proc/{id}/task/{id}/children");
        for _ in 0..100 {
            let text = fs::read_to_string(&children).unwrap_or_default();
            if let Some(inner) = text.split_whitespace().next() {
                return inner.parse().unwrap();
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the namespace has no process");
    }

    /// Runs a command within.
    pub fn within(&self, words: &[&str]) -> Output {
        let inner = self.inner().to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &inner, "-m", "-n", "-p"]).args(words);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // Its own id only: ids within the namespace mean other processes out here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
