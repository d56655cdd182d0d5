//! A connection to one host: its docker socket as a socket of this computer.
//!
//! ssh runs `cat` on the host and reads from a pipe that only this process holds. When this process
//! is gone, however it went, `cat` reads the end, and with it ssh ends and its socket closes. The
//! admin user of a baked host is in group docker, so nothing runs as root for this.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bollard::{API_DEFAULT_VERSION, Docker, errors};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::remote;

/// Where docker listens on every host.
const DOCKER: &str = "/run/docker.sock";
/// What the host says once the way is open; nothing in a login's own noise reads like it.
const OPEN: &str = "hive: the way is open";
/// How long a host may take to let us in, in seconds: time to take the connection, and all of it.
const CONNECT: u64 = 10;
const LOGIN: Duration = Duration::from_secs(60);
/// How long one question to an engine may take. A swarm that elects a leader is slow, not dead.
const PATIENCE: u64 = 60;
/// A connection that fails is noticed by a question first and by ssh a moment later.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How much of what ssh says is kept.
const TAIL: usize = 4000;

/// A host's engine.
#[derive(Debug)]
pub struct Link {
    host: String,
    socket: PathBuf,
    docker: Docker,
    /// ssh itself, killed with this value.
    ssh: Mutex<Child>,
    /// Held open: its end is the end of the connection.
    _stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
}

impl Link {
    /// Logs in to a host and forwards its docker socket to `socket`.
    ///
    /// # Errors
    /// ssh is missing, the host can't be reached or lets nobody in; the error says what ssh said.
    pub async fn open(config: &Path, host: &str, socket: PathBuf) -> anyhow::Result<Self> {
        let forward = format!("{}:{DOCKER}", socket.display());
        let program = remote::ssh(config)
            .args(["-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", &format!("ConnectTimeout={CONNECT}")])
            .args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"])
            .args(["-o", "ControlMaster=no", "-o", "ControlPath=none"])
            .args(["-o", "ExitOnForwardFailure=yes"])
            .args(["-o", "StreamLocalBindMask=0177"])
            .args(["-L", &forward, host])
            .arg(format!("echo '{OPEN}' && exec cat >/dev/null"));
        // Ctrl-C is not for ssh: this command may still have a question to ask.
        let mut ssh = Command::from(remote::kept(&program))
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| program.start_error(e))?;
        let stdin = ssh.stdin.take();
        let said = Arc::new(Mutex::new(String::new()));
        if let Some(stderr) = ssh.stderr.take() {
            tokio::spawn(listen(stderr, said.clone()));
        }
        let stdout = ssh.stdout.take();
        let opened = timeout(LOGIN, async {
            let mut lines = BufReader::new(stdout.context("ssh has no output")?).lines();
            while let Some(line) = lines.next_line().await? {
                if line.ends_with(OPEN) {
                    return anyhow::Ok(true);
                }
            }
            anyhow::Ok(false)
        });
        match opened.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                let status = ssh.wait().await?;
                // What it said arrives on a pipe of its own.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let words = last_words(&said);
                bail!(words.unwrap_or_else(|| format!("ssh ended with {status}")));
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => bail!("it lets nobody in within {} s", LOGIN.as_secs()),
        }
        let path = socket.display().to_string();
        let docker = Docker::connect_with_unix(&path, PATIENCE, API_DEFAULT_VERSION)
            .with_context(|| format!("preparing the connection to {host}"))?;
        Ok(Self {
            host: host.to_owned(),
            socket,
            docker,
            ssh: Mutex::new(ssh),
            _stdin: stdin,
            said,
        })
    }

    /// Full name of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host's engine.
    pub fn docker(&self) -> Docker {
        self.docker.clone()
    }

    /// The engine's socket on this computer.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether ssh still runs.
    pub fn is_up(&self) -> bool {
        let mut ssh = self.ssh.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(ssh.try_wait(), Ok(None))
    }

    /// Why the connection is gone; `None` while it is there.
    pub fn lost(&self) -> Option<String> {
        let mut ssh = self.ssh.lock().unwrap_or_else(PoisonError::into_inner);
        let status = ssh.try_wait().ok().flatten()?;
        Some(last_words(&self.said).unwrap_or_else(|| format!("ssh ended with {status}")))
    }

    /// Turns an error of a question to this host's engine into one that a person understands: a lost
    /// connection says so, an engine's refusal is in the engine's own words.
    pub async fn explain(&self, error: errors::Error) -> anyhow::Error {
        if let errors::Error::DockerResponseServerError { message, .. } = &error {
            return anyhow!("{}: {}", self.host, message.trim());
        }
        match self.lost_soon().await {
            Some(lost) => lost,
            None => anyhow!(error).context(format!("asking the docker engine of {}", self.host)),
        }
    }

    /// The error of a connection that is gone or goes within a moment.
    pub async fn lost_soon(&self) -> Option<anyhow::Error> {
        let gone = timeout(AFTERMATH, async {
            loop {
                if let Some(why) = self.lost() {
                    return why;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let why = gone.await.ok()?;
        Some(anyhow!(LostConnection {
            host: self.host.clone(),
            why
        }))
    }
}

/// The connection to a host broke.
#[derive(Debug, thiserror::Error)]
#[error(
    "the ssh connection to {host} was lost: {why}; what was begun on the host may still go on there, run the command again to see"
)]
pub struct LostConnection {
    host: String,
    why: String,
}

/// Keeps the end of what ssh says.
async fn listen(mut stderr: tokio::process::ChildStderr, said: Arc<Mutex<String>>) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut bytes).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        while said.len() > TAIL {
            said.remove(0);
        }
    }
}

/// The last line that tells something. What ssh says of single forwarded connections does not.
fn last_words(said: &Mutex<String>) -> Option<String> {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let telling = |line: &&str| !line.is_empty() && !line.starts_with("channel ");
    let line = said.lines().map(str::trim).rfind(telling)?;
    Some(line.trim_start_matches("ssh: ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_ssh_says_the_last_telling_line_counts() {
        let words = |text: &str| last_words(&Mutex::new(text.to_owned()));
        let refused = "ssh: connect to host 192.0.2.1 port 22: Connection refused\r\n";
        let short = "connect to host 192.0.2.1 port 22: Connection refused";
        assert_eq!(words(refused).as_deref(), Some(short));
        let channel = format!("{refused}channel 3: open failed: connect failed: open failed\r\n\n");
        assert_eq!(words(&channel).as_deref(), Some(short));
        assert_eq!(words("\n"), None);
    }
}
