//! Services: what the files with `plugin: hive_services` say, for one stage.
//!
//! [`Site::services_as_written`](crate::Site::services_as_written) reads them as they stand, and
//! `Site::services` with templates evaluated. Where to look:
//!
//! | module | what it decides |
//! |---|---|
//! | [`model`] | what a service is, once it is read |
//! | `definitions` | the top level of the files; what is on which stage |
//! | `attributes`, `standalone` | the attributes of a service and their defaults |
//! | `image`, `ports`, `mounts`, `mirrored`, `placement`, `mode`, `lifecycle`, `resources`, `logging`, `connection`, `capabilities`, `ulimits`, `backup` | single attributes |
//! | `networks`, `materials`, `volumes` | networks, secrets and configs, volumes |
//! | [`device_ids`], [`port_numbers`] | numbers that are kept between runs |
//! | `elsewhere`, `published`, `clashes` | numbers that other stages ask for; ports that two services want |
//! | `surroundings`, `evaluate` | what comes from elsewhere: hosts, variables of the hive, templates |
//! | `values`, `quantity`, `words`, `json_text`, `names` | how single values are written |

mod attributes;
mod backup;
mod capabilities;
mod clashes;
mod connection;
mod definitions;
pub mod device_ids;
mod elsewhere;
pub(crate) mod evaluate;
mod image;
mod json_text;
mod lifecycle;
mod logging;
mod materials;
mod mirrored;
mod mode;
pub mod model;
mod mounts;
mod names;
mod networks;
mod placement;
pub mod port_numbers;
mod ports;
mod published;
mod quantity;
mod resources;
mod standalone;
mod surroundings;
mod ulimits;
mod values;
mod volumes;
mod words;

pub use image::built_name;
pub use mounts::volume_host;
pub use networks::DEFAULT_NETWORK;
pub(crate) use surroundings::Surroundings;
pub use surroundings::{HiveWide, Kept, TlsLogging};

use std::collections::BTreeMap;

use attributes::Draft;
use connection::Known;
use definitions::{Definition, Definitions};
use elsewhere::Elsewhere;
use evaluate::{AsWritten, Evaluate};
use materials::Kind;
use model::Services;

use crate::yaml::report::{Place, Report};
use crate::yaml::tree::{self, Node};
use crate::{Diagnostics, Site, StageName, Warning};

/// What service definitions say of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What is to be deployed.
    pub services: Services,
    /// What is to be kept for the next run.
    pub kept: Kept,
    /// What a person should know.
    pub warnings: Vec<Warning>,
    /// Where secrets and configs are defined, file and line; by `secret NAME` and `config NAME`.
    pub materials: BTreeMap<String, (String, usize)>,
}

impl Site {
    /// The services of a stage, every value taken as it is written: templates are not evaluated.
    /// `None`: the site does not have the stage.
    pub fn services_as_written(
        &self,
        stage: StageName,
        hive: &HiveWide,
        kept: &Kept,
    ) -> Option<Result<Reading, Diagnostics>> {
        let stage = self.stage(&stage)?;
        let mut report = Report::new(&self.services);
        let trees: Vec<Node> = (0..self.services.len())
            .filter_map(|file| tree::read(&self.services, file, false, &mut report))
            .collect();
        let around = Surroundings {
            sources: &self.services,
            site: self,
            stage,
            hive,
            kept,
        };
        let (services, kept, materials) = read(&trees, &around, &AsWritten, &mut report);
        Some(report.finish().map(|warnings| Reading {
            services,
            kept,
            warnings,
            materials,
        }))
    }
}

/// Reads the trees of all service definition files. What comes back is whole only if the report has
/// no error.
pub(crate) fn read(
    trees: &[Node],
    around: &Surroundings<'_>,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> (Services, Kept, BTreeMap<String, (String, usize)>) {
    let mut all = Definitions::default();
    for tree in trees {
        all.add(tree, report);
    }
    let stage = around.stage.name;
    let place_of = |place: Place| around.place_of(place);
    let networks = definitions::of_stage(&all.networks, "network", stage, place_of, report);
    let secrets = definitions::of_stage(&all.secrets, "secret", stage, place_of, report);
    let configs = definitions::of_stage(&all.configs, "config", stage, place_of, report);
    let services = definitions::of_stage(&all.services, "service", stage, place_of, report);
    let first_hive = around
        .stage
        .hosts()
        .iter()
        .find(|host| host.is_first_hive());
    let host = first_hive.map_or("", |host| host.name.as_str());
    let mut read = Services {
        networks: networks::read(&networks, around, evaluate, report),
        secrets: materials::read(Kind::Secret, &secrets, host, evaluate, report),
        configs: materials::read(Kind::Config, &configs, host, evaluate, report),
        ..Services::default()
    };
    let known = Known {
        // A network that could not be read is known by its name all the same.
        networks: sorted(&networks, &[DEFAULT_NETWORK]),
        networks_elsewhere: all.networks.iter().map(|network| network.name).collect(),
        secrets: sorted(&secrets, &[]),
        configs: sorted(&configs, &[]),
    };
    let mut drafts: BTreeMap<&str, Draft> = BTreeMap::new();
    for definition in &all.services {
        attributes::check_keys(definition, report);
        let here = services.iter().any(|one| one.place == definition.place);
        if names::service(definition.name, definition.place, report)
            && here
            && let Some(draft) = attributes::read(definition, &known, around, evaluate, report)
        {
            drafts.insert(definition.name, draft);
        }
    }
    let elsewhere = Elsewhere::read(&all.services, &drafts, around);
    let declared: Vec<_> = all
        .services
        .iter()
        .filter_map(|definition| drafts.get(definition.name).map(|draft| &draft.volumes))
        .flatten()
        .cloned()
        .collect();
    let (volumes, device_ids) =
        volumes::join(&declared, &elsewhere.mirrored, around, place_of, report);
    read.volumes = volumes;
    let published_ports = published::number(&all.services, &mut drafts, &elsewhere, around, report);
    read.services = drafts
        .into_iter()
        .map(|(name, draft)| (name.to_owned(), draft.service))
        .collect();
    let kept = Kept {
        device_ids,
        published_ports,
    };
    let materials = [(Kind::Secret, &secrets), (Kind::Config, &configs)];
    let materials = materials.into_iter().flat_map(|(kind, definitions)| {
        definitions.iter().map(move |definition| {
            let file = around.sources[definition.place.file].path.clone();
            let name = format!("{} {}", kind.word(), definition.name);
            (name, (file, definition.place.line))
        })
    });
    (read, kept, materials.collect())
}

fn sorted<'d>(definitions: &[&Definition<'d>], more: &[&'d str]) -> Vec<&'d str> {
    let mut names: Vec<&str> = definitions.iter().map(|one| one.name).collect();
    names.extend(more);
    names.sort_unstable();
    names.dedup();
    names
}
