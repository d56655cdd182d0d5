//! The order of services: who gives a port up comes before who takes it.

use std::collections::BTreeSet;

use super::service::ingress_ports;
use super::{Action, Step};
use crate::actual::Actual;

type Ports = BTreeSet<(i64, String)>;

/// Sorts steps; two that exchange ports stay as they are, and docker refuses the first.
pub fn by_ports(steps: Vec<Step>, actual: &Actual) -> Vec<Step> {
    let ports = |step: &Step| -> (Ports, Ports) {
        let there = actual.services.get(&step.name);
        let held: Ports = there
            .map(|found| ingress_ports(&found.spec).into_keys().collect())
            .unwrap_or_default();
        let wanted: Ports = match (&step.action, &step.target.spec) {
            (Action::Remove { .. }, _) => Ports::new(),
            (_, Some(spec)) => ingress_ports(spec).into_keys().collect(),
            (_, None) => held.clone(),
        };
        let gives = held.difference(&wanted).cloned().collect();
        let takes = wanted.difference(&held).cloned().collect();
        (gives, takes)
    };
    let ports: Vec<(Ports, Ports)> = steps.iter().map(ports).collect();
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for at in 0..steps.len() {
        visit(at, &ports, &mut seen, &mut order);
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let in_order = order.into_iter();
    in_order.filter_map(|at| steps[at].take()).collect()
}

fn visit(at: usize, ports: &[(Ports, Ports)], seen: &mut BTreeSet<usize>, order: &mut Vec<usize>) {
    if !seen.insert(at) {
        return;
    }
    let takes = &ports[at].1;
    for (giver, (gives, _)) in ports.iter().enumerate() {
        if giver != at && !gives.is_disjoint(takes) {
            visit(giver, ports, seen, order);
        }
    }
    order.push(at);
}
