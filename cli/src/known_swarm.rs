//! Which swarm a stage has, once it was seen: `.hive/STAGE/swarm.json`. Seeds written from then on
//! can only join that swarm.

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::Context;
use hive_inventory::seed::KnownSwarm;
use serde::{Deserialize, Serialize};

use crate::context_folder::{ContextFolder, write};
use crate::error::{CommandError, Result};

/// The version of the file.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    known: KnownSwarm,
}

/// The stage's swarm, if it was seen.
///
/// # Errors
/// The file can't be read.
pub fn load(context: &ContextFolder) -> Result<Option<KnownSwarm>> {
    let path = file(context);
    let text = match fs::read(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    let file: File =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
    if file.version != VERSION {
        let error = anyhow::anyhow!("{} has version {}", path.display(), file.version);
        return Err(CommandError::from(error).hint("use the release of hive that wrote it"));
    }
    Ok(Some(file.known))
}

/// Writes down the stage's swarm. It only ever goes forward: a swarm of a lower epoch changes nothing.
///
/// # Errors
/// Another swarm of the same epoch is written down, or the folder can't be written.
pub fn save(context: &ContextFolder, known: &KnownSwarm) -> Result<()> {
    match load(context)? {
        Some(old) if old == *known || old.epoch > known.epoch => return Ok(()),
        Some(old) if old.epoch == known.epoch => {
            let error = anyhow::anyhow!(
                "the hosts are in swarm {}, but this stage's swarm was {}",
                known.cluster,
                old.cluster
            );
            return Err(CommandError::from(error).hint(format!(
                "if all hosts were made anew on purpose, remove {}",
                file(context).display()
            )));
        }
        _ => {}
    }
    let text = serde_json::to_vec_pretty(&File {
        version: VERSION,
        known: known.clone(),
    })?;
    write(&file(context), 0o644, &text)
}

/// Forgets it, when every disk that knew it is gone.
///
/// # Errors
/// The file can't be removed.
pub fn forget(context: &ContextFolder) -> Result<()> {
    let path = file(context);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(anyhow::Error::new(e)
            .context(format!("removing {}", path.display()))
            .into()),
        _ => Ok(()),
    }
}

fn file(context: &ContextFolder) -> PathBuf {
    context.path("swarm.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_site::StageName;

    #[test]
    fn it_only_goes_forward() {
        let dir = tempfile::tempdir().unwrap();
        let context = ContextFolder::make(dir.path(), StageName::Private).unwrap();
        let swarm = |epoch, cluster: &str| KnownSwarm {
            epoch,
            cluster: cluster.into(),
        };
        assert_eq!(load(&context).unwrap(), None);
        save(&context, &swarm(0, "a")).unwrap();
        let error = save(&context, &swarm(0, "b")).unwrap_err().text();
        assert!(
            error.contains("swarm b") && error.contains("was a"),
            "{error}"
        );
        save(&context, &swarm(1, "b")).unwrap();
        save(&context, &swarm(0, "a")).unwrap();
        assert_eq!(load(&context).unwrap(), Some(swarm(1, "b")));
        forget(&context).unwrap();
        forget(&context).unwrap();
        assert_eq!(load(&context).unwrap(), None);
    }
}
