//! What can go wrong between here and the swarm.

use thiserror::Error;

/// A request to docker that did not end well.
#[derive(Debug, Error)]
#[error("{doing}: {}", told(.cause))]
pub struct Error {
    /// What was being done, to which thing: `updating service "web"`.
    pub doing: String,
    /// What docker or the connection said.
    #[source]
    pub cause: bollard::errors::Error,
}

/// Docker's own words, without how they were carried here.
pub fn told(cause: &bollard::errors::Error) -> String {
    use bollard::errors::Error as Cause;
    match cause {
        Cause::DockerResponseServerError { message, .. } => {
            let grpc = message.strip_prefix("rpc error: code = ");
            let words = grpc.and_then(|rest| rest.split_once(" desc = "));
            words
                .map_or(message.as_str(), |(_, words)| words)
                .to_owned()
        }
        Cause::DockerStreamError { error } => error.clone(),
        Cause::JsonDataError { message, .. } => {
            format!("the answer of the engine is not understood ({message})")
        }
        Cause::RequestTimeoutError => "no answer in time".into(),
        other => other.to_string(),
    }
}

impl Error {
    pub(crate) fn doing(doing: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        move |cause| Self {
            doing: doing.into(),
            cause,
        }
    }

    /// Docker's own words.
    pub fn told(&self) -> String {
        told(&self.cause)
    }

    /// The status of docker's answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self.cause {
            bollard::errors::Error::DockerResponseServerError { status_code, .. } => {
                Some(status_code)
            }
            _ => None,
        }
    }

    /// Somebody else wrote the object since it was read.
    pub fn is_out_of_sequence(&self) -> bool {
        self.told().contains("update out of sequence")
    }

    /// Another manager may do better, or this one a moment later: the connection is gone, or the
    /// swarm has no leader now.
    pub fn is_passing(&self) -> bool {
        use bollard::errors::Error as Cause;
        match &self.cause {
            Cause::DockerResponseServerError { status_code, .. } => {
                let told = self.told();
                *status_code == 503
                    || told.contains("does not have a leader")
                    || told.contains("context deadline exceeded")
                    || told.contains("raft:")
                    || told.contains("raft proposal dropped")
            }
            Cause::IOError { .. }
            | Cause::HyperResponseError { .. }
            | Cause::HyperLegacyError { .. }
            | Cause::RequestTimeoutError
            | Cause::SocketNotFoundError(_) => true,
            _ => false,
        }
    }
}
