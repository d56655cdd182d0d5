//! Networks in networks: `ipsubnet`, `nthhost`, `cidr_merge` and so on.

use super::network::Network;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

fn no() -> Value {
    Value::from(false)
}

pub(super) fn ipsubnet(arguments: &Arguments) -> Result<Value, Error> {
    let Some(network) = Network::of(arguments.input()) else {
        return Ok(no());
    };
    let query = match arguments.get(1, "query") {
        Some(query) if !query.is_none() => printing::text(query)?,
        _ => String::new(),
    };
    let index = arguments.integer(2, "index")?;
    if query.is_empty() {
        return Ok(Value::from(network.with_prefix(network.first())));
    }
    if let Some(wide) = Network::parse(&query).filter(|_| query.contains('/')) {
        return place_in(&network, &wide);
    }
    let size = query
        .parse::<u8>()
        .ok()
        .filter(|size| *size >= 1 && *size <= network.width());
    let size = size.ok_or_else(|| invalid_size(&query))?;
    if !network.written_prefix {
        return Ok(match index {
            None => Value::from(around(&network, size)),
            Some(index) => {
                let count = i128::from(network.width()) - i128::from(size);
                let index = if index < 0 { index + count } else { index };
                match u8::try_from(index).ok().filter(|_| index < count) {
                    Some(more) => Value::from(around(&network, size + more)),
                    None => no(),
                }
            }
        });
    }
    if size < network.prefix {
        return Err(invalid_size(&query));
    }
    let bits = size - network.prefix;
    let count = 1u128.checked_shl(bits.into()).unwrap_or(u128::MAX);
    let Some(index) = index else {
        return Ok(value::from_integer(count.min(i128::MAX as u128) as i128));
    };
    let index = match u128::try_from(index) {
        Ok(index) => Some(index).filter(|index| *index < count),
        Err(_) => count.checked_sub(index.unsigned_abs()),
    };
    Ok(match index {
        Some(index) => {
            let step = 1u128
                .checked_shl(u32::from(network.width() - size))
                .unwrap_or(0);
            let first = network.first() + index * step;
            Value::from(format!("{}/{size}", network.text(first)))
        }
        None => no(),
    })
}

fn invalid_size(query: &str) -> Error {
    Error::new(
        ErrorKind::Operation,
        format!("a subnet with the prefix {query} does not fit here"),
    )
}

/// The network of a size that an address is in.
fn around(network: &Network, prefix: u8) -> String {
    let wide = Network { prefix, ..*network };
    wide.with_prefix(wide.first())
}

/// Which subnet of its size a network is, from 1.
fn place_in(network: &Network, wide: &Network) -> Result<Value, Error> {
    if !wide.contains(network) {
        return Err(Error::new(
            ErrorKind::Operation,
            format!(
                "{} is not in the network {}",
                network.with_prefix(network.address),
                wide.with_prefix(wide.first())
            ),
        ));
    }
    let place = (network.first() - wide.first()) / network.size() + 1;
    Ok(value::from_integer(place.min(i128::MAX as u128) as i128))
}

pub(super) fn ipmath(arguments: &Arguments) -> Result<Value, Error> {
    let amount = arguments
        .integer(1, "amount")?
        .ok_or_else(|| Error::new(ErrorKind::Operation, "the argument `amount` is missing"))?;
    let network = Network::needed(arguments.input())?;
    match network.plus(amount) {
        Some(address) => Ok(Value::from(network.text(address))),
        None => Err(Error::new(
            ErrorKind::Operation,
            format!("{} and {amount} together are no address", network.normal()),
        )),
    }
}

pub(super) fn nth_host(arguments: &Arguments) -> Result<Value, Error> {
    let index = arguments.integer(1, "query")?.unwrap_or(0);
    let Some(network) = Network::of(arguments.input()) else {
        return Ok(no());
    };
    Ok(match network.at(index) {
        Some(address) => Value::from(network.text(address)),
        None => no(),
    })
}

pub(super) fn nth_usable(arguments: &Arguments, sign: i128) -> Result<Value, Error> {
    let offset = arguments
        .integer(1, "offset")?
        .ok_or_else(|| Error::new(ErrorKind::Operation, "the argument `offset` is missing"))?;
    let network = Network::needed(arguments.input())?;
    let range = network.first_usable()..=network.last_usable();
    Ok(
        match network
            .plus(offset * sign)
            .filter(|address| range.contains(address))
        {
            Some(address) if network.size() > 1 => Value::from(network.text(address)),
            _ => Value::from(""),
        },
    )
}

pub(super) fn contains(arguments: &Arguments, usable_only: bool) -> Result<Value, Error> {
    let wide = Network::needed(arguments.input())?;
    let tested = Network::needed(arguments.need(1, "test")?)?;
    let inside = match usable_only {
        true => {
            wide.version == tested.version
                && wide.first_usable() <= tested.first()
                && tested.last() <= wide.last_usable()
        }
        false => wide.contains(&tested),
    };
    Ok(Value::from(inside))
}

pub(super) fn reduce(arguments: &Arguments) -> Result<Value, Error> {
    let wide = Network::needed(arguments.need(1, "network")?)?;
    let items = arguments.input_items()?.into_iter();
    Ok(value::list(items.filter(|item| {
        Network::of(item).is_some_and(|network| wide.contains(&network))
    })))
}

pub(super) fn merge(arguments: &Arguments) -> Result<Value, Error> {
    let action = arguments
        .text(1, "action")?
        .unwrap_or_else(|| "merge".into());
    let mut networks = arguments
        .input_items()?
        .iter()
        .map(Network::needed)
        .collect::<Result<Vec<_>, _>>()?;
    networks.sort_by_key(|network| (network.version, network.first(), network.prefix));
    match action.as_str() {
        "span" => {
            let (Some(first), Some(last)) = (
                networks.first(),
                networks.iter().max_by_key(|network| network.last()),
            ) else {
                return Ok(Value::from(""));
            };
            let prefix = (0..=first.prefix)
                .rev()
                .find(|prefix| {
                    let wide = Network {
                        prefix: *prefix,
                        ..*first
                    };
                    wide.contains(last)
                })
                .unwrap_or(0);
            Ok(Value::from(around(first, prefix)))
        }
        "merge" => {
            let mut merged: Vec<Network> = Vec::new();
            for network in networks {
                if merged.last().is_some_and(|last| last.contains(&network)) {
                    continue;
                }
                merged.push(Network {
                    address: network.first(),
                    ..network
                });
                while let [.., left, right] = merged.as_slice() {
                    let siblings = left.version == right.version
                        && left.prefix == right.prefix
                        && left.prefix > 0
                        && left.first() ^ right.first() == left.size();
                    if !siblings {
                        break;
                    }
                    let wide = Network {
                        prefix: left.prefix - 1,
                        ..*left
                    };
                    merged.truncate(merged.len() - 2);
                    merged.push(wide);
                }
            }
            Ok(value::list(merged.iter().map(|network| {
                Value::from(network.with_prefix(network.first()))
            })))
        }
        other => Err(Error::new(
            ErrorKind::Operation,
            format!("networks can't be merged by `{other}`"),
        )
        .with_next_step("use merge or span")),
    }
}
