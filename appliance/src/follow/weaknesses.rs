//! What the predecessor of this program did wrong, one test for each, named after it. Where several files
//! stand against one, the test here is the whole decision; the rest is beside the code it is about. What it did
//! wrong with rules and with text of `ip` and `iptables` is in the tests of `hive-links`, what needs
//! partitions and crashes in `tests/follow_simulation`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hive_inventory::follow::{AddressState, FollowReport};
use hive_links::{Address, Interface, Mac};

use super::decide::{Answer, Container, Containers, Decision, Follower, Kernel, Observation};
use super::fence::{PROOF_AGE, Word};
use super::sample::{running, task, view};
use super::view::{Service, Stage, SwarmView};
use super::vip::{Moment, Order, Outcome};

/// A daemon on the node `1` and what it sees.
struct Bench {
    follower: Follower,
    seen: Observation,
    now: u64,
    wall: u64,
    addresses: BTreeSet<IpAddr>,
}

fn ip() -> IpAddr {
    [10, 0, 0, 101].into()
}

fn web(labels: &[(&str, &str)]) -> Service {
    let vip = [("HIVE_VIP", "10.0.0.101")];
    running("web", "1", &[&vip, labels].concat())
}

impl Bench {
    fn new(view: SwarmView) -> Self {
        let mut bench = Self {
            follower: Follower::default(),
            seen: Observation {
                me: Some("1".into()),
                ..Observation::default()
            },
            now: 100,
            wall: 5000,
            addresses: BTreeSet::new(),
        };
        bench.look(view);
        bench
    }

    /// Everything answers; the engine runs the tasks that are running here.
    fn look(&mut self, view: SwarmView) {
        let tasks = view.services.iter().flat_map(|service| &service.tasks);
        let here = tasks.filter(|t| t.node.as_deref() == Some("1") && t.stage == Stage::Running);
        let container = |n: usize| Container {
            addresses: vec![[172, 18, 0, n as u8 + 2].into()],
        };
        let running = here.enumerate().map(|(n, t)| (t.id.clone(), container(n)));
        let asked = Duration::from_secs(self.now);
        self.seen.engine = Some(Containers {
            asked,
            running: running.collect(),
        });
        for other in ["2", "3"] {
            let word = Word { asked, last: None };
            self.seen.heard.insert(other.into(), word);
        }
        self.seen.swarm = Some(Answer {
            asked,
            came: asked,
            view: Arc::new(view),
        });
    }

    fn view(&self) -> SwarmView {
        SwarmView::clone(&self.seen.swarm.as_ref().unwrap().view)
    }

    fn interfaces(&self) -> Vec<Interface> {
        let address = |ip, prefix, ours| Address { ip, prefix, ours };
        let own = address([10, 0, 0, 1].into(), 24, false);
        let ours = self.addresses.iter().map(|ip| address(*ip, 32, true));
        vec![Interface {
            name: "eth0".into(),
            index: 2,
            mac: None,
            up: true,
            addresses: [own].into_iter().chain(ours).collect(),
        }]
    }

    fn decide(&mut self) -> Decision {
        let asked = Duration::from_secs(self.now);
        let interfaces = self.interfaces();
        self.seen.kernel = Some(Kernel { asked, interfaces });
        let at = self.moment();
        self.follower.decide(at, &self.seen)
    }

    fn moment(&self) -> Moment {
        Moment {
            now: Duration::from_secs(self.now),
            wall: self.wall,
        }
    }

    /// Seconds in which everything answers and every order is carried out; all that was ordered.
    fn live(&mut self, seconds: u64) -> Vec<Order> {
        let mut all = Vec::new();
        for _ in 0..seconds {
            self.now += 1;
            self.wall += 1;
            self.look(self.view());
            all.extend(self.settle());
        }
        all
    }

    fn settle(&mut self) -> Vec<Order> {
        let mut all = Vec::new();
        loop {
            let orders = self.decide().orders;
            if orders.is_empty() {
                return all;
            }
            for (ip, turn, order) in orders {
                let outcome = match &order {
                    Order::Probe(_) => Outcome::Probed(Ok(None)),
                    Order::Add(_) => {
                        self.addresses.insert(ip);
                        Outcome::Added(Ok(()))
                    }
                    Order::Announce(_) => Outcome::Announced(Ok(())),
                    Order::Ping(..) => Outcome::Pinged(Ok(true)),
                    Order::Remove(_) => {
                        self.addresses.remove(&ip);
                        Outcome::Removed(Ok(()))
                    }
                };
                all.push(order);
                let at = self.moment();
                self.follower.outcome(at, ip, turn, outcome);
            }
        }
    }

