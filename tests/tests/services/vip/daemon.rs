//! V9 and V10: the daemon itself: killed, restarted, shut down with its host, and what it writes.

use std::time::{Duration, Instant};

use hive_tests::checklist::{How, Item};
use hive_tests::cluster::{ADDRESSES, HOSTS, mac};

use super::stage::{SERVICE, Stage, VIP};

pub const BOXES: &[Item<Stage>] = &[
    Item {
        id: "V9",
        name: "the daemon is killed and restarted, and the virtual IP stays; the host is shut down, and it goes in order",
        how: How::Run(ends),
    },
    Item {
        id: "V10",
        name: "the daemon writes to the journal, and not too much",
        how: How::Run(journal),
    },
];

const UNIT: &str = "follow-swarm-service";
/// How long the quiet network is looked at, to know how long silences are here anyway.
const LOOK: Duration = Duration::from_secs(20);

fn ends(stage: &Stage) {
    let host = stage.settled(SERVICE, VIP).host;
    std::thread::sleep(LOOK);
    let since = Instant::now();
    let silence = |from: Instant| stage.prober.look(|h| h.silence(VIP, from..Instant::now()));
    let usual = silence(since - LOOK);
    stage.cluster.sh(
        &host,
        &format!(
            "active() {{ systemctl -q is-active {UNIT}; }}
             kill -9 $(systemctl show -p MainPID --value {UNIT}); sleep 1; within 20 active
             systemctl restart {UNIT}; within 20 active"
        ),
    );
    std::thread::sleep(LOOK);
    let silent = silence(since);
    println!(
        "daemon killed, then restarted: {VIP} was silent for {:.2} s at the most, {:.2} s before",
        silent.as_secs_f64(),
        usual.as_secs_f64()
    );
    let holders = stage.prober.look(|h| h.holders(VIP, since..Instant::now()));
    assert_eq!(holders, [mac(&host)]);
    assert!(
        silent <= Duration::from_millis(500).max(usual * 3),
        "it was gone"
    );
    shut_down(stage, &host);
}

/// The address goes while the host still answers at its own.
fn shut_down(stage: &Stage, host: &str) {
    let since = Instant::now();
    let vm = stage.cluster.vm(host);
    // The connection goes with the host, maybe before the answer.
    drop(stage.cluster.try_sh(host, "systemctl poweroff"));
    vm.wait_exit(stage.cluster.patient(180)).unwrap();
    drop(vm);
    let index = HOSTS.iter().position(|h| *h == host).unwrap();
    let (vip, own) = stage.prober.look(|history| {
        let last = |ip| history.last(ip, mac(host), since..Instant::now());
        (last(VIP), last(ADDRESSES[index]))
    });
    let (vip, own) = (vip.unwrap_or(since), own.unwrap());
    println!(
        "poweroff: {host} answered at {VIP} until {:.2} s, at its own address until {:.2} s",
        (vip - since).as_secs_f64(),
        (own - since).as_secs_f64()
    );
    assert!(vip < own, "the address was there until the host was gone");
    let next = stage
        .prober
        .wait("another host", stage.cluster.patient(120), |history| {
            history.first_echo(VIP, since, |by| by != mac(host))
        });
    println!(
        "poweroff: the next host answered after {:.2} s",
        (next - since).as_secs_f64()
    );
    stage.cluster.power_on(host);
    stage.cluster.joined();
    stage.cluster.whole();
    let doubles = stage.prober.look(|h| h.doubles(VIP, since..Instant::now()));
    assert!(doubles.is_empty(), "{doubles:?}");
}

fn journal(stage: &Stage) {
    let told = stage.cluster.everywhere(&format!(
        "lines() {{ journalctl -q -b -o cat -u {UNIT} \"$@\" | wc -l; }}
         echo $(lines) $(lines -p warning) $(lines -p err) $(($(cut -d. -f1 </proc/uptime) / 60))"
    ));
    for (host, told) in HOSTS.iter().zip(told) {
        let numbers: Vec<u64> = told.split(' ').map(|n| n.parse().unwrap()).collect();
        let [lines, warnings, errors, minutes] = numbers[..] else {
            panic!("{told}");
        };
        println!(
            "journal of {host}: {lines} lines, {warnings} of them warnings, {errors} errors, in {minutes} minutes"
        );
        assert!(lines > 0, "{host} wrote nothing");
        // Boxes change something every few seconds; a storm is another kind of number.
        let bound = 60 + 20 * minutes;
        assert!(lines < bound, "{host}: more than {bound} lines");
        assert!(errors < 20, "{host}: {errors} errors");
    }
}
