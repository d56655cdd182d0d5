//! `drbd` of a volume: what is mirrored, and where.

use hive_volumes::{FileSystem, VolumeName};

use super::mounts::Maker;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;

/// Its keys.
pub(crate) const KEYS: &[&str] = &[
    "fstype",
    "size",
    "diskless",
    "device_id",
    "available_on",
    "vgname",
];

/// Reads the keys.
pub(crate) fn read(
    source: &str,
    source_place: Place,
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<Maker> {
    if let Err(why) = VolumeName::new(source) {
        report.error(
            source_place,
            why.to_string(),
            "its name is also the name of its logical volume and of its DRBD resource; choose another",
        );
    }
    let fstypes = [FileSystem::Xfs, FileSystem::Ext4].map(|known| (known.name(), known));
    let fstype = fields.required("fstype", "xfs", report);
    let fstype = fstype.and_then(|_| values::choice(fields, "fstype", &fstypes, report));
    let size = fields.required("size", "20G", report);
    let size = size.and_then(|_| values::bytes(fields, "size", report));
    check_size(source, size, fstype, fields, report);
    let device_id = fields.whole("device_id", 1..=255, report);
    let mut diskless = Vec::new();
    if let Some(entry) = fields.entry("diskless") {
        for item in values::items(&entry.node, "diskless", report) {
            let Some(name) = fields::text(item, "diskless", report) else {
                continue;
            };
            match around.stage.host(&name) {
                Some(host) if host.is_hive() => diskless.push(host.short_name().to_owned()),
                Some(host) => report.error(
                    item.place,
                    format!(
                        "host `{}` hosts no containers, so it has no part in volumes",
                        host.name
                    ),
                    "remove it from `diskless`",
                ),
                // A definition serves all stages, so hosts of other stages may be named.
                None if around.is_host(&name) => {}
                None => {
                    let hosts = around.hosts();
                    report.error(
                        item.place,
                        format!("there is no host `{name}`"),
                        spelling::advice(&name, &hosts),
                    );
                }
            }
        }
    }
    let mut hives = around.stage.hosts().iter().filter(|host| host.is_hive());
    if let Some(entry) = fields.entry("diskless")
        && hives.all(|host| diskless.iter().any(|name| name == host.short_name()))
    {
        report.error(
            entry.place,
            format!(
                "volume `{source}` has a copy nowhere: `diskless` names every hive of the stage"
            ),
            "leave at least one of them out, two so that it is mirrored",
        );
    }
    Some(Maker::Drbd {
        size: size?,
        fstype: fstype?.name().to_owned(),
        device_id: device_id.and_then(|id| u16::try_from(id).ok()),
        diskless,
        vgname: fields.text("vgname", report),
    })
}

/// Whether the file system can be made in so little room. `mkfs` would find out when all else is made.
fn check_size(
    source: &str,
    size: Option<u64>,
    fstype: Option<FileSystem>,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) {
    let smallest = fstype.unwrap_or(FileSystem::Ext4).smallest();
    let Some(size) = size.filter(|size| *size < smallest) else {
        return;
    };
    let (why, help) = match fstype {
        Some(FileSystem::Xfs) => (
            "xfs needs 300 MiB at least",
            "take `fstype: ext4` for a small volume, or `size: 300M` at least",
        ),
        _ => (
            "no file system fits in",
            "take `16M` at least; `52M` is small for ext4, `500M` for xfs",
        ),
    };
    report.error(
        fields.entry("size").map_or(fields.place, |e| e.node.place),
        format!("volume `{source}` can't have {size} bytes: {why}"),
        help,
    );
}
