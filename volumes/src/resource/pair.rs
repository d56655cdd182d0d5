//! DRBD 8.4: two copies, and hived as the one that is asked before either is used without the other.

use super::{DISK, FENCE_HANDLER, net, section};
use crate::record::{OnNoQuorum, Record};

/// All but the hosts.
pub(super) fn options(record: &Record, secret: &str) -> String {
    let without = match record.state.on_no_quorum {
        OnNoQuorum::IoError => "io-error",
        OnNoQuorum::SuspendIo => "suspend-io",
    };
    // Without sight of the peer, all I/O is frozen until the handler ends.
    let mut disk = vec!["fencing resource-and-stonith"];
    disk.extend(DISK);
    format!(
        "resource \"{}\" {{\n{}{}{}{}",
        record.identity.name,
        section("options", &[format!("on-no-data-accessible {without}")]),
        section("disk", &disk),
        section("net", &net(secret)),
        section("handlers", &[format!("fence-peer \"{FENCE_HANDLER}\"")]),
    )
}
