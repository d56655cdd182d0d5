//! What a container needs that runs systemd like a small machine.

use super::model::{Mount, MountKind, Service};

/// Places that systemd wants in memory.
const IN_MEMORY: &[&str] = &["/run", "/tmp", "/sys/fs/cgroup"];
/// What it must be allowed.
const CAPABILITIES: &[&str] = &[
    "NET_ADMIN",
    "SYS_ADMIN",
    "SYSLOG",
    "SYS_PTRACE",
    "AUDIT_CONTROL",
];
/// Mounts the control groups of its own, then becomes init.
const COMMAND: &[&str] = &[
    "sh",
    "-c",
    "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init",
];

/// Adds what the definition does not say itself.
pub(crate) fn complete(service: &mut Service) {
    let mut mounts: Vec<Mount> = IN_MEMORY
        .iter()
        .filter(|target| !service.mounts.iter().any(|mount| mount.target == **target))
        .map(|target| Mount {
            source: String::new(),
            target: (*target).to_owned(),
            kind: MountKind::Tmpfs,
            read_only: false,
        })
        .collect();
    mounts.append(&mut service.mounts);
    service.mounts = mounts;
    for capability in CAPABILITIES {
        if !service
            .cap_add
            .iter()
            .any(|has| has == capability || has == "ALL")
        {
            service.cap_add.push((*capability).to_owned());
        }
    }
    if service.command.is_none() {
        service.command = Some(COMMAND.iter().map(|word| (*word).to_owned()).collect());
    }
}
