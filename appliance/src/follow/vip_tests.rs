//! One address through its life.

use super::*;

fn at(seconds: u64) -> Moment {
    Moment {
        now: Duration::from_secs(seconds),
        wall: 1000 + seconds,
    }
}

fn place(interface: &str) -> Place {
    Place {
        index: if interface == "eth0" { 2 } else { 3 },
        interface: interface.into(),
        prefix: 24,
    }
}

fn wanted() -> Wanted {
    Wanted {
        place: Ok(place("eth0")),
        link_up: true,
        router: None,
        free_at: Duration::ZERO,
    }
}

fn router() -> IpAddr {
    IpAddr::from([10, 0, 0, 1])
}

/// An address that was taken at second 1.
fn held(wanted: &Wanted) -> Vip {
    let mut vip = Vip::default();
    let here = place("eth0");
    let order = vip.step(at(1), Some(wanted), &Seen::Absent);
    assert_eq!(order, Some(Order::Probe(here.clone())));
    vip.outcome(at(1), vip.turn, Outcome::Probed(Ok(None)), Some(wanted));
    let order = vip.step(at(1), Some(wanted), &Seen::Absent);
    assert_eq!(order, Some(Order::Add(here.clone())));
    vip.outcome(at(1), vip.turn, Outcome::Added(Ok(())), Some(wanted));
    assert!(vip.held().is_some());
    vip
}

fn announce(vip: &mut Vip, when: Moment, wanted: &Wanted) {
    let seen = Seen::Present(place("eth0"));
    let order = vip.step(when, Some(wanted), &seen);
    assert!(
        matches!(order, Some(Order::Announce(_))),
        "{order:?} {vip:?}"
    );
    vip.outcome(when, vip.turn, Outcome::Announced(Ok(())), Some(wanted));
}

#[test]
fn it_is_probed_added_and_announced_again_and_again() {
    let wanted = wanted();
    let mut vip = held(&wanted);
    for second in [1, 2, 4, 8, 68, 128] {
        announce(&mut vip, at(second), &wanted);
        let seen = Seen::Present(place("eth0"));
        assert_eq!(vip.step(at(second), Some(&wanted), &seen), None);
    }
}

#[test]
fn it_waits_until_it_is_free() {
    let mut wanted = wanted();
    wanted.free_at = Duration::from_secs(9);
    let mut vip = Vip::default();
    assert_eq!(vip.step(at(8), Some(&wanted), &Seen::Absent), None);
    assert!(vip.step(at(9), Some(&wanted), &Seen::Absent).is_some());
}

#[test]
fn an_address_that_somebody_has_is_a_complaint_and_tried_again() {
    let wanted = wanted();
    let mut vip = Vip::default();
    let mut asked = 0;
    for second in 0..60 {
        if let Some(order) = vip.step(at(second), Some(&wanted), &Seen::Absent) {
            assert!(matches!(order, Order::Probe(_)), "{order:?}");
            asked += 1;
            let other = Outcome::Probed(Ok(Some(Mac([2, 0, 0, 0, 0, 9]))));
            vip.outcome(at(second), vip.turn, other, Some(&wanted));
            assert!(vip.trouble.as_ref().unwrap().contains("02:00:00:00:00:09"));
        }
    }
    assert!((5..=8).contains(&asked), "{asked}");
}

#[test]
fn a_link_that_came_back_is_told_and_a_dead_one_is_not() {
    let mut wanted = wanted();
    let mut vip = held(&wanted);
    for second in [1, 2, 4, 8] {
        announce(&mut vip, at(second), &wanted);
    }
    wanted.link_up = false;
    let seen = Seen::Present(place("eth0"));
    assert_eq!(vip.step(at(70), Some(&wanted), &seen), None);
    wanted.link_up = true;
    for second in [80, 81, 83] {
        announce(&mut vip, at(second), &wanted);
    }
}

#[test]
fn a_router_that_never_answers_ends_it_after_five_tries_and_it_is_tried_again_later() {
    let mut wanted = wanted();
    wanted.router = Some(router());
    let mut vip = held(&wanted);
    let seen = Seen::Present(place("eth0"));
    let (mut pings, mut announcements, mut removed_at) = (0, 0, None);
    for second in 1..60 {
        let now = at(second);
        while let Some(order) = vip.step(now, Some(&wanted), &seen) {
            let outcome = match order {
                Order::Announce(_) => {
                    announcements += 1;
                    Outcome::Announced(Ok(()))
                }
                Order::Ping(_, asked) => {
                    assert_eq!(asked, router());
                    pings += 1;
                    Outcome::Pinged(Ok(false))
                }
                Order::Remove(_) => {
                    removed_at = Some(second);
                    break;
                }
                order => panic!("{order:?}"),
            };
            vip.outcome(now, vip.turn, outcome, Some(&wanted));
        }
        if removed_at.is_some() {
            break;
        }
    }
    assert_eq!(pings, ROUTER_TRIES);
    assert!(
        announcements >= ROUTER_TRIES,
        "announced again after each failure"
    );
    assert!(vip.trouble.as_ref().unwrap().contains("10.0.0.1"));
    let gone = removed_at.unwrap();
    vip.outcome(at(gone), vip.turn, Outcome::Removed(Ok(())), Some(&wanted));
    assert_eq!(vip.step(at(gone), Some(&wanted), &Seen::Absent), None);
    assert!(vip.trouble.is_some(), "the complaint stays");
    assert_eq!(vip.step(at(gone + 29), Some(&wanted), &Seen::Absent), None);
    let again = vip.step(at(gone + 31), Some(&wanted), &Seen::Absent);
    assert!(matches!(again, Some(Order::Probe(_))), "{again:?}");
}

