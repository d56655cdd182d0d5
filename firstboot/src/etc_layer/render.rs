//! The seed as files below `/etc`.

use hive_inventory::seed::Seed;

use super::{network, peers, ssh_key, tls};

/// What the kernel calls a machine without a seed.
pub const UNSEEDED: &str = "hive-unseeded";

/// A file below `/etc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcFile {
    /// Path below `/etc`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it holds.
    pub content: Vec<u8>,
}

impl EtcFile {
    /// A file that everybody may read.
    pub fn text(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            content: content.into().into_bytes(),
        }
    }
}

/// What the site layer says that the seed adds to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteLayer {
    /// The user that operators log in as.
    pub admin: String,
    /// Keys that may log in as that user already.
    pub admin_keys: String,
    /// The site's `/etc/hosts`.
    pub hosts: Option<String>,
}

/// What in a seed can't become a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// An interface that nothing identifies.
    #[error("interface {0} of the seed has neither a name nor a hardware address")]
    Unnamed(usize),
    /// A value of the wrong form.
    #[error("the seed's {what} {value:?} is not {wanted}")]
    Value {
        /// What it is for.
        what: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A bond that can't be made.
    #[error("the interface {name:?} of the seed {fault}")]
    Bond {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A part of the identity that is no PEM document of its kind.
    #[error("the {0} in the seed's identity is not one in PEM form")]
    Pem(&'static str),
    /// Not a private key in OpenSSH's format.
    #[error("the seed's ssh_host_key is not an unencrypted Ed25519 key in OpenSSH's format")]
    HostKey,
}

/// The files that make a machine the seed's host; without a seed, those of a machine that only
/// asks for an address.
pub fn render(seed: Option<&Seed>, site: &SiteLayer) -> Result<Vec<EtcFile>, RenderError> {
    let short = seed.map_or(UNSEEDED, Seed::short_name);
    let mut files = vec![
        EtcFile::text("hostname", format!("{short}\n")),
        peers::hosts(seed, site)?,
    ];
    let interfaces = seed.map_or(&[][..], |s| &s.interfaces);
    files.extend(network::files(interfaces)?);
    let Some(seed) = seed else {
        return Ok(files);
    };
    files.extend(peers::firewall(seed));
    if let Some(identity) = &seed.identity {
        files.extend(tls::files(identity)?);
    }
    if !seed.admin_keys.is_empty() {
        files.push(EtcFile::text(
            format!("ssh/authorized_keys.d/{}", site.admin),
            admin_keys(seed, site)?,
        ));
    }
    if let Some(key) = &seed.ssh_host_key {
        files.extend(host_key(key, seed.short_name()).ok_or(RenderError::HostKey)?);
    }
    Ok(files)
}

/// The two files of an ssh host key, or `None` if `key` is none.
pub fn host_key(key: &str, comment: &str) -> Option<[EtcFile; 2]> {
    let public = ssh_key::public_line(key, comment)?;
    let private = format!("{}\n", key.trim());
    Some([
        EtcFile {
            path: "ssh/ssh_host_ed25519_key".into(),
            mode: 0o600,
            content: private.into_bytes(),
        },
        EtcFile::text("ssh/ssh_host_ed25519_key.pub", public),
    ])
}

fn admin_keys(seed: &Seed, site: &SiteLayer) -> Result<String, RenderError> {
    let mut lines: Vec<&str> = site.admin_keys.lines().collect();
    for key in &seed.admin_keys {
        let key = key.trim();
        if key.is_empty() || key.contains(['\n', '\r', '\0']) {
            return Err(RenderError::Value {
                what: "admin key",
                value: key.to_owned(),
                wanted: "one public key on one line",
            });
        }
        if !lines.contains(&key) {
            lines.push(key);
        }
    }
    Ok(format!("{}\n", lines.join("\n")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hive_inventory::seed::Peer;

    /// A seed of two hosts.
    pub(in crate::etc_layer) fn seed() -> Seed {
        let mut seed = Seed::from_json(
            r#"{"version":2,"site":"s","stage":"private","host":"p-hive0.example.com",
                "admin_keys":["ssh-ed25519 AAAA op\n"]}"#,
        )
        .unwrap();
        seed.peers = vec![
            Peer {
                host: "p-hive0.example.com".into(),
                address: "192.168.0.1".parse().unwrap(),
                groups: [].into(),
                member: None,
                machine: Default::default(),
            },
            Peer {
                host: "p-hive1.example.com".into(),
                address: "192.168.0.2".parse().unwrap(),
                groups: [].into(),
                member: None,
                machine: Default::default(),
            },
        ];
        seed
    }

    /// What the file `path` holds.
    pub(in crate::etc_layer) fn text<'a>(files: &'a [EtcFile], path: &str) -> &'a str {
        let file = files.iter().find(|f| f.path == path).unwrap();
        std::str::from_utf8(&file.content).unwrap()
    }

    #[test]
    fn a_seed_names_the_host_and_its_peers() {
        let site = SiteLayer {
            admin: "ops".into(),
            admin_keys: "ssh-rsa BBBB site\n".into(),
            hosts: Some("127.0.0.1 localhost\n192.168.0.2 p-hive1.example.com".into()),
        };
        let files = render(Some(&seed()), &site).unwrap();
        assert_eq!(text(&files, "hostname"), "p-hive0\n");
        assert_eq!(
            text(&files, "hosts"),
            "127.0.0.1 localhost\n192.168.0.1 p-hive0.example.com p-hive0\n192.168.0.2 p-hive1.example.com\n"
        );
        assert_eq!(
            text(&files, "ssh/authorized_keys.d/ops"),
            "ssh-rsa BBBB site\nssh-ed25519 AAAA op\n"
        );
        assert!(text(&files, "systemd/network/80-hive-dhcp.network").contains("DHCP=yes"));
        assert!(text(&files, "hive/firewall.d/20-peers.nft").contains("192.168.0.2"));
    }

    #[test]
    fn without_a_seed_there_is_a_name_and_dhcp() {
        let files = render(None, &SiteLayer::default()).unwrap();
        assert_eq!(text(&files, "hostname"), "hive-unseeded\n");
        assert!(text(&files, "hosts").ends_with("127.0.1.1 hive-unseeded\n"));
        assert_eq!(files.len(), 3);
    }

    #[test]
    fn a_key_cannot_smuggle_lines() {
        let mut seed = seed();
        seed.admin_keys = vec!["a\nb".into()];
        let error = render(Some(&seed), &SiteLayer::default()).unwrap_err();
        assert!(error.to_string().contains("one public key"), "{error}");
        seed.admin_keys.clear();
        seed.ssh_host_key = Some("not a key".into());
        let error = render(Some(&seed), &SiteLayer::default()).unwrap_err();
        assert_eq!(error, RenderError::HostKey);
    }
}
