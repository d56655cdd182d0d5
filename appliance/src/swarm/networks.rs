//! The two networks that Docker makes by itself for a swarm, made as the site wants them instead:
//! `docker_gwbridge` on every hive before it is in the swarm, the ingress once by the founder.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::InspectNetworkOptions;
use hive_inventory::seed::SwarmOptions;

use super::act::wait;
use super::{Engine, EngineError};

/// Docker's name for the bridge between overlay networks and the host.
const GATEWAY_BRIDGE: &str = "docker_gwbridge";
/// Docker's own ingress.
const DOCKER_INGRESS: &str = "ingress";
/// The ingress of a site with networks of its own.
const INGRESS: &str = "apiarist-ingress";
/// How long one question or change may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long Docker may take to build a network up or down: for a bridge it starts dozens of programs.
const SETTLE: Duration = Duration::from_secs(40);

/// Makes `docker_gwbridge` with the site's networks, if the site has any. One with others, as it
/// stays from before the site had any, is taken down first; Docker refuses that while it is in use.
pub(super) async fn gateway_bridge(
    engine: &Engine,
    docker: &Docker,
    options: &SwarmOptions,
) -> Result<(), EngineError> {
    let Some(subnet) = &options.gwbridge else {
        return Ok(());
    };
    let mut wanted = vec![subnet.as_str()];
    wanted.extend(options.gwbridge_v6.as_deref());
    if let Some(there) = inspect(engine, docker, GATEWAY_BRIDGE).await? {
        if has_all(&there, &wanted) {
            return Ok(());
        }
        let removing = docker.remove_network(GATEWAY_BRIDGE);
        engine
            .bounded(
                "removing docker_gwbridge of other networks",
                SETTLE,
                removing,
            )
            .await?;
    }
    let request = gateway_bridge_request(&wanted, options.gwbridge_v6.is_some());
    let making = docker.create_network(request);
    engine
        .bounded("making docker_gwbridge", SETTLE, making)
        .await?;
    Ok(())
}

fn gateway_bridge_request(subnets: &[&str], v6: bool) -> NetworkCreateRequest {
    let option = |name: &str, value: &str| {
        let name = format!("com.docker.network.bridge.{name}");
        (name, value.to_owned())
    };
    NetworkCreateRequest {
        name: GATEWAY_BRIDGE.into(),
        driver: Some("bridge".into()),
        enable_ipv6: v6.then_some(true),
        ipam: Some(ipam(subnets.iter().map(|subnet| IpamConfig {
            subnet: Some((*subnet).to_owned()),
            ..IpamConfig::default()
        }))),
        options: Some(HashMap::from([
            option("name", GATEWAY_BRIDGE),
            // Containers of different services meet in overlay networks, nowhere else.
            option("enable_icc", "false"),
            option("enable_ip_masquerade", "true"),
        ])),
        ..NetworkCreateRequest::default()
    }
}

/// Puts the site's ingress into the place of Docker's own.
pub(super) async fn ingress(
    engine: &Engine,
    docker: &Docker,
    subnet: &str,
) -> Result<(), EngineError> {
    if let Some(there) = inspect(engine, docker, INGRESS).await?
        && there.ingress == Some(true)
    {
        return Ok(());
    }
    let gateway = first_address(subnet).ok_or_else(|| EngineError::Answer {
        doing: "making the ingress network",
        what: format!("{subnet:?} in the seed is not a network"),
    })?;
    // A swarm that was just made gets its ingress a moment later.
    let inspected = async || Ok(inspect(engine, docker, DOCKER_INGRESS).await?.is_some());
    if wait("making its own ingress network", PATIENCE, inspected)
        .await
        .is_ok()
    {
        let removing = docker.remove_network(DOCKER_INGRESS);
        engine
            .bounded("removing Docker's own ingress network", SETTLE, removing)
            .await?;
        let gone = async || Ok(inspect(engine, docker, DOCKER_INGRESS).await?.is_none());
        wait("removing its own ingress network", SETTLE, gone).await?;
    }
    let request = NetworkCreateRequest {
        name: INGRESS.into(),
        driver: Some("overlay".into()),
        ingress: Some(true),
        ipam: Some(ipam([IpamConfig {
            subnet: Some(subnet.to_owned()),
            gateway: Some(gateway),
            ..IpamConfig::default()
        }])),
        ..NetworkCreateRequest::default()
    };
    let making = docker.create_network(request);
    engine
        .bounded("making the ingress network", SETTLE, making)
        .await?;
    Ok(())
}

fn ipam(config: impl IntoIterator<Item = IpamConfig>) -> Ipam {
    Ipam {
        config: Some(config.into_iter().collect()),
        ..Ipam::default()
    }
}

async fn inspect(
    engine: &Engine,
    docker: &Docker,
    name: &str,
) -> Result<Option<NetworkInspect>, EngineError> {
    let asking = docker.inspect_network(name, None::<InspectNetworkOptions>);
    match engine
        .bounded("telling of a network", PATIENCE, asking)
        .await
    {
        Ok(network) => Ok(Some(network)),
        Err(EngineError::Refused { status: 404, .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

fn has_all(network: &NetworkInspect, subnets: &[&str]) -> bool {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    let have: Vec<&str> = configs
        .into_iter()
        .flatten()
        .filter_map(|config| config.subnet.as_deref())
        .collect();
    subnets.iter().all(|subnet| have.contains(subnet))
}

/// The first address of a network that a machine can have.
fn first_address(subnet: &str) -> Option<String> {
    let network: ipnet::IpNet = subnet.parse().ok()?;
    let mut hosts = network.hosts();
    let first = hosts.find(|address| *address != network.network());
    Some(first?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_the_first_address() {
        assert_eq!(first_address("10.9.64.0/18").as_deref(), Some("10.9.64.1"));
        assert_eq!(first_address("fd00:9::/64").as_deref(), Some("fd00:9::1"));
        assert_eq!(first_address("10.9.64.0"), None);
    }

    #[test]
    fn the_bridge_is_asked_for_as_the_predecessor_made_it() {
        let request = gateway_bridge_request(&["10.9.128.0/19"], false);
        let request = serde_json::to_value(&request).unwrap();
        assert_eq!(request["IPAM"]["Config"][0]["Subnet"], "10.9.128.0/19");
        let options = &request["Options"];
        assert_eq!(options["com.docker.network.bridge.enable_icc"], "false");
        assert_eq!(
            options["com.docker.network.bridge.enable_ip_masquerade"],
            "true"
        );
        assert_eq!(request.get("EnableIPv6"), None);
    }
}
