//! Ports of a virtual address really lead to a container, past what Docker drops, and are gone when
//! nothing is wanted any more.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod site;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use hive_links::ports::{Chain, Forward, Outcome, Table, reconcile};
use hive_links::{Links, Place, PortList};
use site::{Host, Switch, skipped, wire};

/// What Docker does to forwarded packets, as far as it matters here.
const DOCKER: &str = "
for t in iptables ip6tables; do
    $t -P FORWARD DROP
    $t -N DOCKER-USER
    $t -A DOCKER-USER -j RETURN
    $t -A FORWARD -j DOCKER-USER
    $t -A FORWARD -o gw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $t -A FORWARD -i gw ! -o gw -j ACCEPT
done
iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o gw -j MASQUERADE
ip6tables -t nat -A POSTROUTING -s fd18::/64 ! -o gw -j MASQUERADE";

const VIPS: [(&str, &str); 2] = [("10.0.0.9", "172.18.0.5"), ("fd00::9", "fd18::5")];
const PATIENCE: Duration = Duration::from_secs(10);

/// A host with two virtual addresses and Docker's rules, a container behind it, and a client beside.
struct Site {
    host: Host,
    container: Host,
    client: Host,
    _switch: Switch,
}

impl Site {
    fn new() -> Self {
        let (switch, host, container, client) =
            (Switch::new(), Host::new(), Host::new(), Host::new());
        switch.wire(&host, "eth0", "p0", &["10.0.0.1/24", "fd00::1/64"]);
        switch.wire(&client, "eth0", "p1", &["10.0.0.2/24", "fd00::2/64"]);
        wire(&host, "gw", &container, "eth0");
        host.sh("ip address add 172.18.0.1/16 dev gw; ip address add fd18::1/64 dev gw nodad");
        host.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        container
            .sh("ip address add 172.18.0.5/16 dev eth0; ip address add fd18::5/64 dev eth0 nodad");
        container.sh("ip address add 172.18.0.6/16 dev eth0");
        container.sh("ip route add default via 172.18.0.1; ip -6 route add default via fd18::1");
        let index = host.interface("eth0").index;
        for (vip, prefix) in [("10.0.0.9", 24), ("fd00::9", 64)] {
            let (ip, interface) = (vip.parse().unwrap(), "eth0".to_owned());
            let place = Place {
                index,
                interface,
                prefix,
            };
            host.run(async move |links: Links| links.add(&place, ip).await.unwrap());
        }
        Self {
            host,
            container,
            client,
            _switch: switch,
        }
    }

    fn docker(&self) {
        self.host.sh(DOCKER);
    }

    fn reconcile(&self, wanted: &[Forward]) -> Outcome {
        let wanted = wanted.to_vec();
        self.host
            .run(async move |_| reconcile(&wanted).await.unwrap())
    }

    /// All rules but ours, and all rules.
    fn rules(&self) -> (Vec<String>, Vec<String>) {
        let all = self
            .host
            .sh("iptables-save | grep ^-A; ip6tables-save | grep ^-A; nft list tables");
        let all: Vec<String> = all.lines().map(str::to_owned).collect();
        let foreign = all.iter().filter(|line| !line.contains("hive_vip"));
        (foreign.cloned().collect(), all)
    }

    /// Connects from `host` and has a word back: who the container thinks it spoke to.
    fn speak(&self, from: &Host, listener: &TcpListener, target: &str) -> Option<SocketAddr> {
        let target: SocketAddr = target.parse().unwrap();
        let wait = Duration::from_secs(2);
        let mut stream = from.run(async move |_| TcpStream::connect_timeout(&target, wait).ok())?;
        let (mut accepted, peer) = listener.accept().unwrap();
        accepted.write_all(b"hello").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut word = [0; 5];
        stream.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"hello");
        Some(peer)
    }

    fn listen(&self, address: &str) -> TcpListener {
        let address: SocketAddr = address.parse().unwrap();
        self.container
            .run(async move |_| TcpListener::bind(address).unwrap())
    }
}

fn forward(vip: &str, container: &str, ports: &str, leaves_by: Option<u32>) -> Forward {
    let ports: PortList = ports.parse().unwrap();
    let (vip, container) = (vip.parse().unwrap(), container.parse().unwrap());
    Forward::new(vip, container, ports.ports(), leaves_by).unwrap()
}

