//! Which interfaces there are in all: entries of the seed by the interface that they mean.

use std::collections::BTreeSet;

use hive_inventory::seed::Interface;

use super::super::render::RenderError;
use super::check;

/// Longest name of an interface (IFNAMSIZ less the zero).
const LONGEST: usize = 15;

/// An interface below everything else, with what lies on it.
#[derive(Debug)]
pub(super) struct Base<'a> {
    /// What it is.
    pub device: Device,
    /// Its name, where the seed says it.
    name: Option<String>,
    /// Entries without a VLAN.
    pub entries: Vec<&'a Interface>,
    /// VLANs on it, in the order of the seed.
    pub vlans: Vec<Vlan<'a>>,
}

/// How an interface is found, or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    /// By its hardware address.
    Mac(String),
    /// By its name.
    Name(String),
    /// It is made: its name and its parts.
    Bond(String, Vec<String>),
}

/// A VLAN on an interface.
#[derive(Debug)]
pub(super) struct Vlan<'a> {
    /// Its number.
    pub id: u16,
    /// The name that it gets.
    pub name: String,
    /// Its entries.
    pub entries: Vec<&'a Interface>,
}

/// Puts the entries together.
pub(super) fn bases(interfaces: &[Interface]) -> Result<Vec<Base<'_>>, RenderError> {
    let mut bases: Vec<Base<'_>> = Vec::new();
    for (index, interface) in interfaces.iter().enumerate() {
        check::entry(interface)?;
        let at = place(&mut bases, index, interface)?;
        let base = &mut bases[at];
        let Some(id) = interface.vlan else {
            base.entries.push(interface);
            continue;
        };
        match base.vlans.iter_mut().find(|v| v.id == id) {
            Some(vlan) => vlan.entries.push(interface),
            None => base.vlans.push(Vlan {
                id,
                name: String::new(),
                entries: vec![interface],
            }),
        }
    }
    let mut taken = names(&bases)?;
    for (index, base) in bases.iter_mut().enumerate() {
        for vlan in &mut base.vlans {
            vlan.name = vlan_name(base.name.as_deref(), vlan.id, index, &taken);
            taken.insert(vlan.name.clone());
        }
    }
    Ok(bases)
}

/// Finds the base of an entry, or makes it.
fn place<'a>(
    bases: &mut Vec<Base<'a>>,
    index: usize,
    interface: &'a Interface,
) -> Result<usize, RenderError> {
    let name = interface.name.as_ref();
    let device = match (&interface.bond, &interface.mac, name) {
        (Some(_), Some(mac), _) => {
            return Err(RenderError::Bond {
                name: name.unwrap_or(mac).clone(),
                fault: "has a hardware address, which it takes from its parts",
            });
        }
        (Some(bond), None, Some(name)) if bond.interfaces.is_empty() => {
            return Err(RenderError::Bond {
                name: name.clone(),
                fault: "has no parts",
            });
        }
        (Some(bond), None, Some(name)) => Device::Bond(name.clone(), bond.interfaces.clone()),
        (None, Some(mac), _) => Device::Mac(mac.to_ascii_lowercase()),
        (None, None, Some(name)) => Device::Name(name.clone()),
        (_, None, None) => return Err(RenderError::Unnamed(index)),
    };
    let same = |base: &Base<'_>| match (&base.device, &device) {
        (Device::Mac(a), Device::Mac(b)) => a == b,
        _ => name.is_some() && base.name.as_ref() == name,
    };
    let Some(at) = bases.iter().position(same) else {
        bases.push(Base {
            device,
            name: name.cloned(),
            entries: Vec::new(),
            vlans: Vec::new(),
        });
        return Ok(bases.len() - 1);
    };
    let base = &mut bases[at];
    base.name = base.name.take().or_else(|| name.cloned());
    match (&base.device, &device) {
        (a, b) if a == b => {}
        // Of an interface named once and more, what says most counts.
        (_, Device::Name(_)) => {}
        (Device::Name(_), _) => base.device = device,
        _ => {
            return Err(RenderError::Bond {
                name: base.name.clone().unwrap_or_default(),
                fault: "is described in two ways that differ",
            });
        }
    }
    Ok(at)
}

/// The names that are in use, after checking that no interface is two things.
fn names(bases: &[Base<'_>]) -> Result<BTreeSet<String>, RenderError> {
    let mut taken: BTreeSet<String> = bases.iter().filter_map(|b| b.name.clone()).collect();
    for base in bases {
        let Device::Bond(name, parts) = &base.device else {
            continue;
        };
        for part in parts {
            if !taken.insert(part.clone()) {
                return Err(RenderError::Bond {
                    name: name.clone(),
                    fault: "has a part that is used more than once",
                });
            }
        }
    }
    Ok(taken)
}

/// `eth0.5` where that is short enough, `vlan5` or `vlan5-1` else.
fn vlan_name(base: Option<&str>, id: u16, index: usize, taken: &BTreeSet<String>) -> String {
    [
        base.map(|base| format!("{base}.{id}")),
        Some(format!("vlan{id}")),
        Some(format!("vlan{id}-{index}")),
    ]
    .into_iter()
    .flatten()
    .find(|name| name.len() <= LONGEST && !taken.contains(name))
    // Interfaces of these names are there already: no index is used twice, so this one is free.
    .unwrap_or_else(|| format!("hv{index}-{id}"))
}
