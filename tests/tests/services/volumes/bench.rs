//! `cargo xtask bench volumes`: writing through a mirrored volume, beside the same file system on the same disk
//! without a mirror, and on DRBD that was set up by hand on the same hosts.

use hive_tests::cluster::HOSTS;
use hive_tests::skipped;

use super::site;
use super::stage::{Size, Stage};
use super::table::{Measured, table};

/// Ours, and its service.
const NAME: &str = "t-bench";
/// The volume with the same configuration of DRBD, set up by a person.
const HAND: &str = "t-hand";
/// The volume that is not mirrored.
const PLAIN: &str = "t-plain";
/// The minor number of the one that was set up by hand, and its port, 7000 above it.
const MINOR: u64 = 250;
const MEGABYTES: u64 = 500;

/// What scripts have in common. A place has room for both files; they are written once before, since the thin pool
/// gives room at the first write.
const FILES: &str = r#"
group=drbdvg
thin() { lvcreate --quiet --type thin --virtualsize "$2"b --thinpool drbdpool --wipesignatures n --setactivationskip n --name "$1" $group >/dev/null; }
bytes_of() { blockdev --getsize64 /dev/$group/"$1"; }
moments() { before=$EPOCHREALTIME; "$@"; echo "$before $EPOCHREALTIME"; }
sequential() { moments dd if=/dev/zero of="$1"/sequential bs=1M count=64 oflag=direct conv=notrunc status=none; }
small() { moments dd if=/dev/zero of="$1"/small bs=4k count=512 oflag=dsync conv=notrunc status=none; }
"#;

/// What is written to, in the order of the table.
#[derive(Debug)]
struct Places {
    host: String,
    folders: [String; 3],
}

#[test]
#[ignore = "a benchmark; `cargo xtask bench volumes` runs it"]
fn beside_plain_drbd() {
    if std::env::var_os("HIVE_BENCH").is_none() {
        skipped("a benchmark; `cargo xtask bench volumes` runs it");
        return;
    }
    let stage = Stage::new(crate::cluster(), Size::Few);
    // On a cluster of the stories nobody else is to write.
    stage.scale(0);
    let places = places(&stage);
    let rounds = stage.rounds(5, 5);
    let mut measured: [Vec<Measured>; 3] = Default::default();
    for _ in 0..rounds {
        for (folder, list) in places.folders.iter().zip(&mut measured) {
            let found = measure(&stage, &places.host, folder);
            println!("{folder}: {found:?}");
            list.push(found);
        }
    }
    let module = stage.status(&places.host).unwrap().drbd;
    let copies = stage.copies(NAME).len();
    leave(&stage, &places.host);
    println!(
        "\n{}DRBD {}, {copies} copies, xfs; the median of {rounds} rounds",
        table(&measured),
        module.unwrap_or_default()
    );
}

fn script(stage: &Stage, host: &str, text: &str) -> String {
    let text = text
        .replace("NAME", NAME)
        .replace("HAND", HAND)
        .replace("PLAIN", PLAIN)
        .replace("MINOR", &MINOR.to_string());
    stage.cluster.sh(host, &format!("{FILES}{text}"))
}

/// Makes all three on the host of the service.
fn places(stage: &Stage) -> Places {
    let cluster = &stage.cluster;
    let attributes = format!("fstype: xfs, size: {MEGABYTES}M");
    site::add(cluster, &site::one_more(NAME, NAME, &attributes));
    cluster.ok(&["build-networks"]);
    cluster.ok(&["build-volumes", "-l", NAME]);
    cluster.ok(&["deploy-services", "-l", NAME]);
    let host = stage
        .cluster
        .eventually("the service to run", 240, || stage.host_of(HOSTS[0], NAME));
    let ours = script(
        stage,
        &host,
        "docker inspect --format '{{range .Mounts}}{{.Source}}{{end}}' $(container NAME)",
    );
    let folders = [format!("/run/{PLAIN}"), ours, format!("/run/{HAND}")];
    script(
        stage,
        &host,
        "thin PLAIN $(bytes_of NAME)
         mkfs.xfs -f -K -q /dev/$group/PLAIN
         mkdir -p /run/PLAIN
         mount /dev/$group/PLAIN /run/PLAIN",
    );
    by_hand(stage, &host);
    for folder in &folders {
        let once =
            format!("sequential {folder} >/dev/null; small {folder} >/dev/null; sync -f {folder}");
        script(stage, &host, &once);
    }
    Places { host, folders }
}

/// What a person types who has read DRBD's guide; the file is hived's own under another name.
fn by_hand(stage: &Stage, host: &str) {
    let minor = stage.minor(NAME);
    let copies = stage.copies(NAME);
    for copy in &copies {
        let text = format!(
            "thin HAND $(bytes_of NAME)
             file=/etc/drbd.d/HAND.res
             install -m 600 /dev/null $file
             sed -e 's,resource \"NAME\",resource \"HAND\",' -e 's,/NAME;,/HAND;,' -e 's,minor {minor};,minor MINOR;,' -e 's,:{};,:7MINOR;,' /etc/drbd.d/NAME.res >$file
             case $(head -n 1 /proc/drbd) in
             *api:1/*) drbdadm create-md --force HAND ;;
             *) drbdadm create-md --force --max-peers=7 HAND ;;
             esac >/dev/null 2>&1
             drbdadm adjust HAND",
            7000 + minor
        );
        script(stage, copy, &text);
    }
    script(
        stage,
        host,
        "connected() { case $(drbdadm cstate HAND) in *Connecting*|*WFConnection*|*Unconnected*|*StandAlone*) return 1 ;; esac; }
         within 60 connected
         drbdadm -- --clear-bitmap new-current-uuid HAND/0
         drbdadm primary HAND
         mkfs.xfs -f -K -q /dev/drbdMINOR
         mkdir -p /run/HAND
         mount /dev/drbdMINOR /run/HAND",
    );
}

fn measure(stage: &Stage, host: &str, folder: &str) -> Measured {
    let told = script(stage, host, &format!("sequential {folder}; small {folder}"));
    let mut seconds = told.lines().map(|line| {
        let (before, after) = line.split_once(' ').unwrap();
        after.parse::<f64>().unwrap() - before.parse::<f64>().unwrap()
    });
    Measured {
        sequential: seconds.next().unwrap(),
        small: seconds.next().unwrap(),
    }
}

/// Takes everything away again.
fn leave(stage: &Stage, host: &str) {
    script(
        stage,
        host,
        "umount /run/HAND /run/PLAIN
         rmdir /run/HAND /run/PLAIN
         drbdadm secondary HAND
         lvremove --yes $group/PLAIN >/dev/null",
    );
    for copy in stage.copies(NAME) {
        script(
            stage,
            copy,
            "drbdadm down HAND
             rm /etc/drbd.d/HAND.res
             lvremove --yes $group/HAND >/dev/null",
        );
    }
    stage
        .cluster
        .ok(&["deploy-services", "-D", "--yes", "-l", NAME]);
    stage.unused();
    stage
        .cluster
        .ok(&["build-volumes", "-D", "--yes", "-l", NAME]);
    site::add(&stage.cluster, "");
    stage.scale(1);
}
