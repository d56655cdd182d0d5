//! What `hive build-volumes` does: the volumes that the inventory wants against those that the swarm
//! knows, as changes of records. Made from values only, so that it can be shown, and tested, without a
//! host. If anything is refused, nothing is done.

mod change;
mod create;
mod placement;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::bytes::Bytes;
use crate::file_system::FileSystem;
use crate::name::VolumeName;
use crate::record::{Identity, Module, OnNoQuorum, Record, State};

pub use refusal::{Refusal, Refused};

/// A mirrored volume as the inventory declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Docker's name of it.
    pub name: String,
    /// Where it is declared, for a person: `inventory/services.yml:12`.
    pub declared: String,
    /// Bytes.
    pub size: u64,
    /// As mount(8) calls it.
    pub file_system: String,
    /// The device id.
    pub id: u16,
    /// Short names of hosts without a copy.
    pub diskless: BTreeSet<String>,
    /// The volume group, when it is not the site's.
    pub group: Option<String>,
}

/// The hives of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// How copies are kept.
    pub module: Module,
    /// What a side without a majority does.
    pub on_no_quorum: OnNoQuorum,
    /// Name of the config with the peers' secret.
    pub secret: String,
    /// By short name.
    pub hosts: BTreeMap<String, Hive>,
}

/// A hive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hive {
    /// Hives of one zone (a rack, a room) are likely to fail together.
    pub zone: Option<String>,
    /// The disk for mirrored volumes; `None`: it is diskless in all of them.
    pub disk: Option<Disk>,
}

/// A disk for mirrored volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// LVM's volume group.
    pub group: String,
    /// The thin pool.
    pub pool: String,
    /// Bytes of the pool, where it could be asked for.
    pub bytes: Option<u64>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct There {
    /// The records of the swarm.
    pub records: BTreeMap<VolumeName, Record>,
    /// Docker's volumes of other drivers, by host and name, with the driver.
    pub others: BTreeMap<String, BTreeMap<String, String>>,
    /// What uses a volume, in words: `service web`, `container x on p-hive0`.
    pub users: BTreeMap<String, BTreeSet<String>>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Only these volumes; `None`: all.
    pub only: Option<BTreeSet<String>>,
    /// Remove them.
    pub remove: bool,
}

/// What is to be done, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// A line per volume.
    pub lines: Vec<Line>,
}

/// What is to be done with a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The volume.
    pub name: VolumeName,
    /// What is done.
    pub action: Action,
}

/// A change of the swarm's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A new config with this identity and state.
    Create(Box<(Identity, State)>),
    /// This state, at the version that was read.
    Change {
        /// The record that it was made from.
        record: Box<Record>,
        /// The state from then on.
        state: Box<State>,
        /// What is new, a phrase each.
        changes: Vec<String>,
    },
    /// Nothing.
    Unchanged,
    /// It is being removed already; what is wanted is awaited.
    BeingRemoved,
}

