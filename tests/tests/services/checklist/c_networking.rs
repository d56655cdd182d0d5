//! Networks between containers, and the ways in from outside.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use hive_qemu::Switch;
use hive_tests::checklist::{How, Item};

use hive_tests::cluster::{Cluster, HOSTS};

pub const BOXES: &[Item<Cluster>] = &[
    Item {
        id: "C1",
        name: "an overlay with a subnet of its own, which plain containers attach to",
        how: How::Run(overlay),
    },
    Item {
        id: "C2",
        name: "an encrypted overlay passes traffic, and none of it can be read on the wire",
        how: How::Run(encrypted),
    },
    Item {
        id: "C3",
        name: "services without a common network do not reach each other",
        how: How::Run(isolated),
    },
    Item {
        id: "C4",
        name: "the routing mesh answers on every host, balanced over the tasks, tcp and udp",
        how: How::Run(mesh),
    },
    Item {
        id: "C5",
        name: "the mesh hides who asks, host mode shows it",
        how: How::Run(source),
    },
    Item {
        id: "C6",
        name: "host mode answers only on hosts with a task",
        how: How::Run(host_mode),
    },
    Item {
        id: "C7",
        name: "a port published twice is refused; a proxy in front gives two services one port",
        how: How::Run(proxy),
    },
    Item {
        id: "C8",
        name: "ingress and docker_gwbridge have subnets of internal_cidr",
        how: How::Run(subnets),
    },
    Item {
        id: "C9",
        name: "a load balancer outside, in front of all hosts",
        how: How::Skip("it is no part of the site; what it needs, each port on every host, is C4"),
    },
    Item {
        id: "C10",
        name: "a container with docker's socket on port 8080 shows hosts and tasks",
        how: How::Run(visualizer),
    },
];

fn overlay(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker network create -d overlay --attachable --subnet 10.99.7.0/24 --ip-range 10.99.7.128/25 --gateway 10.99.7.1 t-own >/dev/null
create --name t-in --network t-own --constraint node.hostname==p-hive1 box:1
within 40 runs t-in 1
"#,
    );
    let address = c.sh(
        "p-hive1",
        "inside t-in hostname -i; docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' t-own",
    );
    assert!(
        address.starts_with("10.99.7.") && address.ends_with("10.99.7.0/24"),
        "{address}"
    );
    c.sh(
        "p-hive0",
        r#"
said=$(docker run --rm --network t-own box:1 timeout 10 wget -qO- http://t-in/version)
same one "$said"
docker network create -d overlay t-closed >/dev/null
refuses "not manually attachable" docker run --rm --network t-closed box:1 true
gone t-in
free() { docker network rm t-own t-closed >/dev/null 2>&1 || ! docker network ls --format '{{.Name}}' | grep -q ^t-; }
within 40 free
"#,
    );
}

/// What an observer of the first host's cable may look for.
const PLAIN: &str = "Marmalade-in-the-clear";
const SEALED: &str = "Marmalade-under-seal";

