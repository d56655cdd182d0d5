//! Looks at what this host has of a volume.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hive_system::drbd;
use hive_volumes::resource;
use hive_volumes::seen::history::History;
use hive_volumes::seen::{Connection, Resource, proc_drbd, status_json};
use hive_volumes::upkeep::{DockerVolume, Here, Mount, Seen};
use hive_volumes::{Module, Record};

use super::host::{Host, locked};
use super::{mounts, others};

/// `drbdsetup status` asks the kernel, and that is all.
const STATUS: Duration = Duration::from_secs(10);
/// What the module tells of itself, and with 8.4 of all resources.
const PROC_DRBD: &str = "/proc/drbd";
/// The peer of a resource that should have none.
const STRANGER: &str = "another host";

/// What DRBD says of all resources.
#[derive(Debug)]
pub(super) enum Status {
    /// The text of `/proc/drbd` of 8.4.
    Old(String),
    /// What `drbdsetup status --json` of DRBD 9 prints.
    New(String),
}

/// What is the same for all volumes of this host, and some of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereOwned {
    me: String,
    epoch: u64,
    file: String,
    peer_agrees: bool,
    holder_down: bool,
}

impl HereOwned {
    /// As `hive_volumes` wants it.
    pub fn borrow(&self) -> Here<'_> {
        Here {
            me: &self.me,
            epoch: self.epoch,
            file: &self.file,
            peer_agrees: self.peer_agrees,
            holder_down: self.holder_down,
        }
    }
}

impl Host {
    /// Looks at the host, after `record` was read.
    ///
    /// # Errors
    /// Something can't be known, in words: nothing may be done then.
    pub async fn look(&self, record: &Record) -> Result<Seen, String> {
        let name = record.identity.name.as_str();
        if record.state.part(self.me()).is_none() {
            // It uses nothing of the volume, and may have another DRBD than those that do.
            return Ok(Seen {
                backing: self.backing(record, tokio::time::Instant::now()).await?,
                ..Seen::default()
            });
        }
        let resource = self.resource(record).await?;
        let now = Instant::now();
        let lasting = self.history(name, |history| history.look(resource.as_ref(), now));
        let (left_over, half_agreed) = match &resource {
            // Only with DRBD 9 there is something to be done about either.
            Some(resource) if record.identity.module == Module::Drbd9 => {
                let (access, stayed) = (self.access(), lasting.stayed.as_ref());
                let half_agreed = others::half_agreed(access, &lasting, resource, record).await;
                let left_over = match stayed {
                    Some(stayed)
                        if others::let_go(access, stayed, resource, record, self.me()).await =>
                    {
                        Some(stayed.peer.clone())
                    }
                    _ => None,
                };
                (left_over, half_agreed)
            }
            _ => (None, None),
        };
        Ok(Seen {
            backing: self.backing(record, tokio::time::Instant::now()).await?,
            file: self.file(record)?,
            device: resource
                .as_ref()
                .and_then(|_| mounts::device_bytes(record.identity.id)),
            resource,
            mount: self.mounted(record)?,
            users: self.users(name)?.count(),
            docker: self.docker(record).await,
            left_over,
            stands_still: lasting.stands_still,
            nothing_came: lasting.nothing_came,
            half_agreed,
        })
    }

    /// What was seen of a volume so far.
    pub(super) fn history<T>(&self, name: &str, with: impl FnOnce(&mut History) -> T) -> T {
        let mut all = locked(&self.histories);
        let first = || History::new(self.first_life);
        with(all.entry(name.to_owned()).or_insert_with(first))
    }

