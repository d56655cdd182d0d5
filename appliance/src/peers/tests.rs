//! Hives on loopback addresses, with certificates made for the occasion.

use super::*;
use crate::calendar;
use sample::{Authority, Sample};
use std::time::Duration;
use tokio::time::timeout;

/// 2026-11-20.
fn clock() -> u64 {
    calendar::seconds(2026, 11, 20, (0, 0, 0))
}

/// A clock that has lost its battery.
fn stopped_clock() -> u64 {
    0
}

fn hive(number: u8) -> Peer {
    Peer {
        host: format!("h{number}.example"),
        address: IpAddr::from([127, 0, 78, number]),
        groups: BTreeSet::new(),
        member: Some(hive_inventory::seed::Member::Manager),
        machine: Default::default(),
    }
}

/// A port that is free at all loopback addresses just now.
fn free_port() -> u16 {
    let any = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    any.local_addr().unwrap().port()
}

/// Says who asked what of whom.
fn questions() -> Questions {
    let says = |whom: &'static [u8]| -> Answers {
        Arc::new(move |name, question| {
            Box::pin(async move { Some([name.as_bytes(), b" asks ", whom, &question].concat()) })
        })
    };
    BTreeMap::from([(FOLLOW_PATH, says(b"")), (VOLUMES_PATH, says(b"volumes "))])
}

fn start(
    me: u8,
    hives: &[Peer],
    identity: &Sample,
    port: u16,
    clock: fn() -> u64,
) -> (Peers, Inbox) {
    Peers::start(&Site {
        me: &hive(me).host,
        hives,
        identity: &identity.identity,
        port,
        clock,
        questions: questions(),
    })
    .unwrap()
}

#[tokio::test]
async fn a_question_is_answered_over_one_connection_and_only_to_hives_of_the_site() {
    let (port, hives) = (free_port(), [hive(41), hive(42)]);
    let ours = Authority::new("ours");
    let mine = ours.identity(&hive(42).host);
    let _listens = start(41, &hives, &ours.identity(&hive(41).host), port, clock);
    let asks = |sample: &Sample| {
        Questioner::new(&hive(42).host, &hives, &sample.identity, port, clock).unwrap()
    };
    let questioner = asks(&mine);
    let host = hive(41).host;
    // The listener may not be up yet.
    let mut answer = questioner.ask(&host, FOLLOW_PATH, "what".into()).await;
    for _ in 0..100 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = questioner.ask(&host, FOLLOW_PATH, "what".into()).await;
    }
    assert_eq!(answer.unwrap(), "h42.example asks what");
    let again = questioner.ask(&host, VOLUMES_PATH, "more".into());
    let again = again.await.unwrap();
    assert_eq!(again, "h42.example asks volumes more");
    let stranger = asks(&Authority::new("theirs").identity(&hive(42).host));
    assert!(
        stranger
            .ask(&host, FOLLOW_PATH, "what".into())
            .await
            .is_err()
    );
}

fn grant(nonce: u64) -> Message {
    Message::Grant { nonce }
}

/// Sends until it arrives, as the protocol does; the first try may come before the listener is up.
async fn exchanged(from: &Peers, to: &str, inbox: &mut Inbox) -> Heard {
    for _ in 0..200 {
        from.send(to, grant(7));
        if let Ok(heard) = timeout(Duration::from_millis(100), inbox.recv()).await {
            return heard.unwrap();
        }
    }
    panic!("nothing arrived: {:?}", from.trouble(to));
}

/// Sends until the sender is in the trouble that `wanted` is a part of.
async fn in_trouble(from: &Peers, to: &str, wanted: &str) {
    for _ in 0..200 {
        from.send(to, grant(7));
        tokio::time::sleep(Duration::from_millis(50)).await;
        if from.trouble(to).is_some_and(|words| words.contains(wanted)) {
            return;
        }
    }
    panic!("no {wanted:?} in {:?}", from.trouble(to));
}

#[tokio::test]
async fn two_hives_of_a_site_hear_each_other_by_their_proved_names() {
    let authority = Authority::new("CA");
    let (hives, port) = ([hive(1), hive(2)], free_port());
    let (one, mut to_one) = start(1, &hives, &authority.identity("h1.example"), port, clock);
    let (two, mut to_two) = start(2, &hives, &authority.identity("h2.example"), port, clock);
    let heard = exchanged(&one, "h2.example", &mut to_two).await;
    assert_eq!(heard, ("h1.example".into(), grant(7)));
    let heard = exchanged(&two, "h1.example", &mut to_one).await;
    assert_eq!(heard, ("h2.example".into(), grant(7)));
    assert_eq!(one.notices(), [""; 0]);
    assert_eq!(two.trouble("h1.example"), None);
}