fn encrypted(c: &Cluster) {
    let file = c.path(".hive/private/run/wire.pcap");
    drop(fs::remove_file(&file));
    c.sh(
        "p-hive0",
        r#"
docker network create -d overlay t-open >/dev/null
docker network create -d overlay --opt encrypted t-seal >/dev/null
create --name t-hear --constraint node.hostname==p-hive1 --network t-open --network t-seal box:1
create --name t-tell --constraint node.hostname==p-hive0 --network t-open --network t-seal box:1
within 60 runs t-hear 1; within 60 runs t-tell 1
"#,
    );
    // Which address is on which network only its host knows.
    let addresses = c.sh(
        "p-hive1",
        r#"id=$(container t-hear); for n in t-open t-seal; do docker inspect --format "{{(index .NetworkSettings.Networks \"$n\").IPAddress}}" $id; done"#,
    );
    let addresses: Vec<&str> = addresses.lines().collect();
    let switch = Switch::attach(&c.path(".hive/private/run/switch")).unwrap();
    switch.capture("p-hive0", &file).unwrap();
    let (open, seal) = (addresses[0], addresses[1]);
    let told = c.try_sh(
        "p-hive0",
        &format!(
            r#"
tell() {{ inside t-tell timeout 5 wget -qO- "http://$1/version?$2" >/dev/null 2>&1; }}
within 30 tell {open} {PLAIN}
within 30 tell {seal} {SEALED}
"#
        ),
    );
    sleep(Duration::from_secs(2));
    switch
        .execute("object-del", serde_json::json!({"id": "capture-p-hive0"}))
        .unwrap();
    told.unwrap();
    let wire = fs::read(&file).unwrap();
    let seen = |text: &str| wire.windows(text.len()).any(|w| w == text.as_bytes());
    let esp = frames(&wire)
        .filter(|frame| protocol(frame) == Some(50))
        .count();
    println!("{} bytes of frames, {esp} of them ESP", wire.len());
    assert!(
        seen(PLAIN),
        "the plain overlay can't be seen: this test sees nothing"
    );
    assert!(!seen(SEALED), "the encrypted overlay can be read");
    assert!(esp > 0, "no frame is encrypted");
    c.sh(
        "p-hive0",
        r#"
gone t-hear t-tell
free() { docker network rm t-open t-seal >/dev/null 2>&1 || ! docker network ls --format '{{.Name}}' | grep -q ^t-; }
within 40 free
"#,
    );
}

/// The frames of a capture.
fn frames(pcap: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = pcap.get(24..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_le_bytes(rest.get(8..12)?.try_into().ok()?) as usize;
        let frame = rest.get(16..16 + length)?;
        rest = &rest[16 + length..];
        Some(frame)
    })
}

/// The protocol in an IPv4 frame.
fn protocol(frame: &[u8]) -> Option<u8> {
    (frame.get(12..14)? == [8, 0]).then(|| frame.get(23).copied())?
}

fn isolated(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker network create -d overlay t-left >/dev/null
docker network create -d overlay t-right >/dev/null
create --name t-l --constraint node.hostname==p-hive0 --network t-left box:1
create --name t-r --constraint node.hostname==p-hive0 --network t-right box:1
create --name t-both --constraint node.hostname==p-hive1 --network t-left --network t-right box:1
within 60 runs t-l 1; within 60 runs t-r 1; within 60 runs t-both 1
reach() { inside $1 timeout 3 wget -qO- http://$2/version >/dev/null 2>&1; }
within 20 reach t-l t-both
within 20 reach t-r t-both
if reach t-l t-r; then fail "t-l reaches t-r by name"; fi
address=$(inside t-r hostname -i)
if reach t-l $address; then fail "t-l reaches t-r at $address"; fi
gone t-l t-r t-both
free() { docker network rm t-left t-right >/dev/null 2>&1 || ! docker network ls --format '{{.Name}}' | grep -q ^t-; }
within 40 free
"#,
    );
}

fn mesh(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-mesh --replicas 2 --constraint node.hostname!=p-hive2 --env 'TASK={{.Task.Slot}}' --publish 8211:80 box:1
create --name t-udp --constraint node.hostname==p-hive1 --env 'TASK=udp' --publish 8212:9/udp box:1 udp-echo
within 60 runs t-mesh 2; within 60 runs t-udp 1
"#,
    );
    // Seen from each host: all hosts answer, p-hive2 too, which has no task; and asking one host
    // again and again is answered by each task in turn. Turns are taken by all who ask, so one host
    // asks after the other.
    for host in HOSTS {
        c.sh(
            host,
            r#"
for a in 192.168.77.4 192.168.77.5 192.168.77.6; do
    within 20 says $a:8211/version one
    heard=$(for i in 1 2 3 4 5 6; do page $a:8211/cgi-bin/who | cut -d' ' -f1; done | sort | uniq -c | xargs)
    same "3 task=1 3 task=2" "$heard"
    exchange() { [ "$(python3 -c 'import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(3); s.sendto(b"hello",(sys.argv[1],8212)); print(s.recv(99).decode())' $a 2>/dev/null)" = "udp heard hello" ]; }
    within 20 exchange
done
"#,
        );
    }
    c.sh("p-hive0", "gone t-mesh t-udp");
}

