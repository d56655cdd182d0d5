//! What LVM knows, in its own JSON.

use std::collections::BTreeMap;
use std::fs;

use hive_system::Program;
use serde::Deserialize;
use serde::de::Error as _;

use super::block;
use crate::disk::{Carrier, Group, Volume};
use crate::error::Error;
use crate::layout::Layout;

/// A program of LVM.
pub(crate) fn lvm(layout: &Layout, name: &str) -> Program {
    let program = Program::new(name)
        .package("lvm2")
        .env("LC_ALL", "C")
        .env("LVM_SUPPRESS_FD_WARNINGS", "1");
    match &layout.lvm_system_dir {
        Some(folder) => program.env("LVM_SYSTEM_DIR", folder),
        None => program,
    }
}

/// A physical volume that is there.
#[derive(Debug)]
pub(super) struct Found {
    pub path: String,
    /// Name of its group.
    pub group: Option<String>,
    /// Whether LVM can't read what is on it.
    pub damaged: bool,
    group_uuid: String,
}

type Row = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Answer {
    report: Vec<BTreeMap<String, Vec<Row>>>,
}

/// The rows of a report.
fn rows(layout: &Layout, name: &str, kind: &str, fields: &[&str]) -> Result<Vec<Row>, Error> {
    let program = lvm(layout, name)
        .args(["--reportformat", "json", "--units", "b", "--nosuffix"])
        .args((name == "lvs").then_some("--all"))
        .args(["--options", &fields.join(",")]);
    let text = program
        .text()
        .map_err(Error::program("asking LVM what is there"))?;
    read(&text, kind, fields).map_err(|source| Error::Answer {
        program: program.to_string(),
        source,
    })
}

fn read(text: &str, kind: &str, fields: &[&str]) -> Result<Vec<Row>, serde_json::Error> {
    let answer: Answer = serde_json::from_str(text)?;
    let rows: Vec<Row> = answer
        .report
        .into_iter()
        .filter_map(|mut report| report.remove(kind))
        .flatten()
        .collect();
    let complete = |row: &Row| fields.iter().all(|field| row.contains_key(*field));
    if !rows.iter().all(complete) {
        return Err(serde_json::Error::custom("a field is missing"));
    }
    Ok(rows)
}

/// The physical volumes that are there.
pub(super) fn physical(layout: &Layout) -> Result<Vec<Found>, Error> {
    let rows = rows(layout, "pvs", "pv", &["pv_name", "vg_name", "vg_uuid"])?;
    Ok(rows
        .into_iter()
        // One that is missing has a name like «[unknown]».
        .filter(|row| row["pv_name"].starts_with('/'))
        .map(|row| Found {
            path: fs::canonicalize(&row["pv_name"]).map_or_else(
                |_| row["pv_name"].clone(),
                |path| path.display().to_string(),
            ),
            // A name in brackets is LVM's way to say that it could not be read.
            damaged: row["vg_name"].starts_with('['),
            group: Some(row["vg_name"].clone())
                .filter(|name| !name.is_empty() && !name.starts_with('[')),
            group_uuid: row["vg_uuid"].clone(),
        })
        .collect())
}

/// The volume groups, with their physical and logical volumes.
pub(super) fn groups(layout: &Layout, physical: &[Found]) -> Result<Vec<Group>, Error> {
    let fields = [
        "vg_name",
        "vg_uuid",
        "vg_tags",
        "vg_missing_pv_count",
        "vg_extent_size",
        "vg_free_count",
    ];
    let groups = rows(layout, "vgs", "vg", &fields)?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let volumes = rows(
        layout,
        "lvs",
        "lv",
        &["lv_name", "vg_uuid", "segtype", "zero"],
    )?;
    let number = |row: &Row, field: &str| -> Result<u64, Error> {
        row[field].parse().map_err(|_| Error::Answer {
            program: "vgs".to_owned(),
            source: serde_json::Error::custom(format!("{field} is `{}`", row[field])),
        })
    };
    groups
        .into_iter()
        .map(|row| {
            let uuid = row["vg_uuid"].clone();
            let carriers = physical.iter().filter(|p| p.group_uuid == uuid);
            let members = volumes.iter().filter(|v| v["vg_uuid"] == uuid);
            Ok(Group {
                missing: number(&row, "vg_missing_pv_count")?,
                extent: number(&row, "vg_extent_size")?,
                free: number(&row, "vg_free_count")?,
                tags: row["vg_tags"].split(',').map(str::to_owned).collect(),
                physical: carriers
                    .map(|p| Carrier {
                        path: p.path.clone(),
                        disks: block::below(&p.path),
                    })
                    .collect(),
                volumes: members
                    .map(|v| Volume {
                        name: v["lv_name"].trim_matches(['[', ']']).to_owned(),
                        kind: v["segtype"].clone(),
                        zeroes: v["zero"] == "zero",
                    })
                    .collect(),
                name: row["vg_name"].clone(),
                uuid,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_and_a_field_that_is_missing_is_told() {
        let text = r#"{"report":[{"vg":[{"vg_name":"drbdvg","vg_tags":"a,b"}]}],"log":[]}"#;
        let rows = read(text, "vg", &["vg_name"]).unwrap();
        assert_eq!(rows[0]["vg_name"], "drbdvg");
        assert!(read(text, "vg", &["vg_uuid"]).is_err());
        assert!(read("{}", "vg", &[]).is_err());
        assert!(
            read(r#"{"report":[{"pv":[]}]}"#, "pv", &["pv_name"])
                .unwrap()
                .is_empty()
        );
    }
}
