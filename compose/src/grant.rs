//! `secrets:` and `configs:` of a service.

use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::material::Materials;
use crate::scalar;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::spelling;
use hive_site::yaml::tree::Value;

const KNOWN: [&str; 5] = ["source", "target", "uid", "gid", "mode"];
const NOTHING: [Ignored; 0] = [];

/// What a service may read, and as which file.
pub(crate) struct Grant {
    /// Name in the swarm.
    pub name: String,
    pub target: String,
    pub uid: String,
    pub gid: String,
    pub mode: u32,
    place: Place,
}

pub(crate) fn read(
    service: &Fields<'_>,
    what: &str,
    materials: &Materials,
    report: &mut Report<'_>,
) -> Vec<Grant> {
    let kind = materials.what;
    let key = format!("{kind}s");
    let mut grants: Vec<Grant> = Vec::new();
    for node in service.list(&key, report) {
        let what = format!("a {kind} of {what}");
        let (source, grant) = if let Value::Map(_) = node.value {
            let Some(fields) = Fields::of(node, &what, &KNOWN, &NOTHING, report) else {
                continue;
            };
            let Some(source) = fields.text("source", report) else {
                if fields.get("source").is_none() {
                    let help = format!("write `source:` with the name of a {kind}");
                    report.error(node.place, format!("{what} has no source"), help);
                }
                continue;
            };
            let shall = "permissions such as 0440";
            let mode = fields.parsed("mode", shall, scalar::mode, report);
            if let Some(node) = fields.get("mode")
                && let Some(written) = node.as_text()
                && written.len() == 3
                && written.chars().all(|digit| ('0'..='7').contains(&digit))
                && !written.starts_with('0')
                && let Some(mode) = mode
            {
                report.warn(
                    node.place,
                    format!("mode {written} is read as a decimal number: it means 0{mode:o}"),
                    format!("write 0{written} if these are the digits of chmod"),
                );
            }
            let grant = Grant {
                name: String::new(),
                target: fields
                    .text("target", report)
                    .unwrap_or_else(|| source.clone()),
                uid: fields.text("uid", report).unwrap_or_else(|| "0".into()),
                gid: fields.text("gid", report).unwrap_or_else(|| "0".into()),
                mode: mode.unwrap_or(0o444),
                place: fields.get("source").map_or(node.place, |node| node.place),
            };
            (source, grant)
        } else if let Some(source) = node.as_text() {
            let grant = Grant {
                name: String::new(),
                target: source.to_owned(),
                uid: "0".into(),
                gid: "0".into(),
                mode: 0o444,
                place: node.place,
            };
            (source.to_owned(), grant)
        } else {
            let message = format!("{what} is {}", node.kind());
            report.error(
                node.place,
                message,
                "write its name, or a mapping with `source:`",
            );
            continue;
        };
        let name = match materials.name(&source) {
            Some(Some(name)) => name.to_owned(),
            Some(None) => continue,
            None => {
                report.error(
                    grant.place,
                    format!("{kind} `{source}` is not defined"),
                    match materials.names().next() {
                        Some(_) => spelling::advice(&source, materials.names()),
                        None => format!("define it below `{kind}s:` at the top of the file"),
                    },
                );
                continue;
            }
        };
        let grant = Grant { name, ..grant };
        if let Some(same) = grants.iter().position(|other| other.target == grant.target) {
            // A later file has the last word.
            if grants[same].place.file == grant.place.file {
                report.error(
                    grant.place,
                    format!("two {kind}s of {what} are the file `{}`", grant.target),
                    "remove one, or give it another target",
                );
            }
            grants.remove(same);
        }
        grants.push(grant);
    }
    grants.sort_by(|a, b| a.name.cmp(&b.name));
    grants
}
