//! Each order: when it is obeyed and what comes of it, when it is refused and which way out is named.

use crate::config::HiveEntry;
use crate::effect::{Action, Effect};
use crate::event::Order;
use crate::member::bench::{Bench, config, full, joined, leader, manager, named, swarm, worker};
use crate::message::Message;
use crate::record::Record;
use crate::swarm::Local;
use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Member as Membership;

fn without(hosts: &[&str]) -> Order {
    Order::FoundWithout {
        hives: hosts.iter().map(|host| full(host)).collect(),
        even_if_granted: false,
    }
}

fn without_even(hosts: &[&str]) -> Order {
    Order::FoundWithout {
        hives: hosts.iter().map(|host| full(host)).collect(),
        even_if_granted: true,
    }
}

/// Blank, with Docker in no swarm, and `h2` heard.
fn two_of_three() -> Bench {
    let mut bench = Bench::blank();
    bench.docker(Local::Inactive);
    bench.hears("h2", |_| ());
    bench
}

fn stored(effects: &[Effect]) -> &Record {
    let record = effects.iter().rev().find_map(|effect| match effect {
        Effect::Store(record) => Some(record),
        _ => None,
    });
    record.expect("a record is written")
}

fn acts(effects: &[Effect]) -> Option<&Action> {
    effects.iter().find_map(|effect| match effect {
        Effect::Act(action) => Some(action),
        _ => None,
    })
}

#[test]
fn founding_without_a_silent_hive_is_written_down_with_the_disks_of_the_others_and_begins() {
    let mut bench = two_of_three();
    let effects = bench.order(without(&["h3"])).unwrap();
    let decision = stored(&effects).decision.clone().unwrap();
    assert!(decision.without.iter().eq([&full("h3")]));
    assert!(decision.disks.keys().eq([&full("h1"), &full("h2")]));
    assert_eq!(decision.disks[&full("h2")], 7);
    let asked = |effect: &Effect| matches!(effect, Effect::Send { to, message: Message::AskGrant { .. } } if *to == full("h2"));
    assert!(effects.iter().any(asked), "{effects:?}");
}

#[test]
fn nothing_is_founded_where_a_swarm_is_known() {
    let mut bench = Bench::with(joined());
    let why = bench.refused(without(&["h3"]));
    assert!(
        why.contains("cluster") && why.contains("`hive recover h1`"),
        "{why}"
    );
}

#[test]
fn nothing_is_founded_where_a_swarm_was_heard_of_though_docker_does_not_answer_yet() {
    let mut bench = Bench::blank();
    bench.hears("h2", |hello| hello.known = Some(swarm(0)));
    let why = bench.refused(without(&["h3"]));
    assert!(why.contains("`hive recover h1`"), "{why}");
}

#[test]
fn a_second_founding_is_not_begun_beside_the_first() {
    let mut bench = Bench::with(Record {
        founding: Some(0),
        disk: 1,
        ..Record::default()
    });
    let why = bench.refused(without(&["h3"]));
    assert!(why.contains("`hive status`"), "{why}");
}

#[test]
fn a_hive_does_not_found_without_itself() {
    let why = two_of_three().refused(without(&["h1"]));
    assert!(why.contains("ask another one"), "{why}");
}

#[test]
fn a_name_that_is_no_hive_is_answered_with_those_that_are() {
    let why = two_of_three().refused(without(&["h9"]));
    assert!(why.contains("h1, h2 and h3"), "{why}");
}

#[test]
fn nobody_founds_without_a_hive_that_is_heard() {
    let why = two_of_three().refused(without(&["h2"]));
    assert!(
        why.contains("`hive status`") && why.contains("turn it off"),
        "{why}"
    );
}

#[test]
fn a_hive_that_was_heard_long_ago_is_silent() {
    let mut bench = two_of_three();
    bench.waits(11);
    bench.hears("h3", |_| ());
    assert!(bench.order(without(&["h2"])).is_ok());
}

#[test]
fn another_silent_hive_has_to_be_turned_on_or_named_too() {
    let mut bench = Bench::blank();
    bench.docker(Local::Inactive);
    let why = bench.refused(without(&["h3"]));
    assert!(
        why.contains("h2 is silent too") && why.contains("`--without h2`"),
        "{why}"
    );
}