    /// Looks at what matters to containers, after `record` was read: whether the volume is up, in use and
    /// mounted. Asks neither docker, which may be waiting for the answer, nor LVM.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(super) async fn glance(&self, record: &Record) -> Result<Seen, String> {
        if record.state.part(self.me()).is_none() {
            return Ok(Seen::default());
        }
        let (name, resource) = (record.identity.name.as_str(), self.resource(record).await?);
        let now = Instant::now();
        let lasting = self.history(name, |history| history.look(resource.as_ref(), now));
        Ok(Seen {
            resource,
            mount: self.mounted(record)?,
            users: self.users(name)?.count(),
            nothing_came: lasting.nothing_came,
            ..Seen::default()
        })
    }

    /// What is the same for all volumes, with what belongs to this record and to what was seen after it.
    ///
    /// # Errors
    /// The resource file can't be written like this, or the membership record does not read; in words.
    pub async fn here(&self, record: &Record, seen: &Seen) -> Result<HereOwned, String> {
        let epoch = self.access().epoch()?;
        let (state, me) = (&record.state, self.me());
        let asked = record.identity.module == Module::Drbd84
            && state.lease.epoch != epoch
            && seen.resource.is_some();
        let peer = state.copies().find(|host| *host != me);
        let mine = state.copies().any(|host| host == me);
        let peer_agrees = match peer.filter(|_| asked && mine) {
            Some(peer) => self.access().agrees(peer, record).await,
            None => false,
        };
        let there = &self.latest().there;
        let holder_down = state.lease.holder.as_ref().is_some_and(|holder| {
            let known = there.as_ref();
            holder != me && known.is_some_and(|there| !there.contains(holder))
        });
        Ok(HereOwned {
            me: me.to_owned(),
            epoch,
            file: self.wanted_file(record)?,
            peer_agrees,
            holder_down,
        })
    }

    /// The resource file as it should be. Whoever takes a volume away, or has no part in it, needs none.
    pub(super) fn wanted_file(&self, record: &Record) -> Result<String, String> {
        let needed = record.state.removal.is_none() && record.state.part(self.me()).is_some();
        if !needed {
            return Ok(String::new());
        }
        let config = &record.identity.secret;
        let latest = self.latest();
        let secret = latest.secrets.get(config).ok_or_else(|| {
            format!(
                "the swarm has no config {config} with the secret of volume {}; `hive build-volumes` makes it",
                record.identity.name
            )
        })?;
        resource::render(record, &self.addresses, secret).map_err(|e| e.to_string())
    }

    pub(super) fn resource_file(&self, record: &Record) -> PathBuf {
        let file = format!("{}.res", record.identity.name);
        self.paths.resources.join(file)
    }

    fn file(&self, record: &Record) -> Result<Option<String>, String> {
        let path = self.resource_file(record);
        match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("reading {}: {e}", path.display())),
            Ok(text) => Ok(Some(text)),
        }
    }

    /// The volume's resource as DRBD has it now; `None`: it is down.
    ///
    /// # Errors
    /// DRBD does not tell, or another generation of it is loaded than the volume is made for; in words.
    pub(super) async fn resource(&self, record: &Record) -> Result<Option<Resource>, String> {
        let status = self.status.now(|| self.status()).await?;
        let name = &record.identity.name;
        let other = |loaded: &str, wanted: &str| {
            format!(
                "volume {name} is kept by DRBD {wanted}, and this host has {loaded}: its image was baked with another `drbd.module` than the others'"
            )
        };
        match (&*status, record.identity.module) {
            (Status::New(text), Module::Drbd9) => {
                let mut all = status_json::read(text).map_err(|e| words(&e))?;
                Ok(all.remove(name.as_str()))
            }
            (Status::Old(text), Module::Drbd84) => pair(text, record, self.me()),
            (Status::New(_), Module::Drbd84) => Err(other("DRBD 9", "8.4")),
            (Status::Old(_), Module::Drbd9) => Err(other("DRBD 8.4", "9")),
        }
    }

    async fn status(&self) -> Result<Status, String> {
        let text = fs::read_to_string(PROC_DRBD).map_err(|_| missing())?;
        match proc_drbd::version(&text) {
            Some((_, 1)) => Ok(Status::Old(text)),
            Some(_) => Ok(Status::New(self.bench.run(drbd::status(), STATUS).await?)),
            None => Err(format!("{PROC_DRBD} does not tell DRBD's version")),
        }
    }

    fn mounted(&self, record: &Record) -> Result<Option<Mount>, String> {
        let at = self.mount_point(&record.identity.name);
        let table = mounts::table()?;
        let Some(mounted) = table.iter().rev().find(|mounted| mounted.at == at) else {
            return Ok(None);
        };
        if mounted.minor != u32::from(record.identity.id) {
            return Err(format!(
                "/dev/drbd{} is mounted at {}, where {} belongs; unmount it with `umount {}`",
                mounted.minor,
                at.display(),
                record.identity.device(),
                at.display()
            ));
        }
        let grown_to = mounts::noted_size(&self.grown_file(record.identity.name.as_str()));
        Ok(Some(Mount { grown_to }))
    }

    /// While docker does not answer, there is nothing to be done about its volumes: as if all were well. The
    /// host's status tells that it does not answer.
    async fn docker(&self, record: &Record) -> DockerVolume {
        let asked = self.engine.docker_volume(record.identity.name.as_str());
        asked.await.unwrap_or(DockerVolume::Ours)
    }
}

