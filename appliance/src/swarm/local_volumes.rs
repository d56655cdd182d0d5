//! Docker's own volumes on this host, and news of configs.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{EventsOptions, RemoveVolumeOptions};
use futures_util::StreamExt;
use hive_volumes::upkeep::DockerVolume;

use super::{Engine, EngineError};

/// Name of hived's volume driver.
pub const DRIVER: &str = "drbd";
/// Docker asks the driver, which answers at once.
const PATIENCE: Duration = Duration::from_secs(15);

impl Engine {
    /// What docker has under a name on this host.
    ///
    /// # Errors
    /// Docker does not answer, in words.
    pub async fn docker_volume(&self, name: &str) -> Result<DockerVolume, String> {
        let asked = async {
            let docker = self.connect()?;
            self.bounded("asking for a volume", PATIENCE, docker.inspect_volume(name))
                .await
        };
        match asked.await {
            Ok(volume) if volume.driver == DRIVER => Ok(DockerVolume::Ours),
            Ok(volume) => Ok(DockerVolume::Foreign(volume.driver)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(DockerVolume::Absent),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Makes docker's volume of hived's driver.
    ///
    /// # Errors
    /// Docker does not answer or refuses, in words.
    pub async fn create_docker_volume(&self, name: &str) -> Result<(), String> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some(DRIVER.to_owned()),
            ..VolumeCreateRequest::default()
        };
        let made = async {
            let docker = self.connect()?;
            self.bounded("making a volume", PATIENCE, docker.create_volume(request))
                .await
        };
        made.await.map(drop).map_err(|e: EngineError| e.to_string())
    }

    /// Removes docker's volume; one that is gone is no error.
    ///
    /// # Errors
    /// Docker does not answer, or a container still has it; in words.
    pub async fn remove_docker_volume(&self, name: &str) -> Result<(), String> {
        let removed = async {
            let docker = self.connect()?;
            let removing = docker.remove_volume(name, None::<RemoveVolumeOptions>);
            self.bounded("removing a volume", PATIENCE, removing).await
        };
        match removed.await {
            Ok(()) | Err(EngineError::Refused { status: 404, .. }) => Ok(()),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Calls `news` when a config is made, changed or removed, until docker's stream of events ends. A
    /// worker's engine has no such events.
    ///
    /// # Errors
    /// Why it ended; what happened since is unknown.
    pub async fn watch_configs(&self, news: impl Fn()) -> Result<(), String> {
        let docker = self.connect().map_err(|e| e.to_string())?;
        let kinds = HashMap::from([("type".to_owned(), vec!["config".to_owned()])]);
        let mut events = Box::pin(docker.events(Some(EventsOptions {
            filters: Some(kinds),
            ..EventsOptions::default()
        })));
        while let Some(event) = events.next().await {
            event.map_err(|e| format!("following Docker's events: {e}"))?;
            news();
        }
        Ok(())
    }
}