#[test]
fn nobody_founds_without_a_majority() {
    let mut bench = Bench::blank();
    bench.docker(Local::Inactive);
    let why = bench.refused(without(&["h2", "h3"]));
    assert!(
        why.contains("h2 and h3") && why.contains("turn more of them on"),
        "{why}"
    );
}

#[test]
fn nobody_founds_where_none_that_is_left_may_be_a_manager() {
    let mut site = config(&["h1", "h2", "h3"]);
    let only_workers = |hive: &mut HiveEntry| hive.member = Membership::Worker;
    site.hives[..2].iter_mut().for_each(only_workers);
    let mut bench = Bench::new(site, Record::default());
    bench.docker(Local::Inactive);
    bench.hears("h2", |_| ());
    let why = bench.refused(without(&["h3"]));
    assert!(why.contains("may be a manager"), "{why}");
}

#[test]
fn a_grant_to_the_silent_hive_stands_in_the_way_and_its_giver_is_named() {
    let mut bench = Bench::with(Record {
        granted: Some(full("h3")),
        disk: 1,
        ..Record::default()
    });
    bench.docker(Local::Inactive);
    bench.hears("h2", |_| ());
    let why = bench.refused(without(&["h3"]));
    let way = "`hive found --without h3 --even-if-granted --on h1`";
    assert!(why.contains(way), "{why}");
    let effects = bench.order(without_even(&["h3"])).unwrap();
    assert_eq!(stored(&effects).granted, None);
}

#[test]
fn another_hives_grant_to_the_silent_one_stands_in_the_way_too() {
    let mut bench = two_of_three();
    bench.hears("h2", |hello| hello.granted = Some(full("h3")));
    let why = bench.refused(without(&["h3"]));
    let way = "`hive found --without h3 --even-if-granted --on h2`";
    assert!(why.contains(way), "{why}");
    // Here it may be said too, but only the other hive can forget its grant.
    let effects = bench.order(without_even(&["h3"])).unwrap();
    assert!(acts(&effects).is_none());
    assert_eq!(bench.status().role, SwarmRole::Blank);
}

#[test]
fn a_hive_that_knows_of_no_swarm_recovers_none() {
    let why = two_of_three().refused(Order::Recover);
    assert!(why.contains("`hive found --without HOST`"), "{why}");
}

#[test]
fn nothing_is_recovered_while_docker_does_not_tell() {
    let why = Bench::with(joined()).refused(Order::Recover);
    assert!(why.contains("ask again in a moment"), "{why}");
}

#[test]
fn a_manager_with_a_majority_has_nothing_to_recover() {
    let mut bench = Bench::with(joined());
    bench.docker(leader(3));
    let why = bench.refused(Order::Recover);
    assert!(why.contains("nothing to recover"), "{why}");
}

#[test]
fn nothing_is_recovered_while_a_majority_is_heard() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    bench.waits(11);
    bench.hears("h2", |hello| {
        hello.known = Some(swarm(0));
        hello.quorum = true;
    });
    let why = bench.refused(Order::Recover);
    assert!(
        why.contains("h2") && why.contains("`hive rejoin h1`"),
        "{why}"
    );
}

#[test]
fn managers_that_choose_a_leader_are_given_the_time() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    let why = bench.refused(Order::Recover);
    assert!(why.contains("ask again in ten seconds"), "{why}");
    bench.waits(11);
    assert!(bench.order(Order::Recover).is_ok());
}

#[test]
fn recover_makes_of_a_manager_without_a_majority_the_only_one_in_the_next_epoch() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    bench.waits(11);
    let effects = bench.order(Order::Recover).unwrap();
    let record = stored(&effects);
    assert_eq!(record.founding, Some(1));
    assert_eq!(record.joined.as_deref(), Some("n1"));
    assert_eq!(acts(&effects), Some(&Action::ForceNewCluster));
    let (first, act) = (
        &effects[0],
        effects.iter().position(|e| matches!(e, Effect::Act(_))),
    );
    assert!(
        matches!(first, Effect::Store(_)) && act > Some(0),
        "written before Docker is touched"
    );
    bench.done(Action::ForceNewCluster, Ok(()));
    let effects = bench.docker(leader(1));
    assert_eq!(stored(&effects).known, Some(swarm(1)));
}

