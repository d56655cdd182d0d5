//! Where packages come from: names, files, archives and their addresses.

use hive_inventory::image::ArchiveSettings;

use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::Node;

const ARCHIVE_KEYS: &[&str] = &["name", "url", "suite", "components", "key"];

/// The base address of an archive.
pub(crate) fn url(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<String> {
    let text = fields.text(key, report)?;
    let address = ["http://", "https://", "file:///"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if !address || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        report.error(
            fields.entry(key)?.node.place,
            format!("`{key}` is not the address of an archive"),
            "write the base address, such as `http://mirror.example.com/debian`",
        );
        return None;
    }
    Some(text)
}

/// Names of packages.
pub(crate) fn packages(
    fields: &Fields<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let items = fields.list(key, report)?;
    let mut names = Vec::new();
    for item in items {
        let Some(name) = fields::text(item, key, report) else {
            continue;
        };
        // Debian Policy 5.6.1.
        let valid = name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
        if valid {
            names.push(name);
        } else {
            report.error(
                item.place,
                format!("`{name}` is not the name of a Debian package"),
                "names have small letters, digits and `+-.`; versions are kept in the lock",
            );
        }
    }
    Some(names)
}

/// Package files of the site.
pub(crate) fn debs(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let items = fields.list("debs", report)?;
    let mut paths = Vec::new();
    for item in items {
        let Some(path) = fields::text(item, "debs", report) else {
            continue;
        };
        if path.ends_with(".deb") && !path.starts_with('/') {
            paths.push(path);
        } else {
            report.error(
                item.place,
                format!("`{path}` is not a package file of the site"),
                "give the path of a .deb file, relative to the site folder",
            );
        }
    }
    Some(paths)
}

/// Further apt archives.
pub(crate) fn archives(
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<ArchiveSettings>> {
    let mut archives: Vec<ArchiveSettings> = Vec::new();
    for item in fields.list("archives", report)? {
        let Some(archive) = archive(item, report) else {
            continue;
        };
        if archives.iter().any(|other| other.name == archive.name) {
            report.error(
                item.place,
                format!("two archives are called `{}`", archive.name),
                "give each its own name: the lock tells them apart by it",
            );
        }
        archives.push(archive);
    }
    Some(archives)
}

fn archive(node: &Node, report: &mut Report<'_>) -> Option<ArchiveSettings> {
    let what = "an archive of `archives`";
    let fields = Fields::open(node, node.place, what, ARCHIVE_KEYS, report)?;
    let name = required_text(&fields, "name", "docker", report);
    let given = fields.required("url", "https://archive.example.com/debian", report);
    let url = given.and_then(|_| url(&fields, "url", report));
    let suite = required_text(&fields, "suite", "trixie", report);
    let given = fields.required("components", "[stable]", report);
    let components = given.and_then(|_| fields.texts("components", report));
    let key = required_text(&fields, "key", "keys/docker.asc", report);
    Some(ArchiveSettings {
        name: name?,
        url: url?,
        suite: suite?,
        components: components?,
        key: key?,
    })
}

fn required_text(
    fields: &Fields<'_>,
    key: &str,
    example: &str,
    report: &mut Report<'_>,
) -> Option<String> {
    fields.required(key, example, report)?;
    fields.text(key, report)
}
