//! The site layer: what a site's configuration puts into `/etc` of every host of a stage.
//!
//! It travels in the initrd and is copied over the sealed root's `/etc` at each boot, so a changed
//! user or time server never rebuilds the root. Rendering opens no file: settings in, files out,
//! sorted by path. The files that these take the place of lie in `images/node/tree/etc`.

mod account;
mod authority;
mod daemon;
mod network;
mod public_key;

use hive_inventory::settings::HostSettings;

/// A file or a link below `/etc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFile {
    /// Path relative to `/etc`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of the file; empty for a link.
    pub content: Vec<u8>,
    /// Target, when this is a symbolic link.
    pub symlink: Option<String>,
}

impl LayerFile {
    /// A text that everybody may read.
    fn text(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            content: content.into().into_bytes(),
            symlink: None,
        }
    }

    /// The same with other permissions.
    fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// A symbolic link.
    fn link(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            mode: 0o777,
            content: Vec::new(),
            symlink: Some(target.into()),
        }
    }
}

/// The public halves of a stage's keys, by which its hosts know what belongs to the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// Of the key that seeds are signed with, text form.
    pub seed_key: String,
    /// Certificate of the stage's authority, PEM.
    pub authority: String,
}

/// A setting that would not work on the hosts, or would work against them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}; {hint}")]
pub struct SettingError {
    /// Where it stands, as the site writes it.
    pub setting: String,
    /// What is wrong.
    pub fault: String,
    /// What to do.
    pub hint: String,
}

impl SettingError {
    fn new(setting: impl Into<String>, fault: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            fault: fault.into(),
            hint: hint.into(),
        }
    }
}

/// Renders the layer of a stage, sorted by path. Only a plan may leave the keys out: a host without
/// them takes no seed.
///
/// # Errors
/// A setting is not valid: a user's name, a key, an address, a time zone.
pub fn render(
    site: &str,
    stage: &str,
    settings: &HostSettings,
    keys: Option<&PublicKeys>,
) -> Result<Vec<LayerFile>, SettingError> {
    let mut files = vec![LayerFile::text(
        "hive/site",
        format!("SITE={site}\nSTAGE={stage}\n"),
    )];
    if let Some(keys) = keys {
        files.extend(authority::render(keys)?);
    }
    files.extend(account::render(settings)?);
    files.extend(daemon::render(settings)?);
    files.extend(network::render(settings)?);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hive_inventory::settings::{Group, User};

    /// A well-formed Ed25519 key; nobody has the private part.
    pub(crate) const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    /// A stage of three hosts that uses every setting.
    pub(crate) fn full() -> HostSettings {
        HostSettings {
            timezone: Some("Asia/Tokyo".into()),
            ntp_servers: vec!["ntp1.example.com".into(), "192.0.2.123".into()],
            admin: "admin".into(),
            users: [(
                "alice".into(),
                User {
                    uid: 2001,
                    group: "operators".into(),
                    id_rsa_pub: format!("{KEY} alice@laptop\n"),
                },
            )]
            .into(),
            groups: [("operators".into(), Group { gid: 2000 })].into(),
            sshd_port: Some(2222),
            ssh_source_ips: vec!["198.51.100.7".into(), "2001:db8::/32".into()],
            registry_mirrors: vec!["https://mirror.example.com".into()],
            docker0: Some("172.31.254.129/25".into()),
            admin_keys: vec![KEY.into()],
            servers: vec![
                ("p-hive0.example.com".into(), "192.168.0.4".parse().unwrap()),
                ("p-hive1.example.com".into(), "fd00::5".parse().unwrap()),
            ],
        }
    }

    /// The content of one file of the rendered layer.
    pub(crate) fn content(settings: &HostSettings, path: &str) -> Option<String> {
        let files = render("example.com", "private", settings, None).unwrap();
        let file = files.into_iter().find(|f| f.path == path)?;
        Some(String::from_utf8(file.content).unwrap())
    }

    /// The error that the settings give.
    pub(crate) fn error(settings: &HostSettings) -> String {
        render("example.com", "private", settings, None)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_stage_with_everything_has_these_files() {
        let keys = authority::tests::keys();
        let files = render("example.com", "private", &full(), Some(&keys)).unwrap();
        let list: String = files
            .iter()
            .map(|f| format!("{:o} {}\n", f.mode, f.path))
            .collect();
        assert_eq!(
            list,
            "\
644 chrony/sources.d/hive.sources
644 docker/daemon.json
644 hive/admin
644 hive/authority.pem
644 hive/firewall.d/10-ssh.nft
644 hive/firewall.d/20-peers.nft
644 hive/seed-key.pub
644 hive/site
644 hosts
777 localtime
644 ssh/authorized_keys.d/admin
644 ssh/authorized_keys.d/alice
644 ssh/sshd_config.d/05-site.conf
440 sudoers.d/50-hive-admin
440 sudoers.d/60-group-operators
644 sysusers.d/60-site.conf
644 timezone
644 tmpfiles.d/60-site.conf
"
        );
    }

    #[test]
    fn a_stage_that_says_nothing_changes_little() {
        let settings = HostSettings {
            admin: "admin".into(),
            ..HostSettings::default()
        };
        let files = render("example.com", "private", &settings, None).unwrap();
        let paths: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "hive/admin",
                "hive/site",
                "hosts",
                "sudoers.d/50-hive-admin",
                "sysusers.d/60-site.conf",
                "tmpfiles.d/60-site.conf"
            ]
        );
    }
}
