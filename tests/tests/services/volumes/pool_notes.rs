//! W21: what a power cut leaves in the notes of a thin pool.
//!
//! `pool-notes.gz` are such notes (metadata, dm-thin), 4 MiB for a pool of 4080 parts of 1 MiB with three volumes. A
//! host's power went while its pool took parts back, and 62 stayed counted as used that nothing uses. It can't be made
//! to happen at will.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hive_tests::checklist::{How, Item};
use hive_tests::cluster::HOSTS;

use super::stage::Stage;

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "W21",
    name: "a pool that counts parts as used that nothing uses, as a power cut leaves it, comes up all the same",
    how: How::Run(|stage| {
        let told = stage.cluster.sh(HOSTS[0], &script());
        println!("{told}");
        assert_eq!(told.lines().last(), Some("active active active active"));
    }),
}];

const NOTES: &[u8] = include_bytes!("pool-notes.gz");

/// A pool of that size on a file, with those notes in place of its own. Only a person activates it.
const MAKE: &str = r#"
away() {
    vgchange --quiet --activate n t-notes || true
    vgremove --quiet --yes t-notes || true
    losetup --detach $disk
    rm /var/tmp/t-notes
} >/dev/null 2>&1
truncate --size 4100M /var/tmp/t-notes
disk=$(losetup --find --show /var/tmp/t-notes)
trap away EXIT
vgcreate --quiet --setautoactivation n t-notes $disk >/dev/null
lvcreate --quiet --type thin-pool --size 4080M --chunksize 1M --poolmetadatasize 4M --name pool t-notes >/dev/null
for name in a b c; do
    lvcreate --quiet --type thin --virtualsize 300M --thinpool pool --name $name t-notes >/dev/null
done
vgchange --quiet --activate n t-notes >/dev/null
extent=$(pvs --noheadings --nosuffix --units b --options vg_extent_size $disk)
begin=$(pvs --noheadings --nosuffix --units b --options pe_start $disk)
first=$(pvs --segments --noheadings --options lv_name,pvseg_start $disk | awk '/tmeta/ { print $2 }')
base64 --decode <<<"$notes" | gunzip | dd of=$disk bs=1M oflag=seek_bytes seek=$((begin + first * extent)) conv=notrunc,fsync status=none
lvchange --quiet --yes --activate y t-notes/pool_tmeta >/dev/null
! thin_check /dev/mapper/t--notes-pool_tmeta 2>&1 || { echo "these notes are as they should be"; exit 1; }
lvchange --quiet --activate n t-notes/pool_tmeta >/dev/null
"#;
/// As udev has it done at boot, but for `-aay`, which this group is kept from.
const ACTIVATE: &str = r"
vgchange --activate y t-notes
lvs --noheadings --options lv_active t-notes | xargs
";

fn script() -> String {
    format!("notes={}\n{MAKE}\n{ACTIVATE}", STANDARD.encode(NOTES))
}
