//! Addresses are added, recognised and removed, and the host's own stay as they are.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod site;

use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use hive_links::{Added, Change, Error, Links, Place, Removed};
use site::{Host, Switch, skipped};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn place(host: &Host, name: &str, prefix: u8) -> Place {
    Place {
        index: host.interface(name).index,
        interface: name.to_owned(),
        prefix,
    }
}

fn add(host: &Host, name: &str, prefix: u8, text: &str) -> Result<Added, Error> {
    let (place, ip) = (place(host, name, prefix), ip(text));
    host.run(async move |links: Links| links.add(&place, ip).await)
}

fn remove(host: &Host, name: &str, text: &str) -> Result<Removed, Error> {
    let (index, ip) = (host.interface(name).index, ip(text));
    host.run(async move |links: Links| links.remove(index, ip).await)
}

/// The source address that the kernel takes for a way.
fn source(host: &Host, target: &str) -> String {
    let route = host.json(&format!("ip -j route get {target}"));
    route[0]["prefsrc"].as_str().unwrap().to_owned()
}

#[test]
fn added_once_recognised_and_removed_whatever_the_interface_is_called() {
    if skipped(&[]) {
        return;
    }
    for name in ["eth0", "br-lan.7", "a\"b*c$d", "ünï@x", "fifteen-letters"] {
        let (host, switch) = (Host::new(), Switch::new());
        switch.wire(&host, name, "p0", &["10.0.0.1/24", "fd00::1/64"]);
        for (text, prefix) in [("10.0.0.9", 24), ("fd00::9", 64)] {
            assert_eq!(add(&host, name, prefix, text).unwrap(), Added::New);
            assert_eq!(add(&host, name, prefix, text).unwrap(), Added::Already);
            // Another process, so to speak: nothing is remembered but by the kernel.
            let addresses = host.interface(name).addresses;
            let ours: Vec<_> = addresses.iter().filter(|a| a.ours).collect();
            assert!(matches!(ours[..], [a] if a.ip == ip(text)), "{addresses:?}");
            assert_eq!(remove(&host, name, text).unwrap(), Removed::Now);
            assert_eq!(remove(&host, name, text).unwrap(), Removed::Already);
        }
        assert_eq!(host.addresses(name), ["10.0.0.1/24", "fd00::1/64"]);
    }
}

#[test]
fn the_host_speaks_as_itself() {
    if skipped(&[]) {
        return;
    }
    let (host, switch) = (Host::new(), Switch::new());
    switch.wire(&host, "eth0", "p0", &["10.0.0.1/24", "fd00::1/64"]);
    let routes = host.sh("ip route; ip -6 route");
    add(&host, "eth0", 24, "10.0.0.9").unwrap();
    add(&host, "eth0", 64, "fd00::9").unwrap();
    assert_eq!(source(&host, "10.0.0.77"), "10.0.0.1");
    assert_eq!(source(&host, "fd00::77"), "fd00::1");
    // The one that is closest to the target counts as little.
    assert_eq!(source(&host, "10.0.0.8"), "10.0.0.1");
    assert_eq!(source(&host, "fd00::8"), "fd00::1");
    assert_eq!(host.sh("ip route; ip -6 route"), routes);
    remove(&host, "eth0", "10.0.0.9").unwrap();
    remove(&host, "eth0", "fd00::9").unwrap();
    assert_eq!(host.sh("ip route; ip -6 route"), routes);
}

#[test]
fn the_hosts_own_address_comes_and_goes_beside_ours() {
    if skipped(&[]) {
        return;
    }
    for promote in ["0", "1"] {
        let (host, switch) = (Host::new(), Switch::new());
        host.sh(&format!(
            "sysctl -qw net.ipv4.conf.all.promote_secondaries={promote}"
        ));
        host.sh(&format!(
            "sysctl -qw net.ipv4.conf.default.promote_secondaries={promote}"
        ));
        switch.wire(&host, "eth0", "p0", &["10.0.0.1/24"]);
        add(&host, "eth0", 24, "10.0.0.9").unwrap();
        host.sh("ip address del 10.0.0.1/24 dev eth0");
        assert_eq!(host.addresses("eth0"), ["10.0.0.9/32"]);
        host.sh("ip address add 10.0.0.1/24 dev eth0");
        assert_eq!(source(&host, "10.0.0.77"), "10.0.0.1");
        remove(&host, "eth0", "10.0.0.9").unwrap();
        assert_eq!(host.addresses("eth0"), ["10.0.0.1/24"]);

        // Where the host has none in the network, ours brings the route, until the host has one.
        add(&host, "eth0", 24, "192.0.2.9").unwrap();
        assert_eq!(source(&host, "192.0.2.77"), "192.0.2.9");
        host.sh("ip address add 192.0.2.1/24 dev eth0");
        assert_eq!(add(&host, "eth0", 24, "192.0.2.9").unwrap(), Added::New);
        let now = host.addresses("eth0");
        assert!(now.contains(&"192.0.2.1/24".into()), "{now:?}");
        assert!(now.contains(&"192.0.2.9/32".into()), "{now:?}");
        assert_eq!(source(&host, "192.0.2.77"), "192.0.2.1");

        add(&host, "eth0", 24, "198.51.100.9").unwrap();
        host.sh("ip address add 198.51.100.1/24 dev eth0");
        remove(&host, "eth0", "198.51.100.9").unwrap();
        assert!(host.addresses("eth0").contains(&"198.51.100.1/24".into()));
        assert_eq!(source(&host, "198.51.100.77"), "198.51.100.1");
    }
}

