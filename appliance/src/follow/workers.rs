//! Carries out orders: a task for each address, so that none waits for another's router, and one for the
//! rules that lead ports to containers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hive_links::{Interface, Links, Place, ports};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::timeout;

use super::decide::Lead;
use super::vip::{Order, Outcome};

/// How long the network is asked whether somebody has an address.
const PROBE: Duration = Duration::from_millis(900);
/// How long a router may take to answer; the first question may need its hardware address.
const PING: Duration = Duration::from_secs(2);
/// Rules are looked at again so often while there are any: Docker makes its chains anew when it starts.
const RULES_AGAIN: Duration = Duration::from_secs(5);

/// What came of an order: the address, the order's number, the outcome.
pub type Done = (IpAddr, u64, Outcome);

/// A worker for each address that there was an order for.
pub struct Workers {
    links: Links,
    lines: BTreeMap<IpAddr, UnboundedSender<(u64, Order)>>,
    done: mpsc::Sender<Done>,
}

impl Workers {
    /// None yet. Outcomes come out at `done`.
    pub fn new(links: Links, done: mpsc::Sender<Done>) -> Self {
        Self {
            links,
            lines: BTreeMap::new(),
            done,
        }
    }

    /// Hands over an order; the one that is under way for the address ends, unless it changes the kernel.
    pub fn order(&mut self, ip: IpAddr, turn: u64, order: Order) {
        let line = self.lines.entry(ip).or_insert_with(|| {
            let (line, orders) = mpsc::unbounded_channel();
            tokio::spawn(work(self.links, ip, orders, self.done.clone()));
            line
        });
        // It ends with the daemon only.
        let _ = line.send((turn, order));
    }
}

async fn work(
    links: Links,
    ip: IpAddr,
    mut orders: UnboundedReceiver<(u64, Order)>,
    done: mpsc::Sender<Done>,
) {
    let mut next = orders.recv().await;
    while let Some((turn, order)) = next.take() {
        // Half a change to the kernel is worse than a late one, and neither waits for the network.
        let changes = matches!(order, Order::Add(_) | Order::Remove(_));
        let carried = carry_out(&links, ip, &order);
        tokio::pin!(carried);
        let outcome = match changes {
            true => Some(carried.await),
            false => tokio::select! {
                outcome = &mut carried => Some(outcome),
                newer = orders.recv() => {
                    next = newer;
                    None
                }
            },
        };
        if let Some(outcome) = outcome {
            if done.send((ip, turn, outcome)).await.is_err() {
                return;
            }
            next = orders.recv().await;
        }
    }
}

async fn carry_out(links: &Links, ip: IpAddr, order: &Order) -> Outcome {
    match order {
        Order::Add(place) => {
            let added = links.add(place, ip).await;
            Outcome::Added(added.map(|_| ()).map_err(words))
        }
        Order::Remove(place) => {
            let removed = links.remove(place.index, ip).await;
            Outcome::Removed(removed.map(|_| ()).map_err(words))
        }
        Order::Probe(place) => Outcome::Probed(match interface(links, place).await {
            Ok(on) => links.probe(&on, ip, PROBE).await.map_err(words),
            Err(words) => Err(words),
        }),
        Order::Announce(place) => Outcome::Announced(match interface(links, place).await {
            Ok(on) => links.announce(&on, ip).await.map_err(words),
            Err(words) => Err(words),
        }),
        Order::Ping(place, router) => Outcome::Pinged(match interface(links, place).await {
            Ok(on) => {
                let answer = links.ping(*router, ip, &on, PING).await;
                answer.map(|answer| answer.is_some()).map_err(words)
            }
            Err(words) => Err(words),
        }),
    }
}

async fn interface(links: &Links, place: &Place) -> Result<Interface, String> {
    let all = links.interfaces().await.map_err(words)?;
    let found = all
        .into_iter()
        .find(|interface| interface.index == place.index);
    found.ok_or_else(|| format!("interface {} is gone", place.interface))
}

/// An error with its causes.
pub fn words(error: hive_links::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// Keeps the rules those that are wanted; what is wrong goes to `trouble`.
pub async fn rules(
    mut wanted: watch::Receiver<Option<Vec<Lead>>>,
    trouble: watch::Sender<Option<String>>,
) {
    loop {
        let leads = wanted.borrow_and_update().clone();
        let mut again = false;
        if let Some(leads) = &leads {
            let result = make_rules(leads).await;
            again = !leads.is_empty() || result.is_err();
            trouble.send_if_modified(|before| {
                let now = result.err();
                let changed = *before != now;
                *before = now;
                changed
            });
        }
        let changed = match again {
            true => timeout(RULES_AGAIN, wanted.changed())
                .await
                .unwrap_or(Ok(())),
            false => wanted.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn make_rules(leads: &[Lead]) -> Result<(), String> {
    let forward = |lead: &Lead| {
        let leaves_by = lead.snat.then_some(lead.place.index);
        ports::Forward::new(lead.ip, lead.container, &lead.ports, leaves_by).map_err(words)
    };
    let wanted = leads.iter().map(forward).collect::<Result<Vec<_>, _>>()?;
    let outcome = ports::reconcile(&wanted).await.map_err(words)?;
    if !outcome.complete() && !wanted.is_empty() {
        return Err("Docker's chain DOCKER-USER is not there, so ports of virtual IPs do not reach containers; it is tried again, and `systemctl status docker` tells more".into());
    }
    Ok(())
}
