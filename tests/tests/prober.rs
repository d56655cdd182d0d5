//! The prober on a real switch, with programs in the place of hosts.

#![allow(clippy::unwrap_used, missing_docs, reason = "stories")]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hive_qemu::{Lifetime, Mac, Switch, Tap, Version};
use hive_tests::prober::frame::{Arp, BROADCAST, Echo, Frame};
use hive_tests::prober::history::{How, Kind};
use hive_tests::prober::{ADDRESS, Prober};
use hive_tests::skipped;

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 90);
const A: Mac = Mac([0x52, 0x54, 0, 0, 0, 0x01]);
const B: Mac = Mac([0x52, 0x54, 0, 0, 0, 0x11]);
/// Nothing here takes longer without being broken.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether a host has the address, and whether it goes on.
#[derive(Default)]
struct Host {
    holds: AtomicBool,
    ended: AtomicBool,
}

/// Answers questions and pings for the address as a kernel does, while it holds it.
fn play(mut tap: Tap, mac: Mac, host: &Host) {
    while !host.ended.load(Ordering::Relaxed) {
        let Some(frame) = tap.receive(Duration::from_millis(20)).unwrap() else {
            continue;
        };
        let answer = match Frame::parse(&frame) {
            Some(Frame::Arp(arp)) if !arp.reply && arp.target_ip == VIP => arp_answer(&arp, mac),
            Some(Frame::Echo(echo)) if echo.to == mac && !echo.reply => Echo {
                from: mac,
                ..echo.answer()
            }
            .frame(),
            _ => continue,
        };
        if host.holds.load(Ordering::Relaxed) {
            tap.send(&answer).unwrap();
        }
    }
}

fn arp_answer(question: &Arp, mac: Mac) -> Vec<u8> {
    let answer = Arp {
        reply: true,
        sender: mac,
        sender_ip: VIP,
        target: question.sender,
        target_ip: question.sender_ip,
    };
    answer.frame(question.sender)
}

/// An announcement of the address.
fn announcement(mac: Mac) -> Vec<u8> {
    let told = Arp {
        reply: true,
        sender: mac,
        sender_ip: VIP,
        target: BROADCAST,
        target_ip: VIP,
    };
    told.frame(BROADCAST)
}

fn set(host: &Host, holds: bool) {
    host.holds.store(holds, Ordering::Relaxed);
}

#[test]
fn it_sees_an_address_move_and_two_hosts_that_have_it() {
    if let Err(error) = Version::query("qemu-system-x86_64") {
        skipped(&error.to_string());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(dir.path(), Lifetime::Tied).unwrap();
    let [first, second] = ["a", "b"].map(|name| switch.tap(name).unwrap());
    let mut voice = switch.tap("voice").unwrap();
    let (a, b) = (Host::default(), Host::default());
    let prober = Prober::start(&switch, &[VIP]);
    thread::scope(|all| {
        all.spawn(|| play(first, A, &a));
        all.spawn(|| play(second, B, &b));
        let story = || {
            let began = Instant::now();
            set(&a, true);
            let echo = |from, of| {
                prober.wait("a packet to be answered", LIMIT, |history| {
                    history.first_echo(VIP, from, |mac| mac == of)
                })
            };
            echo(began, A);

            // A lets go, and B takes it: nobody answers until a neighbour is told.
            set(&a, false);
            thread::sleep(Duration::from_millis(200));
            let moved = Instant::now();
            set(&b, true);
            prober.wait("B to answer a question", LIMIT, |history| {
                let replied = |x: &_| matches!(x, Kind::Reply { .. });
                let mut answers = history.answers.iter();
                answers.find(|x| x.mac == B && replied(&x.kind)).map(drop)
            });
            prober.look(|h| assert_eq!(h.neighbour(VIP, Instant::now()), Some(A)));
            voice.send(&announcement(B)).unwrap();
            let there = echo(moved, B);
            let time = began..Instant::now();
            prober.look(|history| {
                assert_eq!(history.doubles(VIP, time.clone()), []);
                assert_eq!(history.holders(VIP, time.clone()), [A, B]);
                assert_eq!(history.neighbour(VIP, there), Some(B));
                let silence = history.silence(VIP, time);
                assert!(silence >= Duration::from_millis(150), "{silence:?}");
            });

            // A router answers B.
            let ping = Echo {
                reply: false,
                from: B,
                to: hive_tests::prober::member::MAC,
                source: VIP,
                destination: ADDRESS,
                id: 9,
                sequence: 1,
                data: b"from B".to_vec(),
            };
            voice.send(&ping.frame()).unwrap();
            let until = Instant::now() + LIMIT;
            let answered = std::iter::from_fn(|| {
                let left = until.saturating_duration_since(Instant::now());
                voice.receive(left).unwrap()
            });
            let expected = Frame::Echo(ping.answer());
            assert!(
                answered
                    .map(|f| Frame::parse(&f))
                    .any(|f| f == Some(expected.clone()))
            );

            // A never knew that it was to let go.
            let both = Instant::now();
            set(&a, true);
            let doubles = prober.wait("two answers to one question", LIMIT, |history| {
                let found = history.doubles(VIP, both..Instant::now());
                let same = |how| matches!(how, How::SameRound(_));
                found.iter().any(|d| same(d.how)).then_some(found)
            });
            assert!(
                doubles
                    .iter()
                    .all(|d| d.macs.contains(&A) && d.macs.contains(&B))
            );
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(story));
        a.ended.store(true, Ordering::Relaxed);
        b.ended.store(true, Ordering::Relaxed);
        result.unwrap();
    });
}
