//! Docker's swarm, as this host's engine shows it and as the membership protocol wants it.
//!
//! [`observe`](Engine::observe) asks, [`act`](Engine::act) changes; neither decides. Through bollard,
//! except where it can't: it has no call for unlocking a locked swarm, so a locked node is only told.

mod act;
mod local_volumes;
mod networks;
mod nodes;
mod observe;
mod standing;
mod volumes;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use hive_inventory::seed::{Peer, SwarmOptions};
use tokio::time::timeout;

pub use local_volumes::DRIVER;
pub use nodes::NodeEntry;
pub use standing::takes_part;
pub use volumes::{Records, Written};

/// TCP port of swarm managers, Docker's own.
const MANAGER_PORT: u16 = 2377;
/// Docker itself gives up after this many seconds when it has no leader to ask, so bollard waits longer.
const LONGEST_CALL: u64 = 120;

/// The engine of this host.
#[derive(Debug)]
pub struct Engine {
    socket: PathBuf,
    options: SwarmOptions,
    /// Private address of this host.
    own: IpAddr,
    /// Private addresses of the hives, by full name.
    hives: BTreeMap<String, IpAddr>,
    /// The swarm that the engine was in when it could tell.
    cluster: Mutex<Option<String>>,
    told: Mutex<standing::Told>,
}

/// Why Docker did not do or tell something.
#[derive(Debug, thiserror::Error)]
enum EngineError {
    /// No such socket, or it broke.
    #[error("Docker does not answer on {socket}: {cause}; `systemctl status docker` tells more")]
    Silent { socket: String, cause: String },
    /// It took too long.
    #[error("Docker did not finish {doing} within {} s", .within.as_secs())]
    Slow {
        doing: &'static str,
        within: Duration,
    },
    /// It said no.
    #[error("{doing}: Docker says: {message}")]
    Refused {
        doing: &'static str,
        status: u16,
        message: String,
    },
    /// Its answer lacks something.
    #[error("{doing}: Docker's answer can't be used: {what}")]
    Answer { doing: &'static str, what: String },
}

impl Engine {
    /// For the engine behind `socket`, on the host with the private address `own`.
    pub fn new(socket: PathBuf, options: SwarmOptions, own: IpAddr, hives: &[Peer]) -> Self {
        let hives = hives.iter().map(|hive| (hive.host.clone(), hive.address));
        Self {
            socket,
            options,
            own,
            hives: hives.collect(),
            cluster: Mutex::default(),
            told: Mutex::default(),
        }
    }

    fn connect(&self) -> Result<Docker, EngineError> {
        let socket = self.socket.display().to_string();
        Docker::connect_with_unix(&socket, LONGEST_CALL, API_DEFAULT_VERSION).map_err(|e| {
            EngineError::Silent {
                socket,
                cause: e.to_string(),
            }
        })
    }

    /// Waits for an answer, but not for ever.
    async fn bounded<T>(
        &self,
        doing: &'static str,
        within: Duration,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, EngineError> {
        use bollard::errors::Error;
        match timeout(within, call).await {
            Err(_) => Err(EngineError::Slow { doing, within }),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Error::DockerResponseServerError {
                status_code,
                message,
            })) => Err(EngineError::Refused {
                doing,
                status: status_code,
                message,
            }),
            Ok(Err(e @ (Error::JsonDataError { .. } | Error::JsonSerdeError { .. }))) => {
                Err(EngineError::Answer {
                    doing,
                    what: e.to_string(),
                })
            }
            Ok(Err(e)) => Err(EngineError::Silent {
                socket: self.socket.display().to_string(),
                cause: e.to_string(),
            }),
        }
    }

    /// Where the manager of this host listens: at every address of its family.
    fn listen_address(&self) -> String {
        let any = match self.own {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(any, MANAGER_PORT).to_string()
    }
}
