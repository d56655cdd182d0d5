//! How a person on the host speaks to the daemon: HTTP over a unix socket that only root can open.
//!
//! `GET /v1/status` gives the node's status; `POST /v1/order` with a [`Request`] is answered by 200
//! and what comes of it, or by 409 and why it is refused. `POST /v1/fence` with the name of a volume is for DRBD's
//! fence handler ([`crate::volumes::fence`]); 503: not yet.

mod ask;
mod serve;

use hive_membership::Order;
use serde::{Deserialize, Serialize};

pub use ask::{AskError, ask, fence};
pub use serve::{Served, serve};

/// Where decisions go.
const ORDER_PATH: &str = "/v1/order";
/// Where DRBD's fence handler asks.
const FENCE_PATH: &str = "/v1/fence";
/// Where the status is.
const STATUS_PATH: &str = "/v1/status";
/// Longest decision, in bytes.
const LONGEST: usize = 64 << 10;

/// A decision as it goes through the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Found the swarm without these hives.
    FoundWithout {
        /// Full names, or first labels of them.
        hives: Vec<String>,
        /// Also if one of them may have founded already.
        #[serde(default)]
        even_if_granted: bool,
    },
    /// Make this hive the site's swarm.
    Recover,
    /// Let this hive into the swarm again.
    Rejoin,
}

impl From<Request> for Order {
    fn from(request: Request) -> Self {
        match request {
            Request::FoundWithout {
                hives,
                even_if_granted,
            } => Self::FoundWithout {
                hives,
                even_if_granted,
            },
            Request::Recover => Self::Recover,
            Request::Rejoin => Self::Rejoin,
        }
    }
}

/// Reads the words behind `hived` of a decision; `None` when they are none.
pub fn parse(words: &[&str]) -> Option<Request> {
    match words {
        ["recover"] => Some(Request::Recover),
        ["rejoin"] => Some(Request::Rejoin),
        ["found", rest @ ..] => {
            let (mut hives, mut even_if_granted, mut without) = (Vec::new(), false, false);
            for word in rest {
                match *word {
                    "--even-if-granted" => (even_if_granted, without) = (true, false),
                    "--without" => without = true,
                    word if without && !word.starts_with('-') => {
                        let names = word.split(',').filter(|name| !name.is_empty());
                        hives.extend(names.map(str::to_owned));
                    }
                    _ => return None,
                }
            }
            (!hives.is_empty()).then_some(Request::FoundWithout {
                hives,
                even_if_granted,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
