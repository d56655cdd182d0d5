//! Which task a virtual IP follows, and when this host may take it from whoever may still have it.
//!
//! A host that believes in an older answer of the swarm may hold an address for [`PROOF_AGE`] after
//! the swarm has changed its mind. So a host that becomes the owner waits that long from the moment
//! at which it knows, unless the task that the address followed before is known to be over. That wait runs while
//! the container is being started elsewhere in most cases, and the network is asked besides.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::fence::PROOF_AGE;
use super::view::{Service, Stage, SwarmView, Task};
use super::wish::{Wish, Wishes};

/// The wait when the swarm took the former owner's node for dead: its own fence has gone off
/// already, seconds before ([`DECLARED_DEAD`](super::fence::DECLARED_DEAD)).
const AFTER_DEATH: Duration = Duration::from_secs(1);

/// A virtual IP, the service that has it, and the task that it follows.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The service.
    pub service: &'a Service,
    /// What is asked for.
    pub wish: &'a Wish,
    /// The task that it follows.
    pub task: Option<&'a Task>,
}

/// Who has which virtual IP, and complaints as pairs of service and text. Services come oldest first:
/// of two that ask for one address the older one has it, running or not.
pub fn claims<'a>(
    view: &'a SwarmView,
    wishes: &'a BTreeMap<String, Wishes>,
) -> (BTreeMap<IpAddr, Claim<'a>>, Vec<(String, String)>) {
    let mut claims: BTreeMap<IpAddr, Claim<'a>> = BTreeMap::new();
    let mut complaints = Vec::new();
    for service in in_order(view) {
        let Some(asked) = wishes.get(&service.id) else {
            continue;
        };
        if !service.single && !asked.addresses.is_empty() {
            complaints.push((
                service.name.clone(),
                "it may have several tasks, and a virtual IP can follow one only: the one that runs longest; set replicas to 1".to_owned(),
            ));
        }
        for wish in &asked.addresses {
            let ip = wish.address.ip;
            if let Some(first) = claims.get(&ip) {
                complaints.push((
                    service.name.clone(),
                    format!(
                        "{ip} belongs to the service {}, which is older; take another address",
                        first.service.name
                    ),
                ));
                continue;
            }
            let task = service.followed(view);
            claims.insert(
                ip,
                Claim {
                    service,
                    wish,
                    task,
                },
            );
        }
    }
    (claims, complaints)
}

/// Services with the oldest first, in an order that all hosts agree on.
pub fn in_order(view: &SwarmView) -> Vec<&Service> {
    let mut services: Vec<&Service> = view.services.iter().collect();
    services.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
    services
}

/// What a host remembers of a virtual IP's owners.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    /// The last task on another host that the address followed.
    other: Option<(String, String)>,
    /// Since when it follows a task on this host, as far as this host knows.
    mine_since: Option<Duration>,
}

impl Turns {
    /// Takes note of an answer of the swarm that was in at `at`. `owner` is the task that is
    /// followed with its node.
    pub fn note(&mut self, at: Duration, owner: Option<(&str, &str)>, me: &str) {
        match owner {
            Some((_, node)) if node == me => {
                self.mine_since.get_or_insert(at);
            }
            Some((task, node)) => {
                self.mine_since = None;
                self.other = Some((task.to_owned(), node.to_owned()));
            }
            None => self.mine_since = None,
        }
    }

    /// When this host may take the address; `None` when it is not its owner. `watching_since` is
    /// since when this host has seen every answer: of before that it knows nothing.
    pub fn free_at(&self, view: &SwarmView, watching_since: Duration) -> Option<Duration> {
        let since = self.mine_since?;
        Some(match &self.other {
            Some((task, node)) => match (view.task(task), view.node(node)) {
                (Some(task), _) if task.stage == Stage::Ended => since,
                (_, Some(node)) if node.down => since + AFTER_DEATH,
                _ => since + PROOF_AGE,
            },
            // There is nobody else who could have it.
            None if view.nodes.len() == 1 => since,
            None => since.max(watching_since + PROOF_AGE),
        })
    }

    /// Host of the former owner that is waited for, for people.
    pub fn former<'a>(&'a self, view: &'a SwarmView) -> Option<String> {
        self.other.as_ref().map(|(_, node)| view.host(node))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{running, task, view};
    use super::super::wish;
    use super::*;

    fn at(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn of_two_services_with_one_address_the_older_has_it_and_the_other_is_told() {
        let mut view = view(vec![
            running("b", "1", &[("HIVE_VIP", "10.0.0.9")]),
            running("a", "2", &[("HIVE_VIP", "10.0.0.9")]),
        ]);
        view.services[1].created = "2026-01-02T00:00:00Z".into();
        // Not even when the older one runs nowhere: who holds it must not depend on the moment.
        view.services[0].tasks.clear();
        let wishes: BTreeMap<_, _> = view
            .services
            .iter()
            .map(|s| (s.id.clone(), wish::wishes(&s.labels)))
            .collect();
        let (claims, complaints) = claims(&view, &wishes);
        let claim = claims.values().next().unwrap();
        assert_eq!((claim.service.name.as_str(), claim.task), ("b", None));
        let [(service, text)] = &complaints[..] else {
            panic!("{complaints:?}");
        };
        assert!(service == "a" && text.contains("service b"), "{text}");
    }

    #[test]
    fn a_new_owner_waits_until_the_former_one_must_have_let_go() {
        let mut service = running("web", "2", &[]);
        service.tasks.push(task("old", "1", Stage::Running));
        let mut view = view(vec![service]);
        let mut turns = Turns::default();
        turns.note(at(50), Some(("old", "1")), "2");
        assert_eq!(turns.free_at(&view, at(0)), None);
        turns.note(at(60), Some(("t-web", "2")), "2");
        turns.note(at(61), Some(("t-web", "2")), "2");
        assert_eq!(turns.free_at(&view, at(0)), Some(at(60) + PROOF_AGE));
        view.nodes[0].down = true;
        assert_eq!(turns.free_at(&view, at(0)), Some(at(60) + AFTER_DEATH));
        view.nodes[0].down = false;
        view.services[0].tasks[1].stage = Stage::Ended;
        assert_eq!(turns.free_at(&view, at(0)), Some(at(60)));
        // The service was deleted and made again: of the old task nothing is known.
        view.services[0].tasks.truncate(1);
        assert_eq!(turns.free_at(&view, at(0)), Some(at(60) + PROOF_AGE));
    }

    #[test]
    fn a_daemon_that_has_just_started_does_not_know_who_had_it() {
        let mut view = view(Vec::new());
        let mut turns = Turns::default();
        turns.note(at(60), Some(("t", "2")), "2");
        assert_eq!(turns.free_at(&view, at(58)), Some(at(58) + PROOF_AGE));
        assert_eq!(turns.free_at(&view, at(0)), Some(at(60)));
        view.nodes.truncate(1);
        assert_eq!(turns.free_at(&view, at(58)), Some(at(60)), "alone");
    }
}
