//! Frozen I/O of DRBD 8.4: who lost sight of its peer asks Raft before it goes on.
//!
//! With `fencing resource-and-stonith` the kernel freezes all I/O of a primary that loses its peer, and starts
//! `drbdadm fence-peer`, which starts [`run`] in a process of its own. What the kernel makes of its exit
//! code (Linux, drivers/block/drbd/drbd_nl.c, `conn_try_outdate_peer`): 4 is "the peer's copy is outdated", I/O
//! goes on; 5 and 7 end in the same; with 6 this host's own copy would be called outdated; anything
//! else is "broken", I/O stays frozen, and the handler is not started again. An answer that comes
//! after the peer has connected again is ignored there. `drbdadm` gives up on a handler after some
//! minutes, and a host may be without a majority for hours; so the upkeep, too, looks for frozen volumes
//! ([`thaw`]) and lets their I/O go on as soon as Raft has the fence.
//!
//! Nothing here takes the volume's lock: `drbdadm primary`, during which the upkeep has it, asks as well.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hive_system::drbd;
use hive_volumes::lease::{self, Refusal};
use hive_volumes::seen::DiskState;
use hive_volumes::upkeep::Seen;
use hive_volumes::{Module, Record};
use tokio::time::{Instant, sleep};

use super::act::{DRBD, TRIES};
use super::host::Host;
use crate::decisions;
use crate::swarm::Written;

/// "The peer's copy is outdated."
const OUTDATED: u8 = 4;
/// How long the handler waits for Raft. A promotion waits with it; frozen I/O is seen to by the upkeep later.
const HANDLER: Duration = Duration::from_secs(45);
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

/// `hived fence-peer`: asks the daemon until it knows, or the time is over.
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

async fn ask(socket: &Path, volume: &str) -> Result<(), String> {
    let until = Instant::now() + HANDLER;
    loop {
        match decisions::fence(socket, volume).await {
            Ok(()) => return Ok(()),
            Err(refused @ decisions::AskError::Refused(_)) => return Err(refused.to_string()),
            Err(passing) if Instant::now() >= until => return Err(passing.to_string()),
            Err(_) => sleep(PAUSE).await,
        }
    }
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

    /// Lets frozen I/O go on if Raft takes the fence; `record` was read, and `seen` looked at, just now.
    pub(super) async fn thaw(&self, record: &Record, seen: &Seen) {
        if !is_frozen(record, seen) {
            return;
        }
        let name = record.identity.name.as_str();
        let thawed = match self.fence(name).await {
            Ok(()) => {
                let resume = self.bench.run(drbd::resume_io(name), DRBD).await;
                resume.map(drop)
            }
            Err(fault) => Err(fault.to_string()),
        };
        if let Err(why) = thawed {
            eprintln!("<4>hived: volume {name}: its I/O stays frozen: {why}");
        }
    }
}

/// A primary with a good copy that waits for its peer.
fn is_frozen(record: &Record, seen: &Seen) -> bool {
    record.identity.module == Module::Drbd84
        && seen.resource.as_ref().is_some_and(|resource| {
            let cut = resource.peers.values().all(|peer| !peer.connection.is_up());
            resource.primary && resource.suspended && resource.disk == DiskState::UpToDate && cut
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hive_volumes::seen::{Connection, Peer, Resource};

    use super::super::sample;
    use super::*;

    fn seen(primary: bool, suspended: bool, connection: Connection) -> Seen {
        let peer = Peer {
            connection,
            primary: false,
            disk: DiskState::Unknown,
            out_of_sync: 0,
        };
        Seen {
            resource: Some(Resource {
                primary,
                disk: DiskState::UpToDate,
                suspended,
                quorum: true,
                peers: BTreeMap::from([("h1".to_owned(), peer)]),
            }),
            ..Seen::default()
        }
    }

    #[test]
    fn only_a_frozen_primary_out_of_sight_of_its_peer_is_thawed() {
        let pair = sample::pair("db", 2);
        assert!(is_frozen(&pair, &seen(true, true, Connection::Trying)));
        assert!(!is_frozen(&pair, &seen(false, true, Connection::Trying)));
        assert!(!is_frozen(&pair, &seen(true, false, Connection::Trying)));
        assert!(!is_frozen(&pair, &seen(true, true, Connection::Connected)));
        assert!(!is_frozen(&pair, &Seen::default()));
        let mesh = sample::mesh("web", 1);
        assert!(!is_frozen(&mesh, &seen(true, true, Connection::Trying)));
        let mut detached = seen(true, true, Connection::Trying);
        detached.resource.as_mut().unwrap().disk = DiskState::Diskless;
        assert!(!is_frozen(&pair, &detached));
    }
}
