//! What DRBD says on all hosts while something happens, several times a second, so that nothing passes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hive_tests::cluster::HOSTS;
use hive_tests::followed::Followed;

use super::stage::Stage;
use super::status::Status;

/// Begins a look of the script's.
const LOOK: &str = "look";
///
/// It waits for a pipe that says nothing, since a program `sleep` three times a second is felt on an emulated host.
const SCRIPT: &str = r#"
exec {silence}<> <(:)
while echo look; do
    if read -r version < /proc/drbd; then
        case $version in
        *api:1/*)
            mapfile lines < /proc/drbd
            printf %s "${lines[@]}" ;;
        *) echo "$version"; drbdsetup status --verbose --statistics ;;
        esac
    fi 2>/dev/null
    read -r -t 0.3 -u "$silence" || true
done
"#;
/// The kernel's own words for each resync; what looks miss because it was short stands there.
const RESYNCS: &str = "dmesg | grep -F ' (will sync ' || true";

/// What a host's DRBD said at a moment.
#[derive(Debug)]
struct Look {
    heard: Instant,
    text: String,
}

type Looks = BTreeMap<&'static str, Vec<Look>>;

/// Watches, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    looks: Arc<Mutex<Looks>>,
    resyncs: BTreeMap<&'static str, BTreeSet<String>>,
    /// Goes with it.
    _followed: Followed,
}

/// What was seen of a volume.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Looks that had its resource.
    pub looks: usize,
    /// At some moment all copies were up to date.
    pub whole: bool,
    /// The longest time in which a connection was given up. It is for a moment whenever a resource comes up or
    /// goes down.
    pub alone: Duration,
    /// A resync was going on.
    pub resync: bool,
    /// The most KiB that differed while some copy was up to date: one that is not born yet differs in all of it.
    pub out_of_sync: u64,
}

impl Seen {
    fn of<'a>(looks: impl Iterator<Item = (Instant, Status<'a>)>) -> Self {
        let mut seen = Self::default();
        let mut alone: Option<Instant> = None;
        for (heard, status) in looks {
            seen.looks += 1;
            seen.whole |= status.is_whole();
            seen.resync |= status.is_resyncing();
            if status.is_up_to_date_somewhere() {
                seen.out_of_sync = seen.out_of_sync.max(status.out_of_sync());
            }
            alone = status.stands_alone().then(|| alone.unwrap_or(heard));
            if let Some(since) = alone {
                seen.alone = seen.alone.max(heard - since);
            }
        }
        seen
    }
}

impl Watch {
    /// Watches from now on; all hosts have to be up.
    pub fn new(stage: &Stage) -> Self {
        let looks = Arc::new(Mutex::new(Looks::new()));
        let all = Arc::clone(&looks);
        let hear = move |host, line: &str| {
            let mut all = all.lock().unwrap();
            let looks = all.entry(host).or_default();
            match (line, looks.last_mut()) {
                (LOOK, _) => looks.push(Look {
                    heard: Instant::now(),
                    text: String::new(),
                }),
                (line, Some(look)) => {
                    look.text.push_str(line);
                    look.text.push('\n');
                }
                (_, None) => {}
            }
        };
        let watch = Self {
            looks,
            resyncs: HOSTS.map(|host| (host, resyncs(stage, host))).into(),
            _followed: Followed::new(&stage.cluster, SCRIPT, hear),
        };
        stage.cluster.eventually("looks of all hosts", 60, || {
            let heard = watch.looks.lock().unwrap().len();
            (heard == HOSTS.len())
                .then_some(())
                .ok_or_else(|| format!("{heard} hosts look"))
        });
        watch
    }

    /// What each host has seen of a volume; those that never had it are not in it.
    pub fn seen(&self, volume: &str, minor: u64) -> BTreeMap<&'static str, Seen> {
        let all = self.looks.lock().unwrap();
        let all = all.iter().map(|(host, looks)| {
            // The last one may be half heard.
            let looks = looks.split_last().map_or(&[][..], |(_, looks)| looks);
            let looks = looks.iter().filter_map(|look| {
                Status::of(&look.text, volume, minor).map(|status| (look.heard, status))
            });
            (*host, Seen::of(looks))
        });
        all.filter(|(_, seen)| seen.looks > 0).collect()
    }

    /// KiB of all resyncs of a device that hosts began since; of hosts that were not started anew meanwhile.
    pub fn resyncs(&self, stage: &Stage, minor: u64) -> Vec<u64> {
        let hosts = self.resyncs.iter();
        let new = hosts.flat_map(|(host, before)| &resyncs(stage, host) - before);
        new.filter_map(|line| kibibytes(&line, minor)).collect()
    }

    /// The last moment at which a host could write to a volume by what it said itself.
    pub fn could_write(&self, host: &str, volume: &str, minor: u64) -> Option<Instant> {
        let all = self.looks.lock().unwrap();
        let mut looks = all.get(host)?.iter().rev();
        let could = |look: &&Look| {
            Status::of(&look.text, volume, minor).is_some_and(|status| status.can_write())
        };
        looks.find(could).map(|look| look.heard)
    }

    /// How often a host looked since.
    pub fn count(&self, host: &str, since: Instant) -> usize {
        let all = self.looks.lock().unwrap();
        let looks = all.get(host).into_iter().flatten();
        looks.filter(|look| look.heard > since).count()
    }
}

fn resyncs(stage: &Stage, host: &str) -> BTreeSet<String> {
    let text = stage.cluster.sh(host, RESYNCS);
    text.lines().map(str::to_owned).collect()
}

/// `block drbd1: Began resync as SyncSource (will sync 512 KB [128 bits set]).`, or with DRBD 9 `drbd web/0
/// drbd1 h1: Began …`
fn kibibytes(line: &str, minor: u64) -> Option<u64> {
    let device = format!("drbd{minor}");
    let (before, after) = line.split_once(" (will sync ")?;
    let of_device = before
        .split_whitespace()
        .any(|word| word.trim_end_matches(':') == device);
    let number = after.split_whitespace().next()?.parse().ok()?;
    of_device.then_some(number)
}

#[test]
fn resyncs_of_the_device_are_counted() {
    let old = "[  20.5] block drbd1: Began resync as SyncTarget (will sync 8 KB [2 bits set]).";
    let new = "[  20.5] drbd web/0 drbd1 p-hive1: Began resync as SyncSource (will sync 4 KB [1 bits set]).";
    assert_eq!(kibibytes(old, 1), Some(8));
    assert_eq!(kibibytes(new, 1), Some(4));
    assert_eq!(kibibytes(old, 11), None);
    assert_eq!(kibibytes("block drbd1: Began", 1), None);
}

#[test]
fn a_connection_that_is_given_up_for_a_moment_is_told_from_one_that_stays_so() {
    let start = Instant::now();
    let line = |word: &str| {
        format!(
            "version: 8.4.11 (api:1/proto:86-101)\n 1: cs:{word} ro:Secondary/Unknown ds:UpToDate/DUnknown C r----s\n    oos:4\n"
        )
    };
    let [alone, up] = [line("StandAlone"), line("WFConnection")];
    let texts = [&alone, &up, &alone, &alone, &alone, &up];
    let looks = texts.iter().zip(0..).map(|(text, second)| {
        let heard = start + Duration::from_secs(second);
        (heard, Status::of(text, "web", 1).unwrap())
    });
    let seen = Seen::of(looks);
    assert_eq!((seen.looks, seen.alone), (6, Duration::from_secs(2)));
    assert_eq!(
        (seen.out_of_sync, seen.whole, seen.resync),
        (4, false, false)
    );
}
