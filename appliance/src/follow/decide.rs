//! What is to be done now: a function of what was seen and what is remembered. No I/O, and no clock but the
//! one that is handed in, so the simulation runs the same code as the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::follow::{
    AddressReport, AddressState, Complaint, FOLLOW_VERSION, FollowReport, MarkReport, RouterReport,
};
use hive_links::{Interface, Place, Port, choose};

use super::fence::{PROOF_AGE, Word, proved_until};
use super::marks::{Relabel, marks};
use super::ownership::{Claim, Turns, claims};
use super::view::SwarmView;
use super::vip::{Moment, Order, Outcome, Seen, Vip, Wanted};
use super::wish::{Wishes, wishes};
use crate::calendar::rfc3339;

/// After a gap between two answers of the swarm that is longer, owners may have changed unseen.
const GAP: Duration = Duration::from_secs(3);

/// Everything that was looked at, each with the moment at which it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Docker's id of this node.
    pub me: Option<String>,
    /// Names of labels that hived keeps.
    pub groups: BTreeSet<String>,
    /// The last good answer of the swarm.
    pub swarm: Option<Answer>,
    /// Words of other hives, by Docker's id of their node.
    pub heard: BTreeMap<String, Word>,
    /// The last good answer of this host's engine.
    pub engine: Option<Containers>,
    /// The last look at the kernel.
    pub kernel: Option<Kernel>,
}

/// An answer of the swarm.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When it was asked for.
    pub asked: Duration,
    /// When it was here.
    pub came: Duration,
    /// What it says.
    pub view: Arc<SwarmView>,
}

/// The containers of tasks that run on this host.
#[derive(Debug, Clone, Default)]
pub struct Containers {
    /// When they were asked for.
    pub asked: Duration,
    /// By the id of the task.
    pub running: BTreeMap<String, Container>,
}

/// A container that runs and whose health check, if it has one, is content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its addresses on `docker_gwbridge`.
    pub addresses: Vec<IpAddr>,
}

/// The interfaces of this host and their addresses.
#[derive(Debug, Clone, Default)]
pub struct Kernel {
    /// When they were asked for.
    pub asked: Duration,
    /// Interfaces, with their addresses.
    pub interfaces: Vec<Interface>,
}

/// Ports of a virtual IP that lead to a container on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The virtual IP.
    pub ip: IpAddr,
    /// Where it is.
    pub place: Place,
    /// The container's address on `docker_gwbridge`.
    pub container: IpAddr,
    /// Which ports; they are the same on both sides.
    pub ports: Vec<Port>,
    /// Whether what the container sends out through the interface leaves with the virtual IP.
    pub snat: bool,
}

/// What is to be done.
#[derive(Debug)]
pub struct Decision {
    /// Orders by address, each with its number; a newer one puts an end to the one before.
    pub orders: Vec<(IpAddr, u64, Order)>,
    /// Changes of node labels.
    pub relabels: Vec<Relabel>,
    /// All rules that are to be there now; `None`: it is not known yet, and what is there stays.
    pub leads: Option<Vec<Lead>>,
    /// What is told.
    pub report: FollowReport,
    /// When something is due by itself.
    pub wake: Option<Duration>,
}

/// What is remembered from one decision to the next.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    vips: BTreeMap<IpAddr, Vip>,
    turns: BTreeMap<IpAddr, Turns>,
    /// Since when no answer of the swarm was missed.
    watching_since: Option<Duration>,
    last_came: Duration,
    /// Until when the proof of an earlier daemon holds.
    kept_until: Duration,
    /// Since when an earlier daemon held addresses.
    held_before: BTreeMap<IpAddr, u64>,
    /// Nodes whose labels are being changed, or were at a moment: an answer of the swarm that was asked
    /// for before does not show it.
    relabelling: BTreeMap<String, Option<Duration>>,
    wanted: BTreeMap<IpAddr, Wanted>,
}

impl Follower {
    /// Starts where an earlier daemon of the same boot ended, as its last report says.
    pub fn resumed(report: &FollowReport, wall_of: impl Fn(&str) -> Option<u64>) -> Self {
        let held = report
            .addresses
            .iter()
            .filter_map(|address| Some((address.address, wall_of(address.since.as_deref()?)?)));
        Self {
            kept_until: Duration::from_millis(report.proved_until.unwrap_or_default()),
            held_before: held.collect(),
            ..Self::default()
        }
    }

