//! What a stage's files want of mirrored volumes. Pure.

use std::collections::BTreeMap;

use hive_inventory::image::{DrbdModule, NoQuorum};
use hive_inventory::volumes::PoolReport;
use hive_site::service::model::{Services, VolumeKind};
use hive_site::{Host, Provider, Stage};
use hive_volumes::plan::{Disk, Hive, Site, Wanted};
use hive_volumes::{Module, OnNoQuorum};

use super::reports::Reports;
use crate::machines::machine::Machine;
use crate::phases::Context;
use crate::seeds::document;

const GIB: u64 = 1 << 30;

/// The mirrored volumes of the files.
pub fn volumes(services: &Services) -> Vec<Wanted> {
    let volumes = services.volumes.values();
    volumes
        .filter_map(|volume| {
            let VolumeKind::Drbd {
                size,
                fstype,
                device_id,
                diskless,
                vgname,
            } = &volume.kind
            else {
                return None;
            };
            let (file, line) = &volume.defined;
            Some(Wanted {
                name: volume.name.clone(),
                declared: format!("{file}:{line}"),
                size: *size,
                file_system: fstype.clone(),
                id: *device_id,
                diskless: diskless.iter().cloned().collect(),
                group: vgname.clone(),
            })
        })
        .collect()
}

/// Whether the hosts are virtual machines on this computer.
pub fn are_here(context: &Context<'_>) -> bool {
    let made = |host| {
        let machine = Machine {
            context: &context.private,
            stage: context.stage,
            host,
        };
        machine.made().is_some()
    };
    context.stage.provider == Provider::Qemu || context.stage.hosts().iter().any(made)
}

/// The hives, with what they say of their pools.
pub fn site(stage: &Stage, here: bool, reports: &Reports) -> Site {
    let hives = stage.hosts().iter().filter(|host| host.is_hive());
    let hosts: BTreeMap<String, Hive> = hives
        .map(|host| {
            let short = host.short_name();
            let told = reports.get(short).and_then(|report| report.as_ref().ok());
            let pool = told.and_then(|report| report.pool.as_ref());
            let hive = Hive {
                zone: host.zone.clone(),
                disk: disk(stage, host, here, pool),
            };
            (short.to_owned(), hive)
        })
        .collect();
    Site {
        module: match stage.drbd.module {
            DrbdModule::Kernel => Module::Drbd84,
            DrbdModule::Deb | DrbdModule::Linbit => Module::Drbd9,
        },
        on_no_quorum: match stage.drbd.on_no_quorum {
            NoQuorum::IoError => OnNoQuorum::IoError,
            NoQuorum::SuspendIo => OnNoQuorum::SuspendIo,
        },
        secret: hive_records::SECRET.to_owned(),
        hosts,
    }
}

/// What the host's seed says of its disk.
fn disk(stage: &Stage, host: &Host, here: bool, pool: Option<&PoolReport>) -> Option<Disk> {
    let given = document::mirrored(stage, host, here)?;
    let ours = |told: &&PoolReport| told.group == given.volume_group && told.pool == given.pool;
    let told = pool.filter(ours).map(|told| told.bytes);
    // A disk that is made for the host is as large as the files say, and its pool no larger. Metal has
    // whatever disk it has.
    let made = here || !stage.provider.may_be_metal();
    let declared = given.gigabytes.filter(|_| made);
    Some(Disk {
        group: given.volume_group,
        pool: given.pool,
        bytes: told.or(declared.map(|gigabytes| gigabytes.saturating_mul(GIB))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds::document::tests::stage;
    use hive_inventory::volumes::{VOLUMES_VERSION, VolumesReport};

    const SITE: &str = "plugin: hive_inventory\nname: example.com\nstages:\n  private:\n    provider: qemu\n    cidr: 192.168.0.0/24\n    \
        number_of_hosts: 4\n    mirrored_disk_size: 8\n    drbd: {module: kernel, on_no_quorum: suspend-io}\n";

    fn report(bytes: u64) -> VolumesReport {
        VolumesReport {
            version: VOLUMES_VERSION,
            pool: Some(PoolReport {
                group: "drbdvg".into(),
                pool: "drbdpool".into(),
                bytes,
                used: 0,
                notes_used: 0,
            }),
            volumes: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn hives_have_the_pool_that_they_tell_of_or_the_disk_of_the_files() {
        let reports = Reports::from([
            ("p-hive0".to_owned(), Ok(report(7 * GIB))),
            ("p-hive1".to_owned(), Err("no answer".to_owned())),
        ]);
        let site = site(&stage(SITE), true, &reports);
        let bytes = |host: &str| site.hosts[host].disk.as_ref().and_then(|disk| disk.bytes);
        assert_eq!(bytes("p-hive0"), Some(7 * GIB));
        assert_eq!(bytes("p-hive1"), Some(8 * GIB));
        assert_eq!(site.module, Module::Drbd84);
        assert_eq!(site.on_no_quorum, OnNoQuorum::SuspendIo);
        assert_eq!(site.secret, "hive.volume-secret");
    }
}
