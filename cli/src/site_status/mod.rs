//! How a whole stage is: every host's own word, and what the living say of the silent.

mod following;
mod table;
mod verdict;
mod vips;
pub mod volumes;

use hive_inventory::node::NodeStatus;
use hive_inventory::seed::KnownSwarm;
use hive_site::{Provider, Stage};
use serde::Serialize;

pub use following::{Following, Silence};
pub use table::text;
pub use verdict::missing;
pub use vips::{Vip, text as vips_text, vips};

use crate::context_folder::ContextFolder;
use crate::error::Result;
use crate::machines::machine::Machine;
use crate::{known_swarm, remote, ssh_files};

/// Seconds until a host that does not even take the connection counts as silent. One that took it
/// is alive, and may take its time.
const CONNECT: u64 = 3;
/// Why a host says nothing that `ssh_config` does not have.
const NEVER_STARTED: &str = "it was never started from this computer";

/// What is known of one host.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    /// Full name.
    pub host: String,
    /// What it says of itself.
    pub status: Option<NodeStatus>,
    /// Why it says nothing.
    pub error: Option<String>,
}

/// When and by whom a host was last heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastHeard {
    /// RFC 3339, UTC.
    pub at: String,
    /// Full name of the host that heard it.
    pub by: String,
}

/// A host for programs: its word, and what others say.
#[derive(Debug, Serialize)]
pub struct HostReport<'a> {
    /// The host's own word.
    #[serde(flatten)]
    pub host: &'a HostStatus,
    /// For a host that says nothing: when it was heard last, if one of the others knows.
    pub last_heard: Option<LastHeard>,
}

/// Asks all hosts of a stage at once. A host that was never given an address is not asked, and says so.
///
/// # Errors
/// The stage's ssh files can't be read.
pub fn ask(context: &ContextFolder, stage: &Stage) -> Result<Vec<HostStatus>> {
    let reachable = ssh_files::hosts(context)?;
    let config = ssh_files::config_file(context);
    let ask = |name: &String| {
        let answer = match reachable.contains(name) {
            true => remote::status(&config, name, CONNECT),
            false => Err(anyhow::anyhow!(NEVER_STARTED)),
        };
        let (status, error) = match answer {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(reason(&error))),
        };
        HostStatus {
            host: name.clone(),
            status,
            error,
        }
    };
    let names: Vec<String> = stage.hosts().iter().map(|h| h.name.clone()).collect();
    Ok(std::thread::scope(|scope| {
        let asked: Vec<_> = names.iter().map(|name| scope.spawn(|| ask(name))).collect();
        asked.into_iter().filter_map(|a| a.join().ok()).collect()
    }))
}

/// Listens to all hosts of a stage.
pub fn follow(context: &ContextFolder, stage: &Stage) -> Following {
    Following::new(context, stage.hosts().iter().map(|host| host.name.as_str()))
}

/// Why a host says nothing: of a failed login what ssh said last.
fn reason(error: &anyhow::Error) -> String {
    let said = match error.downcast_ref::<hive_system::Failure>() {
        Some(hive_system::Failure::Failed { stderr, .. }) => stderr.trim().lines().next_back(),
        _ => None,
    };
    said.map_or_else(|| format!("{error:#}"), str::to_owned)
}

/// The same with what the others say of those that are silent.
pub fn reports(hosts: &[HostStatus]) -> Vec<HostReport<'_>> {
    let report = |host| HostReport {
        host,
        last_heard: last_heard(hosts, &host.host).filter(|_| host.status.is_none()),
    };
    hosts.iter().map(report).collect()
}

/// The latest moment at which any of the others heard a host.
pub fn last_heard(hosts: &[HostStatus], name: &str) -> Option<LastHeard> {
    let said = hosts.iter().filter_map(|host| {
        let peers = &host.status.as_ref()?.peers;
        let at = peers.iter().find(|p| p.host == name)?.last_heard.clone()?;
        let by = host.host.clone();
        Some(LastHeard { at, by })
    });
    // RFC 3339 in UTC sorts as text.
    said.max_by(|a, b| a.at.cmp(&b.at))
}

/// Writes down which swarm a stage has that is all there: seeds made from now on can only join it.
///
/// # Errors
/// Another swarm is written down for the stage, or the folder can't be written.
pub fn remember_swarm(context: &ContextFolder, stage: &Stage, hosts: &[HostStatus]) -> Result<()> {
    let here = |host| {
        let machine = Machine {
            context,
            stage,
            host,
        };
        machine.made().is_some()
    };
    // Machines in QEMU that try another provider's stage are not the stage's own.
    if stage.provider != Provider::Qemu && stage.hosts().iter().any(here) {
        return Ok(());
    }
    known_swarm(hosts).map_or(Ok(()), |known| known_swarm::save(context, &known))
}

/// The swarm that members and joiners agree to be the site's, the newest decision first.
fn known_swarm(hosts: &[HostStatus]) -> Option<KnownSwarm> {
    let swarms = hosts.iter().filter_map(|host| {
        let swarm = host.status.as_ref()?.swarm.as_ref()?;
        swarm.node.as_ref()?;
        swarm.known.clone()
    });
    swarms.max()
}
