//! What a person reads, in each state in which something is missing: who, why, and the next step.

use hive_inventory::node::SwarmRole;
use hive_inventory::seed::Member as Membership;

use crate::effect::Action;
use crate::event::Event;
use crate::member::bench::{Bench, config, full, joined, leader, manager, named, swarm, worker};
use crate::message::Message;
use crate::record::Record;
use crate::swarm::Local;

fn blank() -> Bench {
    let mut bench = Bench::blank();
    bench.docker(Local::Inactive);
    bench
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn a_hive_in_its_place_waits_for_nothing() {
    for local in [worker(), leader(3)] {
        let mut bench = Bench::with(joined());
        bench.docker(local);
        let status = bench.status();
        assert_eq!(status.waiting_for, [""; 0]);
        assert_eq!(status.notices, [""; 0]);
    }
}

#[test]
fn before_docker_answers_that_is_what_it_waits_for() {
    let bench = Bench::with(joined());
    let waiting = bench.status().waiting_for;
    has(&waiting[0], &["Docker Engine to answer"]);
    // Nobody is told to give up a swarm whose manager only starts.
    assert_eq!(waiting.len(), 1, "{waiting:?}");
}

#[test]
fn silent_hives_are_named_and_how_to_found_without_one() {
    let mut bench = blank();
    bench.hears("h2", |_| ());
    has(
        &bench.wait(),
        &[
            "waiting for h3: not heard",
            "Turn it on",
            "`hive found --without h3`",
        ],
    );
}

#[test]
fn nobody_is_told_to_found_without_a_majority() {
    let text = blank().wait();
    has(&text, &["waiting for h2 and h3: not heard", "Turn them on"]);
    assert!(!text.contains("hive found"), "it would be refused: {text}");
}

#[test]
fn two_of_five_that_are_silent_are_named_in_the_command() {
    let mut bench = Bench::new(config(&["h1", "h2", "h3", "h4", "h5"]), Record::default());
    bench.docker(Local::Inactive);
    for host in ["h2", "h4", "h5"] {
        bench.hears(host, |_| ());
    }
    bench.waits(9);
    for host in ["h2", "h4"] {
        bench.hears(host, |_| ());
    }
    bench.waits(2);
    has(
        &bench.wait(),
        &["h3 and h5", "`hive found --without h3 --without h5`"],
    );
}

#[test]
fn when_all_are_heard_the_others_wait_for_the_candidate() {
    let mut site = config(&["h1", "h2", "h3"]);
    site.hives[0].member = Membership::Worker;
    let mut bench = Bench::new(site, Record::default());
    bench.docker(Local::Inactive);
    bench.hears("h2", |_| ());
    bench.hears("h3", |_| ());
    has(&bench.wait(), &["waiting for h2 to found the swarm"]);
}

#[test]
fn the_candidate_says_what_it_is_at() {
    let mut bench = blank();
    bench.hears("h2", |_| ());
    bench.hears("h3", |_| ());
    has(
        &bench.wait(),
        &["founding the swarm", "grants are being collected"],
    );
    let nonce = 1001;
    for host in ["h2", "h3"] {
        let (from, message) = (full(host), Message::Grant { nonce });
        bench.tells(Event::Heard { from, message });
    }
    assert_eq!(bench.member.record().founding, Some(0));
    bench.waits(30);
    has(&bench.wait(), &["making the swarm"]);
    bench.done(Action::Init, Err("no address"));
    has(
        &bench.wait(),
        &["could not make the swarm: no address", "trying again"],
    );
}

#[test]
fn a_grant_to_somebody_else_is_told_with_its_giver_and_the_way_out() {
    let mut bench = blank();
    bench.hears("h3", |_| ());
    bench.hears("h2", |hello| hello.granted = Some(full("h3")));
    has(
        &bench.wait(),
        &[
            "h2 has granted the founding to it",
            "--without h3 --even-if-granted --on h2",
        ],
    );
}

#[test]
fn a_seed_with_other_hives_is_told() {
    let mut bench = blank();
    bench.hears("h3", |_| ());
    bench.hears("h2", |hello| hello.hives = vec![full("h2"), full("h7")]);
    has(
        &bench.wait(),
        &["waiting for h2", "h2 and h7", "`hive seed HOST`"],
    );
    has(
        bench.status().peers[0].trouble.as_deref().unwrap(),
        &["h2 and h7"],
    );
}

#[test]
fn a_swarm_that_hive_did_not_make_is_told_here_and_there() {
    let mut bench = blank();
    bench.docker(manager("strange"));
    bench.hears("h3", |_| ());
    bench.hears("h2", |hello| hello.node = Some("n9".to_owned()));
    let waiting = bench.status().waiting_for;
    has(&waiting[0], &["`docker swarm leave --force` on h1"]);
    has(
        &waiting[1],
        &["waiting for h2", "`docker swarm leave --force` there"],
    );
}

#[test]
fn the_founders_docker_in_the_swarm_that_it_makes_is_no_complaint() {
    let mut bench = blank();
    bench.hears("h3", |_| ());
    bench.hears("h2", |hello| {
        hello.node = Some("n9".to_owned());
        hello.role = SwarmRole::Founding;
    });
    let waiting = bench.wait();
    assert!(!waiting.contains("docker swarm leave"), "{waiting}");
}

#[test]
fn a_stage_without_managers_is_told_with_the_inventorys_key() {
    let mut site = config(&["h1", "h2"]);
    for hive in &mut site.hives {
        hive.member = Membership::Worker;
    }
    let mut bench = Bench::new(site, Record::default());
    bench.docker(Local::Inactive);
    has(&bench.wait(), &["number_of_managers", "`hive seed HOST`"]);
}

#[test]
fn a_lost_majority_names_who_is_silent_and_recover_with_what_it_does() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    has(&bench.wait(), &["agree on a leader"]);
    bench.waits(11);
    bench.hears("h2", |_| ());
    let status = bench.status();
    assert_eq!((status.role, status.quorum), (SwarmRole::Lost, Some(false)));
    has(
        &bench.wait(),
        &[
            "lost the majority",
            "silent: h3",
            "h2 knows of no swarm",
            "`hive recover h1`",
            "as the only manager",
            "the others then leave what they have",
        ],
    );
}

