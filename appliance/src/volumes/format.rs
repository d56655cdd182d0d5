//! The one step that can cost data: making the file system, once in the life of a volume.

use std::path::Path;
use std::time::Duration;

use hive_system::file_system;
use hive_volumes::{Birth, Record};

use super::act::TRIES;
use super::host::Host;
use super::mounts;
use crate::swarm::Written;

/// A large ext4 whose tables are written at once.
const MAKE: Duration = Duration::from_secs(60 * 60);

impl Host {
    /// Writes that this host makes the file system, makes it, and writes that it is made. All at versions of the
    /// record that are read here, after this host was promoted: as long as it is, no other host can write
    /// to the device, whatever the record says by then.
    ///
    /// # Errors
    /// It is not to be made (any more), this host is not the one that has the volume in use, or a program
    /// fails; in words.
    pub(super) async fn format(&self, record: &Record) -> Result<(), String> {
        let name = &record.identity.name;
        let now = self.same(record).await?;
        if !to_be_made(&now.state.birth) || now.state.removal.is_some() {
            return Err(format!(
                "the file system of volume {name} is not to be made"
            ));
        }
        let resource = self.resource(&now).await?;
        if !resource.is_some_and(|resource| resource.primary) {
            return Err(format!("volume {name} is not in use on {}", self.me()));
        }
        let making = Birth::Formatting(self.me().to_owned());
        let claim = now.state.changed(|next| next.birth = making.clone());
        if self.write(&now, &claim).await? == Written::Overtaken {
            return Err(format!(
                "the swarm's record of volume {name} was changed by others; looking again"
            ));
        }
        let device = record.identity.device();
        let kind = mounts::kind(record.identity.file_system);
        let make = file_system::make(kind, Path::new(&device));
        self.bench.run(make, MAKE).await?;
        for _ in 0..TRIES {
            let now = self.same(record).await?;
            if now.state.birth != making {
                return Err(format!(
                    "another host took over making the file system of volume {name}"
                ));
            }
            let born = now.state.changed(|next| next.birth = Birth::Formatted);
            if self.write(&now, &born).await? == Written::Done {
                return Ok(());
            }
        }
        Err(format!(
            "the swarm's record of volume {name} was changed by others; looking again"
        ))
    }
}

/// The state before and in the middle, in which a file system may be half made.
fn to_be_made(birth: &Birth) -> bool {
    match birth {
        Birth::Minted | Birth::Formatting(_) => true,
        Birth::Unborn | Birth::Minting(_) | Birth::Formatted => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_formatted_once_is_never_formatted_again() {
        assert!(!to_be_made(&Birth::Formatted));
        assert!(!to_be_made(&Birth::Unborn));
        assert!(to_be_made(&Birth::Minted));
        assert!(to_be_made(&Birth::Formatting("h1".into())));
    }
}
