//! The published ports of all services.

use std::collections::BTreeMap;

use super::attributes::Draft;
use super::clashes::{self, Published};
use super::definitions::Definition;
use super::elsewhere::Elsewhere;
use super::model::Port;
use super::surroundings::Surroundings;
use super::{port_numbers, ports};
use crate::yaml::report::Report;

/// Gives every port its number, and judges whether they can stand side by side.
pub(crate) fn number<'t>(
    all: &[Definition<'t>],
    drafts: &mut BTreeMap<&'t str, Draft>,
    elsewhere: &Elsewhere,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, u16> {
    let mut wanted: Vec<(&'t str, ports::Wanted)> = Vec::new();
    for (index, definition) in all.iter().enumerate() {
        let ports = match drafts.get(definition.name) {
            // A service that is defined once for each stage asks once only.
            Some(_) if wanted.iter().any(|(name, _)| *name == definition.name) => continue,
            Some(draft) => &draft.ports,
            None => match elsewhere.ports.get(&index) {
                Some(ports) => ports,
                None => continue,
            },
        };
        wanted.extend(ports.iter().map(|port| (definition.name, *port)));
    }
    let asked: Vec<port_numbers::Asked<'_>> = wanted
        .iter()
        .map(|(service, port)| port_numbers::Asked {
            service,
            target: port.target,
            protocol: port.protocol,
            published: port.published,
        })
        .collect();
    let (map, numbers) = port_numbers::allocate(&around.kept.published_ports, &asked);
    let mut published = Vec::new();
    for ((service, port), number) in wanted.iter().zip(numbers) {
        let Some(draft) = drafts.get_mut(service) else {
            continue;
        };
        let Some(number) = number else {
            report.error(
                port.place,
                format!("there is no port left for service `{service}`: all from {} to {} are given away", port_numbers::AUTOMATIC.start(), port_numbers::AUTOMATIC.end()),
                "write which port to publish, or remove what is gone from `published_port_map`",
            );
            continue;
        };
        let port_with_number = Port {
            published: number,
            target: port.target,
            protocol: port.protocol,
            mode: port.mode,
        };
        draft.service.ports.push(port_with_number.clone());
        published.push(Published {
            service,
            port: port_with_number,
            place: port.place,
        });
    }
    clashes::judge(&published, |place| around.place_of(place), report);
    map
}
