//! Mirrored volumes as tables and notes.

use hive_inventory::volumes::PoolReport;
use hive_volumes::Bytes;

use super::{Volume, Volumes, percent, share};
use crate::output;

/// Tables and notes for a person; empty when there is no volume and nothing is wrong.
pub fn text(all: &Volumes) -> String {
    let mut parts = Vec::new();
    if !all.volumes.is_empty() {
        let head = [
            "VOLUME",
            "SIZE",
            "ON",
            "IN USE ON",
            "UP TO DATE",
            "OUT OF SYNC",
            "USED",
        ];
        let rows: Vec<Vec<String>> = all.volumes.iter().map(row).collect();
        parts.push(output::table(&head, &rows));
    }
    if !all.pools.is_empty() && !all.volumes.is_empty() {
        let row = |(host, pool): (&String, &PoolReport)| {
            vec![
                host.clone(),
                format!("{}/{}", pool.group, pool.pool),
                output::size(pool.bytes),
                percent(pool.used.into()),
                percent(pool.notes_used.into()),
            ]
        };
        let rows: Vec<Vec<String>> = all.pools.iter().map(row).collect();
        let head = ["HOST", "POOL", "SIZE", "USED", "NOTES USED"];
        parts.push(output::table(&head, &rows));
    }
    let notes = notes(all);
    if !notes.is_empty() {
        parts.push(notes);
    }
    parts.join("\n")
}

fn row(volume: &Volume) -> Vec<String> {
    let on = match volume.removing {
        true => "being removed".to_owned(),
        false => match volume.primary.as_slice() {
            [] => "nowhere".to_owned(),
            hosts => hosts.join(" AND "),
        },
    };
    let used = volume.mounted.as_ref().map_or("-".into(), |fs| {
        let part = percent(share(fs.used, fs.bytes));
        format!("{part} of {}", output::size(fs.bytes))
    });
    vec![
        volume.name.clone(),
        Bytes(volume.size).to_string(),
        format!("/dev/drbd{} {}", volume.minor, volume.file_system),
        on,
        format!("{} of {}", volume.up_to_date, volume.copies),
        output::size(volume.out_of_sync),
        used,
    ]
}

fn notes(all: &Volumes) -> String {
    let mut notes = String::new();
    let mut note = |line: String| {
        notes.push_str(&line);
        notes.push('\n');
    };
    for volume in &all.volumes {
        let name = &volume.name;
        for (host, what) in &volume.trouble {
            note(format!("{name} on {host} needs you: {what}"));
        }
        for (host, what) in &volume.waiting {
            note(format!("{name} on {host}: {what}"));
        }
        for down in &volume.down {
            note(format!("{name}: {down}"));
        }
        if !volume.untold.is_empty() {
            note(format!("{name}: no word from {}", volume.untold.join(", ")));
        }
    }
    for (host, faults) in &all.faults {
        for fault in faults {
            note(format!("{host}: {fault}"));
        }
    }
    for why in &all.unreadable {
        note(why.clone());
    }
    notes
}
