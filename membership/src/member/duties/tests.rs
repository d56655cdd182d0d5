//! Plans of the leader's hived, view by view.

use super::*;

fn config(members: &[(&str, Membership)]) -> Config {
    let hives = members
        .iter()
        .map(|(name, member)| HiveEntry {
            name: format!("{name}.example.com"),
            member: *member,
            groups: BTreeSet::from(["hives".to_owned()]),
        })
        .collect();
    let me = format!("{}.example.com", members[0].0);
    Config {
        me,
        hives,
        known: None,
    }
}

fn node(id: &str, host: &str, manager: bool, ready: bool) -> Node {
    Node {
        id: id.to_owned(),
        host: host.to_owned(),
        manager,
        reachable: manager && ready,
        ready,
        labels: BTreeMap::from([("hives".to_owned(), "true".to_owned())]),
    }
}

fn first(
    config: &Config,
    nodes: Vec<Node>,
    claims: &[(&'static str, &'static str)],
) -> Option<Action> {
    all(config, nodes, claims).into_iter().next()
}

fn all(config: &Config, nodes: Vec<Node>, claims: &[(&'static str, &'static str)]) -> Vec<Action> {
    let quorum = Quorum {
        leader: true,
        worker_token: String::new(),
        nodes,
    };
    let view = View {
        config,
        me: "n0",
        quorum: &quorum,
        claims: claims.iter().copied().collect(),
    };
    plan(&view, |_| false)
}

const M: Membership = Membership::Manager;
const W: Membership = Membership::Worker;

#[test]
fn one_manager_waits_for_two_workers_before_it_promotes() {
    let site = config(&[("a", M), ("b", M), ("c", M)]);
    let two = vec![node("n0", "a", true, true), node("n1", "b", false, true)];
    assert_eq!(first(&site, two.clone(), &[]), None);
    let three = [two, vec![node("n2", "c", false, true)]].concat();
    assert_eq!(
        first(&site, three, &[]),
        Some(Action::Promote("n1".to_owned()))
    );
}

#[test]
fn a_replaced_manager_is_demoted_its_successor_promoted_and_its_entry_removed() {
    let site = config(&[("a", M), ("b", M), ("c", M)]);
    let mut nodes = vec![
        node("n0", "a", true, true),
        node("n1", "b", true, true),
        node("n2", "c", true, false),
        node("n3", "c", false, true),
    ];
    let claims = [("c", "n3")];
    assert_eq!(
        first(&site, nodes.clone(), &[]),
        None,
        "the host does not say who it is"
    );
    assert_eq!(
        first(&site, nodes.clone(), &claims),
        Some(Action::Demote("n2".to_owned()))
    );
    nodes[2].manager = false;
    assert_eq!(
        first(&site, nodes.clone(), &claims),
        Some(Action::Promote("n3".to_owned()))
    );
    nodes[3].manager = true;
    assert_eq!(
        first(&site, nodes, &claims),
        Some(Action::Remove("n2".to_owned()))
    );
}

#[test]
fn a_replaced_manager_that_docker_does_not_demote_is_removed() {
    let site = config(&[("a", M), ("b", M)]);
    // Promoted, and dead before the others took it in.
    let nodes = vec![
        node("n0", "a", true, true),
        node("n1", "b", true, false),
        node("n2", "b", false, true),
    ];
    let quorum = Quorum {
        leader: true,
        worker_token: String::new(),
        nodes,
    };
    let view = View {
        config: &site,
        me: "n0",
        quorum: &quorum,
        claims: BTreeMap::from([("b", "n2")]),
    };
    let (demote, remove) = (Action::Demote("n1".into()), Action::Remove("n1".into()));
    let planned = |failed: &[&Action]| plan(&view, |action| failed.contains(&action));
    assert!(
        planned(&[]).starts_with(std::slice::from_ref(&demote)) && !planned(&[]).contains(&remove)
    );
    assert!(planned(&[&demote]).contains(&remove));
}

#[test]
fn a_dead_manager_that_may_come_back_stays() {
    let site = config(&[("a", M), ("b", M), ("c", M)]);
    let nodes = vec![
        node("n0", "a", true, true),
        node("n1", "b", true, true),
        node("n2", "c", true, false),
    ];
    assert_eq!(first(&site, nodes, &[("c", "n2")]), None);
}

#[test]
fn two_managers_without_a_third_become_one() {
    let site = config(&[("a", M), ("b", M), ("c", M)]);
    let nodes = vec![node("n0", "a", true, true), node("n1", "b", true, true)];
    assert_eq!(
        first(&site, nodes, &[]),
        Some(Action::Demote("n1".to_owned()))
    );
}

#[test]
fn a_manager_that_should_be_none_makes_way() {
    let site = config(&[("a", W), ("b", M)]);
    let mut nodes = vec![node("n0", "a", true, true), node("n1", "b", false, true)];
    assert_eq!(
        first(&site, nodes.clone(), &[]),
        Some(Action::Promote("n1".to_owned()))
    );
    nodes[1].manager = true;
    assert_eq!(
        first(&site, nodes, &[]),
        Some(Action::Demote("n0".to_owned()))
    );
}

#[test]
fn managers_end_at_seven() {
    let hosts = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let site = config(&hosts.map(|host| (host, M)));
    let ids = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"];
    let nodes = |managers: usize| {
        (0..9)
            .map(|i| node(ids[i], hosts[i], i < managers, true))
            .collect()
    };
    assert_eq!(
        first(&site, nodes(5), &[]),
        Some(Action::Promote("n5".to_owned()))
    );
    assert_eq!(first(&site, nodes(7), &[]), None);
}

#[test]
fn strangers_are_left_alone_and_count() {
    let site = config(&[("a", M), ("b", M)]);
    let nodes = vec![
        node("n0", "a", true, true),
        node("n1", "b", false, true),
        node("nx", "x", true, false),
    ];
    assert_eq!(
        first(&site, nodes, &[]),
        Some(Action::Promote("n1".to_owned()))
    );
}

#[test]
fn groups_are_labels_and_labels_of_others_stay() {
    let site = config(&[("a", M)]);
    let mut nodes = vec![node("n0", "a", true, true)];
    nodes[0].labels = BTreeMap::from([("mine".to_owned(), "1".to_owned())]);
    let labels = BTreeMap::from([("hives".to_owned(), Some("true".to_owned()))]);
    let node = "n0".to_owned();
    assert_eq!(all(&site, nodes, &[]), [Action::Label { node, labels }]);
}
