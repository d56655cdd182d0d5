//! What the keys of a stage must fulfil together, and with its provider.

use ipnet::Ipv4Net;

use super::layout::Layout;
use super::provider::{Fit, Provider};
use super::sealed;
use super::stage_keys::KEYS;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;
use crate::yaml::spelling;

/// Reads the provider.
pub(crate) fn provider(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Provider> {
    let entry = fields.required("provider", "qemu", report)?;
    let name = fields.text("provider", report)?;
    let provider = Provider::from_name(&name);
    if provider.is_none() {
        let known = Provider::ALL.map(Provider::name);
        let meant = spelling::nearest(&name, known)
            .map(|meant| format!("did you mean `{meant}`? "))
            .unwrap_or_default();
        report.error(
            entry.node.place,
            format!("unknown provider `{name}` in {}", fields.what),
            format!("{meant}providers are: {}", known.join(", ")),
        );
    }
    provider
}

/// Checks that every key is known and goes with the provider.
pub(crate) fn keys(fields: &Fields<'_>, provider: Option<Provider>, report: &mut Report<'_>) {
    for entry in fields.entries() {
        let key = entry.key.as_str();
        if !KEYS.contains(&key) {
            // What this provider takes; without a provider, whatever there is.
            let known: Vec<&str> = KEYS
                .iter()
                .copied()
                .filter(|key| provider.is_none_or(|p| p.takes(key) == Fit::Takes))
                .collect();
            let advice = sealed::misplaced(key).unwrap_or_else(|| spelling::advice(key, &known));
            report.error(
                entry.place,
                format!("unknown key `{key}` in {}", fields.what),
                advice,
            );
            continue;
        }
        let Some(provider) = provider else { continue };
        match provider.takes(key) {
            Fit::Takes => {}
            Fit::Ignores => report.warn(
                entry.place,
                format!("`{key}` has no effect with provider `{provider}`"),
                "remove it",
            ),
            Fit::Refuses(reason) => report.error(
                entry.place,
                format!("`{key}` does not go with provider `{provider}`"),
                format!("remove it: {reason}"),
            ),
        }
    }
}

/// Checks what a provider needs beyond the common keys.
pub(crate) fn provider_needs(
    fields: &Fields<'_>,
    provider: Provider,
    separate: bool,
    report: &mut Report<'_>,
) {
    if matches!(provider, Provider::Aws | Provider::Azure | Provider::Gcp) {
        let (size, region) = match provider {
            Provider::Aws => ("t3.medium", "ap-northeast-1"),
            Provider::Azure => ("Standard_D2s_v3", "japaneast"),
            _ => ("n1-standard-2", "asia-northeast1"),
        };
        fields.required("instance_type", size, report);
        if separate && fields.entry("shared_repository").is_none() {
            fields.required("repository_instance_type", size, report);
        }
        fields.required("region", region, report);
    }
    if provider == Provider::Kickstart {
        fields.required(
            "kickstart_config",
            "{iso_src: debian.iso, iso_dest: /dev/sdb, networks: [{interface: eno1}]}",
            report,
        );
    }
    if provider == Provider::Aws && fields.entry("kms_key_id").is_none() {
        let keys = [
            "disk_encrypted",
            "repository_disk_encrypted",
            "mirrored_disk_encrypted",
        ];
        for key in keys {
            // Reading it again reports nothing new: equal findings are kept once.
            if let Some(entry) = fields.entry(key)
                && fields.flag(key, report) == Some(true)
            {
                report.error(
                    entry.place,
                    format!("`{key}` needs `kms_key_id`"),
                    "add `kms_key_id` with the ARN of the key that encrypts the disks",
                );
            }
        }
    }
}

/// Warns of addresses and zones that a network or cloud will not take.
pub(crate) fn places(
    fields: &Fields<'_>,
    provider: Provider,
    layout: &Layout,
    cidr: Ipv4Net,
    report: &mut Report<'_>,
) {
    if let Some(entry) = fields.entry("subnets") {
        for subnet in &layout.subnets {
            if !cidr.contains(&subnet.cidr) {
                report.warn(
                    entry.place,
                    format!("the subnet `{}` lies outside `cidr`, {cidr}", subnet.cidr),
                    "`cidr` is the whole network of the stage: make it hold every subnet",
                );
            }
        }
    }
    if let Some(entry) = fields.entry("ip_address_list") {
        for address in &layout.addresses {
            if !cidr.contains(address) {
                report.warn(
                    entry.place,
                    format!("`{address}` lies outside `cidr`, {cidr}"),
                    "make `cidr` the network that holds every address",
                );
            }
        }
    }
    let zoned = !layout.subnets.is_empty()
        && layout
            .subnets
            .iter()
            .all(|subnet| subnet.available_zone.is_some());
    if provider == Provider::Aws
        && !zoned
        && fields.entry("az_suffix_list").is_none()
        && let Some(region) = fields.entry("region")
    {
        report.warn(
            region.place,
            "the zones would be called like `ap-northeast-1-a`, which AWS does not know",
            "give each entry of `subnets` its `available_zone`, or add `az_suffix_list: [a, c, d]`",
        );
    }
}