    /// What came of an order. A decision has to follow.
    pub fn outcome(&mut self, at: Moment, ip: IpAddr, turn: u64, outcome: Outcome) {
        let wanted = self.wanted.get(&ip);
        if let Some(vip) = self.vips.get_mut(&ip) {
            vip.outcome(at, turn, outcome, wanted);
        }
    }

    /// A change of labels was carried out, or refused.
    pub fn relabelled(&mut self, at: Moment, node: &str) {
        self.relabelling.insert(node.to_owned(), Some(at.now));
    }

    /// Decides.
    pub fn decide(&mut self, at: Moment, seen: &Observation) -> Decision {
        let me = seen.me.as_deref().unwrap_or_default();
        let (view, proved) = match &seen.swarm {
            Some(answer) => {
                let engine = seen.engine.as_ref().map(|engine| engine.asked);
                let proved = engine.filter(|_| !me.is_empty()).and_then(|engine| {
                    proved_until(&answer.view, answer.asked, engine, &seen.heard, me)
                });
                (Arc::clone(&answer.view), proved)
            }
            None => (Arc::default(), None),
        };
        let until = proved.unwrap_or_default().max(self.kept_until);
        let proven = at.now < until;
        // Until the first answer, what an earlier daemon held under its proof stays as it is.
        let waits = proven && (seen.swarm.is_none() || seen.engine.is_none());
        let asked: BTreeMap<String, Wishes> = view
            .services
            .iter()
            .map(|service| (service.id.clone(), wishes(&service.labels)))
            .collect();
        let (claims, mut complaints) = claims(&view, &asked);
        self.note(seen, &claims, me);
        self.wanted = BTreeMap::new();
        if proven && !waits {
            self.wanted = claims
                .iter()
                .filter_map(|(ip, claim)| Some((*ip, self.wanted_here(claim, &view, seen, me)?)))
                .collect();
        }
        let orders = if waits {
            Vec::new()
        } else {
            self.step(at, seen)
        };
        for service in &view.services {
            for text in asked.get(&service.id).iter().flat_map(|w| &w.complaints) {
                complaints.push((service.name.clone(), text.clone()));
            }
        }
        let leads = (!waits).then(|| self.leads(&claims, seen, &mut complaints));
        let (relabels, marks) = self.marks(&view, &asked, seen, me, proven, &mut complaints);
        for (ip, vip) in &self.vips {
            if let Some(trouble) = &vip.trouble {
                let service = claims.get(ip).map(|claim| claim.service.name.clone());
                complaints.push((service.unwrap_or_default(), format!("{ip}: {trouble}")));
            }
        }
        // Where nobody asks for anything, a proof is of no interest, and is not kept fresh.
        let unasked = seen.swarm.is_some() && view.services.is_empty() && self.vips.is_empty();
        let fenced = !proven && seen.me.is_some() && !unasked;
        let fenced = fenced.then(|| fenced_words(at, seen, &view, me));
        let mut report = FollowReport {
            version: FOLLOW_VERSION,
            fenced,
            proved_until: (until > Duration::ZERO)
                .then(|| u64::try_from(until.as_millis()).unwrap_or(u64::MAX)),
            addresses: self.addresses(&claims, &view, me),
            marks,
            complaints: complaints
                .into_iter()
                .map(|(service, text)| Complaint { service, text })
                .collect(),
        };
        report.complaints.sort();
        report.complaints.dedup();
        let turns = self.turns.values();
        let waiting = turns.filter_map(|t| t.free_at(&view, self.watching_since?));
        let wakes = self.vips.values().filter_map(Vip::wake).chain(waiting);
        let wakes = wakes.chain([until]).filter(|wake| *wake > at.now);
        Decision {
            orders,
            relabels,
            leads,
            report,
            wake: wakes.min(),
        }
    }

