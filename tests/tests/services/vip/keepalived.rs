//! The rival: keepalived (VRRP) on the same hosts, with an address of its own for each configuration.
//!
//! It has nothing of a swarm, so what it follows is a global service: an address may be where that
//! service's process is, and the host that is about to fail has the highest priority.

use std::net::Ipv4Addr;

use hive_tests::cluster::HOSTS;

use super::stage::Stage;

/// The service that it follows.
pub const SERVICE: &str = "t-rival";
/// Its process, which is how the script knows it.
const PROCESS: &str = "httpd -f -p 8091 -h /www";
/// Between a process and the next: it comes back long after the address has moved, so that the two are
/// not taken for one.
const PAUSE: &str = "15s";
/// The unit of the benchmark.
const UNIT: &str = "bench-keepalived";

/// A configuration.
#[derive(Debug, Clone, Copy)]
pub struct Rival {
    /// Its address.
    pub vip: Ipv4Addr,
    /// For people.
    pub name: &'static str,
    /// Lines of its instance that say something about time.
    pub timers: &'static [&'static str],
    /// Lines of its script that do.
    pub script: &'static [&'static str],
}

/// Both.
pub const RIVALS: [Rival; 2] = [
    Rival {
        vip: Ipv4Addr::new(192, 168, 77, 91),
        name: "keepalived, default timers",
        timers: &[],
        script: &[],
    },
    Rival {
        vip: Ipv4Addr::new(192, 168, 77, 92),
        name: "keepalived, 1 s",
        timers: &["advert_int 1", "garp_master_delay 1"],
        script: &["interval 1", "fall 1", "rise 1"],
    },
];

/// Makes what it follows; an earlier run on these hosts may have left it.
pub fn create(stage: &Stage) {
    let left = format!("docker service rm {SERVICE} >/dev/null 2>&1 || true");
    stage.cluster.sh(HOSTS[0], &left);
    stage.create(
        SERVICE,
        &format!("--mode global --restart-delay {PAUSE} box:1 {PROCESS}"),
    );
    stage
        .cluster
        .sh(HOSTS[0], &format!("within 120 runs {SERVICE} 3"));
}

/// Starts it anew on all hosts; both addresses are to be on `first`.
pub fn start(stage: &Stage, first: &str) {
    for (index, host) in HOSTS.into_iter().enumerate() {
        let priority = if host == first { 150 } else { 100 - index };
        stage.cluster.sh(host, &script(priority));
    }
}

/// Stops it.
pub fn stop(stage: &Stage) {
    stage
        .cluster
        .everywhere(&format!("systemctl stop {UNIT} || true"));
}

/// What is done on a host. VRRP is protocol 112, which the host's own rules know nothing of.
fn script(priority: usize) -> String {
    format!(
        "systemctl stop {UNIT} 2>/dev/null || true
mkdir -p /run/bench
interface=$(ip -4 -o addr show to 192.168.77.0/24 | awk '{{print $2; exit}}')
cat >/run/bench/served <<'END'
exec pgrep -xf '{PROCESS}' >/dev/null
END
cat >/run/bench/keepalived.conf <<END
{}END
nft list chain inet hive input | grep -q {UNIT} || nft insert rule inet hive input ip protocol 112 accept comment {UNIT}
systemd-run -q --collect --unit {UNIT} keepalived --dont-fork --log-console --use-file /run/bench/keepalived.conf",
        configuration(priority)
    )
}

/// Its configuration; `$interface` and `$HOSTNAME` are the shell's. It starts no script whose program is a link, as
/// `/bin/sh` is.
fn configuration(priority: usize) -> String {
    let lines = |lines: &[&str]| -> String { lines.iter().map(|l| format!("    {l}\n")).collect() };
    let mut text = "global_defs {\n    router_id $HOSTNAME\n    script_user root\n    enable_script_security\n}\n".to_owned();
    for (index, rival) in RIVALS.iter().enumerate() {
        let router = 91 + index;
        text += &format!(
            "vrrp_script served{index} {{\n    script \"/usr/bin/bash /run/bench/served\"\n{}}}\n",
            lines(rival.script)
        );
        text += &format!(
            "vrrp_instance rival{index} {{\n    state BACKUP\n    interface $interface\n    virtual_router_id {router}\n    priority {priority}\n{}    virtual_ipaddress {{\n        {}\n    }}\n    track_script {{\n        served{index}\n    }}\n}}\n",
            lines(rival.timers),
            rival.vip
        );
    }
    text
}

#[test]
fn the_default_has_no_word_about_time() {
    let text = configuration(150);
    let (default, other) = text.split_once("vrrp_script served1").unwrap();
    for word in ["advert_int", "garp", "interval", "fall"] {
        assert!(!default.contains(word) && other.contains(word), "{word}");
    }
    assert_eq!(text.matches('{').count(), text.matches('}').count());
    assert_eq!(text.matches("priority 150").count(), 2);
}
