//! Many documents that agree or not.

use super::world::{MAC, OTHER_MAC, World, file, many, one, refused, taken};
use super::*;

use Class::{BootDisk, CommandLine, OtherDisk, Smbios};

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
