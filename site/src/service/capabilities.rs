//! `cap_add` and `cap_drop`.

use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::spelling;

/// What Linux knows, without `CAP_` in front.
const CAPABILITIES: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Reads a list of capabilities, with or without `CAP_` in front.
pub(crate) fn read(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry(key) else {
        return Vec::new();
    };
    let mut capabilities = Vec::new();
    for item in values::items(&entry.node, key, report) {
        let Some(text) = fields::text(item, key, report) else {
            continue;
        };
        let upper = text.trim().to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if !CAPABILITIES.contains(&bare) {
            report.error(
                item.place,
                format!("there is no capability `{text}`"),
                match spelling::nearest(bare, CAPABILITIES.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "see `man 7 capabilities`; write them such as `NET_ADMIN`".to_owned(),
                },
            );
        }
        capabilities.push(bare.to_owned());
    }
    capabilities
}
