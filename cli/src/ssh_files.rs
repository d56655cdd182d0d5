//! `ssh_config` and `known_hosts` of a stage, for ssh, scp and everything that speaks through them.
//! Formats: ssh_config(5), sshd(8) section "SSH_KNOWN_HOSTS FILE FORMAT".

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::context_folder::{ContextFolder, write};
use crate::error::Result;

/// How one host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Full name; its key is known under it.
    pub host: String,
    /// First label of the name.
    pub short_name: String,
    /// Address to connect to.
    pub address: String,
    /// Port.
    pub port: u16,
    /// The host's public key, one line.
    pub host_key: String,
}

/// Where a stage's `ssh_config` lies.
pub fn config_file(context: &ContextFolder) -> PathBuf {
    context.path("ssh_config")
}

/// Writes both files anew.
///
/// # Errors
/// The folder can't be written.
pub fn save(context: &ContextFolder, user: &str, identity: &Path, logins: &[Login]) -> Result<()> {
    let known = context.path("known_hosts");
    write(&known, 0o600, known_hosts(logins).as_bytes())?;
    write(
        &config_file(context),
        0o600,
        config(user, identity, &known, logins).as_bytes(),
    )
}

/// Full names of the hosts in a stage's `ssh_config`, in its order; none if there is no such file.
///
/// # Errors
/// The file can't be read.
pub fn hosts(context: &ContextFolder) -> Result<Vec<String>> {
    let path = config_file(context);
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    Ok(host_names(&text))
}

fn host_names(config: &str) -> Vec<String> {
    let names = config
        .lines()
        .filter_map(|line| line.strip_prefix("Host ")?.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn known_hosts(logins: &[Login]) -> String {
    logins
        .iter()
        .map(|login| format!("{} {}\n", login.host, login.host_key.trim()))
        .collect()
}

fn config(user: &str, identity: &Path, known: &Path, logins: &[Login]) -> String {
    let mut text = String::from("# Written by hive; use it with `ssh -F FILE HOST`.\n");
    for login in logins {
        let _ = write!(
            text,
            "\nHost {host} {short}\n  HostName {address}\n  Port {port}\n  User {user}\n  IdentityFile {identity}\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  HostKeyAlias {host}\n  StrictHostKeyChecking yes\n  \
             PasswordAuthentication no\n",
            host = login.host,
            short = login.short_name,
            address = login.address,
            port = login.port,
            identity = quoted(identity),
            known = quoted(known),
        );
    }
    text
}

/// A path that may hold spaces and percent signs, which are tokens to ssh.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(short: &str, port: u16) -> Login {
        Login {
            host: format!("{short}.hive.example"),
            short_name: short.into(),
            address: "127.0.0.1".into(),
            port,
            host_key: "ssh-ed25519 AAAA x\n".into(),
        }
    }

    #[test]
    fn a_block_has_everything_that_ssh_needs() {
        let text = config(
            "admin",
            Path::new("/a b/50%/key"),
            Path::new("/k"),
            &[login("p-hive0", 2201)],
        );
        assert_eq!(
            text,
            "# Written by hive; use it with `ssh -F FILE HOST`.\n\n\
             Host p-hive0.hive.example p-hive0\n  HostName 127.0.0.1\n  Port 2201\n  User admin\n  \
             IdentityFile \"/a b/50%%/key\"\n  IdentitiesOnly yes\n  UserKnownHostsFile \"/k\"\n  \
             HostKeyAlias p-hive0.hive.example\n  StrictHostKeyChecking yes\n  PasswordAuthentication no\n"
        );
    }

    #[test]
    fn hosts_are_found_again_in_their_order() {
        let text = config(
            "admin",
            Path::new("/i"),
            Path::new("/k"),
            &[login("b", 1), login("a", 2)],
        );
        assert_eq!(host_names(&text), ["b.hive.example", "a.hive.example"]);
    }

    #[test]
    fn keys_are_known_by_full_name() {
        assert_eq!(
            known_hosts(&[login("a", 2)]),
            "a.hive.example ssh-ed25519 AAAA x\n"
        );
    }
}