#[test]
fn a_manager_that_is_cut_off_is_sent_to_the_network_and_not_to_recover() {
    let mut bench = Bench::with(joined());
    bench.docker(manager("cluster"));
    bench.waits(11);
    bench.hears("h2", |hello| {
        hello.known = Some(swarm(0));
        hello.quorum = true;
    });
    let text = bench.wait();
    has(
        &text,
        &["h2 has a majority", "tcp 2377", "`hive rejoin h1`"],
    );
    assert!(!text.contains("hive recover"), "{text}");
}

#[test]
fn a_hive_that_was_taken_out_names_rejoin() {
    let mut bench = Bench::with(joined());
    bench.docker(Local::Inactive);
    has(&bench.wait(), &["taken out", "`hive rejoin h1`"]);
    let why = "certificate expired".to_owned();
    bench.docker(Local::Broken { why });
    has(&bench.wait(), &["certificate expired", "`hive rejoin h1`"]);
}

#[test]
fn who_waits_for_a_manager_names_the_swarm_the_silent_and_recover() {
    let known = Some(swarm(0));
    let mut bench = Bench::with(Record {
        known: known.clone(),
        disk: 1,
        ..Record::default()
    });
    bench.docker(Local::Inactive);
    bench.hears("h2", |_| ());
    has(
        &bench.wait(),
        &[
            "swarm (cluster)",
            "turn on those that are silent: h3",
            "`hive recover h1`",
        ],
    );
    bench.hears("h3", |hello| {
        hello.known = known.clone();
        hello.quorum = true;
    });
    has(&bench.wait(), &["joining the swarm through h3"]);
    bench.done(
        Action::Join {
            known: swarm(0),
            token: "secret".to_owned(),
            managers: vec![],
        },
        Err("connection refused"),
    );
    bench.docker(Local::Inactive);
    has(&bench.wait(), &["through h3 failed: connection refused"]);
}

#[test]
fn two_swarms_are_told_with_both_names() {
    let mut bench = Bench::with(joined());
    bench.docker(leader(3));
    bench.hears("h2", |hello| hello.known = Some(named(0, "other")));
    let status = bench.status();
    has(
        &status.notices[0],
        &[
            "TWO SWARMS",
            "cluster",
            "other",
            "h2",
            "`hive recover HOST`",
        ],
    );
    has(status.peers[0].trouble.as_deref().unwrap(), &["other"]);
}

#[test]
fn a_change_that_failed_is_told_with_the_hosts_name() {
    let mut bench = Bench::with(joined());
    bench.docker(leader(3));
    bench.done(Action::Promote("n2".to_owned()), Err("not now"));
    bench.docker(leader(3));
    let notices = bench.status().notices;
    assert_eq!(
        notices,
        ["making h2 a manager failed: not now; trying again"]
    );
}

#[test]
fn a_hive_that_the_seed_does_not_have_is_told() {
    let mut bench = blank();
    bench.hears("h9", |_| ());
    has(&bench.status().notices[0], &["h9", "`hive seed h1`"]);
}

#[test]
fn a_seed_that_names_another_swarm_than_the_disk_is_told() {
    let mut site = config(&["h1", "h2", "h3"]);
    site.known = Some(named(0, "other"));
    let mut bench = Bench::new(site, joined());
    bench.docker(worker());
    has(
        &bench.status().notices[0],
        &["other", "cluster", "`hive seed h1`"],
    );
}
