//! What is wanted of a swarm: the shape that sites and compose files are brought into before a plan
//! is made.

use std::collections::BTreeMap;
use std::fmt;

use bollard::models::{NetworkCreateRequest, ServiceSpec};
use ring::hmac;

/// Label of secrets and configs: the name that they have in the files.
pub const SOURCE_LABEL: &str = "hive.source";

/// All that is wanted.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Who wants it; what somebody else made is not removed.
    pub owner: Owner,
    /// Services.
    pub services: Vec<DesiredService>,
    /// Networks; the swarm's own and networks made by somebody else are not among them.
    pub networks: Vec<DesiredNetwork>,
    /// Volumes that have to be on every host before a service starts.
    pub volumes: Vec<DesiredVolume>,
    /// Secrets.
    pub secrets: Vec<DesiredMaterial>,
    /// Configs.
    pub configs: Vec<DesiredMaterial>,
}

/// A label by which objects in the swarm are recognised as made for the same purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The label.
    pub label: String,
    /// Its value.
    pub value: String,
}

impl Owner {
    /// The site whose swarm it is; there is one site to a swarm.
    pub fn site() -> Self {
        Self {
            label: "hive.owner".into(),
            value: "site".into(),
        }
    }

    /// A stack, with the label that docker's own command gives it.
    pub fn stack(name: &str) -> Self {
        Self {
            label: "com.docker.stack.namespace".into(),
            value: name.into(),
        }
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::site()
    }
}

/// A service. Networks, secrets and configs in its specification are named, not given by id.
#[derive(Debug, Clone)]
pub struct DesiredService {
    /// Its name in the swarm.
    pub name: String,
    /// What docker is told; the image is a reference without digest unless the files pin one.
    pub spec: ServiceSpec,
    /// A number of tasks that is there already stays; the number in `spec` is for a new service.
    pub keep_replicas: bool,
}

impl DesiredService {
    /// The image as the files name it.
    pub fn image(&self) -> &str {
        let task = self.spec.task_template.as_ref();
        task.and_then(|task| task.container_spec.as_ref())
            .and_then(|container| container.image.as_deref())
            .unwrap_or_default()
    }
}

/// A network.
#[derive(Debug, Clone)]
pub struct DesiredNetwork {
    /// What docker is told; what is `None` is left to docker.
    pub request: NetworkCreateRequest,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredVolume {
    /// Docker's name.
    pub name: String,
    /// What makes it.
    pub source: VolumeSource,
    /// Labels; they are given at creation and not compared.
    pub labels: BTreeMap<String, String>,
}

/// What makes a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A driver of docker, on every host.
    Driver {
        /// `local` and others.
        driver: String,
        /// Its options.
        options: BTreeMap<String, String>,
    },
    /// A share of a cloud's file service, which is not made through docker; plans show it as left to
    /// others.
    Elsewhere,
}

/// A secret or config. In the swarm neither can be changed, so that its name follows its content.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredMaterial {
    /// Its name in the files.
    pub source: String,
    /// Its name in the swarm.
    pub name: String,
    /// What it holds.
    pub content: Content,
    /// Labels beside owner and source.
    pub labels: BTreeMap<String, String>,
}

/// What a secret or config holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Somebody else makes it; it has to be there.
    External,
}

impl DesiredMaterial {
    /// Of these bytes, under a name that changes with them. The key keeps the name from telling
    /// short contents; it has to stay the same from run to run.
    pub fn hashed(source: &str, bytes: Vec<u8>, key: &[u8]) -> Self {
        Self {
            source: source.into(),
            name: hashed_name(source, &bytes, key),
            content: Content::Bytes(bytes),
            labels: BTreeMap::new(),
        }
    }

    /// Made by somebody else under this name in the swarm.
    pub fn external(source: &str, name: &str) -> Self {
        Self {
            source: source.into(),
            name: name.into(),
            content: Content::External,
            labels: BTreeMap::new(),
        }
    }
}

/// The name in the swarm: the source's name and 8 hexadecimal digits of the content's keyed hash.
pub fn hashed_name(source: &str, bytes: &[u8], key: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, bytes);
    let digits: String = tag.as_ref()[..4]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    // Docker takes 64 characters.
    let room: String = source.chars().take(64 - 9).collect();
    format!("{room}-{digits}")
}

// A secret shows in no log.
impl fmt::Debug for DesiredMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            Content::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Content::External => "external".into(),
        };
        f.debug_struct("DesiredMaterial")
            .field("source", &self.source)
            .field("name", &self.name)
            .field("content", &content)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_content_and_the_key() {
        let one = hashed_name("password", b"geheim", b"key");
        assert_eq!(one, hashed_name("password", b"geheim", b"key"));
        assert_ne!(one, hashed_name("password", b"geheim2", b"key"));
        assert_ne!(one, hashed_name("password", b"geheim", b"other key"));
        let (source, digits) = one.rsplit_once('-').unwrap();
        assert_eq!((source, digits.len()), ("password", 8));
        assert_eq!(hashed_name(&"x".repeat(80), b"", b"").len(), 64);
    }

    #[test]
    fn a_secret_is_not_in_the_debug_output() {
        let secret = DesiredMaterial::hashed("password", b"geheim".to_vec(), b"key");
        assert!(!format!("{secret:?}").contains("geheim"));
        assert!(!format!("{secret:?}").contains(&format!("{:?}", b"geheim")));
    }
}
