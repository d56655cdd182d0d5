//! What services of other stages ask for.

use std::collections::BTreeMap;

use super::attributes::Draft;
use super::definitions::Definition;
use super::surroundings::Surroundings;
use super::{mounts, names, ports, values};
use crate::yaml::report::Report;
use crate::yaml::tree::Value;

/// What services of other stages would ask for: numbers are given in the order of the files,
/// whichever stage is read first.
pub(crate) struct Elsewhere {
    /// Mirrored volumes of all services, in order, with the device ids that they ask for.
    pub mirrored: Vec<(String, Option<u16>)>,
    /// Ports of services that the stage does not have.
    pub ports: BTreeMap<usize, Vec<ports::Wanted>>,
}

impl Elsewhere {
    /// Looks at the definitions as they are written.
    pub fn read(
        all: &[Definition<'_>],
        drafts: &BTreeMap<&str, Draft>,
        around: &Surroundings<'_>,
    ) -> Self {
        // Mistakes there are told when their stage is read.
        let mut silent = Report::new(around.sources);
        let mut elsewhere = Self {
            mirrored: Vec::new(),
            ports: BTreeMap::new(),
        };
        for (index, definition) in all.iter().enumerate() {
            if let Some(draft) = drafts.get(definition.name) {
                let mirrored = draft
                    .volumes
                    .iter()
                    .filter_map(|volume| match volume.maker {
                        mounts::Maker::Drbd { device_id, .. } => {
                            Some((volume.name.clone(), device_id))
                        }
                        _ => None,
                    });
                elsewhere.mirrored.extend(mirrored);
                continue;
            }
            if let Some(entry) = definition.node.get("volumes")
                && let Value::List(items) = &entry.node.value
            {
                let mirrored = items.iter().filter_map(|item| {
                    let id = item.get("drbd")?.node.get("device_id");
                    let id = id.and_then(|id| values::integer(&id.node));
                    let source = item.get("source")?.node.as_text()?;
                    let id = id.and_then(|id| u16::try_from(id).ok());
                    names::is_object(source).then(|| (source.to_owned(), id))
                });
                elsewhere.mirrored.extend(mirrored);
            }
            if let Some(entry) = definition.node.get("ports") {
                let ports = ports::read(&entry.node, &mut silent);
                elsewhere.ports.insert(index, ports);
            }
        }
        elsewhere
    }
}
