//! What the real root is told of this machine's identity, or of having none.

use std::path::Path;

use hive_inventory::disk::{BOOT_REPORT, RUN_SEED};
use hive_inventory::image::BakedImage;
use hive_inventory::node::{BootReport, NODE_VERSION};

use crate::etc_layer::{self, EtcFile};
use crate::failure::{Explain, Failure};
use crate::identity::Identity;
use crate::state;

/// Keeps Docker from starting on a machine without an identity that is in a swarm: it would run that
/// host's containers under another name and address.
pub fn hold_back(files: &mut Vec<EtcFile>, in_swarm: bool, identity: &mut Identity) {
    if identity.chosen.is_some() || !in_swarm {
        return;
    }
    files.extend(["docker.service", "docker.socket"].map(|unit| {
        EtcFile::text(
            format!("systemd/system/{unit}.d/50-no-identity.conf"),
            format!("[Unit]\nConditionPathExists={RUN_SEED}\n"),
        )
    }));
    identity.notices.push(
        "Docker is held back: this machine is in a swarm and has no identity now; its data is untouched, and it goes on once it starts with its seed".into(),
    );
}

/// Adds to the seed's files what the machine keeps for itself.
pub fn with_identity(mut files: Vec<EtcFile>, machine_id: &str, key: Option<&str>) -> Vec<EtcFile> {
    files.push(EtcFile {
        path: "machine-id".into(),
        mode: 0o444,
        content: format!("{machine_id}\n").into_bytes(),
    });
    files.extend(
        key.and_then(|key| etc_layer::host_key(key, "hive"))
            .into_iter()
            .flatten(),
    );
    files
}

/// Leaves the boot report and the seed for the real root.
pub fn report(
    image: BakedImage,
    disk: &str,
    slot: String,
    identity: Identity,
    first_boot: bool,
    notices: Vec<String>,
) -> Result<(), Failure> {
    let next = "give the machine more memory";
    let report = BootReport {
        version: NODE_VERSION,
        image,
        disk: format!("/dev/{disk}"),
        slot,
        seed_source: identity.chosen.as_ref().map(|c| c.place.clone()),
        seed_fault: identity.fault,
        first_boot,
        notices,
    };
    let text = serde_json::to_vec(&report).explain("cannot write the boot report", next)?;
    state::write_lasting(Path::new(BOOT_REPORT), 0o644, &text)
        .explain(format!("cannot write {BOOT_REPORT}"), next)?;
    if let Some(chosen) = identity.chosen {
        let text = serde_json::to_vec(&chosen.seed).explain("cannot write the seed", next)?;
        state::write_lasting(Path::new(RUN_SEED), 0o600, &text)
            .explain(format!("cannot write {RUN_SEED}"), next)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_a_swarm_without_an_identity_starts_no_docker() {
        let held = |in_swarm| {
            let mut files = Vec::new();
            let mut identity = Identity::default();
            hold_back(&mut files, in_swarm, &mut identity);
            (files.len(), identity.notices.len())
        };
        assert_eq!((held(true), held(false)), ((2, 1), (0, 0)));
    }
}