/// What is said when DRBD's module is not there; `None`: it is.
pub(super) fn module_fault() -> Option<String> {
    (!Path::new(PROC_DRBD).exists()).then(missing)
}

fn missing() -> String {
    "DRBD's kernel module is not loaded, so this host has no mirrored volumes; `modprobe drbd` tells why"
        .into()
}

/// The resource of a pair in `/proc/drbd`, which knows minor numbers and no names.
fn pair(text: &str, record: &Record, me: &str) -> Result<Option<Resource>, String> {
    let peer = record.state.copies().find(|host| *host != me);
    let name = |_| peer.unwrap_or(STRANGER).to_owned();
    let mut all = proc_drbd::read(text, name).map_err(|e| words(&e))?;
    let mut resource = all.remove(&record.identity.id);
    // DRBD 8.4 shows a peer always. One that is neither wanted nor spoken to is none.
    if let Some(resource) = resource.as_mut().filter(|_| peer.is_none()) {
        resource
            .peers
            .retain(|_, peer| peer.connection != Connection::StandAlone);
    }
    Ok(resource)
}

/// With its causes.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{host, sample};
    use super::*;
    use crate::member::View;
    use hive_volumes::PartKind;
    use hive_volumes::seen::DiskState;
    use tokio::sync::watch;

    const ALONE: &str = "version: 8.4.11 (api:1/proto:86-101)
 2: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----
    ns:0 nr:0 dw:0 dr:0 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
";

    #[test]
    fn the_peer_of_a_pair_has_its_name_and_a_lone_copy_has_none() {
        let mut record = sample::pair("db", 2);
        let text = ALONE;
        let seen = pair(text, &record, "h0").unwrap().unwrap();
        assert_eq!(seen.disk, DiskState::UpToDate);
        assert_eq!(seen.peers["h1"].connection, Connection::StandAlone);
        record.state.hosts.get_mut("h1").unwrap().kind = PartKind::Gone;
        let seen = pair(text, &record, "h0").unwrap().unwrap();
        assert!(seen.peers.is_empty());
        let still = text
            .replace("StandAlone", "WFConnection")
            .replace("   r", " C r");
        let seen = pair(&still, &record, "h0").unwrap().unwrap();
        assert!(seen.peers.contains_key(STRANGER), "to be adjusted");
        let other = sample::pair("db", 3);
        assert_eq!(pair(text, &other, "h0"), Ok(None));
    }

    #[tokio::test]
    async fn who_needs_no_resource_file_is_not_kept_by_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let host = host::tests::host(dir.path(), watch::channel(View::default()).1);
        let mut record = sample::pair("db", 2);
        let missing = host.wanted_file(&record).unwrap_err();
        assert!(missing.contains("hive.volume-secret"), "{missing}");
        record.state.removal = Some(Default::default());
        assert_eq!(host.wanted_file(&record), Ok(String::new()));
    }
}
