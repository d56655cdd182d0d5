//! Networks of the files.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use hive_site::service::model::{IpamPool, Network};

use crate::desired::{DesiredNetwork, Owner};

/// What docker is told of a network.
pub fn map(network: &Network) -> DesiredNetwork {
    let owner = Owner::site();
    let ipam = &network.ipam;
    DesiredNetwork {
        request: NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some(network.driver.clone()),
            attachable: Some(network.attachable),
            ipam: Some(Ipam {
                driver: ipam.driver.clone(),
                config: some(ipam.config.iter().map(pool).collect()),
                options: options(&ipam.options),
            }),
            options: options(&network.driver_opts),
            labels: Some(HashMap::from([(owner.label, owner.value)])),
            ..Default::default()
        },
    }
}

fn pool(pool: &IpamPool) -> IpamConfig {
    IpamConfig {
        subnet: Some(pool.subnet.clone()),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: options(&pool.aux_addresses),
    }
}

fn options(options: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    let options: HashMap<_, _> = options.clone().into_iter().collect();
    (!options.is_empty()).then_some(options)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
