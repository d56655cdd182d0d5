//! An address with its network, of either version.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::python::value;
use crate::{Error, ErrorKind, Value};

/// An address, and how much of it is the network's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Network {
    pub version: u8,
    pub address: u128,
    pub prefix: u8,
    /// Whether the prefix was given, or is that of a single address.
    pub written_prefix: bool,
}

impl Network {
    /// What a value says, if it is an address or network.
    pub fn of(found: &Value) -> Option<Network> {
        if let Some(text) = found.as_str() {
            return Network::parse(text);
        }
        if value::type_name(found) != "int" {
            return None;
        }
        let number = u128::try_from(value::integer(found)?).ok()?;
        let version = if u32::try_from(number).is_ok() { 4 } else { 6 };
        Some(Network::single(version, number))
    }

    /// What a value says; fails if it is no address or network.
    pub fn needed(found: &Value) -> Result<Network, Error> {
        Network::of(found).ok_or_else(|| {
            Error::new(
                ErrorKind::Operation,
                format!(
                    "{} is neither an address nor a network",
                    value::described(found)
                ),
            )
        })
    }

    fn single(version: u8, address: u128) -> Network {
        Network {
            version,
            address,
            prefix: if version == 4 { 32 } else { 128 },
            written_prefix: false,
        }
    }

    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let mut network = match address.parse().ok()? {
            IpAddr::V4(address) => Network::single(4, u32::from(address).into()),
            IpAddr::V6(address) => Network::single(6, address.into()),
        };
        if let Some(prefix) = prefix {
            let width = network.prefix;
            network.prefix = match prefix.parse::<u8>() {
                Ok(prefix) if prefix <= width => prefix,
                Ok(_) => return None,
                Err(_) => {
                    let mask = u32::from(prefix.parse::<Ipv4Addr>().ok()?);
                    let ones = mask.leading_ones();
                    // A netmask, or the inverse of one.
                    if mask.checked_shl(ones).unwrap_or(0) == 0 {
                        ones as u8
                    } else if (!mask).checked_shl(mask.leading_zeros()).unwrap_or(0) == 0 {
                        mask.leading_zeros() as u8
                    } else {
                        return None;
                    }
                }
            };
            network.written_prefix = true;
        }
        Some(network)
    }

    pub fn width(&self) -> u8 {
        if self.version == 4 { 32 } else { 128 }
    }

    pub fn hostmask(&self) -> u128 {
        let bits = self.width() - self.prefix;
        match bits {
            128 => u128::MAX,
            bits => (1u128 << bits) - 1,
        }
    }

    pub fn first(&self) -> u128 {
        self.address & !self.hostmask()
    }

    pub fn last(&self) -> u128 {
        self.address | self.hostmask()
    }

    /// How many addresses there are, as far as it can be counted.
    pub fn size(&self) -> u128 {
        self.hostmask().saturating_add(1)
    }

    pub fn first_usable(&self) -> u128 {
        if self.size() > 2 {
            self.first() + 1
        } else {
            self.first()
        }
    }

    pub fn last_usable(&self) -> u128 {
        if self.size() > 2 {
            self.last() - 1
        } else {
            self.last()
        }
    }

    /// Whether it stands for the network itself, not for a host in it.
    pub fn is_network(&self) -> bool {
        self.written_prefix && self.size() > 1 && self.address == self.first()
    }

    pub fn contains(&self, other: &Network) -> bool {
        self.version == other.version
            && self.first() <= other.first()
            && other.last() <= self.last()
    }

    /// An address of this version as text.
    pub fn text(&self, address: u128) -> String {
        match self.version {
            4 => Ipv4Addr::from(address as u32).to_string(),
            _ => Ipv6Addr::from(address).to_string(),
        }
    }

    pub fn with_prefix(&self, address: u128) -> String {
        format!("{}/{}", self.text(address), self.prefix)
    }

    /// The netmask's address.
    pub fn netmask(&self) -> u128 {
        let all = if self.version == 4 {
            u128::from(u32::MAX)
        } else {
            u128::MAX
        };
        all & !self.hostmask()
    }

    /// As it was given, in the usual notation.
    pub fn normal(&self) -> String {
        match self.written_prefix {
            true => self.with_prefix(self.address),
            false => self.text(self.address),
        }
    }

    /// The address with a number added, if there is one.
    pub fn plus(&self, number: i128) -> Option<u128> {
        let sum = match u128::try_from(number) {
            Ok(number) => self.address.checked_add(number)?,
            Err(_) => self.address.checked_sub(number.unsigned_abs())?,
        };
        (self.version == 6 || u32::try_from(sum).is_ok()).then_some(sum)
    }

    /// The address at a place, from the end if negative.
    pub fn at(&self, index: i128) -> Option<u128> {
        let found = match u128::try_from(index) {
            Ok(index) => self.first().checked_add(index)?,
            Err(_) => self.last().checked_sub(index.unsigned_abs() - 1)?,
        };
        (self.first()..=self.last())
            .contains(&found)
            .then_some(found)
    }
}