#[test]
fn recover_makes_of_a_hive_outside_the_founder_of_a_new_swarm() {
    let mut bench = Bench::with(Record {
        joined: None,
        ..joined()
    });
    bench.docker(Local::Inactive);
    let effects = bench.order(Order::Recover).unwrap();
    assert_eq!(stored(&effects).founding, Some(1));
    assert_eq!(acts(&effects), Some(&Action::Init));
}

#[test]
fn recover_takes_a_worker_out_of_the_dead_swarm_first() {
    let mut bench = Bench::with(joined());
    bench.docker(worker());
    let effects = bench.order(Order::Recover).unwrap();
    let record = stored(&effects);
    assert_eq!(
        (record.leave.as_deref(), &record.joined),
        (Some("n1"), &None)
    );
    assert_eq!(acts(&effects), Some(&Action::Leave));
}

#[test]
fn of_two_swarms_a_person_may_choose_one_that_lives() {
    let mut bench = Bench::with(joined());
    bench.docker(leader(1));
    bench.hears("h2", |hello| hello.known = Some(named(0, "other")));
    let effects = bench.order(Order::Recover).unwrap();
    assert_eq!(stored(&effects).founding, Some(1));
}

#[test]
fn a_hive_that_knows_of_no_swarm_needs_no_word_to_join() {
    let why = two_of_three().refused(Order::Rejoin);
    assert!(why.contains("joins by itself"), "{why}");
}

#[test]
fn nobody_rejoins_while_docker_does_not_tell() {
    let why = Bench::with(joined()).refused(Order::Rejoin);
    assert!(why.contains("ask again in a moment"), "{why}");
}

#[test]
fn who_is_in_the_swarm_does_not_rejoin_it() {
    for local in [worker(), leader(3)] {
        let mut bench = Bench::with(joined());
        bench.docker(local);
        let why = bench.refused(Order::Rejoin);
        assert!(why.contains("`hive recover h1`"), "{why}");
    }
}

#[test]
fn a_hive_that_a_person_took_out_asks_for_a_token_again_after_rejoin() {
    let mut bench = Bench::with(joined());
    bench.docker(Local::Inactive);
    assert_eq!(bench.status().role, SwarmRole::Removed);
    let effects = bench.order(Order::Rejoin).unwrap();
    assert_eq!(stored(&effects).joined, None);
    let asked = |effect: &&Effect| {
        matches!(
            effect,
            Effect::Send {
                message: Message::AskToken { .. },
                ..
            }
        )
    };
    assert_eq!(effects.iter().filter(asked).count(), 2);
}

#[test]
fn a_worker_that_the_list_has_no_more_leaves_and_joins_after_rejoin() {
    let mut bench = Bench::with(joined());
    bench.docker(worker());
    let message = Message::Unlisted {
        node: "n1".to_owned(),
        known: swarm(0),
    };
    let from = full("h2");
    bench.tells(crate::event::Event::Heard { from, message });
    assert_eq!(bench.status().role, SwarmRole::Removed);
    let effects = bench.order(Order::Rejoin).unwrap();
    assert_eq!(stored(&effects).leave.as_deref(), Some("n1"));
    assert_eq!(acts(&effects), Some(&Action::Leave));
}

#[test]
fn a_manager_of_another_swarm_leaves_it_after_rejoin() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("other"));
    let effects = bench.order(Order::Rejoin).unwrap();
    assert_eq!(acts(&effects), Some(&Action::Leave));
}

#[test]
fn a_manager_cut_off_from_a_majority_that_is_heard_may_be_brought_in_anew() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    bench.waits(11);
    bench.hears("h2", |hello| {
        hello.known = Some(swarm(0));
        hello.quorum = true;
    });
    let effects = bench.order(Order::Rejoin).unwrap();
    assert_eq!(stored(&effects).leave.as_deref(), Some("n1"));
}

#[test]
fn an_intention_is_given_up_only_on_an_answer_of_docker_from_after_the_limit() {
    let mut bench = Bench::with(Record {
        founding: Some(0),
        disk: 1,
        ..Record::default()
    });
    bench.docker(Local::Inactive);
    bench.waits(120);
    assert_eq!(bench.member.record().founding, Some(0), "on an old answer");
    bench.docker(Local::Inactive);
    assert_eq!(bench.member.record().founding, None);
}
