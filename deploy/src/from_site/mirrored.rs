//! What services that mount mirrored volumes are told besides: whose volumes they are, and where they
//! can be used.

use std::collections::BTreeSet;

use bollard::models::{
    MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig, TaskSpec, TaskSpecPlacement,
};
use hive_site::service::model::{Services, VolumeKind};

use crate::desired::Desired;

/// Docker's name of the driver; `hived` of every host is it.
pub const DRIVER: &str = "drbd";

/// Where mirrored volumes can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On every hive: DRBD 9 reaches copies over the network.
    Everywhere,
    /// On the two hosts with copies, which have the node label [`label`]: DRBD 8.4.
    WithCopies,
}

/// The node label of hosts on which a volume can be used; `hived` keeps it.
pub fn label(volume: &str) -> String {
    format!("hive.volume.{volume}")
}

/// Completes services that mount mirrored volumes. Without the driver docker would make an empty volume
/// of its own where the mirrored one is not.
pub fn complete(desired: &mut Desired, services: &Services, reach: Reach) {
    for service in &mut desired.services {
        let Some(task) = &mut service.spec.task_template else {
            continue;
        };
        let mounted = name_driver(task, services);
        if reach == Reach::WithCopies {
            lead(task, &mounted);
        }
    }
}

/// Names the driver of mirrored volumes; gives the volumes.
fn name_driver(task: &mut TaskSpec, services: &Services) -> BTreeSet<String> {
    let is_mirrored = |name: &String| {
        let volume = services.volumes.get(name);
        volume.is_some_and(|volume| matches!(volume.kind, VolumeKind::Drbd { .. }))
    };
    let mut mounted = BTreeSet::new();
    let container = task.container_spec.iter_mut();
    let mounts = container.flat_map(|container| container.mounts.iter_mut().flatten());
    for mount in mounts.filter(|mount| mount.typ == Some(MountType::VOLUME)) {
        let Some(name) = mount.source.as_ref().filter(|name| is_mirrored(name)) else {
            continue;
        };
        mounted.insert(name.clone());
        let driver = MountVolumeOptionsDriverConfig {
            name: Some(DRIVER.into()),
            options: None,
        };
        let options = mount
            .volume_options
            .get_or_insert_with(MountVolumeOptions::default);
        options.driver_config = Some(driver);
    }
    mounted
}

/// To the hosts with copies.
fn lead(task: &mut TaskSpec, volumes: &BTreeSet<String>) {
    if volumes.is_empty() {
        return;
    }
    let placement = task
        .placement
        .get_or_insert_with(TaskSpecPlacement::default);
    let constraints = placement.constraints.get_or_insert_default();
    let labels = volumes.iter().map(|name| label(name));
    constraints.extend(labels.map(|label| format!("node.labels.{label} == true")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_site::{desired, tests};
    use hive_site::StageName;
    use hive_site::service::model::Volume;

    fn completed(reach: Reach) -> serde_json::Value {
        let mut services = tests::full();
        let volume = Volume {
            name: "data".into(),
            defined: ("inventory/services.yml".into(), 6),
            available_on: vec![StageName::Private],
            kind: VolumeKind::Drbd {
                size: 1 << 30,
                fstype: "xfs".into(),
                device_id: 1,
                diskless: Vec::new(),
                vgname: None,
            },
        };
        services.volumes.insert("data".into(), volume);
        let mut desired = desired(&services, &tests::contents()).unwrap();
        assert!(desired.volumes.iter().all(|volume| volume.name != "data"));
        complete(&mut desired, &services, reach);
        serde_json::to_value(&desired.services[0].spec.task_template).unwrap()
    }

    #[test]
    fn the_driver_is_named_and_two_copies_have_a_label() {
        let task = completed(Reach::Everywhere);
        let mount = &task["ContainerSpec"]["Mounts"][0];
        let driver = serde_json::json!({"DriverConfig": {"Name": "drbd"}});
        assert_eq!(mount["VolumeOptions"], driver);
        let constraints = |task: &serde_json::Value| task["Placement"]["Constraints"].clone();
        assert_eq!(
            constraints(&task),
            serde_json::json!(["node.role == manager"])
        );
        let led = [
            "node.role == manager",
            "node.labels.hive.volume.data == true",
        ];
        assert_eq!(
            constraints(&completed(Reach::WithCopies)),
            serde_json::json!(led)
        );
    }

    #[test]
    fn other_volumes_are_left_alone() {
        let services = tests::full();
        let mut desired = desired(&services, &tests::contents()).unwrap();
        let before = desired.services[0].spec.clone();
        complete(&mut desired, &services, Reach::WithCopies);
        assert_eq!(desired.services[0].spec, before);
    }
}
