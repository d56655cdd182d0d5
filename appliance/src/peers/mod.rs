//! Speaking to the other hives: HTTPS with certificates on both sides, a message a request.
//!
//! `POST /v1/message` with a [`Message`] as JSON, answered by 204, carries the protocol. The other paths
//! are questions that are answered at once: they may come late or never without harm, and an answer counts
//! from when it was asked ([`Questioner`]). `POST /v1/follow` is for the program that holds virtual IPs,
//! `POST /v1/volumes` for records of mirrored volumes. Nothing here decides anything: messages that came go into a channel, messages to be sent are taken without
//! waiting, and whoever is no hive of the seed is remembered in [`strangers`] for a person to see.
//!
//! Nothing older than [`MESSAGE_AGE`] is handed over, though a message carries no time. What comes over
//! a connection was sent after this host took part in its handshake, so a connection that is taken for
//! [`CONNECTION`] only, by this host's own clock, brings nothing older, whatever lay in a buffer, and
//! whichever side stood still. To that come a wait before it is sent and one before it is handled, each of
//! at most [`WAIT`]. A virtual machine that is stopped together with its clock is the exception.

mod caller;
pub mod certificate;
mod inbox;
mod listener;
mod questioner;
#[cfg(test)]
pub mod sample;
pub mod strangers;
mod tls;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::seed::{Identity, Peer};
use hive_membership::{MESSAGE_AGE, Message};
use hyper::body::Bytes;

use caller::Caller;
use strangers::Strangers;
use tls::Tls;

/// Longest message, in bytes: a token and the names of a hundred hives are far below it.
const LONGEST_MESSAGE: usize = 64 << 10;
/// Longest answer to a question, in bytes: a few hundred services and nodes.
const LONGEST_ANSWER: usize = 4 << 20;
/// Where questions about services go.
pub const FOLLOW_PATH: &str = "/v1/follow";
/// Where questions about mirrored volumes go.
pub const VOLUMES_PATH: &str = "/v1/volumes";
/// Where messages go.
const MESSAGE_PATH: &str = "/v1/message";
/// A message waits so long at most before it is sent, and so long before it is handled.
const WAIT: Duration = Duration::from_secs(5);
/// A connection brings messages so long, from the moment at which it is taken.
const CONNECTION: Duration = Duration::from_secs(10);
/// Longest time for a handshake; machines without hardware virtualisation are slow at it.
const HANDSHAKE: Duration = Duration::from_secs(8);
const _: () = assert!(2 * WAIT.as_secs() + CONNECTION.as_secs() <= MESSAGE_AGE.as_secs());

pub use inbox::{Heard, Inbox};
pub use questioner::Questioner;

/// Answers a question of the hive with this name; `None` when it does not read.
pub type Answers = Arc<
    dyn Fn(String, Bytes) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>> + Send + Sync,
>;

/// Who answers which questions, by path.
pub type Questions = BTreeMap<&'static str, Answers>;

/// The other hives.
pub struct Peers {
    callers: BTreeMap<String, Caller>,
    strangers: Arc<Strangers>,
}

/// What is needed to speak to the other hives.
pub struct Site<'a> {
    /// Full name of this host.
    pub me: &'a str,
    /// The hives of the seed, this one included.
    pub hives: &'a [Peer],
    /// Certificate, key and authority.
    pub identity: &'a Identity,
    /// Port at which every hive listens.
    pub port: u16,
    /// The clock, in seconds since 1970.
    pub clock: fn() -> u64,
    /// What answers questions.
    pub questions: Questions,
}

impl Peers {
    /// Starts listening, and a caller for each of the others. Has to run inside a runtime.
    ///
    /// # Errors
    /// The identity can't be used, in words.
    pub fn start(site: &Site<'_>) -> Result<(Self, Inbox), String> {
        let names: BTreeSet<String> = site.hives.iter().map(|h| h.host.clone()).collect();
        let tls = Tls::new(site.me, names, site.identity, site.clock)?;
        let strangers = Arc::new(Strangers::default());
        let own = site.hives.iter().find(|hive| hive.host == site.me);
        let own = own.map(|hive| SocketAddr::new(hive.address, site.port));
        let (inbox, heard) = inbox::channel();
        if let Some(own) = own {
            let (tls, strangers) = (tls.clone(), Arc::clone(&strangers));
            let questions = Arc::new(site.questions.clone());
            tokio::spawn(listener::run(own, tls, inbox, questions, strangers));
        }
        let from = own.map(|own| own.ip());
        let others = site.hives.iter().filter(|hive| hive.host != site.me);
        let callers = others
            .map(|hive| {
                let address = SocketAddr::new(hive.address, site.port);
                let caller = Caller::start(hive.host.clone(), from, address, tls.clone());
                (hive.host.clone(), caller)
            })
            .collect();
        Ok((Self { callers, strangers }, heard))
    }

    /// Sends a message some time soon, or never; waits for nothing.
    pub fn send(&self, to: &str, message: Message) {
        if let Some(caller) = self.callers.get(to) {
            caller.send(message);
        }
    }

    /// Why the last message to a hive could not be delivered.
    pub fn trouble(&self, hive: &str) -> Option<String> {
        self.callers.get(hive)?.trouble()
    }

    /// What a person should know of machines that are no hives of this site, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        self.strangers.notices()
    }
}

/// The address as a person writes it: a dual-stack listener sees IPv4 as `::ffff:192.168.0.4`.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests;
