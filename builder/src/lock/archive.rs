//! Where archives are: Debian's own at the builder's mirror, and those that the site names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hive_inventory::image::ImageSettings;
use hive_system::{Failure, Program};

/// Debian's keyring as the distribution installs it.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Suites of Debian's own archive, to tell it from other archives in the builder's configuration.
const DEBIAN_SUITES: [&str; 9] = [
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "stable",
    "testing",
    "unstable",
    "oldstable",
];

/// An archive that packages are resolved in and fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Name that the lock uses.
    pub name: String,
    /// Base address with a trailing slash.
    pub url: String,
    /// Suites.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// File with the keys that may sign it; `None`: a local folder of packages that the site named itself.
    pub keyring: Option<PathBuf>,
}

impl Archive {
    /// The archive's lines for apt's `sources.list` (sources.list(5)).
    pub fn sources(&self) -> String {
        let trust = match &self.keyring {
            Some(keyring) => format!("signed-by={}", keyring.display()),
            None => "trusted=yes".to_owned(),
        };
        let line = |suite: &String| {
            format!(
                "deb [arch=amd64 {trust}] {} {suite} {}\n",
                self.url,
                self.components.join(" ")
            )
        };
        self.suites.iter().map(line).collect()
    }
}

/// The archives of a stage's image: `debian`, `debian-security`, then the site's own.
///
/// # Errors
/// No mirror is known, or a key file is missing.
pub fn archives(site: &Path, image: &ImageSettings) -> Result<Vec<Archive>> {
    let mirrors = Mirrors::of(image)?;
    let keyring = image
        .keyring
        .as_ref()
        .map_or_else(|| PathBuf::from(DEBIAN_KEYRING), |k| site.join(k));
    if !keyring.is_file() {
        bail!(
            "there are no keys to check Debian's archive with: {} is missing; install it with `apt-get install debian-archive-keyring`, or name the file as `keyring:` in the stage's `image:`",
            keyring.display()
        );
    }
    let mut components = vec!["main".to_owned()];
    if !image.firmware.is_empty() {
        components.push("non-free-firmware".to_owned());
    }
    let suite = &image.suite;
    let mut archives = vec![Archive {
        name: "debian".into(),
        url: mirrors.debian,
        suites: vec![suite.clone(), format!("{suite}-updates")],
        components: components.clone(),
        keyring: Some(keyring.clone()),
    }];
    if let Some(url) = mirrors.security {
        archives.push(Archive {
            name: "debian-security".into(),
            url,
            suites: vec![format!("{suite}-security")],
            components,
            keyring: Some(keyring),
        });
    }
    for extra in &image.archives {
        let key = site.join(&extra.key);
        if !key.is_file() {
            bail!(
                "the key of archive `{}` is missing: {} (path `key:` is relative to the site folder)",
                extra.name,
                key.display()
            );
        }
        archives.push(Archive {
            name: extra.name.clone(),
            url: with_slash(&extra.url),
            suites: vec![extra.suite.clone()],
            components: extra.components.clone(),
            keyring: Some(key),
        });
    }
    Ok(archives)
}

/// Base addresses of Debian's archives.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirrors {
    debian: String,
    security: Option<String>,
}

impl Mirrors {
    fn of(image: &ImageSettings) -> Result<Self> {
        if let Some(debian) = &image.mirror {
            return Ok(Self {
                debian: with_slash(debian),
                security: image.security_mirror.as_deref().map(with_slash),
            });
        }
        let listing = Program::new("apt-get")
            .args([
                "indextargets",
                "Identifier: Packages",
                "--format",
                "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            ])
            .text();
        let found = match &listing {
            Ok(text) => from_targets(text),
            Err(Failure::Missing { .. }) => None,
            Err(_) => {
                listing.context("asking apt for this machine's package mirror")?;
                None
            }
        };
        let mut mirrors = found.context(
            "no Debian mirror is known: this machine's apt configuration names none. Give its address as `mirror:` in inventory/hive.yml (Debian's list of mirrors is on its web site, or ask whoever runs your network)",
        )?;
        if let Some(security) = &image.security_mirror {
            mirrors.security = Some(with_slash(security));
        }
        Ok(mirrors)
    }
}

/// Picks Debian's own archives out of what apt is configured with.
fn from_targets(listing: &str) -> Option<Mirrors> {
    let mut debian = None;
    let mut security = None;
    for line in listing.lines() {
        let mut words = line.split_whitespace();
        let (Some(url), Some(suite), Some("main")) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let base = suite.split(['-', '/']).next().unwrap_or(suite);
        if !DEBIAN_SUITES.contains(&base) {
            continue;
        }
        if suite.ends_with("-security") || suite.ends_with("/updates") {
            security.get_or_insert_with(|| with_slash(url));
        } else if suite == base {
            debian.get_or_insert_with(|| with_slash(url));
        }
    }
    Some(Mirrors {
        debian: debian?,
        security,
    })
}

/// One spelling for one address: apt itself writes `file:/x` for `file:///x`.
fn with_slash(url: &str) -> String {
    let url = url.trim_end_matches('/');
    match url.strip_prefix("file:///") {
        Some(path) => format!("file:/{path}/"),
        None => format!("{url}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builders_own_mirror_is_found_among_others() {
        let listing = "http://tools.test/apt/ stable-tools main\n\
                       http://mirror.test/debian/ bookworm main\n\
                       http://mirror.test/debian/ bookworm-updates main\n\
                       http://mirror.test/debian-security bookworm-security main\n";
        let mirrors = from_targets(listing).unwrap();
        assert_eq!(mirrors.debian, "http://mirror.test/debian/");
        assert_eq!(
            mirrors.security.as_deref(),
            Some("http://mirror.test/debian-security/")
        );
        assert_eq!(with_slash("file:///srv/mirror"), "file:/srv/mirror/");
        assert_eq!(from_targets("http://node.test/ nodistro main\n"), None);
    }

    #[test]
    fn a_missing_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let image = ImageSettings {
            mirror: Some("http://mirror.test/debian".into()),
            keyring: Some("keys/debian.gpg".into()),
            ..ImageSettings::default()
        };
        let error = archives(dir.path(), &image).unwrap_err().to_string();
        assert!(error.contains("keys/debian.gpg is missing"), "{error}");
    }
}