    /// Seconds in which everything answers and no order is carried out, up to the first orders.
    fn until_orders(&mut self) -> Vec<(IpAddr, u64, Order)> {
        for _ in 0..30 {
            self.now += 1;
            self.look(self.view());
            let orders = self.decide().orders;
            if !orders.is_empty() {
                return orders;
            }
        }
        Vec::new()
    }

    /// A daemon that has held the address for a while.
    fn holding(labels: &[(&str, &str)]) -> Self {
        let mut bench = Self::new(view(vec![web(labels)]));
        bench.live(PROOF_AGE.as_secs() + 1);
        assert!(bench.addresses.contains(&ip()), "{:?}", bench.report());
        bench
    }

    fn report(&mut self) -> FollowReport {
        self.decide().report
    }

    fn complains(&mut self, words: &str) {
        let complaints = self.report().complaints;
        let there = complaints.iter().any(|c| c.text.contains(words));
        assert!(there, "{words}: {complaints:?}");
    }
}

#[test]
fn stale_address_after_a_crash() {
    let mut bench = Bench::new(view(vec![running(
        "web",
        "2",
        &[("HIVE_VIP", "10.0.0.101")],
    )]));
    bench.addresses.insert(ip());
    let orders = bench.live(1);
    assert!(matches!(orders[..], [Order::Remove(_)]), "{orders:?}");
}

#[test]
fn stale_node_labels_after_a_nodes_death() {
    let mut view = view(vec![running("web", "2", &[("HIVE_MARK", "web")])]);
    let stale = [("web", "true"), ("hive.mark.web", "id-web")];
    view.nodes[2].labels = stale.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    view.nodes[2].down = true;
    let relabels = Bench::new(view).decide().relabels;
    assert_eq!(relabels.len(), 1, "the living one has to wait");
    assert_eq!(relabels[0].node, "3");
    assert!(relabels[0].labels.values().all(Option::is_none));
}

#[test]
fn a_cut_off_host_goes_on_holding() {
    let mut bench = Bench::holding(&[]);
    let last = bench.now;
    while bench.addresses.contains(&ip()) {
        bench.now += 1;
        // Its own engine and a leader without a majority go on answering.
        let asked = Duration::from_secs(bench.now);
        bench.seen.engine.as_mut().unwrap().asked = asked;
        bench.seen.swarm.as_mut().unwrap().asked = asked;
        bench.settle();
    }
    assert_eq!(bench.now - last, PROOF_AGE.as_secs());
    assert!(bench.report().fenced.unwrap().contains("h2, h3"));
}

#[test]
fn no_duplicate_detection_and_failures_ignored() {
    let mut bench = Bench::new(view(vec![web(&[])]));
    let (ip, turn, order) = bench.until_orders().remove(0);
    assert!(matches!(order, Order::Probe(_)));
    let other = Outcome::Probed(Ok(Some(Mac([2, 0, 0, 0, 0, 7]))));
    let at = bench.moment();
    bench.follower.outcome(at, ip, turn, other);
    bench.complains("02:00:00:00:00:07");
    let (ip, turn, _) = bench.until_orders().remove(0);
    let at = bench.moment();
    bench
        .follower
        .outcome(at, ip, turn, Outcome::Probed(Ok(None)));
    let (ip, turn, order) = bench.decide().orders.remove(0);
    assert!(matches!(order, Order::Add(_)));
    let refused = Outcome::Added(Err("the kernel is not amused".into()));
    bench.follower.outcome(at, ip, turn, refused);
    bench.complains("not amused");
}

#[test]
fn several_replicas_give_several_owners() {
    let mut service = web(&[]);
    service.single = false;
    service.tasks.push(task("a-younger", "2", Stage::Running));
    service.tasks[1].created = "2026-02-01T00:00:00Z".into();
    let mut bench = Bench::new(view(vec![service]));
    bench.live(20);
    assert!(bench.addresses.contains(&ip()));
    bench.complains("set replicas to 1");
    let mut view = bench.view();
    view.services[0].tasks[0].created = "2026-03-01T00:00:00Z".into();
    bench.look(view);
    bench.settle();
    assert!(bench.addresses.is_empty(), "one of them only");
}

