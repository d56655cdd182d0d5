//! Reads the attributes of a stage that have a rule of their own.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::internal::{InternalNetworks, LONGEST_PREFIX};
use super::network;
use super::shared_repository::{self, SharedRepository};
use super::stage::ImageName;
use super::stage_section::Surroundings;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::Value;

/// What names are made of when the stage does not say.
const DEFAULT_HOSTNAME: &str = "hive";
/// Longest base of host names and hive name together: a certificate's common name takes 64
/// characters, and prefix, number and dot want theirs.
const LONGEST_NAMES: usize = 54;
const INTERNAL_EXAMPLE: &str = "172.31.252.0/22";
const FILESTORE_EXAMPLE: &str = "192.168.11.0/24";
const IMAGE_NAME_KEYS: &[&str] = &[
    "publisher",
    "offer",
    "sku",
    "version",
    "name",
    "resource_group",
    "id",
];

/// `custom_hostname`: what the hosts' names begin with, behind the stage's prefix.
pub(crate) fn custom_hostname(
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> String {
    let given = fields.text("custom_hostname", report);
    let entry = fields.entry("custom_hostname");
    let base = given.unwrap_or_else(|| DEFAULT_HOSTNAME.into());
    if let Some(entry) = entry
        && !is_hostname_base(&base)
    {
        report.error(
            entry.node.place,
            format!("`custom_hostname` can't be `{base}`"),
            "use small letters, digits and inner hyphens, two characters at least",
        );
    } else if base.len() + around.site.len() > LONGEST_NAMES {
        report.error(
            entry.map_or(around.site_place, |entry| entry.node.place),
            format!(
                "`{base}` and the hive's name `{}` have {} characters together",
                around.site,
                base.len() + around.site.len()
            ),
            format!(
                "shorten one of them: {LONGEST_NAMES} is the most that host names have room for"
            ),
        );
    }
    base
}

/// `^[a-z0-9][a-z0-9-]*[a-z0-9]$`
fn is_hostname_base(text: &str) -> bool {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() >= 2
        && text.starts_with(small)
        && text.ends_with(small)
        && text.chars().all(|c| small(c) || c == '-')
}

/// `internal_cidr`, shared out among docker's networks.
pub(crate) fn internal(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<InternalNetworks> {
    let whole = network::field(fields, "internal_cidr", INTERNAL_EXAMPLE, report)?;
    let parts = InternalNetworks::split(whole);
    if parts.is_none() {
        report.error(
            fields.entry("internal_cidr")?.node.place,
            format!("`{whole}` is too small to be shared out among docker's networks"),
            format!(
                "take a prefix length of {LONGEST_PREFIX} or less, such as `{INTERNAL_EXAMPLE}`"
            ),
        );
    }
    parts
}

/// `filestore_cidr`: Filestore takes networks of two sizes.
pub(crate) fn filestore(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Ipv4Net> {
    let net = network::field(fields, "filestore_cidr", FILESTORE_EXAMPLE, report)?;
    if !matches!(net.prefix_len(), 24 | 26) {
        report.error(
            fields.entry("filestore_cidr")?.node.place,
            format!(
                "`filestore_cidr` can't have the prefix length {}",
                net.prefix_len()
            ),
            format!("take /24 or /26, such as `{FILESTORE_EXAMPLE}`"),
        );
    }
    Some(net)
}

/// `image_name`: an id, or a description as Azure has it.
pub(crate) fn image_name(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<ImageName> {
    let entry = fields.entry("image_name")?;
    if !matches!(entry.node.value, Value::Map(_)) {
        return fields.text("image_name", report).map(ImageName::Id);
    }
    let what = "`image_name`";
    let keys = Fields::open(&entry.node, entry.place, what, IMAGE_NAME_KEYS, report)?;
    let described: BTreeMap<String, String> = keys
        .entries()
        .iter()
        .filter_map(|entry| {
            let text = fields::text(&entry.node, &entry.key, report)?;
            Some((entry.key.clone(), text))
        })
        .collect();
    Some(ImageName::Described(described))
}

/// `shared_repository`, which needs the repository to be apart from the hives.
pub(crate) fn shared_repository(
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> Option<SharedRepository> {
    let entry = fields.entry("shared_repository")?;
    if let Some(separate) = fields.entry("separate_repository")
        && fields.flag("separate_repository", report) == Some(false)
    {
        report.error(
            separate.node.place,
            "`shared_repository` needs `separate_repository: True`",
            "set it to True, or remove `shared_repository`",
        );
    }
    shared_repository::read(entry, report)
}
