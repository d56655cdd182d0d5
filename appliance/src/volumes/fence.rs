//! Frozen I/O of DRBD 8.4: who lost sight of its peer asks Raft before it goes on.
//!
//! With `fencing resource-and-stonith` the kernel freezes all I/O of a primary that loses its peer, and starts
//! `drbdadm fence-peer`, which starts [`run`] in a process of its own. What the kernel makes of its exit
//! code (Linux, drivers/block/drbd/drbd_nl.c, `conn_try_outdate_peer`): 4 is "the peer's copy is outdated", I/O
//! goes on; with 6 this host's own copy would be called outdated; 5 would not let a host promote whose copy came
//! up without sight of its peer; anything unknown is "broken", and I/O stays frozen until the peer is connected
//! again. Nothing starts the handler a second time, so the handler of a primary waits for a majority as long as it
//! takes, through restarts of hived, too; `drbdadm`'s own limit is off in the image (`cmd-timeout-long`). An answer
//! counts only if there was no other connection since the handler was started: a new loss has a new handler.
//!
//! `drbdadm primary` without sight of the peer asks as well, and waits in the kernel. There the handler says no
//! at the first doubt, and the promotion fails. Nothing here takes the volume's lock, which hived holds meanwhile.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hive_volumes::lease::{self, Refusal};
use hive_volumes::seen::{Resource, proc_drbd};
use tokio::time::sleep;

use super::act::TRIES;
use super::host::Host;
use crate::decisions;
use crate::swarm::Written;

/// "The peer's copy is outdated."
const OUTDATED: u8 = 4;
/// Pause between tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a fence was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// For good.
    #[error("volume {volume}: {why}")]
    Refused {
        /// The volume.
        volume: String,
        /// The cause.
        why: Refusal,
    },
    /// Raft may take it later.
    #[error("volume {volume}: {why}; trying again")]
    NotYet {
        /// The volume.
        volume: String,
        /// The cause.
        why: String,
    },
}

/// `hived fence-peer`: asks the daemon, and tells DRBD.
pub fn run(socket: &Path) -> ExitCode {
    let Ok(volume) = std::env::var("DRBD_RESOURCE") else {
        eprintln!("hived: fence-peer is for DRBD, which names the volume in DRBD_RESOURCE");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = match runtime {
        Ok(runtime) => runtime.block_on(ask(socket, &volume)),
        Err(e) => Err(e.to_string()),
    };
    match asked {
        Ok(()) => ExitCode::from(OUTDATED),
        Err(why) => {
            eprintln!("hived: the peer of volume {volume} is not fenced: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Asks until hived knows, as long as somebody waits for it.
async fn ask(socket: &Path, volume: &str) -> Result<(), String> {
    loop {
        match decisions::fence(socket, volume).await {
            Ok(()) => return Ok(()),
            // A refusal passes, too, when whoever holds the volume lets go; and one that was overtaken for good
            // starts anew by the upkeep.
            Err(_) if waits()? => sleep(PAUSE).await,
            Err(why) => return Err(why.to_string()),
        }
    }
}

/// Whether I/O of the resource that the kernel names is frozen, as it has no sight of its peer.
fn waits() -> Result<bool, String> {
    let minor = std::env::var("DRBD_MINOR").ok();
    let minor: u8 = minor
        .and_then(|minor| minor.parse().ok())
        .ok_or("DRBD names no device in DRBD_MINOR")?;
    let text = std::fs::read_to_string("/proc/drbd").map_err(|e| format!("/proc/drbd: {e}"))?;
    let all = proc_drbd::read(&text, |_| "the peer".to_owned()).map_err(|e| e.to_string())?;
    Ok(all.get(&minor).is_some_and(is_frozen))
}

/// A primary that waits for its peer.
fn is_frozen(resource: &Resource) -> bool {
    let cut = resource.peers.values().all(|peer| !peer.connection.is_up());
    resource.primary && resource.suspended && cut
}

impl Host {
    /// Writes that this host's copy of a volume is the only current one.
    ///
    /// # Errors
    /// Others were faster, or Raft does not take it now.
    pub async fn fence(&self, volume: &str) -> Result<(), Fault> {
        let not_yet = |why: String| Fault::NotYet {
            volume: volume.to_owned(),
            why,
        };
        for _ in 0..TRIES {
            let record = self.record(volume).await.map_err(not_yet)?;
            let record = record.ok_or_else(|| not_yet("the swarm has no record of it".into()))?;
            let epoch = self.access().epoch().map_err(not_yet)?;
            let fenced = lease::fence(&record.state, self.me(), epoch);
            let state = fenced.map_err(|why| Fault::Refused {
                volume: volume.to_owned(),
                why,
            })?;
            if self.write(&record, &state).await.map_err(not_yet)? == Written::Done {
                eprintln!(
                    "<5>hived: volume {volume}: the peer is out of sight and its copy is outdated from now on. EVENT=fenced VOLUME={volume}"
                );
                return Ok(());
            }
        }
        Err(not_yet("its record was changed by others".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_frozen_io_goes_on_asking() {
        let frozen = |line: &str| {
            let text = format!("version: 8.4.11 (api:1/proto:86-101)\n{line}\n");
            let all = proc_drbd::read(&text, |_| "h1".to_owned()).unwrap();
            is_frozen(&all[&1])
        };
        let waits = " 1: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s---F-";
        assert!(frozen(waits));
        assert!(!frozen(&waits.replace("s---F-", "r-----")));
        assert!(!frozen(&waits.replace("Primary/", "Secondary/")));
        assert!(!frozen(&waits.replace("WFConnection", "Connected")));
    }
}
