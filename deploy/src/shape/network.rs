//! The lines of a network.

use bollard::models::{Ipam, Network, NetworkCreateRequest};

use super::Shape;

/// Docker keeps the ids of the tunnel among the options.
const DOCKERS_OPTION: &str = "com.docker.network.driver.overlay.vxlanid_list";

/// What is wanted of a network and what is there, where the two can be compared: what is not said
/// is left to docker. Labels can't be changed and change nothing.
pub fn network(wanted: &NetworkCreateRequest, actual: Option<&Network>) -> (Shape, Shape) {
    let mut new = Shape::new();
    let mut old = Shape::new();
    let driver = wanted.driver.clone().unwrap_or_else(|| "bridge".into());
    new.insert("driver".into(), driver);
    flag(&mut new, "attachable", wanted.attachable);
    flag(&mut new, "internal", wanted.internal);
    flag(&mut new, "ipv6", wanted.enable_ipv6);
    options(&mut new, "driver_opts", wanted.options.as_ref());
    if let Some(actual) = actual {
        old.insert("driver".into(), actual.driver.clone().unwrap_or_default());
        flag(&mut old, "attachable", actual.attachable);
        flag(&mut old, "internal", actual.internal);
        flag(&mut old, "ipv6", actual.enable_ipv6);
        options(&mut old, "driver_opts", actual.options.as_ref());
    }
    let none = Ipam::default();
    let said = wanted.ipam.as_ref().unwrap_or(&none);
    let there = actual.and_then(|actual| actual.ipam.as_ref());
    let there = there.unwrap_or(&none);
    ipam(&mut new, said, said);
    if actual.is_some() {
        ipam(&mut old, there, said);
    }
    (old, new)
}

/// Of `ipam`, as much as `said` says anything of.
fn ipam(shape: &mut Shape, ipam: &Ipam, said: &Ipam) {
    if let Some(driver) = ipam.driver.as_ref().filter(|driver| *driver != "default") {
        shape.insert("ipam.driver".into(), driver.clone());
    }
    options(shape, "ipam.options", ipam.options.as_ref());
    let Some(wanted) = said.config.as_ref().filter(|pools| !pools.is_empty()) else {
        return;
    };
    for pool in ipam.config.iter().flatten() {
        let subnet = pool.subnet.clone().unwrap_or_default();
        let says = wanted.iter().find(|said| said.subnet == pool.subnet);
        let mut words = Vec::new();
        if let Some(range) = pool.ip_range.as_ref().filter(|range| !range.is_empty()) {
            words.push(format!("range {range}"));
        }
        // Docker chooses one when none is given.
        if let Some(gateway) = &pool.gateway
            && says.is_some_and(|said| said.gateway.is_some())
        {
            words.push(format!("gateway {gateway}"));
        }
        let mut taken: Vec<_> = pool.auxiliary_addresses.iter().flatten().collect();
        taken.sort();
        words.extend(
            taken
                .iter()
                .map(|(name, address)| format!("{name} {address}")),
        );
        shape.insert(format!("ipam.pools.{subnet}"), words.join(", "));
    }
}

fn flag(shape: &mut Shape, path: &str, flag: Option<bool>) {
    if flag == Some(true) {
        shape.insert(path.into(), "true".into());
    }
}

fn options(
    shape: &mut Shape,
    path: &str,
    options: Option<&std::collections::HashMap<String, String>>,
) {
    for (name, value) in options.into_iter().flatten() {
        if name != DOCKERS_OPTION {
            shape.insert(format!("{path}.{name}"), value.clone());
        }
    }
}
