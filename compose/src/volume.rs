//! `volumes:` at the top of a file. Docker makes a volume on the host where a task needs it, from what
//! the task's mount says: nothing is made beforehand.

use std::collections::BTreeMap;

use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::network::{external, named};
use crate::stack::scoped;
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::Node;

const KNOWN: [&str; 5] = ["driver", "driver_opts", "external", "name", "labels"];
const NOTHING: [Ignored; 0] = [];

/// A volume that services may name.
pub(crate) struct Volume {
    /// Its name on the hosts.
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

pub(crate) fn read(
    node: Option<&Node>,
    stack: &str,
    report: &mut Report<'_>,
) -> BTreeMap<String, Volume> {
    let mut volumes = BTreeMap::new();
    for (key, _, node) in named(node, "volumes", report) {
        let what = format!("volume `{key}`");
        let Some(fields) = Fields::of(node, &what, &KNOWN, &NOTHING, report) else {
            continue;
        };
        let Some((external, named)) = external(&fields, &what, &[], node, report) else {
            continue;
        };
        let name = match (named, external) {
            (Some(name), _) => name,
            (None, true) => key.clone(),
            (None, false) => scoped(stack, &key),
        };
        let volume = Volume {
            name,
            external,
            driver: fields.text("driver", report),
            options: fields.labels("driver_opts", report),
            labels: fields.labels("labels", report),
        };
        volumes.insert(key, volume);
    }
    volumes
}