fn socket(ip: &str, port: u16) -> String {
    SocketAddr::new(ip.parse().unwrap(), port).to_string()
}

const ALL_NEW: Outcome = Outcome {
    table: Table::Written,
    ipv4: Chain::Changed,
    ipv6: Chain::Changed,
};
const NOTHING: Outcome = Outcome {
    table: Table::Unchanged,
    ipv4: Chain::Unchanged,
    ipv6: Chain::Unchanged,
};

#[test]
fn a_connection_reaches_the_container_until_it_is_not_wanted() {
    if skipped(&["nft", "iptables"]) {
        return;
    }
    let site = Site::new();
    site.docker();
    let (before, _) = site.rules();
    assert_eq!(site.reconcile(&[]), NOTHING);
    let listeners = VIPS.map(|(_, container)| site.listen(&socket(container, 80)));
    let client: [IpAddr; 2] = ["10.0.0.2", "fd00::2"].map(|ip| ip.parse().unwrap());
    let wanted = VIPS.map(|(vip, container)| forward(vip, container, "80,53/udp", None));
    for ((vip, container), listener) in VIPS.iter().zip(&listeners) {
        let refused = site.speak(&site.client, listener, &socket(vip, 80));
        assert!(refused.is_none(), "{vip}");
        // The container itself is none of the client's business, then and later.
        site.client
            .try_sh(&format!("ip route add {container} via 10.0.0.1"));
    }
    assert_eq!(site.reconcile(&wanted), ALL_NEW);
    assert_eq!(site.reconcile(&wanted), NOTHING, "all is there");
    assert_eq!(site.rules().0.len(), before.len());
    for (((vip, _), listener), client) in VIPS.iter().zip(&listeners).zip(client) {
        let peer = site
            .speak(&site.client, listener, &socket(vip, 80))
            .unwrap();
        assert_eq!(peer.ip(), client, "the container sees who speaks to it");
        let own = site.speak(&site.host, listener, &socket(vip, 80));
        assert!(own.is_some(), "the host itself reaches {vip}");
    }
    let direct = site.speak(&site.client, &listeners[0], "172.18.0.5:80");
    assert!(
        direct.is_none(),
        "Docker still drops what goes past the address"
    );

    for ((vip, _), listener) in VIPS.iter().zip(&listeners) {
        let own = site.speak(&site.container, listener, &socket(vip, 80));
        assert!(own.is_some(), "the container reaches itself as {vip}");
    }

    // UDP has a rule of its own.
    let server = site
        .container
        .run(async |_| UdpSocket::bind("172.18.0.5:53").unwrap());
    let asker = site
        .client
        .run(async |_| UdpSocket::bind("10.0.0.2:0").unwrap());
    for socket in [&server, &asker] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    asker.send_to(b"who", "10.0.0.9:53").unwrap();
    let mut word = [0; 3];
    let (_, from) = server.recv_from(&mut word).unwrap();
    server.send_to(b"you", from).unwrap();
    let (_, answered) = asker.recv_from(&mut word).unwrap();
    assert_eq!(
        (&word, answered.to_string()),
        (b"you", "10.0.0.9:53".into())
    );

    let removed = site.reconcile(&[]);
    assert_eq!(removed.table, Table::Removed);
    assert_eq!(
        (removed.ipv4, removed.ipv6),
        (Chain::Changed, Chain::Changed)
    );
    let (foreign, all) = site.rules();
    assert_eq!(foreign, all, "nothing of ours is left");
    assert_eq!(foreign, before, "nothing else was touched");
    for ((vip, _), listener) in VIPS.iter().zip(&listeners) {
        assert!(
            site.speak(&site.client, listener, &socket(vip, 80))
                .is_none()
        );
    }
}

#[test]
fn a_container_with_another_address_is_followed() {
    if skipped(&["nft", "iptables"]) {
        return;
    }
    let site = Site::new();
    site.docker();
    let listener = site.listen("172.18.0.6:80");
    site.reconcile(&[forward("10.0.0.9", "172.18.0.5", "80", None)]);
    assert!(site.speak(&site.client, &listener, "10.0.0.9:80").is_none());
    let moved = site.reconcile(&[forward("10.0.0.9", "172.18.0.6", "80", None)]);
    assert_eq!(
        (moved.table, moved.ipv4),
        (Table::Written, Chain::Unchanged)
    );
    assert!(site.speak(&site.client, &listener, "10.0.0.9:80").is_some());
}

