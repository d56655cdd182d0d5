//! The wait, with a clock and a person of our own.

use std::collections::BTreeMap;

use super::*;
use crate::seed_choice::world::{MAC, World, many, one};
use crate::seed_source::Class;

/// What happens at which second.
#[derive(Default)]
struct Story {
    now: u64,
    looks: BTreeMap<u64, Look>,
    typed: BTreeMap<u64, &'static str>,
    words: Vec<String>,
}

impl Story {
    fn from(looks: impl IntoIterator<Item = (u64, Vec<Source>)>, world: &World) -> Self {
        Self {
            looks: looks
                .into_iter()
                .map(|(at, sources)| {
                    let look = Look {
                        sources,
                        machine: world.machine.clone(),
                        sticks: true,
                    };
                    (at, look)
                })
                .collect(),
            ..Self::default()
        }
    }

    fn told(&self, part: &str) -> usize {
        self.words.iter().filter(|w| w.contains(part)).count()
    }

    fn run(&mut self, world: &World, named: Option<&str>) -> Outcome {
        self.run_with(world, named, Some(60))
    }

    fn run_with(&mut self, world: &World, named: Option<&str>, fault: Option<u64>) -> Outcome {
        let reader = Reader {
            key: &world.key,
            image: &world.image,
            usable: &|_| Ok(()),
        };
        let patience = Patience {
            stick: Duration::from_secs(10),
            fault: fault.map(Duration::from_secs),
            choice: Some(Duration::from_secs(300)),
        };
        wait(self, &reader, named, patience)
    }
}

impl Surroundings for Story {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.now)
    }

    fn look(&mut self) -> Look {
        let (_, look) = self.looks.range(..=self.now).next_back().unwrap();
        look.clone()
    }

    fn pause(&mut self, _: Duration) -> Vec<String> {
        self.now += 1;
        assert!(self.now < 10_000, "it waits for ever");
        let line = self.typed.get(&self.now);
        line.map(|line| (*line).to_owned()).into_iter().collect()
    }

    fn say(&mut self, text: &str) {
        self.words.push(text.to_owned());
    }

    fn warn(&mut self, text: &str) {
        self.words.push(text.to_owned());
    }
}

fn host(outcome: Outcome) -> (String, bool) {
    match outcome {
        Outcome::Seed(chosen, by_person) => (chosen.seed.host, by_person),
        other => panic!("{other:?}"),
    }
}

fn tampered(world: &World) -> String {
    world.text("a", None).replace("192.168.0.4", "192.168.0.5")
}

#[test]
fn a_seed_that_is_there_is_taken_at_once() {
    let world = World::new();
    let mut story = Story::from(
        [(0, vec![one(Class::BootDisk, world.text("a", None))])],
        &world,
    );
    assert_eq!(host(story.run(&world, None)), ("a.s".into(), false));
    assert!(story.now == 0 && story.words.is_empty());
}

#[test]
fn a_stick_is_waited_for_with_a_countdown_and_not_for_ever() {
    let world = World::new();
    let stick = vec![one(Class::OtherDisk, world.text("a", None))];
    let mut story = Story::from([(0, vec![]), (7, stick)], &world);
    assert_eq!(host(story.run(&world, None)).0, "a.s");
    assert_eq!(story.now, 7);

    let mut story = Story::from([(0, vec![])], &world);
    assert_eq!(story.run(&world, None), Outcome::Missing);
    assert_eq!(story.now, 10);
    assert!(story.told("in 10 s") == 1 && story.told("in 5 s") == 1);

    let mut story = Story::from([(0, vec![])], &world);
    story.looks.get_mut(&0).unwrap().sticks = false;
    assert_eq!(story.run(&world, None), Outcome::Missing);
    assert_eq!(story.now, 0);
}