#[test]
fn a_router_that_answered_once_takes_nothing_away() {
    let mut wanted = wanted();
    wanted.router = Some(router());
    let mut vip = held(&wanted);
    let seen = Seen::Present(place("eth0"));
    let mut answers = true;
    for second in 1..300 {
        while let Some(order) = vip.step(at(second), Some(&wanted), &seen) {
            let outcome = match order {
                Order::Announce(_) => Outcome::Announced(Ok(())),
                Order::Ping(..) => Outcome::Pinged(Ok(std::mem::take(&mut answers))),
                order => panic!("{order:?}"),
            };
            vip.outcome(at(second), vip.turn, outcome, Some(&wanted));
        }
    }
    let router = &vip.held().unwrap().router;
    assert!(router.failures > 5 && router.answered == Some(1001));
    assert!(vip.trouble.is_some());
}

#[test]
fn what_is_wanted_no_more_goes_from_every_phase() {
    let wanted = wanted();
    // While it is being probed: nothing is there, and the outcome is of no interest.
    let mut vip = Vip::default();
    vip.step(at(1), Some(&wanted), &Seen::Absent);
    let turn = vip.turn;
    assert_eq!(vip.step(at(1), None, &Seen::Absent), None);
    vip.outcome(at(2), turn, Outcome::Probed(Ok(None)), None);
    assert!(vip.is_over());
    // While it is being added: the kernel may have it already.
    let mut vip = Vip::default();
    vip.step(at(1), Some(&wanted), &Seen::Absent);
    vip.outcome(at(1), vip.turn, Outcome::Probed(Ok(None)), Some(&wanted));
    vip.step(at(1), Some(&wanted), &Seen::Absent);
    let order = vip.step(at(2), None, &Seen::Unknown);
    assert_eq!(order, Some(Order::Remove(place("eth0"))));
    // And a removal that fails is tried until it is seen to be gone.
    vip.outcome(at(2), vip.turn, Outcome::Removed(Err("no".into())), None);
    let seen = Seen::Present(place("eth0"));
    assert_eq!(vip.step(at(2), None, &seen), None);
    assert!(matches!(
        vip.step(at(3), None, &seen),
        Some(Order::Remove(_))
    ));
    vip.outcome(at(3), vip.turn, Outcome::Removed(Ok(())), None);
    assert_eq!(vip.step(at(3), None, &Seen::Absent), None);
    assert!(vip.is_over());
}

#[test]
fn what_an_earlier_daemon_left_is_kept_if_wanted_and_removed_if_not() {
    let wanted = wanted();
    let here = Seen::Present(place("eth0"));
    let mut vip = Vip {
        held_before: Some(17),
        ..Vip::default()
    };
    let order = vip.step(at(1), Some(&wanted), &here);
    assert_eq!(order, Some(Order::Add(place("eth0"))), "without a probe");
    vip.outcome(at(1), vip.turn, Outcome::Added(Ok(())), Some(&wanted));
    announce(&mut vip, at(1), &wanted);
    assert_eq!(vip.held().unwrap().since, 17);
    let mut vip = Vip::default();
    let order = vip.step(at(1), None, &here);
    assert_eq!(order, Some(Order::Remove(place("eth0"))));
    // In the wrong place.
    let mut vip = Vip::default();
    let there = Seen::Present(place("eth1"));
    let order = vip.step(at(1), Some(&wanted), &there);
    assert_eq!(order, Some(Order::Remove(place("eth1"))));
}

#[test]
fn a_label_that_moves_it_and_a_hand_that_removes_it_are_noticed() {
    let mut wanted = wanted();
    let mut vip = held(&wanted);
    let order = vip.step(at(2), Some(&wanted), &Seen::Absent);
    assert!(matches!(order, Some(Order::Probe(_))), "{order:?}");
    let mut vip = held(&wanted);
    wanted.place = Ok(place("eth1"));
    let order = vip.step(at(2), Some(&wanted), &Seen::Present(place("eth0")));
    assert_eq!(order, Some(Order::Remove(place("eth0"))));
}
