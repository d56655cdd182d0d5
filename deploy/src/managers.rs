//! The swarm through one of its managers; when that one goes down, through another.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use bollard::Docker;

use crate::error::Error;

/// Where connections to managers come from.
pub trait Managers {
    /// A connection to another manager than the one given last, if possible.
    fn another(&mut self) -> impl Future<Output = Result<Docker, NoManager>>;
}

/// No manager can be reached.
#[derive(Debug)]
pub struct NoManager(pub Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for NoManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no other manager can be reached: {}", self.0)
    }
}

impl std::error::Error for NoManager {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// One connection, and no other manager; a request is tried again on the same.
#[derive(Debug, Clone)]
pub struct OnlyThis(pub Docker);

impl Managers for OnlyThis {
    async fn another(&mut self) -> Result<Docker, NoManager> {
        Ok(self.0.clone())
    }
}

/// For how long a swarm without leader, or managers that can't be reached, are waited for. An election
/// takes half a minute, and on busy machines a manager needs as long to say that there is no leader.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(700);

/// The swarm.
pub struct Swarm<M> {
    docker: Docker,
    managers: M,
    patience: Duration,
}

impl<M: Managers> Swarm<M> {
    /// Through this manager first.
    pub fn new(docker: Docker, managers: M) -> Self {
        Self {
            docker,
            managers,
            patience: PATIENCE,
        }
    }

    /// Waits for a manager no longer than this.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The connection in use.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Makes a request, again through another manager while what keeps it from succeeding may
    /// pass. A write may so be made twice: the caller has to be ready to find it done.
    pub async fn ask<T, F>(
        &mut self,
        doing: &str,
        request: impl Fn(Docker) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        self.attempt(async |docker| {
            let answer = request(docker).await;
            answer.map_err(Error::doing(doing))
        })
        .await
    }

    /// As [`Self::ask`], for what makes several requests.
    pub async fn attempt<T>(
        &mut self,
        requests: impl AsyncFn(Docker) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            let error = match requests(self.docker.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.is_passing() || start.elapsed() > self.patience {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
            // None to be had now may be one to be had in a moment.
            if let Ok(docker) = self.managers.another().await {
                self.docker = docker;
            }
        }
    }
}
