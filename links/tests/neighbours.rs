//! Probes, announcements and pings between hosts on one switch.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod site;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hive_links::{Error, Links, Mac, Place};
use site::{Host, Switch, skipped, wait};

const WAIT: Duration = Duration::from_millis(600);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn probe(host: &Host, text: &str) -> Option<Mac> {
    let (eth0, ip) = (host.interface("eth0"), ip(text));
    host.run(async move |links: Links| links.probe(&eth0, ip, WAIT).await.unwrap())
}

fn add(host: &Host, text: &str) {
    let ip = ip(text);
    let place = Place {
        index: host.interface("eth0").index,
        interface: "eth0".into(),
        prefix: if ip.is_ipv4() { 24 } else { 64 },
    };
    host.run(async move |links: Links| links.add(&place, ip).await.unwrap());
}

fn remove(host: &Host, text: &str) {
    let (index, ip) = (host.interface("eth0").index, ip(text));
    host.run(async move |links: Links| links.remove(index, ip).await.unwrap());
}

fn announce(host: &Host, text: &str) {
    let (eth0, ip) = (host.interface("eth0"), ip(text));
    host.run(async move |links: Links| links.announce(&eth0, ip).await.unwrap());
}

fn ping(host: &Host, router: &str, from: &str) -> Result<Option<Duration>, Error> {
    let (eth0, router, from) = (host.interface("eth0"), ip(router), ip(from));
    host.run(async move |links: Links| links.ping(router, from, &eth0, WAIT).await)
}

/// A switch with three hosts: 10.0.0.1 to 3 and fd00::1 to 3.
fn site() -> (Switch, [Host; 3]) {
    let (switch, hosts) = (Switch::new(), [Host::new(), Host::new(), Host::new()]);
    for (host, n) in hosts.iter().zip(1..) {
        let addresses = [format!("10.0.0.{n}/24"), format!("fd00::{n}/64")];
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        switch.wire(host, "eth0", &format!("p{n}"), &addresses);
    }
    (switch, hosts)
}

#[test]
fn a_probe_finds_others_and_never_itself() {
    if skipped(&[]) {
        return;
    }
    let (switch, [a, b, _]) = site();
    // A second interface of the same host on the same network answers for it, too.
    switch.wire(&a, "eth1", "p9", &[]);
    for (vip, mine) in [("10.0.0.9", "10.0.0.1"), ("fd00::9", "fd00::1")] {
        let start = Instant::now();
        assert_eq!(probe(&a, vip), None, "{vip} is free");
        assert!(start.elapsed() >= WAIT);
        assert_eq!(probe(&a, mine), None, "{mine} is its own");
        add(&b, vip);
        let start = Instant::now();
        assert_eq!(probe(&a, vip), b.interface("eth0").mac, "{vip} is b's");
        assert!(start.elapsed() < WAIT, "the first answer ends it");
        assert_eq!(probe(&b, vip), None, "b has it itself");
        remove(&b, vip);
        assert_eq!(probe(&a, vip), None, "{vip} is free again");
    }
    // Nothing was learnt from questions.
    assert_eq!(b.neighbour("10.0.0.9"), None);
}

#[test]
fn two_that_ask_at_once_hear_of_each_other() {
    if skipped(&[]) {
        return;
    }
    let (_switch, [a, b, _]) = site();
    for vip in ["10.0.0.9", "fd00::9"].map(ip) {
        let [one, other] = [&a, &b].map(|host| {
            let eth0 = host.interface("eth0");
            host.start(async move |links: Links| links.probe(&eth0, vip, 5 * WAIT).await.unwrap())
        });
        let soon = Duration::from_secs(20);
        let seen = [one, other].map(|answer| answer.recv_timeout(soon).unwrap());
        // Who has heard the other stops asking, so the second may have missed the first.
        assert!(seen.iter().any(Option::is_some), "{vip}: {seen:?}");
    }
}

#[test]
fn neighbours_follow_an_address_that_moves() {
    if skipped(&["ping"]) {
        return;
    }
    let (_switch, [a, b, client]) = site();
    for vip in ["10.0.0.9", "fd00::9"] {
        add(&a, vip);
        client.sh(&format!("ping -c 1 -W 5 {vip}"));
        let mac = |host: &Host| host.interface("eth0").mac.map(|mac| mac.to_string());
        assert_eq!(client.neighbour(vip), mac(&a));
        remove(&a, vip);
        add(&b, vip);
        assert_eq!(client.neighbour(vip), mac(&a), "nobody told it yet");
        announce(&b, vip);
        wait("the new owner in the client's table", || {
            client.neighbour(vip) == mac(&b)
        });
        client.sh(&format!("ping -c 1 -W 5 {vip}"));
        remove(&b, vip);
    }
}

#[test]
fn a_router_answers_the_virtual_address_or_not() {
    if skipped(&[]) {
        return;
    }
    let (_switch, [a, _b, _c]) = site();
    for (vip, router, nobody) in [
        ("10.0.0.9", "10.0.0.3", "10.0.0.66"),
        ("fd00::9", "fd00::3", "fd00::66"),
    ] {
        let refused = ping(&a, router, vip).unwrap_err();
        assert!(refused.to_string().contains(vip), "{refused}");
        add(&a, vip);
        assert!(ping(&a, router, vip).unwrap().is_some(), "{router}");
        let start = Instant::now();
        assert_eq!(ping(&a, nobody, vip).unwrap(), None);
        assert!(start.elapsed() < WAIT + Duration::from_secs(2));
    }
    assert!(matches!(
        ping(&a, "fd00::3", "10.0.0.9"),
        Err(Error::Families(..))
    ));
}

#[test]
fn a_link_that_is_down_is_an_error_that_names_it() {
    if skipped(&[]) {
        return;
    }
    let (_switch, [a, _b, _c]) = site();
    let eth0 = a.interface("eth0");
    a.sh("ip link set eth0 down");
    let refused = a.run(async move |links: Links| links.announce(&eth0, ip("10.0.0.9")).await);
    let text = refused.unwrap_err().to_string();
    assert_eq!(text, "announcing 10.0.0.9 on eth0");
}