#[test]
fn two_services_with_one_address_are_not_noticed() {
    let mut second = web(&[]);
    (second.id, second.name) = ("z".into(), "mail".into());
    let mut bench = Bench::new(view(vec![web(&[]), second]));
    bench.live(10);
    bench.complains("belongs to the service web");
}

#[test]
fn one_announcement_only_and_none_for_what_is_there_already() {
    let mut bench = Bench::new(view(vec![web(&[("HIVE_ROUTER", "10.0.0.1")])]));
    bench.addresses.insert(ip());
    let orders = bench.live(70);
    let announced = orders
        .iter()
        .filter(|o| matches!(o, Order::Announce(_)))
        .count();
    let asked = orders
        .iter()
        .filter(|o| matches!(o, Order::Ping(..)))
        .count();
    assert!(announced >= 5 && asked >= 2, "{announced} {asked}");
}

#[test]
fn the_address_follows_what_is_desired_instead_of_what_runs() {
    let mut service = web(&[]);
    service.tasks[0].stage = Stage::Coming;
    let mut bench = Bench::new(view(vec![service]));
    assert_eq!(bench.live(20), []);
    // Unhealthy: the engine lists it no more, before the swarm says anything.
    let mut bench = Bench::holding(&[]);
    bench.seen.engine.as_mut().unwrap().running.clear();
    bench.settle();
    assert!(bench.addresses.is_empty());
}

#[test]
fn a_task_replaced_on_the_same_node_keeps_the_dead_containers_address() {
    let mut bench = Bench::holding(&[("HIVE_DNAT_PORTS", "80")]);
    let leads = |bench: &mut Bench| bench.decide().leads.unwrap();
    assert_eq!(leads(&mut bench)[0].container.to_string(), "172.18.0.2");
    let running = &mut bench.seen.engine.as_mut().unwrap().running;
    let addresses = vec![[172, 18, 0, 77].into()];
    running.insert("t-web".into(), Container { addresses });
    assert_eq!(leads(&mut bench)[0].container.to_string(), "172.18.0.77");
}

#[test]
fn changed_labels_are_ignored_and_a_service_made_again_is_forgotten() {
    let mut bench = Bench::holding(&[]);
    let mut view = bench.view();
    let labels = &mut view.services[0].labels;
    labels.insert("HIVE_ROUTER".into(), "10.0.0.1".into());
    labels.insert("HIVE_DNAT_PORTS".into(), "80,53/udp".into());
    bench.look(view);
    let asked = |order: &Order| matches!(order, Order::Ping(..));
    assert!(bench.settle().iter().any(asked));
    assert_eq!(bench.decide().leads.unwrap()[0].ports.len(), 2);
    // Deleted and made again between two looks.
    let mut view = bench.view();
    view.services[0].id = "another".into();
    view.services[0].tasks[0].id = "t-another".into();
    bench.look(view);
    bench.live(10);
    assert!(bench.addresses.contains(&ip()));
}

#[tokio::test]
async fn a_lost_connection_to_docker_ends_the_daemon() {
    let engine = super::engine::Engine::new("/nowhere/docker.sock".into());
    let lost = engine.membership().await.unwrap_err();
    assert!(lost.contains("/nowhere/docker.sock"), "{lost}");
    assert!(engine.containers().await.is_err());
    assert!(engine.watch(|| {}).await.is_err());
}

#[test]
fn a_version_conflict_at_a_label_drops_everything() {
    let mut bench = Bench::holding(&[("HIVE_MARK", "web")]);
    // Set since the start, and never seen to be carried out.
    bench.follower.relabelled(bench.moment(), "1");
    assert_eq!(
        bench.decide().relabels,
        [],
        "decided by what was read before"
    );
    bench.now += 1;
    bench.look(bench.view());
    assert_eq!(bench.decide().relabels.len(), 1, "read anew");
    assert!(bench.addresses.contains(&ip()));
}

#[test]
fn it_works_on_managers_only() {
    let mut view = view(vec![web(&[])]);
    view.nodes[0].manager = false;
    view.nodes[0].leader = false;
    let mut worker = Bench::new(view);
    worker.live(10);
    assert!(worker.addresses.contains(&ip()));
}