/// Plans. `birthmarks` gives 16 hex digits, others each time.
///
/// # Errors
/// All that is refused, of all volumes.
pub fn plan(
    wanted: &[Wanted],
    site: &Site,
    there: &There,
    request: &Request,
    mut birthmarks: impl FnMut() -> String,
) -> Result<Plan, Refused> {
    let mut refusals = Vec::new();
    let mut lines = Vec::new();
    let wanted = joined(wanted, &mut refusals);
    let asked = |name: &str| request.only.as_ref().is_none_or(|only| only.contains(name));
    // Loads count what is planned before, so that one run spreads its volumes.
    let mut loads = placement::loads(there.records.values());
    for want in wanted.values().filter(|want| asked(&want.name)) {
        let line = match request.remove {
            true => removal(want, there),
            false => make(want, site, there, &mut loads, &mut birthmarks),
        };
        match line {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => {}
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(ids_twice(&lines, there));
    match refusals.is_empty() {
        true => Ok(Plan { lines }),
        false => Err(Refused(refusals)),
    }
}

/// The volumes by name. The same declared twice is one; two that differ are refused.
fn joined<'a>(all: &'a [Wanted], refusals: &mut Vec<Refusal>) -> BTreeMap<&'a str, &'a Wanted> {
    let mut joined: BTreeMap<&str, &Wanted> = BTreeMap::new();
    for want in all {
        let first = joined.entry(&want.name).or_insert(want);
        let same = Wanted {
            declared: first.declared.clone(),
            ..want.clone()
        };
        if **first != same {
            refusals.push(Refusal::Twice {
                name: want.name.clone(),
                first: first.declared.clone(),
                other: want.declared.clone(),
            });
        }
    }
    joined
}

fn make(
    want: &Wanted,
    site: &Site,
    there: &There,
    loads: &mut BTreeMap<String, u64>,
    birthmarks: &mut impl FnMut() -> String,
) -> Result<Option<Line>, Refusal> {
    let name = VolumeName::new(&want.name).map_err(|cause| Refusal::Name {
        declared: want.declared.clone(),
        cause,
    })?;
    let file_system =
        FileSystem::named(&want.file_system).ok_or_else(|| Refusal::UnknownFileSystem {
            name: name.clone(),
            found: want.file_system.clone(),
        })?;
    if want.size < file_system.smallest() {
        return Err(Refusal::TooSmall {
            name,
            size: want.size,
            file_system,
        });
    }
    let action = match there.records.get(&name) {
        Some(record) if record.state.removal.is_some() => Action::BeingRemoved,
        Some(record) => change::change(want, file_system, site, loads, record)?,
        None => {
            clash(&name, there)?;
            let (identity, state) =
                create::create(want, &name, file_system, site, loads, birthmarks())?;
            Action::Create(Box::new((identity, state)))
        }
    };
    Ok(Some(Line { name, action }))
}

/// Docker mounts whatever has the name.
fn clash(name: &VolumeName, there: &There) -> Result<(), Refusal> {
    for (host, volumes) in &there.others {
        if let Some(driver) = volumes.get(name.as_str()) {
            return Err(Refusal::Clash {
                name: name.clone(),
                host: host.clone(),
                driver: driver.clone(),
            });
        }
    }
    Ok(())
}

fn removal(want: &Wanted, there: &There) -> Result<Option<Line>, Refusal> {
    let found = there
        .records
        .iter()
        .find(|(name, _)| name.as_str() == want.name);
    let Some((name, record)) = found else {
        return Ok(None);
    };
    let users = there.users.get(&want.name).into_iter().flatten();
    let users: Vec<&str> = users.map(String::as_str).collect();
    if !users.is_empty() {
        return Err(Refusal::Used {
            name: name.clone(),
            users: users.join(", "),
        });
    }
    let action = match record.state.removal {
        Some(_) => Action::BeingRemoved,
        None => Action::Change {
            record: Box::new(record.clone()),
            state: Box::new(
                record
                    .state
                    .changed(|next| next.removal = Some(BTreeSet::new())),
            ),
            changes: vec!["removed, with all that it holds".to_owned()],
        },
    };
    Ok(Some(Line {
        name: name.clone(),
        action,
    }))
}

/// New volumes against each other and against those that stay: the id is the device and the port.
fn ids_twice(lines: &[Line], there: &There) -> Vec<Refusal> {
    let mut holders: BTreeMap<u8, &VolumeName> = BTreeMap::new();
    for (name, record) in &there.records {
        holders.insert(record.identity.id, name);
    }
    let mut twice = Vec::new();
    for line in lines {
        if let Action::Create(new) = &line.action
            && let Some(other) = holders.insert(new.0.id, &line.name)
        {
            twice.push(Refusal::IdTaken {
                name: line.name.clone(),
                id: new.0.id,
                other: other.clone(),
            });
        }
    }
    twice
}

impl fmt::Display for Plan {
    /// A line per volume that is not as it should be, with `+`, `~` or `-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { name, action } in &self.lines {
            match action {
                Action::Create(new) => {
                    let (identity, state) = &**new;
                    let copies: Vec<&str> = state.copies().collect();
                    writeln!(
                        f,
                        "+ volume {name}: {}, {}, device {}, copies on {}",
                        Bytes(state.size),
                        identity.file_system.name(),
                        identity.device(),
                        copies.join(", ")
                    )?;
                }
                Action::Change { state, changes, .. } => {
                    let sign = if state.removal.is_some() { '-' } else { '~' };
                    writeln!(f, "{sign} volume {name}: {}", changes.join(", "))?;
                }
                Action::BeingRemoved => writeln!(f, "- volume {name}: is being removed")?,
                Action::Unchanged => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
