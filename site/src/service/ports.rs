//! `ports` of a service: what is to be published.

use super::model::{Protocol, PublishMode};
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::{Node, Value};

const KEYS: &[&str] = &["published_port", "target_port", "protocol", "mode"];
const EXAMPLE: &str = "write `8080:80`, `8080:80/udp`, or `80` to have a port chosen";
const PROTOCOLS: &[(&str, Protocol)] = &[
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("sctp", Protocol::Sctp),
];
const MODES: &[(&str, PublishMode)] = &[
    ("ingress", PublishMode::Ingress),
    ("host", PublishMode::Host),
];

/// A port before it has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub published: Option<u16>,
    pub target: u16,
    pub protocol: Protocol,
    pub mode: PublishMode,
    pub place: Place,
}

/// Reads the entries of `ports`.
pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> Vec<Wanted> {
    let mut ports: Vec<Wanted> = Vec::new();
    for item in values::items(node, "ports", report) {
        let port = match &item.value {
            Value::Map(_) => long(item, report),
            Value::Text(_) | Value::Number { .. } => short(item, report),
            _ => {
                report.error(
                    item.place,
                    format!("an item of `ports` can't be {}", item.kind()),
                    EXAMPLE,
                );
                None
            }
        };
        let Some(port) = port else { continue };
        let twice = ports.iter().any(|other| {
            other.protocol == port.protocol
                && match port.published {
                    Some(_) => other.published == port.published,
                    None => other.published.is_none() && other.target == port.target,
                }
        });
        if twice {
            report.error(
                port.place,
                "the service publishes this port twice",
                "remove one of them, or give it another published port or protocol",
            );
        } else {
            ports.push(port);
        }
    }
    ports
}

fn long(node: &Node, report: &mut Report<'_>) -> Option<Wanted> {
    let fields = Fields::open(node, node.place, "an item of `ports`", KEYS, report)?;
    let mut port = |key: &str| {
        fields
            .whole(key, 1..=65535, report)
            .and_then(|port| u16::try_from(port).ok())
    };
    let (published, target) = (port("published_port"), port("target_port"));
    let protocol = values::choice(&fields, "protocol", PROTOCOLS, report);
    let mode = values::choice(&fields, "mode", MODES, report);
    fields.required("target_port", "80", report)?;
    Some(Wanted {
        published,
        target: target?,
        protocol: protocol.unwrap_or(Protocol::Tcp),
        mode: mode.unwrap_or(PublishMode::Ingress),
        place: node.place,
    })
}

fn short(node: &Node, report: &mut Report<'_>) -> Option<Wanted> {
    let text = fields::text(node, "ports", report)?;
    let (numbers, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let Some((_, protocol)) = PROTOCOLS.iter().find(|(word, _)| *word == protocol) else {
        let words: Vec<&str> = PROTOCOLS.iter().map(|(word, _)| *word).collect();
        report.error(
            node.place,
            format!("`{text}` names the protocol `{protocol}`, which nobody publishes"),
            spelling::advice(protocol, &words),
        );
        return None;
    };
    let (published, target) = match numbers.split_once(':') {
        Some((published, target)) => (Some(published), target),
        None => (None, numbers),
    };
    let mut number = |part: &str| {
        let port = part.trim().parse::<u16>().ok().filter(|port| *port > 0);
        if port.is_none() {
            let reason = if part.contains(['-', ':']) {
                "ranges and addresses can't be published by a swarm"
            } else {
                "a port is a number from 1 to 65535"
            };
            report.error(
                node.place,
                format!("`{text}` in `ports` is not a port: {reason}"),
                EXAMPLE,
            );
        }
        port
    };
    let published = match published {
        Some(part) => Some(number(part)?),
        None => None,
    };
    Some(Wanted {
        published,
        target: number(target)?,
        protocol: *protocol,
        mode: PublishMode::Ingress,
        place: node.place,
    })
}
