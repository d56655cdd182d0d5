//! A service of type standalone: what a container needs to run systemd.

use bollard::models::{
    TaskSpecContainerSpecPrivileges, TaskSpecContainerSpecPrivilegesAppArmor,
    TaskSpecContainerSpecPrivilegesAppArmorModeEnum,
};
use hive_site::service::model::{Mount, MountKind, Service};

const MEMORY: [&str; 3] = ["/run", "/tmp", "/sys/fs/cgroup"];
const CAPABILITIES: [&str; 5] = [
    "NET_ADMIN",
    "SYS_ADMIN",
    "SYSLOG",
    "SYS_PTRACE",
    "AUDIT_CONTROL",
];
/// systemd wants a control group tree that it may write; docker's is read-only.
const COMMAND: [&str; 3] = [
    "/bin/sh",
    "-c",
    "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init",
];

/// Docker's AppArmor profile forbids to mount, whatever the capabilities. Engines before 25 do not
/// know the setting.
pub fn privileges() -> TaskSpecContainerSpecPrivileges {
    TaskSpecContainerSpecPrivileges {
        app_armor: Some(TaskSpecContainerSpecPrivilegesAppArmor {
            mode: Some(TaskSpecContainerSpecPrivilegesAppArmorModeEnum::DISABLED),
        }),
        ..Default::default()
    }
}

/// The service with what systemd needs; what the files say themselves wins.
pub fn complete(service: &Service) -> Service {
    let mut service = service.clone();
    if !service.standalone {
        return service;
    }
    for target in MEMORY {
        if !service.mounts.iter().any(|mount| mount.target == target) {
            service.mounts.push(Mount {
                source: String::new(),
                target: target.into(),
                kind: MountKind::Tmpfs,
                read_only: false,
            });
        }
    }
    for capability in CAPABILITIES {
        let known = |name: &String| super::service::capability(name).ends_with(capability);
        if !service.cap_add.iter().any(known) && !service.cap_drop.iter().any(known) {
            service.cap_add.push(capability.into());
        }
    }
    if service.command.is_none() && service.entrypoint.is_none() {
        service.command = Some(COMMAND.map(str::to_owned).to_vec());
    }
    service
}