#[test]
fn what_is_not_ours_is_never_touched() {
    if skipped(&[]) {
        return;
    }
    let (host, switch) = (Host::new(), Switch::new());
    switch.wire(&host, "eth0", "p0", &["10.0.0.1/24", "fd00::1/64"]);
    switch.wire(&host, "eth1", "p1", &["10.0.1.1/24"]);
    host.sh("ip address add 10.0.0.3/32 dev eth0 label eth0:other");
    let before = host.addresses("eth0");
    for text in ["10.0.0.1", "10.0.0.3", "fd00::1"] {
        for name in ["eth0", "eth1"] {
            let refused = add(&host, name, 24, text).unwrap_err();
            assert!(matches!(&refused, Error::NotOurs { interface, .. } if interface == "eth0"));
        }
        let refused = remove(&host, "eth0", text).unwrap_err();
        assert!(matches!(refused, Error::NotOurs { .. }), "{refused}");
    }
    assert_eq!(host.addresses("eth0"), before);
}

#[test]
fn an_interface_that_is_gone_is_told_apart() {
    if skipped(&[]) {
        return;
    }
    let host = Host::new();
    let gone = Place {
        index: 4242,
        interface: "gone".into(),
        prefix: 24,
    };
    let refused = host.run(async move |links| links.add(&gone, ip("10.0.0.9")).await);
    assert!(matches!(refused, Err(Error::NoInterface(4242))));
    let removed = host.run(async |links| links.remove(4242, ip("10.0.0.9")).await);
    assert_eq!(removed.unwrap(), Removed::Already);
}

#[test]
fn changes_are_heard() {
    if skipped(&[]) {
        return;
    }
    let (host, switch) = (Host::new(), Switch::new());
    switch.wire(&host, "eth0", "p0", &["10.0.0.1/24"]);
    let index = host.interface("eth0").index;
    let (sender, heard) = std::sync::mpsc::channel();
    let (ready, listens) = std::sync::mpsc::channel();
    let watching = host.start(async move |links: Links| {
        let mut watch = links.watch().await.unwrap();
        ready.send(()).unwrap();
        loop {
            let change = watch.next().await.unwrap();
            let last = matches!(change, Change::Gone { .. });
            sender.send(change).unwrap();
            if last {
                return;
            }
        }
    });
    listens.recv().unwrap();
    let soon = std::time::Duration::from_secs(20);
    let hear = |wanted: &Change| {
        let mut others = Vec::new();
        while let Ok(change) = heard.recv_timeout(soon) {
            if change == *wanted {
                return;
            }
            others.push(change);
        }
        panic!("{wanted:?} was not heard, but {others:?}");
    };
    let link = |up| Change::Link {
        index,
        name: "eth0".into(),
        up,
    };
    switch.carrier("p0", false);
    hear(&link(false));
    switch.carrier("p0", true);
    hear(&link(true));
    // The host's thread is busy with listening; others in its namespace are not.
    host.beside("ip address add 10.0.0.2/24 dev eth0");
    hear(&Change::Addresses { index });
    host.beside("ip link del eth0");
    hear(&Change::Gone {
        index,
        name: "eth0".into(),
    });
    watching.recv_timeout(soon).unwrap();
}

#[test]
fn more_changes_than_can_be_heard_are_told_and_hearing_goes_on() {
    if skipped(&[]) {
        return;
    }
    let host = Host::new();
    host.sh("ip link add eth0 type bridge; ip link set eth0 up");
    let index = host.interface("eth0").index;
    let many: String = (0..4000)
        .map(|n| format!("address add 10.0.{}.{}/32 dev eth0\n", n / 250, n % 250 + 1))
        .collect();
    host.run(async move |links: Links| {
        let mut watch = links.watch().await.unwrap();
        let ip = |lines: &str| {
            let mut ip = Command::new("ip")
                .args(["-batch", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = ip.stdin.take().unwrap();
            input.write_all(lines.as_bytes()).unwrap();
            drop(input);
            assert!(ip.wait().unwrap().success());
        };
        ip(&many);
        let mut heard = 0;
        while watch.next().await.unwrap() != Change::Missed {
            heard += 1;
            assert!(heard < 4000, "all was heard, so nothing is shown");
        }
        // From there on all is heard again, and nothing is left of what came before.
        ip("link add eth1 type bridge\n");
        let change = watch.next().await.unwrap();
        assert!(
            matches!(&change, Change::Link { name, .. } if name == "eth1"),
            "{change:?}"
        );
        // Lists of any length arrive whole.
        let interfaces = links.interfaces().await.unwrap();
        let eth0 = interfaces.iter().find(|i| i.index == index).unwrap();
        let ipv4 = eth0.addresses.iter().filter(|a| a.ip.is_ipv4());
        assert_eq!(ipv4.count(), 4000);
    });
}