fn source(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-src --constraint node.hostname==p-hive1 --publish 8221:80 --publish published=8222,target=80,mode=host box:1
within 40 runs t-src 1
"#,
    );
    c.sh(
        "p-hive2",
        r#"
within 20 answers 192.168.77.5:8221/
within 20 answers 192.168.77.5:8222/
hidden=$(page 192.168.77.5:8221/cgi-bin/who); shown=$(page 192.168.77.5:8222/cgi-bin/who)
lacks client=192.168.77.6 "${hidden/ffff:/}"
has "client=" "$hidden"
has 192.168.77.6 "$shown"
"#,
    );
    c.sh("p-hive0", "gone t-src");
}

fn host_mode(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-here --constraint node.hostname==p-hive1 --publish published=8231,target=80,mode=host box:1
within 40 runs t-here 1
within 20 answers 192.168.77.5:8231/
for a in 192.168.77.4 192.168.77.6; do if answers $a:8231/; then fail "$a answers"; fi; done
# A second task of it fits on no host that has the port taken.
docker service scale -d t-here=2 >/dev/null
told() { docker service ps --no-trunc --format '{{.Error}}' t-here | grep -q 'host-mode port already in use on 1 node'; }
within 20 told
gone t-here
"#,
    );
}

fn proxy(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker network create -d overlay t-front >/dev/null
create --name t-a --network t-front box:1
create --name t-b --network t-front box:2
create --name t-proxy --network t-front --publish 8241:80 box:1 front /a=t-a:80 /b=t-b:80
refuses "already in use by service 't-proxy'" docker service create -d --no-resolve-image --name t-second --publish 8241:80 box:1
within 60 runs t-a 1; within 60 runs t-b 1; within 60 runs t-proxy 1
within 20 says 127.0.0.1:8241/a/version one
within 20 says 127.0.0.1:8241/b/version two
gone t-a t-b t-proxy
free() { docker network rm t-front >/dev/null 2>&1; }
within 40 free
"#,
    );
}

fn subnets(c: &Cluster) {
    let told = c.everywhere(
        r#"
for n in apiarist-ingress docker_gwbridge; do docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' $n; done | xargs
"#,
    );
    // The site says internal_cidr: 172.31.252.0/22.
    for line in &told {
        let mut subnets = line.split(' ');
        for which in ["apiarist-ingress", "docker_gwbridge"] {
            let subnet = subnets.next().unwrap();
            let inside = ["172.31.252.", "172.31.253.", "172.31.254.", "172.31.255."];
            assert!(
                inside.iter().any(|start| subnet.starts_with(start)),
                "{which} has {subnet}; {told:?}"
            );
        }
    }
}

fn visualizer(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
cat >/tmp/t-show <<'PERL'
#!/usr/bin/perl
use IO::Socket::UNIX;
print "Content-Type: text/plain\n\n";
for my $path ("/nodes", "/tasks") {
    my $s = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or die $!;
    print $s "GET $path HTTP/1.0\r\n\r\n";
    local $/; my $text = <$s>;
    print "$1\n" while $text =~ /"(?:Hostname|State|Image)":"([^"]+)"/g;
}
PERL
docker config create t-show /tmp/t-show >/dev/null; rm /tmp/t-show
create --name t-visual --constraint node.role==manager --publish 8080:80 --mount type=bind,src=/run/docker.sock,dst=/run/docker.sock \
    --config source=t-show,target=/www/cgi-bin/show,mode=0755 box:1
within 40 runs t-visual 1
within 30 says 127.0.0.1:8080/cgi-bin/show p-hive2
all=$(page 127.0.0.1:8080/cgi-bin/show)
for word in p-hive0 p-hive1 p-hive2 ready running box:1; do has $word "$all"; done
gone t-visual
docker config rm t-show >/dev/null
"#,
    );
}
