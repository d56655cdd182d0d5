//! Documents that are no good, each by itself.

use hive_inventory::seed::{SEED_VERSION, SignatureError};

use super::world::{MAC, OTHER_MAC, World, one, refused, taken};
use super::*;

use Class::{BootDisk, OtherDisk, Smbios};

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
