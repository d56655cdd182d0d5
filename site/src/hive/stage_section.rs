//! Reads one entry of `stages:` into a [`Stage`], but for what depends on variables.

use hive_inventory::image::KernelFlavour;
use hive_inventory::settings::HostSettings;

use super::attributes;
use super::hardware::{self, Hardware};
use super::host::Host;
use super::kickstart;
use super::layout::{Layout, Seat, Zones};
use super::machine::{self, Machine};
use super::network;
use super::provider::Provider;
use super::rules;
use super::sealed::Sealed;
use super::stage::{Password, Stage, StageName, Subnet};
use super::stage_settings::{self, Waiting};
use super::templated;
use crate::yaml::fields::Fields;
use crate::yaml::report::{Place, Report};
use crate::yaml::tree::Entry;

const CIDR_EXAMPLE: &str = "192.168.10.0/24";

/// What a stage shares with the rest of its hive definition.
pub(crate) struct Surroundings<'t> {
    /// Name of the site, and where it stands.
    pub site: &'t str,
    pub site_place: Place,
    /// The top level of the definition, for `mirror`, `image` and `drbd`.
    pub top: &'t Fields<'t>,
}

/// Reads a stage. When something is missing the report says so and `None` comes back.
pub(crate) fn read(
    entry: &Entry,
    name: StageName,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<(Stage, Waiting)> {
    let what = format!("stage `{name}`");
    let fields = Fields::open_any(&entry.node, entry.place, what, report)?;
    if templated::refuse(&entry.node, report) {
        return None;
    }
    let provider = rules::provider(&fields, report);
    rules::keys(&fields, provider, report);

    let given = fields.required("cidr", CIDR_EXAMPLE, report);
    let cidr = given.and_then(|e| network::of_node(&e.node, "cidr", CIDR_EXAMPLE, report));
    let layout = Layout::read(&fields, name, report);
    let custom_hostname = attributes::custom_hostname(&fields, around, report);
    let internal = attributes::internal(&fields, report);
    let internal_cidr_v6 = network::field_v6(&fields, "internal_cidr_v6", report);
    let filestore_cidr = attributes::filestore(&fields, report);
    let image_name = attributes::image_name(&fields, report);
    let kickstart = fields
        .entry("kickstart_config")
        .and_then(|entry| kickstart::read(entry, layout.as_ref().map(|l| l.count), report));
    let shared_repository = attributes::shared_repository(&fields, report);
    let mirrored_disk_gb = fields.whole("mirrored_disk_size", 1..=64 << 10, report);
    let mirrored_disk_encrypted = fields.flag("mirrored_disk_encrypted", report);
    let not_support_az = fields.flag("not_support_az", report).unwrap_or(false);
    let prepared_resource_group = fields.flag("prepared_resource_group", report);
    let suffixes = Zones::suffixes(&fields, report);
    let separate = layout.as_ref().is_none_or(|layout| layout.separate);
    // Read without a provider too, so that every mistake shows at once.
    let (hive, repository) = machine::read(
        &fields,
        provider.unwrap_or(Provider::Prepared),
        separate,
        report,
    );
    let managers = fields.whole("number_of_managers", 1..=7, report);
    // What docker takes (`docker swarm init --data-path-port`).
    let data_path_port = fields.whole("data_path_port", 1024..=49151, report);
    let region = fields.text("region", report);
    let mut text = |key: &str| fields.text(key, report);
    let (bridge, dev) = (text("bridge"), text("dev"));
    let (kernel_version, drbd_download_url) = (text("kernel_version"), text("drbd_download_url"));
    let (kms_key_id, root_password) = (text("kms_key_id"), text("root_password"));
    let nameservers = kickstart::one_or_more(&fields, "nameservers", report);

    let kernel = match provider {
        Some(provider) if provider.may_be_metal() => KernelFlavour::Generic,
        _ => KernelFlavour::Cloud,
    };
    let mut sealed = Sealed::new(kernel);
    sealed.overlay(around.top, report);
    sealed.overlay(&fields, report);
    let (image, drbd) = sealed.finish(report);

    let provider = provider?;
    rules::provider_needs(&fields, provider, separate, report);

    let (layout, cidr) = (layout?, cidr?);
    let seats = layout.seats(&fields, cidr, report)?;
    rules::places(&fields, provider, &layout, cidr, report);
    let zones = Zones {
        provider,
        region: region.filter(|_| provider.is_cloud()),
        suffixes,
        not_supported: not_support_az,
    };
    let subnets = if layout.subnets.is_empty() {
        vec![Subnet {
            name: format!("{}-default", around.site),
            cidr,
            available_zone: None,
        }]
    } else {
        layout.subnets
    };
    let mut hosts = Vec::new();
    for (index, seat) in seats.into_iter().enumerate() {
        let size = if index + 1 == layout.count {
            &repository
        } else {
            &hive
        };
        let full_name = format!("{}{custom_hostname}{index}.{}", name.prefix(), around.site);
        let mut host = make_host(full_name, index, seat, size, &subnets, &zones);
        host.may_manage = host.is_hive() && managers.is_none_or(|n| (index as u64) < n);
        hosts.push(host);
    }
    hardware::read(&fields, &mut hosts, report);
    let waiting = Waiting {
        mirrored_disk_gb,
        mirrored_disk_encrypted: mirrored_disk_encrypted.unwrap_or(false),
        has_locale: stage_settings::has_locale([around.top, &fields]),
    };
    let stage = Stage {
        name,
        site: around.site.to_owned(),
        provider,
        cidr,
        subnets,
        custom_hostname,
        separate_repository: layout.separate,
        shared_repository,
        internal,
        internal_cidr_v6,
        data_path_port: data_path_port.and_then(|port| u16::try_from(port).ok()),
        region: zones.region,
        image_name,
        kms_key_id,
        prepared_resource_group: prepared_resource_group.unwrap_or(false),
        not_support_az,
        filestore_cidr,
        bridge,
        dev,
        kickstart,
        nameservers,
        root_password: root_password
            .filter(|password| !password.is_empty())
            .map(Password::new),
        kernel_version,
        drbd_download_url,
        image,
        drbd,
        settings: HostSettings::default(),
        hosts,
    };
    Some((stage, waiting))
}

fn make_host(
    name: String,
    index: usize,
    seat: Seat,
    size: &Machine,
    subnets: &[Subnet],
    zones: &Zones,
) -> Host {
    let subnet = &subnets[seat.subnet];
    Host {
        name,
        index,
        roles: seat.roles,
        private_ip: seat.address,
        network: subnet.cidr,
        subnet: subnet.name.clone(),
        zone: zones.of(index, Some(subnet)),
        memory_mb: size.memory_mb,
        cpus: size.cpus,
        disk_gb: size.disk_gb,
        mirrored_disk_gb: None,
        instance_type: size.instance_type.clone(),
        disk_encrypted: size.disk_encrypted.unwrap_or(false),
        mirrored_disk_encrypted: false,
        may_manage: false,
        hardware: Hardware::default(),
    }
}
