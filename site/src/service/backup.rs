//! `backup_scripts`: what the repository host saves of a service.

use super::model::BackupScript;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node};

const KEYS: &[&str] = &[
    "name",
    "directory",
    "backup_command",
    "backup_file",
    "restore_command",
    "restore_file",
    "ext",
    "cleanup_days_before",
    "batch_scripts",
];
/// What backups are packed as.
const EXTENSION: &str = "tar.gz";

/// Reads `backup_scripts`.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Vec<BackupScript> {
    let mut scripts: Vec<BackupScript> = Vec::new();
    for item in values::items(&entry.node, "backup_scripts", report) {
        let Some(script) = script(item, report) else {
            continue;
        };
        if scripts.iter().any(|other| other.name == script.name) {
            report.error(
                item.get("name").map_or(item.place, |name| name.node.place),
                format!("two backups of the service are called `{}`", script.name),
                "rename one of them: they would be written to the same file",
            );
        }
        scripts.push(script);
    }
    scripts
}

fn script(item: &Node, report: &mut Report<'_>) -> Option<BackupScript> {
    let what = "an item of `backup_scripts`";
    let fields = Fields::open(item, item.place, what, KEYS, report)?;
    let name = fields.required("name", "data", report);
    let name = name.and_then(|entry| fields::text(&entry.node, "name", report));
    if let Some(directory) = fields.entry("directory") {
        if let Some(entry) = fields.entry("backup_command") {
            report.error(
                entry.place,
                "`directory` and `backup_command` both say what is saved",
                "keep one of them",
            );
        }
        if directory
            .node
            .as_text()
            .is_some_and(|d| !d.starts_with('/'))
        {
            report.error(
                directory.node.place,
                "`directory` is no absolute path",
                "write the path in the container, with a slash in front",
            );
        }
    }
    for (file, command) in [
        ("backup_file", "backup_command"),
        ("restore_file", "restore_command"),
    ] {
        if let Some(entry) = fields.entry(file)
            && fields.entry(command).is_none()
            && fields.entry("directory").is_none()
        {
            report.error(
                entry.place,
                format!("`{file}` has no meaning without `{command}`"),
                format!("add `{command}`"),
            );
        }
    }
    let has_work = [
        "directory",
        "backup_command",
        "batch_scripts",
        "restore_command",
    ]
    .iter()
    .any(|key| fields.entry(key).is_some());
    if !has_work && name.is_some() {
        report.error(
            item.place,
            "the backup does not say what it saves",
            "write `directory: /data` or a `backup_command`",
        );
    }
    let days = fields.whole("cleanup_days_before", 0..=36500, report);
    Some(BackupScript {
        name: name?,
        directory: fields.text("directory", report),
        backup_command: fields.text("backup_command", report),
        backup_file: fields.text("backup_file", report),
        restore_command: fields.text("restore_command", report),
        restore_file: fields.text("restore_file", report),
        ext: fields
            .text("ext", report)
            .unwrap_or_else(|| EXTENSION.to_owned()),
        cleanup_days_before: days.and_then(|days| u32::try_from(days).ok()),
        batch_scripts: fields
            .entry("batch_scripts")
            .map(|entry| values::texts(&entry.node, "batch_scripts", report))
            .unwrap_or_default(),
    })
}
