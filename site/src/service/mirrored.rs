//! `drbd` of a volume: what is mirrored, and where.

use super::mounts::Maker;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
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
/// Room for a file system and DRBD's notes about it.
const SMALLEST_MIRRORED: u64 = 16 << 20;

/// Reads the keys.
pub(crate) fn read(
    source: &str,
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<Maker> {
    let fstypes = [("xfs", "xfs"), ("ext4", "ext4")];
    let fstype = fields.required("fstype", "xfs", report);
    let fstype = fstype.and_then(|_| values::choice(fields, "fstype", &fstypes, report));
    let size = fields.required("size", "20G", report);
    let size = size.and_then(|_| values::bytes(fields, "size", report));
    if let Some(small) = size.filter(|size| *size < SMALLEST_MIRRORED) {
        report.error(
            fields.entry("size").map_or(fields.place, |e| e.node.place),
            format!("volume `{source}` can't have {small} bytes: no file system fits in"),
            "take `16M` at least; `52M` is small for ext4, `500M` for xfs",
        );
    }
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
    Some(Maker::Drbd {
        size: size?,
        fstype: fstype?.to_owned(),
        device_id: device_id.and_then(|id| u16::try_from(id).ok()),
        diskless,
        vgname: fields.text("vgname", report),
    })
}