    /// Takes note of who owns what in the newest answer.
    fn note(&mut self, seen: &Observation, claims: &BTreeMap<IpAddr, Claim<'_>>, me: &str) {
        let Some(answer) = &seen.swarm else {
            return;
        };
        if answer.came == self.last_came && self.watching_since.is_some() {
            return;
        }
        if self.watching_since.is_none() || answer.came > self.last_came + GAP {
            self.watching_since = Some(answer.came);
            self.turns.clear();
        }
        self.last_came = answer.came;
        // Whoever asks for it no more may still hold it: it is remembered for as long.
        for ip in claims.keys() {
            self.turns.entry(*ip).or_default();
        }
        for (ip, turns) in &mut self.turns {
            let task = claims.get(ip).and_then(|claim| claim.task);
            let owner = task.and_then(|task| Some((task.id.as_str(), task.node.as_deref()?)));
            turns.note(answer.came, owner, me);
        }
    }

    fn wanted_here(
        &self,
        claim: &Claim<'_>,
        view: &SwarmView,
        seen: &Observation,
        me: &str,
    ) -> Option<Wanted> {
        let task = claim.task.filter(|task| task.node.as_deref() == Some(me))?;
        // The swarm's word may be seconds old; the engine beside us knows.
        seen.engine.as_ref()?.running.get(&task.id)?;
        let kernel = seen.kernel.as_ref()?;
        let ip = claim.wish.address.ip;
        let place = choose(&claim.wish.address, &kernel.interfaces);
        let here = kernel.interfaces.iter().find(|interface| {
            let ours = interface.addresses.iter().any(|a| a.ip == ip && a.ours);
            ours || place
                .as_ref()
                .is_ok_and(|place| place.index == interface.index)
        });
        Some(Wanted {
            link_up: here.is_some_and(|interface| interface.up),
            place: place.map_err(|e| e.to_string()),
            router: claim.wish.router,
            free_at: self
                .turns
                .get(&ip)
                .and_then(|turns| turns.free_at(view, self.watching_since?))
                .unwrap_or(Duration::MAX),
        })
    }

    fn step(&mut self, at: Moment, seen: &Observation) -> Vec<(IpAddr, u64, Order)> {
        let mut present: BTreeMap<IpAddr, Place> = BTreeMap::new();
        for interface in seen.kernel.iter().flat_map(|kernel| &kernel.interfaces) {
            for address in interface.addresses.iter().filter(|address| address.ours) {
                present.insert(
                    address.ip,
                    Place {
                        index: interface.index,
                        interface: interface.name.clone(),
                        prefix: address.prefix,
                    },
                );
            }
        }
        for ip in self.wanted.keys().chain(present.keys()) {
            let held_before = self.held_before.remove(ip);
            self.vips
                .entry(*ip)
                .or_insert_with(|| Vip::held_since(held_before));
        }
        let looked = seen.kernel.as_ref().map(|kernel| kernel.asked);
        let mut orders = Vec::new();
        for (ip, vip) in &mut self.vips {
            // A look that began before the last change ended may show what was before it.
            let now_there = match (looked, present.get(ip)) {
                (Some(looked), _) if looked < vip.changed => Seen::Unknown,
                (None, _) => Seen::Unknown,
                (_, Some(place)) => Seen::Present(place.clone()),
                (_, None) => Seen::Absent,
            };
            let order = vip.step(at, self.wanted.get(ip), &now_there);
            orders.extend(order.map(|order| (*ip, vip.turn, order)));
        }
        let wanted = &self.wanted;
        self.vips
            .retain(|ip, vip| !vip.is_over() || wanted.contains_key(ip));
        orders
    }

