//! `ports:` of a service, short and long.

use std::ops::RangeInclusive;

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigProtocolEnum as Protocol,
    EndpointPortConfigPublishModeEnum as PublishMode,
};

use crate::fields::Fields;
use crate::ignored;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::tree::{Node, Value};

const KNOWN: [&str; 4] = ["target", "published", "protocol", "mode"];
const PROTOCOLS: [(&str, Protocol); 3] = [
    ("tcp", Protocol::TCP),
    ("udp", Protocol::UDP),
    ("sctp", Protocol::SCTP),
];
const MODES: [(&str, PublishMode); 2] = [
    ("ingress", PublishMode::INGRESS),
    ("host", PublishMode::HOST),
];

/// A port, and the place that it is from.
type Found = (EndpointPortConfig, Place);

/// The ports, and those of them that belong to the service on all hosts.
#[allow(clippy::type_complexity)]
pub(super) fn read(
    service: &Fields<'_>,
    what: &str,
    report: &mut Report<'_>,
) -> (Vec<EndpointPortConfig>, Vec<((i64, String), Place)>) {
    let mut ports: Vec<Found> = Vec::new();
    for node in service.list("ports", report) {
        let read = match (&node.value, node.as_text()) {
            (Value::Map(_), _) => long(node, what, report),
            (_, Some(text)) => short(text, node, report),
            _ => {
                let message = format!("a port of {what} is {}", node.kind());
                report.error(node.place, message, "write \"8080:80\", or a mapping");
                Vec::new()
            }
        };
        for port in read {
            add(&mut ports, port, node.place, what, report);
        }
    }
    ports.sort_by_key(|(port, _)| (port.published_port, port.target_port));
    let ingress = |port: &EndpointPortConfig| port.publish_mode == Some(PublishMode::INGRESS);
    let taken = ports.iter().filter(|(port, _)| ingress(port));
    let taken = taken.filter_map(|(port, place)| {
        let protocol = port.protocol.map(|p| p.to_string()).unwrap_or_default();
        Some(((port.published_port?, protocol), *place))
    });
    let taken = taken.collect();
    (ports.into_iter().map(|(port, _)| port).collect(), taken)
}

/// A later file has the last word about a published port.
fn add(
    ports: &mut Vec<Found>,
    port: EndpointPortConfig,
    place: Place,
    what: &str,
    report: &mut Report<'_>,
) {
    let same = ports
        .iter()
        .position(|(other, _)| match port.published_port {
            Some(published) => {
                other.published_port == Some(published) && other.protocol == port.protocol
            }
            None => *other == port,
        });
    if let Some(same) = same {
        let (other, before) = ports.remove(same);
        if before.file == place.file && other.published_port.is_some() {
            let number = other.published_port.unwrap_or_default();
            report.error(
                place,
                format!("{what} publishes port {number} twice"),
                "remove one of them",
            );
        }
    }
    ports.push((port, place));
}

fn port(
    target: u16,
    published: Option<u16>,
    protocol: Protocol,
    mode: PublishMode,
) -> EndpointPortConfig {
    EndpointPortConfig {
        name: None,
        protocol: Some(protocol),
        target_port: Some(target.into()),
        published_port: published.filter(|number| *number != 0).map(Into::into),
        publish_mode: Some(mode),
    }
}

fn long(node: &Node, what: &str, report: &mut Report<'_>) -> Vec<EndpointPortConfig> {
    let what = format!("a port of {what}");
    let Some(fields) = Fields::of(node, &what, &KNOWN, &ignored::PORT, report) else {
        return Vec::new();
    };
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number != 0);
    let shall = "a port: 1 to 65535";
    if fields.get("target").is_none() {
        let help = "write `target:` with the port in the container";
        report.error(node.place, format!("{what} has no target"), help);
    }
    let target = fields.parsed("target", shall, number, report);
    let shall = "a port, or a range such as 8080-8090";
    let published = fields.parsed("published", shall, range, report);
    let protocol = fields.choice("protocol", &PROTOCOLS, report);
    let protocol = protocol.unwrap_or(Protocol::TCP);
    let mode = fields.choice("mode", &MODES, report);
    let mode = mode.unwrap_or(PublishMode::INGRESS);
    match (target, published) {
        (None, _) => Vec::new(),
        (Some(target), None) => vec![port(target, None, protocol, mode)],
        (Some(target), Some(published)) => published
            .map(|published| port(target, Some(published), protocol, mode))
            .collect(),
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// `[IP:][PUBLISHED:]TARGET[/PROTOCOL]`.
fn short(text: &str, node: &Node, report: &mut Report<'_>) -> Vec<EndpointPortConfig> {
    let mut wrong = |why: String| {
        let help = "write \"PUBLISHED:TARGET\", \"PUBLISHED:TARGET/udp\" or ranges of equal length";
        report.error(node.place, why, help);
        Vec::new()
    };
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let known = PROTOCOLS.iter();
    let Some((_, protocol)) = known
        .clone()
        .find(|(name, _)| *name == protocol.to_lowercase())
    else {
        return wrong(format!("`{protocol}` is none of tcp, udp, sctp"));
    };
    let (before, target) = match numbers.rsplit_once(':') {
        Some((before, target)) => (Some(before), target),
        None => (None, numbers),
    };
    let (address, published) = match before {
        Some(before) => match before.rsplit_once(':') {
            Some((address, published)) => (Some(address), Some(published)),
            None => (None, Some(before)),
        },
        None => (None, None),
    };
    let Some(targets) = range(target).filter(|targets| *targets.start() != 0) else {
        return wrong(format!(
            "`{text}` is no port: `{target}` is not a number from 1 to 65535"
        ));
    };
    let mode = PublishMode::INGRESS;
    let ports = match published.filter(|published| !published.is_empty()) {
        None => targets
            .map(|target| port(target, None, *protocol, mode))
            .collect(),
        Some(published) => {
            let Some(published) = range(published) else {
                return wrong(format!(
                    "`{text}` is no port: `{published}` is not a number from 1 to 65535"
                ));
            };
            if targets.len() == 1 {
                let target = *targets.start();
                published
                    .map(|published| port(target, Some(published), *protocol, mode))
                    .collect()
            } else if targets.len() == published.len() {
                let pairs = targets.zip(published);
                pairs
                    .map(|(target, published)| port(target, Some(published), *protocol, mode))
                    .collect()
            } else {
                return wrong(format!("the ranges of `{text}` are of different length"));
            }
        }
    };
    if let Some(address) = address {
        report.warn(
            node.place,
            format!("the address {address} has no effect: the port is published on all addresses of all hosts"),
            "",
        );
    }
    ports
}
