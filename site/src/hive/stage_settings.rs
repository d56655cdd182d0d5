//! What of a stage depends on variables, and so can be told only when all hosts are known.

use hive_templates::is_template;

use super::stage::{ImageName, Password, Stage};
use crate::variables::evaluation::Evaluation;
use crate::variables::host_settings::StageVariables;
use crate::variables::world::World;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;

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
        evaluate_texts(stage, evaluation, report);
    }
}

/// Texts of the definition that are templates themselves, such as a password that is looked up.
fn evaluate_texts(stage: &mut Stage, evaluation: &Evaluation, report: &mut Report<'_>) {
    let mut text = |host: &str, variable: &str, text: &mut Option<String>| {
        if text.as_deref().is_some_and(is_template)
            && let Some(entry) = evaluation.entry(host, variable)
        {
            let node = evaluation.node(&entry.node, host, report);
            *text = node.and_then(|node| node.as_text().map(str::to_owned));
        }
    };
    let Some(first) = stage.hosts.first().map(|host| host.name.clone()) else {
        return;
    };
    text(&first, "hive_kms_key_id", &mut stage.kms_key_id);
    text(&first, "hive_kernel_version", &mut stage.kernel_version);
    text(
        &first,
        "hive_drbd_download_url",
        &mut stage.drbd_download_url,
    );
    for host in &mut stage.hosts {
        text(&host.name, "hive_instance_type", &mut host.instance_type);
    }
    if let Some(password) = stage.root_password.take() {
        let mut password = Some(password.reveal().to_owned());
        text(&first, "hive_root_password", &mut password);
        stage.root_password = password.map(Password::new);
    }
    if let Some(ImageName::Id(id)) = &stage.image_name {
        let mut id = Some(id.clone());
        text(&first, "hive_vm_image_name", &mut id);
        stage.image_name = id.map(ImageName::Id);
    }
}

/// Whether the definition or the stage names the image's locale.
pub(crate) fn has_locale(levels: [&Fields<'_>; 2]) -> bool {
    levels.iter().any(|level| {
        let image = level.entry("image");
        image.is_some_and(|image| image.node.get("locale").is_some())
    })
}
