//! Back to a service's definition before the last update.

use bollard::query_parameters::{InspectServiceOptions, UpdateServiceOptions};

use crate::apply::version_number;
use crate::error::Error;
use crate::managers::{Managers, Swarm};

const ATTEMPTS: usize = 5;

/// Tells the swarm to roll a service back; waiting for it is [`crate::convergence`]'s. Twice leads
/// to the newer definition again.
pub async fn rollback<M: Managers>(swarm: &mut Swarm<M>, service: &str) -> Result<(), Error> {
    let doing = format!("rolling service {service:?} back");
    let mut attempt = 0;
    loop {
        attempt += 1;
        let found = swarm.ask(&doing, |docker| async move {
            docker
                .inspect_service(service, None::<InspectServiceOptions>)
                .await
        });
        let found = found.await?;
        let index = found.version.and_then(|version| version.index);
        let version = version_number(index.unwrap_or_default());
        let spec = found.spec.unwrap_or_default();
        let options = UpdateServiceOptions {
            version: version.map_err(Error::doing(doing.clone()))?,
            registry_auth_from: "previous-spec".into(),
            rollback: Some("previous".into()),
        };
        // Not through `ask`: done twice, it would undo itself.
        let docker = swarm.docker().clone();
        let answer = docker.update_service(service, spec, options, None).await;
        match answer.map_err(Error::doing(doing.clone())) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_out_of_sequence() && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