#[test]
fn a_clock_that_is_set_loses_something() {
    let mut bench = Bench::holding(&[]);
    for wall in [0, u64::MAX / 2] {
        bench.wall = wall;
        let orders = bench.live(3);
        assert!(!orders.iter().any(|o| matches!(o, Order::Remove(_))));
    }
}

#[test]
fn nothing_is_compared_with_how_it_is() {
    let mut bench = Bench::holding(&[]);
    bench.addresses.clear();
    bench.live(2);
    assert!(bench.addresses.contains(&ip()), "removed by hand, and back");
}

#[test]
fn a_router_that_is_silent_delays_every_other_address() {
    let mut other = running("mail", "1", &[("HIVE_VIP", "10.0.0.102")]);
    other.tasks[0].stage = Stage::Coming;
    let mut bench = Bench::new(view(vec![web(&[("HIVE_ROUTER", "10.0.0.1")]), other]));
    bench.live(10);
    // The question to the router is never answered.
    let asked = |orders: &[(IpAddr, u64, Order)]| {
        orders
            .iter()
            .any(|(_, _, order)| matches!(order, Order::Ping(..)))
    };
    for _ in 0..80 {
        bench.now += 1;
        bench.look(bench.view());
        let orders = bench.decide().orders;
        if asked(&orders) {
            break;
        }
        for (ip, turn, _) in orders {
            let at = bench.moment();
            bench
                .follower
                .outcome(at, ip, turn, Outcome::Announced(Ok(())));
        }
    }
    let mut view = bench.view();
    view.services[1].tasks[0].stage = Stage::Running;
    bench.look(view);
    let orders = bench.until_orders();
    let probed = |(_, _, order): &(IpAddr, u64, Order)| matches!(order, Order::Probe(_));
    assert!(orders.iter().any(probed), "{orders:?}");
}

#[test]
fn stopping_the_daemon_drops_all_addresses() {
    let mut bench = Bench::holding(&[]);
    let report = bench.report();
    bench.follower = Follower::resumed(&report, |_| Some(17));
    // Nothing has answered yet.
    let seen = std::mem::take(&mut bench.seen);
    bench.seen.me.clone_from(&seen.me);
    assert!(bench.decide().orders.is_empty(), "kept by the last proof");
    bench.seen = seen;
    bench.now += 1;
    bench.look(bench.view());
    let orders = bench.settle();
    assert!(
        !orders
            .iter()
            .any(|o| matches!(o, Order::Probe(_) | Order::Remove(_)))
    );
    let address = &bench.report().addresses[0];
    assert_eq!(address.state, AddressState::Held);
    assert_eq!(address.since.as_deref(), Some("1970-01-01T00:00:17Z"));
    // A daemon that starts after its last proof has run out keeps nothing.
    bench.follower = Follower::resumed(&report, |_| Some(17));
    bench.seen = Observation::default();
    bench.now += 60;
    bench.settle();
    assert!(bench.addresses.is_empty());
}

#[test]
fn an_invalid_place_crashes() {
    let mut bad = running(
        "bad",
        "1",
        &[("HIVE_VIP", "10.0.0.7@eth0"), ("HIVE_VIP0", "192.0.2.9")],
    );
    bad.labels
        .insert("HIVE_VIP1".into(), "10.0.0.8/24@wan9".into());
    let mut bench = Bench::new(view(vec![web(&[]), bad]));
    bench.live(10);
    assert_eq!(bench.addresses, BTreeSet::from([ip()]), "others go on");
    for words in [
        "HIVE_VIP: `10.0.0.7@eth0`",
        "192.0.2.9 is in no network",
        "wan9",
    ] {
        bench.complains(words);
    }
}

/// Not even with everything wrong at once is there more than one complaint for a cause.
#[test]
fn complaints_are_told_once() {
    let mut bench = Bench::new(view(vec![web(&[("HIVE_VIP9", "x")])]));
    bench.live(10);
    let report = bench.report();
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for complaint in report.complaints {
        *counts.entry(complaint).or_default() += 1;
    }
    assert!(
        !counts.is_empty() && counts.values().all(|n| *n == 1),
        "{counts:?}"
    );
}
