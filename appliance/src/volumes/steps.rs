//! Carries out the steps of the upkeep.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use hive_system::drbd::{self, MetaData};
use hive_system::lvm;
use hive_volumes::upkeep::{BLANK, Seen, Step};
use hive_volumes::{Module, Record};

use super::act::DRBD;
use super::host::Host;
use crate::durable;
use crate::swarm::Written;

/// LVM writes its metadata and waits for udev.
const LVM: Duration = Duration::from_secs(120);
/// The bitmap of a large volume is written at once.
const META_DATA: Duration = Duration::from_secs(10 * 60);

impl Host {
    /// Carries out a step that was chosen by this record and what was seen.
    ///
    /// # Errors
    /// It can't be done, in words.
    pub(super) async fn carry_out(
        &self,
        record: &Record,
        seen: &Seen,
        file: &str,
        step: &Step,
    ) -> Result<(), String> {
        let identity = &record.identity;
        let (name, group) = (identity.name.as_str(), identity.group.as_str());
        match step {
            Step::CreateBacking { bytes } => {
                let tag = identity.tag();
                let tags = [tag.as_str(), BLANK];
                let create = lvm::create_thin(group, &identity.pool, name, *bytes, &tags);
                self.bench.run(create, LVM).await.map(drop)
            }
            Step::Activate => {
                let activate = lvm::activate(group, name);
                self.bench.run(activate, LVM).await.map(drop)
            }
            Step::ExtendBacking { bytes } => {
                let extend = lvm::extend(group, name, *bytes);
                self.bench.run(extend, LVM).await.map(drop)
            }
            Step::CreateMetaData => {
                let kind = match identity.module {
                    Module::Drbd84 => MetaData::V84,
                    Module::Drbd9 => MetaData::V9 {
                        peers: identity.peers,
                    },
                };
                let create = drbd::create_meta_data(name, kind);
                self.bench.run(create, META_DATA).await?;
                // The last: a copy with meta data that is taken for blank would be made anew.
                let untag = lvm::untag(group, name, BLANK);
                self.bench.run(untag, LVM).await.map(drop)
            }
            Step::WriteFile => {
                let path = self.resource_file(record);
                durable::replace_secret(&path, file.as_bytes()).map_err(|e| e.to_string())
            }
            Step::Adjust | Step::ConnectAgain => {
                self.bench.run(drbd::adjust(name), DRBD).await.map(drop)
            }
            Step::ConnectAndDiscard => {
                let connect = drbd::connect_and_discard(name);
                self.bench.run(connect, DRBD).await.map(drop)
            }
            Step::ConnectAnew { peer, .. } => {
                self.history(name, |history| history.tried(peer, Instant::now()));
                // Cut off in between, the connection is one that was given up.
                self.bench
                    .run(drbd::disconnect_from(name, peer), DRBD)
                    .await?;
                let connect = drbd::connect_to(name, peer);
                self.bench.run(connect, DRBD).await.map(drop)
            }
            Step::FillMarked { peer } => {
                self.history(name, |history| history.tried(peer, Instant::now()));
                let fill = drbd::fill_marked(identity.id, node_id(record, peer)?);
                self.bench.run(fill, DRBD).await.map(drop)
            }
            Step::GiveMarked { peer } => {
                self.history(name, |history| history.tried(peer, Instant::now()));
                let give = drbd::give_marked(name, node_id(record, peer)?);
                self.bench.run(give, DRBD).await.map(drop)
            }
            Step::MakeAnew => {
                // First, so that whatever comes between, the copy is not relied upon again.
                let blank = lvm::tag(group, name, BLANK);
                self.bench.run(blank, LVM).await?;
                self.bench.run(drbd::down(name), DRBD).await.map(drop)
            }
            Step::Mint => self.bench.run(drbd::mint(name), DRBD).await.map(drop),
            Step::Promote => self.promote(record, seen).await,
            Step::Format => self.format(record).await,
            Step::Demote => self.demote(record).await,
            Step::Resize => self.resize(record, seen).await,
            Step::GrowFileSystem => self.grow(record).await,
            Step::CreateDockerVolume => self.engine.create_docker_volume(name).await,
            Step::RemoveDockerVolume => self.engine.remove_docker_volume(name).await,
            Step::Down => self.bench.run(drbd::down(name), DRBD).await.map(drop),
            Step::RemoveBacking => {
                let remove = lvm::remove(group, name);
                self.bench.run(remove, LVM).await.map(drop)
            }
            Step::RemoveFile => self.remove_files(record),
            Step::Write(state) => match self.write(record, state).await? {
                // Somebody was faster: the next look tells what is left to do.
                Written::Done | Written::Overtaken => Ok(()),
            },
            Step::Forget => self.forget(record).await,
        }
    }

    /// The configuration last: while it is there, the host has something of the volume.
    fn remove_files(&self, record: &Record) -> Result<(), String> {
        let name = record.identity.name.as_str();
        let notes = [
            self.users_file(name),
            self.grown_file(name),
            self.cleared_file(name),
        ];
        for file in notes {
            gone(&file, fs::remove_file(&file))?;
        }
        let folder = self.mount_point(&record.identity.name);
        gone(&folder, fs::remove_dir(&folder))?;
        let file = self.resource_file(record);
        gone(&file, fs::remove_file(&file))
    }
}

fn node_id(record: &Record, host: &str) -> Result<u8, String> {
    let part = record.state.part(host);
    let missing = || format!("{host} has no part in volume {}", record.identity.name);
    part.map(|part| part.node_id).ok_or_else(missing)
}

fn gone(path: &Path, removed: io::Result<()>) -> Result<(), String> {
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(format!("removing {}: {e}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{host, sample};
    use super::*;
    use crate::member::View;
    use std::os::unix::fs::PermissionsExt as _;
    use tokio::sync::watch;

    #[tokio::test]
    async fn the_resource_file_is_written_for_root_only_and_goes_last() {
        let dir = tempfile::tempdir().unwrap();
        let host = host::tests::host(dir.path(), watch::channel(View::default()).1);
        let record = sample::pair("db", 2);
        let (seen, file) = (Seen::default(), "resource \"db\" {}");
        let step = Step::WriteFile;
        host.carry_out(&record, &seen, file, &step).await.unwrap();
        let path = dir.path().join("etc/drbd.d/db.res");
        assert_eq!(fs::read_to_string(&path).unwrap(), file);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = host.mount_point(&record.identity.name);
        fs::create_dir_all(folder.join("data")).unwrap();
        let remove = Step::RemoveFile;
        let kept = host.carry_out(&record, &seen, "", &remove).await;
        assert!(kept.unwrap_err().contains("volumes/db"), "data stay");
        assert!(path.exists());
        fs::remove_dir(folder.join("data")).unwrap();
        host.carry_out(&record, &seen, "", &remove).await.unwrap();
        assert!(!path.exists() && !folder.exists());
        host.carry_out(&record, &seen, "", &remove).await.unwrap();
    }
}
