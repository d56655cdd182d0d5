//! The disks as a table, and how a person decides.

use hive_inventory::seed::MirroredDisk;

use crate::decide::{holds, verdict};
use crate::disk::{Disk, Scan};
use crate::size;

/// The table of the disks that were seen, and what to write to choose one.
pub fn disks(wanted: &MirroredDisk, scan: &Scan) -> String {
    if scan.disks.is_empty() {
        return "No disk was found.".to_owned();
    }
    let heads = ["DISK", "SIZE", "MODEL", "SERIAL", "HOLDS", "VERDICT"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heads)
        .chain(scan.disks.iter().map(|disk| row(wanted, disk)))
        .collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| {
            rows.iter()
                .map(|r| r[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text: String = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("  {}\n", cells.join("  ").trim_end())
        })
        .collect();
    text.push_str("To choose one, write its path into the stage of inventory/hive.yml, and make the host's seed anew (`hive seed`):\n");
    text.push_str(&format!(
        "  machines: {{HOST: {{mirrored_disk: {}}}}}",
        example(wanted, scan)
    ));
    text
}

fn row(wanted: &MirroredDisk, disk: &Disk) -> [String; 6] {
    let or_dash = |text: &str| match text.trim() {
        "" => "-".to_owned(),
        text => text.to_owned(),
    };
    [
        disk.path.clone(),
        size::show(disk.bytes),
        or_dash(&disk.model),
        or_dash(&disk.serial),
        holds(disk),
        verdict(wanted, disk).to_string(),
    ]
}

/// A path to show: the lasting one of a disk that could be taken, if any.
fn example(wanted: &MirroredDisk, scan: &Scan) -> String {
    let takeable = |disk: &&Disk| verdict(wanted, disk) == crate::decide::Verdict::Takeable;
    let disk = scan.disks.iter().find(takeable);
    disk.map_or_else(
        || "/dev/disk/by-id/…".to_owned(),
        |disk| disk.lasting_path.clone().unwrap_or(disk.path.clone()),
    )
}
