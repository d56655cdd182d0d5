//! Thin volumes of LVM, package `lvm2`: each a line of `lvs`, with the tags that tell whose they are.

use serde::Deserialize;

use crate::Program;

/// A logical volume as `lvs` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogicalVolume {
    /// Its name in the group.
    pub name: String,
    /// Bytes; of a thin volume, those that it may come to use.
    pub bytes: u64,
    /// Tags, in the order of the alphabet.
    pub tags: Vec<String>,
    /// Whether there is a device of it now.
    pub active: bool,
    /// The thin pool that it takes its space from.
    pub pool: Option<String>,
    /// Of a thin volume or pool, how much of it is used, in hundredths of a percent.
    pub used: Option<u32>,
    /// Of a thin pool, how much of its own notes is used, in hundredths of a percent. A pool that has
    /// none left takes no writes, however much room there is.
    pub notes_used: Option<u32>,
}

/// Why `lvs` is not understood.
#[derive(Debug, thiserror::Error)]
pub enum LvmError {
    /// The program.
    #[error(transparent)]
    Program(#[from] crate::Failure),
    /// Its answer.
    #[error("what LVM says with `--reportformat json` does not read")]
    Json(#[from] serde_json::Error),
    /// A figure in it.
    #[error("`lvs` says {what} {text:?}, which is no figure")]
    Figure {
        /// Of what.
        what: &'static str,
        /// What it says.
        text: String,
    },
}

/// A program of LVM. It complains about open files that it was not started with; ours are none of its business.
fn lvm(name: &str) -> Program {
    Program::new(name)
        .package("lvm2")
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
}

/// Makes a thin volume with its tags, in one step: there is never one without.
pub fn create_thin(group: &str, pool: &str, name: &str, bytes: u64, tags: &[&str]) -> Program {
    let tags = tags.iter().flat_map(|tag| ["--addtag", *tag]);
    lvm("lvcreate")
        .args(["--type", "thin", "--virtualsize"])
        .arg(format!("{bytes}b"))
        .args(["--thinpool", pool])
        // What is new in a thin pool is zero, so there is no signature to wipe and to ask about.
        .args(["--wipesignatures", "n", "--setactivationskip", "n"])
        .args(tags)
        .args(["--name", name, group])
}

/// Makes a volume larger.
pub fn extend(group: &str, name: &str, bytes: u64) -> Program {
    lvm("lvextend")
        .args(["--size", &format!("{bytes}b")])
        .arg(format!("{group}/{name}"))
}

/// Puts a tag on it.
pub fn tag(group: &str, name: &str, tag: &str) -> Program {
    lvm("lvchange")
        .args(["--addtag", tag])
        .arg(format!("{group}/{name}"))
}

/// Takes a tag away.
pub fn untag(group: &str, name: &str, tag: &str) -> Program {
    lvm("lvchange")
        .args(["--deltag", tag])
        .arg(format!("{group}/{name}"))
}

/// Makes the device of a volume, and before it those that it lies on; a thin pool is checked then.
pub fn activate(group: &str, name: &str) -> Program {
    lvm("lvchange")
        .args(["--activate", "y"])
        .arg(format!("{group}/{name}"))
}

/// Removes a volume, with what it holds. LVM refuses while something has it open.
pub fn remove(group: &str, name: &str) -> Program {
    lvm("lvremove").arg("--yes").arg(format!("{group}/{name}"))
}

/// Lists the volumes of a group.
pub fn list(group: &str) -> Program {
    let columns = "lv_name,lv_size,lv_tags,lv_active,pool_lv,data_percent,metadata_percent";
    lvm("lvs")
        .args(["--reportformat", "json", "--units", "b", "--nosuffix"])
        .args(["--options", columns, group])
}

/// Lists the volume groups that are there: [`list`] fails for one that is not, as it does for other reasons.
pub fn list_groups() -> Program {
    lvm("vgs").args(["--reportformat", "json", "--options", "vg_name"])
}

#[derive(Deserialize)]
struct Told {
    report: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    lv: Vec<Row>,
    #[serde(default)]
    vg: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    vg_name: String,
}

#[derive(Deserialize)]
struct Row {
    lv_name: String,
    lv_size: String,
    lv_tags: String,
    lv_active: String,
    pool_lv: String,
    data_percent: String,
    metadata_percent: String,
}

/// Reads what [`list`] prints.
///
/// # Errors
/// It is not that.
pub fn read_list(text: &str) -> Result<Vec<LogicalVolume>, LvmError> {
    let told: Told = serde_json::from_str(text)?;
    let rows = told.report.into_iter().flat_map(|report| report.lv);
    rows.map(volume).collect()
}

/// Reads what [`list_groups`] prints: names.
///
/// # Errors
/// It is not that.
pub fn read_groups(text: &str) -> Result<Vec<String>, LvmError> {
    let told: Told = serde_json::from_str(text)?;
    let groups = told.report.into_iter().flat_map(|report| report.vg);
    Ok(groups.map(|group| group.vg_name).collect())
}

fn volume(row: Row) -> Result<LogicalVolume, LvmError> {
    let bytes = row.lv_size.parse().map_err(|_| LvmError::Figure {
        what: "the size",
        text: row.lv_size.clone(),
    })?;
    let tags = row.lv_tags.split(',').filter(|tag| !tag.is_empty());
    let mut tags: Vec<String> = tags.map(str::to_owned).collect();
    tags.sort_unstable();
    Ok(LogicalVolume {
        name: row.lv_name,
        bytes,
        tags,
        // Who is not active has nothing here (lvmreport(7)).
        active: !row.lv_active.is_empty(),
        pool: (!row.pool_lv.is_empty()).then_some(row.pool_lv),
        used: percent(&row.data_percent)?,
        notes_used: percent(&row.metadata_percent)?,
    })
}

/// `12.34` as 1234; what is inactive says nothing.
fn percent(text: &str) -> Result<Option<u32>, LvmError> {
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let hundredths = format!("{part:0<2}");
    let number = |text: &str| text.parse::<u32>().ok();
    let value = number(whole)
        .zip(hundredths.get(..2).and_then(number))
        .and_then(|(whole, part)| whole.checked_mul(100)?.checked_add(part));
    match value {
        Some(value) => Ok(Some(value)),
        None => Err(LvmError::Figure {
            what: "a share of",
            text: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = r#"{"report": [{"lv": [
        {"lv_name":"drbdpool", "lv_size":"21273509888", "lv_tags":"", "lv_active":"active", "pool_lv":"", "data_percent":"12.34", "metadata_percent":"10.5"},
        {"lv_name":"web", "lv_size":"1077936128", "lv_tags":"hive.volume.0000000000000001,hive.blank", "lv_active":"active", "pool_lv":"drbdpool", "data_percent":"0.00", "metadata_percent":""},
        {"lv_name":"off", "lv_size":"4194304", "lv_tags":"", "lv_active":"", "pool_lv":"drbdpool", "data_percent":"", "metadata_percent":""}
    ]}], "log": []}"#;

    #[test]
    fn volumes_and_their_pool_are_read() {
        let all = read_list(POOL).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].used, all[0].notes_used), (Some(1234), Some(1050)));
        assert_eq!(all[1].bytes, 1_077_936_128);
        assert_eq!(all[1].tags, ["hive.blank", "hive.volume.0000000000000001"]);
        assert_eq!(all[1].pool.as_deref(), Some("drbdpool"));
        assert_eq!((all[2].used, all[2].notes_used), (None, None));
        let active: Vec<bool> = all.iter().map(|volume| volume.active).collect();
        assert_eq!(active, [true, true, false]);
        assert_eq!(read_list(r#"{"report":[{"lv":[]}]}"#).unwrap(), []);
    }

    #[test]
    fn what_is_no_figure_is_quoted() {
        let error = read_list(&POOL.replace("12.34", "x")).unwrap_err();
        assert!(error.to_string().contains("\"x\""), "{error}");
        let error = read_list(&POOL.replace("4194304", "4m")).unwrap_err();
        assert!(error.to_string().contains("\"4m\""), "{error}");
        assert!(read_list("no").is_err());
    }

    #[test]
    fn groups_are_read_and_none_is_an_answer_too() {
        let none = r#"{"report":[{"vg":[]}],"log":[]}"#;
        assert_eq!(read_groups(none).unwrap(), [""; 0]);
        let one = r#"{"report":[{"vg":[{"vg_name":"drbdvg"}]}],"log":[]}"#;
        assert_eq!(read_groups(one).unwrap(), ["drbdvg"]);
        assert!(read_groups("no").is_err());
    }

    #[test]
    fn a_volume_comes_with_its_tags() {
        let made = create_thin("drbdvg", "drbdpool", "web", 8 << 20, &["a", "b"]);
        assert_eq!(
            made.to_string(),
            "lvcreate --type thin --virtualsize 8388608b --thinpool drbdpool --wipesignatures n --setactivationskip n --addtag a --addtag b --name web drbdvg"
        );
    }
}
