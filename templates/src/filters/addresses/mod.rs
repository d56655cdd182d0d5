//! The `ipaddr` family.

mod hardware;
mod network;
mod queries;
mod subnets;

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, value};
use crate::{Error, Value};
use network::Network;

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("ipaddr", |_, a| family(a, None)),
    ("ipv4", |_, a| family(a, Some(4))),
    ("ipv6", |_, a| family(a, Some(6))),
    ("ipwrap", |_, a| {
        each(a.input(), &|found| Ok(Some(wrapped(found)?)))
    }),
    ("ipsubnet", |_, a| subnets::ipsubnet(a)),
    ("ipmath", |_, a| subnets::ipmath(a)),
    ("nthhost", |_, a| subnets::nth_host(a)),
    ("next_nth_usable", |_, a| subnets::nth_usable(a, 1)),
    ("previous_nth_usable", |_, a| subnets::nth_usable(a, -1)),
    ("network_in_usable", |_, a| subnets::contains(a, true)),
    ("network_in_network", |_, a| subnets::contains(a, false)),
    ("reduce_on_network", |_, a| subnets::reduce(a)),
    ("cidr_merge", |_, a| subnets::merge(a)),
    ("ip4_hex", |_, a| {
        let delimiter = a.text(1, "delimiter")?.unwrap_or_default();
        let network = Network::needed(a.input())?;
        let bytes = (network.address as u32).to_be_bytes();
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Value::from(hex.join(&delimiter)))
    }),
    ("hwaddr", |_, a| hardware::hwaddr(a)),
    ("macaddr", |_, a| hardware::hwaddr(a)),
];

/// A filter on one value, or on each of a list: those without an answer are left out.
fn each(
    input: &Value,
    answer: &dyn Fn(&Value) -> Result<Option<Value>, Error>,
) -> Result<Value, Error> {
    if !value::is_list(input) {
        return Ok(answer(input)?.unwrap_or_else(|| Value::from("")));
    }
    let mut out = Vec::new();
    for item in value::items(input)? {
        if let Some(found) = answer(&item)?
            && found.is_true()
        {
            out.push(found);
        }
    }
    Ok(value::list(out))
}

fn family(arguments: &Arguments, version: Option<u8>) -> Result<Value, Error> {
    let query = match arguments.get(1, "query") {
        Some(query) if !query.is_none() => printing::text(query)?,
        _ => String::new(),
    };
    each(arguments.input(), &|found| {
        let network = Network::of(found)
            .filter(|network| version.is_none_or(|version| version == network.version));
        match network {
            Some(network) => queries::answer(&network, &query),
            None => Ok(Some(Value::from(false))),
        }
    })
}

/// IPv6 addresses in brackets, as URLs have them.
fn wrapped(found: &Value) -> Result<Value, Error> {
    let Some(network) = Network::of(found).filter(|network| network.version == 6) else {
        return Ok(found.clone());
    };
    let address = network.text(network.address);
    Ok(Value::from(match network.written_prefix {
        true => format!("[{address}]/{}", network.prefix),
        false => format!("[{address}]"),
    }))
}
