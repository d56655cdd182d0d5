//! How containers reach others and are reached: networks, names, addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::model::{EndpointMode, PublishMode};
use super::ports::Wanted;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::Value;

/// Names that services may refer to on the stage.
pub(crate) struct Known<'k> {
    pub networks: Vec<&'k str>,
    /// Networks of other stages, for a better answer.
    pub networks_elsewhere: Vec<&'k str>,
    pub secrets: Vec<&'k str>,
    pub configs: Vec<&'k str>,
}

pub(crate) fn endpoint_mode(
    fields: &Fields<'_>,
    ports: &[Wanted],
    report: &mut Report<'_>,
) -> EndpointMode {
    let modes = [("vip", EndpointMode::Vip), ("dnsrr", EndpointMode::Dnsrr)];
    let mode = values::choice(fields, "endpoint_mode", &modes, report);
    if mode == Some(EndpointMode::Dnsrr)
        && let Some(port) = ports.iter().find(|port| port.mode == PublishMode::Ingress)
    {
        report.error(
            port.place,
            "a service with `endpoint_mode: dnsrr` can't publish a port through the routing mesh",
            format!(
                "write `{{published_port: {}, target_port: {}, mode: host}}`, or `endpoint_mode: vip`",
                port.published.unwrap_or(port.target),
                port.target
            ),
        );
    }
    mode.unwrap_or(EndpointMode::Vip)
}

type Aliases = BTreeMap<String, Vec<String>>;

pub(crate) fn networks(
    fields: &Fields<'_>,
    known: &Known<'_>,
    report: &mut Report<'_>,
) -> (Vec<String>, Aliases) {
    let mut names: Vec<String> = Vec::new();
    let mut aliases = Aliases::new();
    let Some(entry) = fields.entry("networks") else {
        names.extend(known.networks.iter().map(|name| (*name).to_owned()));
        return (names, aliases);
    };
    for item in values::items(&entry.node, "networks", report) {
        let (place, name) = match &item.value {
            Value::Map(_) => {
                let what = "an item of `networks`";
                let Some(inner) =
                    Fields::open(item, item.place, what, &["name", "aliases"], report)
                else {
                    continue;
                };
                let Some(given) = inner.required("name", "NETWORK", report) else {
                    continue;
                };
                let Some(name) = fields::text(&given.node, "name", report) else {
                    continue;
                };
                let more = values::list_field(&inner, "aliases", report);
                if !more.is_empty() {
                    aliases.insert(name.clone(), more);
                }
                (given.node.place, name)
            }
            _ => match fields::text(item, "networks", report) {
                Some(name) => (item.place, name),
                None => continue,
            },
        };
        if !known.networks.contains(&name.as_str()) && name != "host" {
            unknown_network(&name, place, known, report);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (names, aliases)
}

fn unknown_network(name: &str, place: Place, known: &Known<'_>, report: &mut Report<'_>) {
    let help = if known.networks_elsewhere.contains(&name) {
        "its file has an `available_on` without this stage; add the stage there".to_owned()
    } else {
        match spelling::nearest(name, known.networks.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "define it below `networks:` at the top of a service definition file".to_owned()
            }
        }
    };
    report.error(
        place,
        format!("there is no network `{name}` on this stage"),
        help,
    );
}

pub(crate) fn dns(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry("dns") else {
        return Vec::new();
    };
    let mut servers = Vec::new();
    for item in values::items(&entry.node, "dns", report) {
        let Some(text) = fields::text(item, "dns", report) else {
            continue;
        };
        if text.trim().parse::<IpAddr>().is_err() {
            report.error(
                item.place,
                format!("`{text}` in `dns` is no address"),
                "write the address of a name server, such as `192.168.10.2`",
            );
        }
        servers.push(text.trim().to_owned());
    }
    servers
}

pub(crate) fn hosts(
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    let mut hosts: BTreeMap<String, String> = around
        .stage
        .hosts()
        .iter()
        .map(|host| (host.name.clone(), host.private_ip.to_string()))
        .collect();
    if let Some(entry) = fields.entry("hosts")
        && let Some(given) = Fields::open_any(&entry.node, entry.place, "`hosts`", report)
    {
        for host in given.entries() {
            let Some(text) = fields::text(&host.node, &host.key, report) else {
                continue;
            };
            if text.trim().parse::<IpAddr>().is_err() {
                report.error(
                    host.node.place,
                    format!("`{text}` of `{}` in `hosts` is no address", host.key),
                    "write an address, such as `192.168.10.2`",
                );
            }
            hosts.insert(host.key.clone(), text.trim().to_owned());
        }
    }
    hosts
}
