//! Every way in which documents may agree or not, with real signatures.

use hive_inventory::image::BakedImage;
use hive_inventory::seed::{
    MachineMatch, Peer, SEED_VERSION, SignatureError, SigningKey, VerifyingKey,
};

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
const OTHER_MAC: &str = "52:54:00:00:00:02";

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

    fn decide(&self, sources: &[Source]) -> Verdict {
        self.decide_for(sources, None)
    }

    fn decide_for(&self, sources: &[Source], named: Option<&str>) -> Verdict {
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

    fn chosen(&self, sources: &[Source]) -> Chosen {
        taken(self.decide(sources))
    }

    fn fault(&self, sources: &[Source]) -> Fault {
        refused(self.decide(sources))
    }
}

fn taken(verdict: Verdict) -> Chosen {
    match verdict {
        Verdict::Chosen(chosen) => *chosen,
        other => panic!("{other:?}"),
    }
}

fn refused(verdict: Verdict) -> Fault {
    match verdict {
        Verdict::Fault(fault) => fault,
        other => panic!("{other:?}"),
    }
}

fn file(name: &str, text: String) -> Document {
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

use Class::{BootDisk, CommandLine, OtherDisk, Smbios};

#[test]
fn nothing_anywhere_is_missing() {
    let world = World::new();
    assert_eq!(world.decide(&[]), Verdict::Missing);
    assert_eq!(world.decide_for(&[], Some("a")), Verdict::Missing);
}

#[test]
fn the_first_source_counts_and_a_difference_is_told() {
    let world = World::new();
    let mut newer = world.seed("a", None);
    newer.admin_keys = vec!["ssh-ed25519 AAAA".into()];
    let sources = [
        one(Smbios, world.sign(&newer)),
        one(BootDisk, world.text("a", None)),
    ];
    let chosen = world.chosen(&sources);
    assert_eq!((chosen.class, &chosen.seed), (Smbios, &newer));
    assert_eq!(chosen.notices.len(), 1, "{:?}", chosen.notices);

    let same = world.text("a", None);
    let chosen = world.chosen(&[one(Smbios, same.clone()), one(OtherDisk, same)]);
    assert!(chosen.notices.is_empty() && chosen.fits);
}

#[test]
fn an_image_without_a_key_accepts_no_seed() {
    let mut world = World::new();
    let sources = [one(BootDisk, world.text("a", None))];
    world.key = Err(KeyFault::Absent);
    let fault = world.fault(&sources);
    assert_eq!(fault.kind, FaultKind::NoKey);
    assert!(fault.what.contains("older hive"), "{fault:?}");
    assert_eq!(world.decide(&[]), Verdict::Missing);
}

#[test]
fn a_tampered_seed_is_refused() {
    let world = World::new();
    let text = world.text("a", None).replace("192.168.0.4", "192.168.0.5");
    let fault = world.fault(&[one(BootDisk, text)]);
    assert_eq!(fault.kind, FaultKind::Broken);
    assert!(fault.what.contains("signature"), "{fault:?}");
    assert!(fault.candidates.is_empty() && fault.others.is_empty());
    // Also when it is asked for by name.
    let text = world.text("a", None).replace("192.168.0.4", "192.168.0.5");
    let fault = refused(world.decide_for(&[one(BootDisk, text)], Some("a")));
    assert_eq!(fault.kind, FaultKind::Broken);
}

#[test]
fn another_key_is_no_key_of_ours() {
    let (world, stranger) = (World::new(), World::new());
    let fault = world.fault(&[one(BootDisk, stranger.text("a", None))]);
    assert_eq!(fault.kind, FaultKind::Broken);
    assert!(matches!(
        world.key.as_ref().unwrap().open(&stranger.text("a", None)),
        Err(SignatureError::Signature)
    ));
}

#[test]
fn an_expired_format_is_named() {
    let world = World::new();
    let text =
        world
            .text("a", None)
            .replacen(&format!("\"version\":{SEED_VERSION}"), "\"version\":1", 1);
    let fault = world.fault(&[one(BootDisk, text)]);
    assert_eq!(fault.kind, FaultKind::Broken);
    assert!(fault.what.contains("format version 1"), "{fault:?}");
    // What a release before signatures wrote.
    let old = r#"{"version":1,"site":"s","stage":"private","host":"a.s"}"#;
    let fault = world.fault(&[one(BootDisk, old.into())]);
    assert!(fault.what.contains("format version 1"), "{fault:?}");
}

#[test]
fn a_seed_of_another_stage_is_named() {
    let (world, stranger) = (World::new(), World::new());
    let mut seed = world.seed("a", None);
    seed.stage = "production".into();
    // By its own stage's key, which is the usual case, and by ours.
    for text in [stranger.sign(&seed), world.sign(&seed)] {
        let fault = world.fault(&[one(BootDisk, text)]);
        assert_eq!(fault.kind, FaultKind::Broken);
        assert!(fault.what.contains("\"production\""), "{fault:?}");
    }
}

#[test]
fn what_does_not_read_or_cannot_be_applied_is_refused() {
    let world = World::new();
    let mut seed = world.seed("a", None);
    seed.interfaces = vec![Default::default()];
    for text in ["{".to_owned(), "[]".to_owned(), world.sign(&seed)] {
        let fault = world.fault(&[one(OtherDisk, text)]);
        assert_eq!(fault.kind, FaultKind::Broken, "{fault:?}");
    }
}

#[test]
fn a_seed_for_another_machine_is_refused_and_says_what_it_wants() {
    let world = World::new();
    let sources = [one(OtherDisk, world.text("b", Some(OTHER_MAC)))];
    let fault = world.fault(&sources);
    assert_eq!(fault.kind, FaultKind::WrongMachine);
    assert!(fault.what.contains(OTHER_MAC) && fault.what.contains(MAC));
    assert!(fault.candidates[0].fit.is_err());
    // A person may know better.
    let chosen = taken(world.decide_for(&sources, Some("b.s")));
    assert!(!chosen.fits);
    assert!(chosen.notices[0].contains("a person said so"), "{chosen:?}");
}

#[test]
fn of_many_the_one_that_names_this_hardware_is_taken() {
    let world = World::new();
    let stick = many(
        OtherDisk,
        &[
            ("a", world.text("a", None)),
            ("b", world.text("b", Some(MAC))),
            ("c", world.text("c", Some(OTHER_MAC))),
            ("d", "broken".into()),
        ],
    );
    let chosen = world.chosen(std::slice::from_ref(&stick));
    assert_eq!(chosen.seed.host, "b.s");
    assert_eq!(chosen.notices.len(), 1, "the broken one: {chosen:?}");
    // Whose hardware is known to belong to nobody takes the one that asks for nothing.
    let mut other = World::new();
    other.machine.macs = vec!["52:54:00:00:00:77".into()];
    other.key = world.key.clone();
    assert_eq!(other.chosen(&[stick]).seed.host, "a.s");
}

#[test]
fn several_that_fit_ask_for_a_choice() {
    let world = World::new();
    let stick = many(
        OtherDisk,
        &[
            ("a", world.text("a", None)),
            ("b", world.text("b", None)),
            ("c", world.text("c", Some(OTHER_MAC))),
        ],
    );
    let fault = world.fault(std::slice::from_ref(&stick));
    assert_eq!(fault.kind, FaultKind::Ambiguous);
    let fits: Vec<bool> = fault.candidates.iter().map(|c| c.fit.is_ok()).collect();
    assert_eq!(fits, [true, true, false]);
    let table = fault.table();
    assert!(
        table.contains("  1  a.s") && table.contains("  2  b.s"),
        "{table}"
    );
    assert!(table.contains(OTHER_MAC) && !fault.sentence().contains('\n'));
    for name in ["b", "b.s", "B.S"] {
        let chosen = taken(world.decide_for(std::slice::from_ref(&stick), Some(name)));
        assert_eq!(chosen.seed.host, "b.s");
        assert!(chosen.notices.is_empty());
    }
    let fault = refused(world.decide_for(std::slice::from_ref(&stick), Some("x")));
    assert_eq!(fault.kind, FaultKind::NotThere);
    // Another source that names one of them decides.
    let own = one(BootDisk, world.text("b", None));
    assert_eq!(world.chosen(&[own, stick]).seed.host, "b.s");
}

#[test]
fn the_plain_file_comes_before_the_others_of_its_volume() {
    let world = World::new();
    let mut stick = many(BootDisk, &[("a", world.text("a", None))]);
    stick
        .documents
        .push(file("SEED.JSON", world.text("b", None)));
    let chosen = world.chosen(std::slice::from_ref(&stick));
    assert!(chosen.seed.host == "b.s" && chosen.plain);
    // But hardware is stronger.
    stick.documents[0] = file("a.seed.json", world.text("a", Some(MAC)));
    assert_eq!(world.chosen(&[stick]).seed.host, "a.s");
}

#[test]
fn two_sources_with_different_hosts_contradict_each_other() {
    let world = World::new();
    let pairs = [
        (Smbios, BootDisk),
        (BootDisk, OtherDisk),
        (OtherDisk, OtherDisk),
    ];
    for (first, second) in pairs {
        let sources = [
            one(first, world.text("a", None)),
            one(second, world.text("b", Some(MAC))),
        ];
        let fault = world.fault(&sources);
        assert_eq!(fault.kind, FaultKind::Contradiction);
        assert!(fault.what.contains("a.s") && fault.what.contains("b.s"));
        let chosen = taken(world.decide_for(&sources, Some("b")));
        assert_eq!(chosen.seed.host, "b.s");
    }
}

#[test]
fn a_broken_seed_stops_only_what_comes_after_it() {
    let world = World::new();
    let good = |class| one(class, world.text("a", None));
    let broken = |class| one(class, "broken".into());
    let chosen = world.chosen(&[good(CommandLine), broken(Smbios), broken(OtherDisk)]);
    assert_eq!(chosen.notices.len(), 2);
    let fault = world.fault(&[broken(CommandLine), good(BootDisk)]);
    assert_eq!(fault.kind, FaultKind::Broken);
    assert!(fault.what.contains("CommandLine"), "{fault:?}");
    // A corrected stick helps a broken seed partition, which nobody can reach otherwise.
    let chosen = world.chosen(&[broken(BootDisk), good(OtherDisk)]);
    assert_eq!((chosen.class, chosen.notices.len()), (OtherDisk, 1));
}

#[test]
fn a_stick_for_another_machine_is_left_aside() {
    let world = World::new();
    let chosen = world.chosen(&[
        one(BootDisk, world.text("a", None)),
        one(OtherDisk, world.text("b", Some(OTHER_MAC))),
    ]);
    assert_eq!(chosen.seed.host, "a.s");
    assert!(chosen.notices[0].contains("b.s"), "{chosen:?}");
}

#[test]
fn a_disk_moved_to_another_machine_does_not_become_another_host() {
    let world = World::new();
    let moved = one(BootDisk, world.text("b", Some(OTHER_MAC)));
    let fault = world.fault(&[moved.clone(), one(OtherDisk, world.text("a", Some(MAC)))]);
    assert_eq!(fault.kind, FaultKind::Contradiction);
    assert!(fault.what.contains("another machine"), "{fault:?}");
    // The same host on a new mainboard, by a seed written anew.
    let chosen = world.chosen(&[moved, one(OtherDisk, world.text("b", Some(MAC)))]);
    assert_eq!(
        (chosen.class, chosen.seed.host.as_str()),
        (OtherDisk, "b.s")
    );
}

#[test]
fn only_hardware_that_is_wanted_and_not_seen_is_waited_for() {
    let mut world = World::new();
    let wants = |world: &World, sources: &[Source]| {
        let reader = Reader {
            key: &world.key,
            image: &world.image,
            usable: &|_| Ok(()),
        };
        wants_cards(sources, &reader, &world.machine)
    };
    let mine = [one(OtherDisk, world.text("a", Some(MAC)))];
    let other = [
        one(OtherDisk, world.text("b", Some(OTHER_MAC))),
        one(OtherDisk, world.text("c", None)),
    ];
    let any = [one(OtherDisk, world.text("c", None))];
    assert!(!wants(&world, &mine) && wants(&world, &other) && !wants(&world, &any));
    world.machine.macs.clear();
    assert!(wants(&world, &mine));
}
