//! Asks other hives something, without the protocol's queues.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use hive_inventory::seed::{Identity, Peer};
use hyper::body::Bytes;
use tokio::sync::Mutex;

use super::caller::Line;
use super::tls::Tls;

/// The ways to all other hives, a connection each.
pub struct Questioner(BTreeMap<String, Mutex<Line>>);

impl Questioner {
    /// For the host `me` of a site with these hives, whose hived listen at `port`.
    ///
    /// # Errors
    /// The identity can't be used, in words.
    pub fn new(
        me: &str,
        hives: &[Peer],
        identity: &Identity,
        port: u16,
        clock: fn() -> u64,
    ) -> Result<Self, String> {
        let names: BTreeSet<String> = hives.iter().map(|hive| hive.host.clone()).collect();
        let tls = Tls::new(me, names, identity, clock)?;
        let own = hives.iter().find(|hive| hive.host == me);
        let from = own.map(|hive| hive.address);
        let others = hives.iter().filter(|hive| hive.host != me);
        let lines = others.map(|hive| {
            let address = SocketAddr::new(hive.address, port);
            let line = Line::new(hive.host.clone(), from, address, tls.clone());
            (hive.host.clone(), Mutex::new(line))
        });
        Ok(Self(lines.collect()))
    }

    /// Full names of the hives that can be asked.
    pub fn hives(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Asks a hive at one of the paths for questions, after whatever it is being asked already. May be given
    /// up at any time.
    ///
    /// # Errors
    /// There is no answer, in words that read after the hive's name.
    pub async fn ask(
        &self,
        hive: &str,
        path: &'static str,
        question: Bytes,
    ) -> Result<Bytes, String> {
        let line = self.0.get(hive).ok_or("is no hive of the seed")?;
        let mut line = line.lock().await;
        line.ask(path, question).await.map_err(|e| e.to_string())
    }
}
