//! DRBD 9: all hosts see each other, and a majority decides.

use super::{DISK, net, section};
use crate::record::{OnNoQuorum, Record};

/// All but hosts and connections.
pub(super) fn options(record: &Record, secret: &str) -> String {
    let without = match record.state.on_no_quorum {
        OnNoQuorum::IoError => "io-error",
        OnNoQuorum::SuspendIo => "suspend-io",
    };
    let options = [
        "quorum majority".to_owned(),
        format!("on-no-quorum {without}"),
        // drbd.conf(5) wants the same for both.
        format!("on-no-data-accessible {without}"),
        // hived promotes by name, because then DRBD says why it can't; a person may still just mount it.
        "auto-promote yes".to_owned(),
    ];
    format!(
        "resource \"{}\" {{\n{}{}{}",
        record.identity.name,
        section("options", &options),
        section("disk", &DISK),
        section("net", &net(secret))
    )
}

/// Who speaks to whom.
pub(super) fn connections(record: &Record) -> String {
    let hosts: Vec<String> = record
        .state
        .present()
        .map(|(host, _)| format!("\"{host}\""))
        .collect();
    match hosts.len() {
        0 | 1 => String::new(),
        _ => section("connection-mesh", &[format!("hosts {}", hosts.join(" "))]),
    }
}