#[test]
fn a_fault_is_shown_counted_down_and_kept() {
    let world = World::new();
    let sources = vec![one(Class::BootDisk, tampered(&world))];
    let mut story = Story::from([(0, sources.clone())], &world);
    let Outcome::Fault(fault) = story.run(&world, None) else {
        panic!("it took a tampered seed");
    };
    assert_eq!(fault.kind, FaultKind::Broken);
    assert_eq!(story.now, 60);
    assert_eq!(story.told(&fault.what), 1, "shown once: {:?}", story.words);
    assert!(story.told("in 60 s") == 1 && story.told("in 5 s") == 1);

    // 0 on the command line: for as long as it takes.
    let fixed = vec![one(Class::BootDisk, world.text("a", None))];
    let mut story = Story::from([(0, sources), (5000, fixed)], &world);
    assert_eq!(host(story.run_with(&world, None, None)).0, "a.s");
}

#[test]
fn a_corrected_stick_is_taken_as_soon_as_it_is_there() {
    let world = World::new();
    let broken = one(Class::BootDisk, tampered(&world));
    let good = one(Class::OtherDisk, world.text("a", None));
    let mut story = Story::from(
        [(0, vec![broken.clone()]), (33, vec![broken, good])],
        &world,
    );
    assert_eq!(host(story.run(&world, None)), ("a.s".into(), false));
    assert_eq!(story.now, 33);
}

#[test]
fn a_slow_network_card_is_waited_for() {
    let world = World::new();
    let sources = vec![many(
        Class::OtherDisk,
        &[
            ("a", world.text("a", None)),
            ("b", world.text("b", Some(MAC))),
        ],
    )];
    let mut story = Story::from([(0, sources.clone()), (2, sources.clone())], &world);
    story.looks.get_mut(&0).unwrap().machine.macs.clear();
    assert_eq!(host(story.run(&world, None)).0, "b.s");
    assert_eq!(story.now, 2);
    // Without that card, what fits any machine.
    let mut story = Story::from([(0, sources)], &world);
    story.looks.get_mut(&0).unwrap().machine.macs.clear();
    assert_eq!(host(story.run(&world, None)).0, "a.s");
    assert_eq!(story.now, 5);
}

#[test]
fn a_person_chooses_at_the_console() {
    let world = World::new();
    let stick = many(
        Class::OtherDisk,
        &[
            ("a", world.text("a", None)),
            ("b", world.text("b", None)),
            ("c", world.text("c", Some("52:54:00:00:00:99"))),
        ],
    );
    let story = |typed: &[(u64, &'static str)]| {
        let mut story = Story::from([(0, vec![stick.clone()])], &world);
        story.typed = typed.iter().copied().collect();
        let outcome = story.run(&world, None);
        (outcome, story)
    };
    let (outcome, _) = story(&[(20, "7"), (21, "c"), (40, "2")]);
    assert_eq!(host(outcome), ("b.s".into(), true));
    let (outcome, _) = story(&[(30, "c.s")]);
    assert_eq!(host(outcome), ("c.s".into(), true));
    // Nobody comes: it ends, though later than a fault would.
    let (outcome, told) = story(&[]);
    assert!(matches!(outcome, Outcome::Fault(f) if f.kind == FaultKind::Ambiguous));
    assert!(told.now >= 300, "{}", told.now);
}

#[test]
fn the_command_line_chooses_without_a_question() {
    let world = World::new();
    let stick = many(
        Class::OtherDisk,
        &[("a", world.text("a", None)), ("b", world.text("b", None))],
    );
    let mut story = Story::from([(0, vec![stick])], &world);
    assert_eq!(host(story.run(&world, Some("b"))), ("b.s".into(), false));
    assert_eq!(story.now, 0);
}

#[test]
fn a_choice_that_was_pulled_out_is_asked_for_again() {
    let world = World::new();
    let text = |host| (host, world.text(host, None));
    let stick = |hosts: &[&'static str]| {
        let seeds: Vec<_> = hosts.iter().map(|h| text(*h)).collect();
        vec![many(Class::OtherDisk, &seeds)]
    };
    let mut story = Story::from(
        [(0, stick(&["a", "b", "c"])), (8, stick(&["a", "c"]))],
        &world,
    );
    story.typed = BTreeMap::from([(8, "b"), (20, "2")]);
    assert_eq!(host(story.run(&world, None)), ("c.s".into(), true));
}