    fn leads(
        &self,
        claims: &BTreeMap<IpAddr, Claim<'_>>,
        seen: &Observation,
        complaints: &mut Vec<(String, String)>,
    ) -> Vec<Lead> {
        let mut leads = Vec::new();
        for (ip, vip) in &self.vips {
            let (Some(held), Some(claim)) = (vip.held(), claims.get(ip)) else {
                continue;
            };
            if claim.wish.ports.is_none() && !claim.wish.snat {
                continue;
            }
            let container = claim.task.and_then(|task| {
                let engine = seen.engine.as_ref()?;
                engine.running.get(&task.id)
            });
            let Some(container) = container else {
                continue;
            };
            let fits = |address: &&IpAddr| address.is_ipv6() == ip.is_ipv6();
            match container.addresses.iter().find(fits) {
                Some(address) => leads.push(Lead {
                    ip: *ip,
                    place: held.place.clone(),
                    container: *address,
                    ports: claim.wish.ports.iter().flat_map(|p| p.ports().to_vec()).collect(),
                    snat: claim.wish.snat,
                }),
                None => complaints.push((
                    claim.service.name.clone(),
                    format!(
                        "{ip}: its container has no {} address on docker_gwbridge that ports could lead to; give the service a network of the swarm",
                        if ip.is_ipv6() { "IPv6" } else { "IPv4" }
                    ),
                )),
            }
        }
        leads
    }

    fn marks(
        &mut self,
        view: &SwarmView,
        asked: &BTreeMap<String, Wishes>,
        seen: &Observation,
        me: &str,
        proven: bool,
        complaints: &mut Vec<(String, String)>,
    ) -> (Vec<Relabel>, Vec<MarkReport>) {
        let marks = marks(view, asked, &seen.groups);
        complaints.extend(marks.complaints);
        let leads = proven && view.node(me).is_some_and(|node| node.leader);
        let asked_at = seen.swarm.as_ref().map(|answer| answer.asked);
        self.relabelling
            .retain(|_, ended| ended.is_none() || *ended >= asked_at);
        let mut changes = marks.changes;
        changes.retain(|change| leads && !self.relabelling.contains_key(&change.node));
        let under_way = changes.iter().map(|change| (change.node.clone(), None));
        self.relabelling.extend(under_way);
        (changes, marks.report)
    }

    fn addresses(
        &self,
        claims: &BTreeMap<IpAddr, Claim<'_>>,
        view: &SwarmView,
        me: &str,
    ) -> Vec<AddressReport> {
        let all: BTreeSet<IpAddr> = claims.keys().chain(self.vips.keys()).copied().collect();
        let told = |ip: IpAddr| {
            let (claim, vip) = (claims.get(&ip), self.vips.get(&ip));
            let held = vip.and_then(Vip::held);
            let owner = claim.and_then(|claim| claim.task?.node.as_deref());
            let state = match vip {
                _ if held.is_some() => AddressState::Held,
                Some(vip) if vip.claiming() => AddressState::Claiming,
                _ if owner == Some(me) => AddressState::Waiting,
                _ => AddressState::Elsewhere,
            };
            AddressReport {
                address: ip,
                service: claim.map(|c| c.service.name.clone()).unwrap_or_default(),
                state,
                owner: owner.map(|id| view.host(id)),
                interface: held.map(|held| held.place.interface.clone()),
                since: held.map(|held| rfc3339(held.since)),
                router: held.and_then(|held| {
                    Some(RouterReport {
                        address: held.router.address?,
                        answered: held.router.answered.map(rfc3339),
                        failures: held.router.failures,
                    })
                }),
            }
        };
        all.into_iter().map(told).collect()
    }
}

/// Which part of the proof is missing.
fn fenced_words(at: Moment, seen: &Observation, view: &SwarmView, me: &str) -> String {
    let fresh = |asked: Duration| at.now < asked + PROOF_AGE;
    let within = PROOF_AGE.as_secs();
    let cause = if !seen.engine.as_ref().is_some_and(|e| fresh(e.asked)) {
        format!(
            "Docker has not told its containers for {within} s; `systemctl status docker` tells more"
        )
    } else if !seen.swarm.as_ref().is_some_and(|s| fresh(s.asked)) {
        format!("the swarm has not answered for {within} s; `hived status` tells more")
    } else {
        let managers = view.nodes.iter().filter(|node| node.manager);
        let silent: Vec<&str> = managers
            .filter(|node| {
                node.id != me
                    && !seen
                        .heard
                        .get(&node.id)
                        .is_some_and(|word| fresh(word.asked))
            })
            .map(|node| node.host.as_str())
            .collect();
        format!(
            "no majority of the managers answers; silent: {}",
            silent.join(", ")
        )
    };
    format!(
        "this host has no proof that it belongs to the swarm's majority and holds no virtual IP: {cause}"
    )
}
