//! Networks, and who is on them.

use bollard::models::Network as Told;

use super::{Network, Service};

/// The networks that matter to services: those of the swarm. Each engine's own `bridge`, `host` and `none` are
/// shown only when a service is on them.
pub(super) fn all(told: &[Told], services: &[Service]) -> Vec<Network> {
    let mut networks: Vec<Network> = told
        .iter()
        .map(|network| of(network, services))
        .filter(|network| network.scope == "swarm" || !network.services.is_empty())
        .collect();
    networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    networks
}

fn of(told: &Told, services: &[Service]) -> Network {
    let name = told.name.clone().unwrap_or_default();
    let ingress = told.ingress == Some(true);
    let ranges = told.ipam.clone().unwrap_or_default().config;
    // Services with a port for all hosts are on it without saying so.
    let on_it = |service: &&Service| {
        service.networks.contains(&name)
            || ingress && service.ports.iter().any(|port| !port.host_mode)
    };
    Network {
        id: told.id.clone().unwrap_or_default(),
        stack: told
            .labels
            .as_ref()
            .and_then(|labels| labels.get("com.docker.stack.namespace").cloned()),
        driver: told.driver.clone().unwrap_or_default(),
        scope: told.scope.clone().unwrap_or_default(),
        subnets: ranges
            .unwrap_or_default()
            .into_iter()
            .filter_map(|range| range.subnet)
            .collect(),
        encrypted: told
            .options
            .as_ref()
            .and_then(|options| options.get("encrypted"))
            .is_some_and(|value| value != "false"),
        attachable: told.attachable == Some(true),
        internal: told.internal == Some(true),
        ingress,
        services: services
            .iter()
            .filter(on_it)
            .map(|service| service.name.clone())
            .collect(),
        name,
    }
}