#[test]
fn the_container_speaks_as_the_virtual_address() {
    if skipped(&["nft", "iptables"]) {
        return;
    }
    let site = Site::new();
    site.docker();
    let index = site.host.interface("eth0").index;
    for (server, vip, container) in [
        ("10.0.0.2:9000", "10.0.0.9", "172.18.0.5"),
        ("[fd00::2]:9000", "fd00::9", "fd18::5"),
    ] {
        let at: SocketAddr = server.parse().unwrap();
        let listener = site
            .client
            .run(async move |_| TcpListener::bind(at).unwrap());
        let peer = site.speak(&site.container, &listener, server).unwrap();
        assert_ne!(peer.ip().to_string(), vip, "Docker's own masquerade");
        site.reconcile(&[forward(vip, container, "80", Some(index))]);
        let peer = site.speak(&site.container, &listener, server).unwrap();
        assert_eq!(peer.ip().to_string(), vip);
    }
    // An interface that is gone costs its own rule only.
    let gone = forward("10.0.0.9", "172.18.0.5", "80", Some(4242));
    let gone = [gone];
    assert_eq!(site.reconcile(&gone).table, Table::Written);
    assert_eq!(site.reconcile(&gone).table, Table::Unchanged);
}

#[test]
fn a_port_that_docker_publishes_everywhere_yields() {
    if skipped(&["nft", "iptables"]) {
        return;
    }
    let site = Site::new();
    site.docker();
    site.host.sh("iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 80 -j DNAT --to 172.18.0.77:80");
    let listener = site.listen("172.18.0.5:80");
    site.reconcile(&[forward("10.0.0.9", "172.18.0.5", "80", None)]);
    assert!(site.speak(&site.client, &listener, "10.0.0.9:80").is_some());
}

#[test]
fn without_docker_it_is_told_and_made_good_later() {
    if skipped(&["nft", "iptables"]) {
        return;
    }
    let site = Site::new();
    let wanted = [forward("10.0.0.9", "172.18.0.5", "80", None)];
    let outcome = site.reconcile(&wanted);
    assert_eq!(
        (outcome.ipv4, outcome.ipv6),
        (Chain::NotNeeded, Chain::Unchanged)
    );
    let listener = site.listen("172.18.0.5:80");
    let spoken = site.speak(&site.client, &listener, "10.0.0.9:80");
    assert!(spoken.is_some(), "nothing is dropped");
    site.host.sh("iptables -P FORWARD DROP");
    let outcome = site.reconcile(&wanted);
    assert_eq!(outcome.ipv4, Chain::Missing);
    let spoken = site.speak(&site.client, &listener, "10.0.0.9:80");
    assert!(spoken.is_none(), "all is dropped");
    assert!(!outcome.complete());
    site.docker();
    let outcome = site.reconcile(&wanted);
    assert_eq!((outcome.ipv4, outcome.complete()), (Chain::Changed, true));
    let spoken = site.speak(&site.client, &listener, "10.0.0.9:80");
    assert!(spoken.is_some(), "Docker accepts it");
    // Docker was installed anew, and somebody flushed the rules.
    site.host
        .sh("iptables -F DOCKER-USER; nft flush table inet hive_vip");
    let outcome = site.reconcile(&wanted);
    assert_eq!(
        (outcome.table, outcome.ipv4),
        (Table::Written, Chain::Changed)
    );
    assert_eq!(site.reconcile(&wanted), NOTHING);
    // With a twin of ours and somebody else's rule in our table.
    site.host
        .sh("iptables -S DOCKER-USER | sed -n 's/^-A/iptables -A/p' | sh");
    site.host
        .sh("nft add rule inet hive_vip from_network counter");
    let outcome = site.reconcile(&wanted);
    assert_eq!(
        (outcome.table, outcome.ipv4),
        (Table::Written, Chain::Changed)
    );
    assert_eq!(site.reconcile(&wanted), NOTHING);
}
