//! What the hives report of mirrored volumes, asked over ssh.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use hive_inventory::node::NodeStatus;
use hive_inventory::volumes::{VOLUMES_VERSION, VolumesReport};
use hive_site::Stage;

use crate::context_folder::ContextFolder;
use crate::error::Result;
use crate::site_status::{Following, HostStatus, Silence};
use crate::{remote, ssh_files};

/// Seconds until a host that does not even take the connection counts as silent.
const CONNECT: u64 = 5;
/// Between two looks whether those who are followed have all said something.
const MOMENT: Duration = Duration::from_millis(100);

/// By short name; of a host that tells nothing, why.
pub type Reports = BTreeMap<String, Result<VolumesReport, String>>;

/// Asks the hives of a stage.
#[derive(Debug)]
pub struct Asker {
    context: ContextFolder,
    config: PathBuf,
    /// Full and short name, and whether this computer knows the way.
    hives: Vec<(String, String, bool)>,
}

impl Asker {
    /// For a stage.
    ///
    /// # Errors
    /// The stage's ssh files can't be read.
    pub fn of(context: &ContextFolder, stage: &Stage) -> Result<Self> {
        let known = ssh_files::hosts(context)?;
        let hives = stage.hosts().iter().filter(|host| host.is_hive());
        Ok(Self {
            context: context.clone(),
            config: ssh_files::config_file(context),
            hives: hives
                .map(|host| {
                    let (full, short) = (host.name.clone(), host.short_name().to_owned());
                    let known = known.contains(&full);
                    (full, short, known)
                })
                .collect(),
        })
    }

    /// Asks all at once.
    pub async fn ask(&self) -> Reports {
        let asked = self.hives.iter().map(|(full, short, known)| async move {
            let answer = match known {
                true => remote::status_soon(&self.config, full, CONNECT).await,
                false => Err(anyhow::anyhow!("it was never started from this computer")),
            };
            let report = match answer {
                Ok(status) => told(status.volumes),
                Err(error) => Err(format!("{error:#}")),
            };
            (short.clone(), report)
        });
        join_all(asked).await.into_iter().collect()
    }

    /// Listens to all from now on.
    pub fn follow(&self) -> Following {
        let hives = self.hives.iter();
        Following::new(&self.context, hives.map(|(full, _, _)| full.as_str()))
    }

    /// What those say who are followed, once each was asked.
    pub async fn last_words(&self, following: &mut Following) -> Reports {
        following.hear();
        while !following.is_complete() {
            tokio::time::sleep(MOMENT).await;
            following.hear();
        }
        let words = following.words().zip(&self.hives);
        let report =
            |((_, word), (_, short, _)): ((_, Result<&NodeStatus, Silence>), &(_, String, _))| {
                let report = match word {
                    Ok(status) => told(status.volumes.clone()),
                    Err(silence) => Err(silence.why),
                };
                (short.clone(), report)
            };
        words.map(report).collect()
    }

    /// ssh's configuration.
    pub fn config(&self) -> &PathBuf {
        &self.config
    }

    /// The full name of a hive.
    pub fn full(&self, short: &str) -> Option<&str> {
        let mut hives = self.hives.iter();
        let found = hives.find(|(_, name, _)| name == short);
        found.map(|(full, _, _)| full.as_str())
    }
}

/// The same from statuses that are there already; hosts that are no hives have no report and are left out.
pub fn of_statuses(hosts: &[HostStatus], stage: &Stage) -> Reports {
    let mut reports = Reports::new();
    for host in stage.hosts().iter().filter(|host| host.is_hive()) {
        let status = hosts.iter().find(|found| found.host == host.name);
        let report = match status.map(|found| (&found.status, &found.error)) {
            Some((Some(status), _)) => told(status.volumes.clone()),
            Some((None, Some(why))) => Err(why.clone()),
            _ => Err("no answer".into()),
        };
        reports.insert(host.short_name().to_owned(), report);
    }
    reports
}

fn told(report: Option<VolumesReport>) -> Result<VolumesReport, String> {
    match report {
        Some(report) if report.version == VOLUMES_VERSION => Ok(report),
        Some(report) => Err(format!(
            "it reports volumes in version {}, this `hive` reads version {VOLUMES_VERSION}; use the release that baked its image",
            report.version
        )),
        None => Err("it reports nothing of volumes yet".into()),
    }
}
