//! For tests: a site with a key, a machine, and seeds with real signatures.

use hive_inventory::image::BakedImage;
use hive_inventory::seed::{MachineMatch, Peer, SEED_VERSION, SigningKey, VerifyingKey};

use super::*;
use crate::seed_source::Document;

/// A site's key and image, and a machine.
pub(crate) struct World {
    signer: SigningKey,
    pub(crate) key: Result<VerifyingKey, KeyFault>,
    pub(crate) image: BakedImage,
    pub(crate) machine: Machine,
}

pub(crate) const MAC: &str = "52:54:00:00:00:01";
pub(crate) const OTHER_MAC: &str = "52:54:00:00:00:02";

impl World {
    pub(crate) fn new() -> Self {
        let (signer, _) = SigningKey::generate().unwrap();
        Self {
            key: Ok(signer.verifying_key()),
            signer,
            image: BakedImage {
                version: 1,
                site: "s".into(),
                stage: "private".into(),
                image_version: "trixie-0".into(),
                kernel: "6.12".into(),
                root_hash: "00".into(),
                drbd: "8.4".into(),
            },
            machine: Machine {
                macs: vec![MAC.into()],
                serial: Some("S1".into()),
                uuid: None,
            },
        }
    }

    /// A seed for any machine, or for the one with `mac`.
    pub(crate) fn seed(&self, host: &str, mac: Option<&str>) -> Seed {
        let text = format!(
            r#"{{"version":{SEED_VERSION},"site":"s","stage":"private","host":"{host}.s"}}"#
        );
        let mut seed = Seed::from_json(&text).unwrap();
        seed.peers = vec![Peer {
            host: seed.host.clone(),
            address: "192.168.0.4".parse().unwrap(),
            groups: [].into(),
            member: None,
            machine: MachineMatch {
                mac: mac.map(Into::into),
                ..MachineMatch::default()
            },
        }];
        seed
    }

    pub(crate) fn sign(&self, seed: &Seed) -> String {
        serde_json::to_string(&self.signer.sign(seed).unwrap()).unwrap()
    }

    /// The text of a seed's document.
    pub(crate) fn text(&self, host: &str, mac: Option<&str>) -> String {
        self.sign(&self.seed(host, mac))
    }

    pub(super) fn decide(&self, sources: &[Source]) -> Verdict {
        self.decide_for(sources, None)
    }

    pub(super) fn decide_for(&self, sources: &[Source], named: Option<&str>) -> Verdict {
        let reader = Reader {
            key: &self.key,
            image: &self.image,
            usable: &|seed| match seed.interfaces.is_empty() {
                true => Ok(()),
                false => Err("the interface has no name".into()),
            },
        };
        decide(sources, &reader, &self.machine, named)
    }

    pub(super) fn chosen(&self, sources: &[Source]) -> Chosen {
        taken(self.decide(sources))
    }

    pub(super) fn fault(&self, sources: &[Source]) -> Fault {
        refused(self.decide(sources))
    }
}

pub(super) fn taken(verdict: Verdict) -> Chosen {
    match verdict {
        Verdict::Chosen(chosen) => *chosen,
        other => panic!("{other:?}"),
    }
}

pub(super) fn refused(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Fault(fault) => fault,
        other => panic!("{other:?}"),
    }
}

pub(super) fn file(name: &str, text: String) -> Document {
    Document {
        file: Some(name.into()),
        text: Ok(text),
    }
}

/// A source with one document.
pub(crate) fn one(class: Class, text: String) -> Source {
    let document = match class.is_medium() {
        true => file("seed.json", text),
        false => Document {
            file: None,
            text: Ok(text),
        },
    };
    Source {
        class,
        name: format!("{class:?}"),
        documents: vec![document],
    }
}

/// A stick with many.
pub(crate) fn many(class: Class, seeds: &[(&str, String)]) -> Source {
    Source {
        class,
        name: format!("{class:?}"),
        documents: seeds
            .iter()
            .map(|(host, text)| file(&format!("{host}.s.seed.json"), text.clone()))
            .collect(),
    }
}