#[tokio::test]
async fn a_machine_of_another_site_is_not_heard_and_both_sides_say_so() {
    let port = free_port();
    let hives = [hive(1), hive(2)];
    let ours = Authority::new("our CA").identity("h1.example");
    // The same name of the authority, another key: only the signature tells.
    let theirs = Authority::new("our CA").identity("h2.example");
    let (one, mut to_one) = start(1, &hives, &ours, port, clock);
    let (two, mut to_two) = start(2, &hives, &theirs, port, clock);
    in_trouble(
        &one,
        "h2.example",
        "another site: its certificate is signed by \"our CA\"",
    )
    .await;
    in_trouble(&two, "h1.example", "another site").await;
    assert!(to_one.try_recv().is_none() && to_two.try_recv().is_none());
    for (peers, address) in [(&one, "127.0.78.2"), (&two, "127.0.78.1")] {
        let notices = peers.notices();
        assert!(
            notices.len() == 1
                && notices[0].contains(address)
                && notices[0].contains("another site"),
            "{notices:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_for_a_host_that_is_not_in_the_seed_is_refused_and_told() {
    let authority = Authority::new("CA");
    let port = free_port();
    let (one, mut to_one) = start(
        1,
        &[hive(1), hive(2)],
        &authority.identity("h1.example"),
        port,
        clock,
    );
    let wider = [hive(1), hive(2), hive(9)];
    let (nine, _) = start(9, &wider, &authority.identity("h9.example"), port, clock);
    in_trouble(
        &nine,
        "h1.example",
        "does not count this host among its hives",
    )
    .await;
    assert!(to_one.try_recv().is_none());
    let notices = one.notices();
    assert!(notices[0].contains("h9.example"), "{notices:?}");
}

#[tokio::test]
async fn another_hive_at_a_hives_address_and_a_second_machine_with_ones_own_seed_are_told() {
    let authority = Authority::new("CA");
    let port = free_port();
    let hives = [hive(1), hive(2), hive(3)];
    let (one, mut to_one) = start(1, &hives, &authority.identity("h1.example"), port, clock);
    // At the address of 2 is 3, by its own seed; at the address of 3 is 1.
    let mut swapped = hives.clone();
    swapped[1].address = hives[2].address;
    swapped[2].address = hives[1].address;
    let (_three, _kept) = start(3, &swapped, &authority.identity("h3.example"), port, clock);
    in_trouble(&one, "h2.example", "is h3.example").await;
    let mut twins = hives.clone();
    twins[0].address = hives[2].address;
    let (_twin, _inbox) = start(1, &twins, &authority.identity("h1.example"), port, clock);
    in_trouble(&one, "h3.example", "this host's own name").await;
    assert!(to_one.try_recv().is_none());
}

#[tokio::test]
async fn an_expired_certificate_is_refused_while_the_clock_says_so() {
    let authority = Authority::new("CA");
    let hives = [hive(1), hive(2)];
    let old = authority.identity_between("h2.example", (2020, 1, 1), (2026, 1, 1));
    let port = free_port();
    let (one, mut to_one) = start(1, &hives, &authority.identity("h1.example"), port, clock);
    let (two, mut to_two) = start(2, &hives, &old, port, clock);
    in_trouble(&one, "h2.example", "expired on 2026-01-01T00:00:00Z").await;
    in_trouble(&two, "h1.example", "expired").await;
    assert!(to_one.try_recv().is_none() && to_two.try_recv().is_none());
}

#[tokio::test]
async fn a_clock_without_battery_delays_nobody_but_still_knows_what_must_be_over() {
    let authority = Authority::new("CA");
    let hives = [hive(1), hive(2), hive(3)];
    let port = free_port();
    let young = authority.identity_between("h1.example", (2026, 10, 1), (2100, 1, 1));
    let younger = authority.identity_between("h2.example", (2026, 11, 1), (2100, 1, 1));
    let over = authority.identity_between("h3.example", (2020, 1, 1), (2026, 1, 1));
    let (one, _inbox) = start(1, &hives, &young, port, stopped_clock);
    let (_two, mut to_two) = start(2, &hives, &younger, port, stopped_clock);
    let (_three, mut to_three) = start(3, &hives, &over, port, stopped_clock);
    let heard = exchanged(&one, "h2.example", &mut to_two).await;
    assert_eq!(heard.0, "h1.example");
    in_trouble(&one, "h3.example", "it is 2026-11-01T00:00:00Z here").await;
    assert!(to_three.try_recv().is_none());
}

#[tokio::test]
async fn a_message_of_unreasonable_length_is_refused() {
    let authority = Authority::new("CA");
    let (hives, port) = ([hive(1), hive(2)], free_port());
    let (one, _inbox) = start(1, &hives, &authority.identity("h1.example"), port, clock);
    let (_two, mut to_two) = start(2, &hives, &authority.identity("h2.example"), port, clock);
    exchanged(&one, "h2.example", &mut to_two).await;
    while to_two.try_recv().is_some() {}
    let without = (0..4000).map(|n| format!("hive{n:08}.example")).collect();
    one.send("h2.example", Message::AskGrant { nonce: 1, without });
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if one.trouble("h2.example").is_some() {
            break;
        }
    }
    let trouble = one.trouble("h2.example").unwrap();
    assert!(trouble.contains("413"), "{trouble}");
    assert!(to_two.try_recv().is_none());
}

#[tokio::test]
async fn a_hive_that_was_started_anew_is_reached_by_the_next_message() {
    let authority = Authority::new("CA");
    let (hives, port) = ([hive(1), hive(2)], free_port());
    let (one, _inbox) = start(1, &hives, &authority.identity("h1.example"), port, clock);
    let second = authority.identity("h2.example");
    let other_life = std::thread::spawn({
        let (hives, second) = (hives.clone(), second.identity.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let me = hive(2).host;
            let site = Site {
                me: &me,
                hives: &hives,
                identity: &second,
                port,
                clock,
                questions: questions(),
            };
            runtime.block_on(async {
                let (_two, mut inbox) = Peers::start(&site).unwrap();
                inbox.recv().await.unwrap()
            })
        }
    });
    for _ in 0..400 {
        one.send("h2.example", grant(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if other_life.is_finished() {
            break;
        }
    }
    assert_eq!(other_life.join().unwrap().0, "h1.example");
    let (_two, mut to_two) = start(2, &hives, &second, port, clock);
    let heard = exchanged(&one, "h2.example", &mut to_two).await;
    assert_eq!(heard.0, "h1.example");
}
