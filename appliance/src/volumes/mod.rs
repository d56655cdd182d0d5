//! Mirrored volumes on this host: carries out what `hive_volumes` decides.
//!
//! Start at [`host`]: what the upkeep, docker's volume driver and DRBD's fence handler share. [`access`] leads to
//! the records in Raft, through a manager's hived ([`question`], [`answer`]) where this host is a
//! worker; [`others`] has what peers are asked before a copy changes. [`upkeep`] is the loop, [`care`] a volume's
//! turn in it; what it does is in [`steps`], [`act`] and [`format`]. [`power`] is the way of the resources up and
//! down with the machine, [`restart`] the end of a machine that was overtaken. [`plugin`] is docker's volume driver,
//! [`fence`] what DRBD 8.4 asks when it loses sight of a peer.

mod access;
mod act;
mod answer;
mod backing;
mod bench;
mod care;
mod carried;
mod effort;
pub mod fence;
mod format;
mod grow;
mod host;
mod kept;
mod labels;
mod locks;
mod look;
mod mounts;
mod others;
pub mod plugin;
pub mod power;
mod question;
mod raft;
pub mod report;
mod restart;
#[cfg(test)]
mod sample;
mod schedule;
mod shared;
mod steps;
mod upkeep;
mod users;

use std::sync::Arc;

use hive_inventory::seed::Seed;
use tokio::sync::watch;

pub use answer::answers;
pub use host::Host;
pub use locks::Held;
pub use look::HereOwned;
pub use upkeep::run;

use crate::member::View;
use crate::member::site::{Place, place};
use crate::paths::Paths;

/// What acts on volumes of this host; `None` for a host outside the swarm.
///
/// # Errors
/// The host's identity can't be used, in words.
pub fn host(
    seed: Option<&Seed>,
    paths: &Paths,
    view: watch::Receiver<View>,
) -> Result<Option<Arc<Host>>, String> {
    let Place::Hive(hive) = place(seed) else {
        return Ok(None);
    };
    let disk = seed.and_then(|seed| seed.disks.mirrored.clone());
    let host = Host::new(paths.clone(), &hive, disk, view)?;
    Ok(Some(Arc::new(host)))
}
