//! What of a stage depends on variables, and so can be told only when all hosts are known.

use super::machine;
use super::stage::Stage;
use crate::variables::evaluation::Evaluation;
use crate::variables::host_settings::StageVariables;
use crate::variables::layers;
use crate::variables::world::World;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node};

/// What a stage was given that waits for variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    /// `mirrored_disk_size` of hives that have such a disk.
    pub mirrored_disk_gb: Option<u64>,
    pub mirrored_disk_encrypted: bool,
    /// Whether the definition names the locale itself.
    pub has_locale: bool,
}

/// Fills in what depends on variables. Without `evaluation` templates have no value and count as not
/// given: nobody works on that stage.
pub(crate) fn settle(
    stage: &mut Stage,
    waiting: &Waiting,
    world: &World,
    evaluation: Option<&Evaluation>,
    report: &mut Report<'_>,
) {
    let Some(first) = stage.hosts.first().map(|host| host.name.clone()) else {
        return;
    };
    let variables = StageVariables {
        world,
        stage: stage.name,
        host: first.clone(),
        evaluation,
    };
    let locale = variables.locale(report);
    if let Some(locale) = locale.filter(|_| !waiting.has_locale) {
        stage.image.locale = locale;
    }
    let mut settings = variables.read(stage.provider, report);
    settings.docker0 = stage.internal.map(|internal| internal.docker0_bip());
    let servers = stage.hosts.iter();
    settings.servers = servers
        .map(|h| (h.name.clone(), h.private_ip.into()))
        .collect();
    stage.settings = settings;
    for host in &mut stage.hosts {
        if host.is_hive() && variables.has_mirrored_disk(&host.name, report) {
            host.mirrored_disk_gb = waiting.mirrored_disk_gb;
            host.mirrored_disk_encrypted = waiting.mirrored_disk_encrypted;
        }
    }
    variables.warn_of_single_hosts(&stage.hosts, report);
    if let Some(evaluation) = evaluation {
        evaluate_sizes(stage, evaluation, report);
    }
}

/// Sizes that are templates, which may differ from host to host.
fn evaluate_sizes(stage: &mut Stage, evaluation: &Evaluation, report: &mut Report<'_>) {
    for host in &mut stage.hosts {
        let mut given = |key: &str| {
            let variable = format!("hive_{key}");
            let entry = evaluation.entry(&host.name, &variable)?;
            if !layers::is_template(&entry.node) {
                return None;
            }
            // Errors name the key that the person wrote.
            let named = Entry {
                key: key.to_owned(),
                ..entry.clone()
            };
            Some(evaluation.entry_value(&named, &host.name, report)?.node)
        };
        let found = [given("memory_size"), given("cpus"), given("disk_size")];
        let instance_type = given("instance_type");
        let [memory, cpus, disk] = found;
        let mut whole = |node: Option<Node>, key: &str, most: u64, into: &mut Option<u64>| {
            if let Some(node) = node {
                *into = fields::whole(&node, key, 1..=most, report).or(*into);
            }
        };
        whole(
            memory,
            "memory_size",
            machine::MOST_MEMORY,
            &mut host.memory_mb,
        );
        whole(cpus, "cpus", machine::MOST_CPUS, &mut host.cpus);
        whole(disk, "disk_size", machine::MOST_DISK, &mut host.disk_gb);
        if let Some(node) = instance_type {
            host.instance_type = fields::text(&node, "instance_type", report);
        }
    }
}

/// Whether the definition or the stage names the image's locale.
pub(crate) fn has_locale(levels: [&Fields<'_>; 2]) -> bool {
    levels.iter().any(|level| {
        let image = level.entry("image");
        image.is_some_and(|image| image.node.get("locale").is_some())
    })
}
