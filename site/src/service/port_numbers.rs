//! Which published port an entry of `ports` gets that names none.
//!
//! The map that is kept has two kinds of keys:
//!
//! - `web:80/tcp`, which this program writes;
//! - `web80`, name and target port run together, from a folder that the predecessor used. Such a key may
//!   mean several things (`web1` and 80, `web` and 180; tcp or udp), so its number is taken over by the
//!   first that it fits, for both protocols, and written down under the other kind. The old key stays, as
//!   the predecessor may still be in use, and its number is given to nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::model::Protocol;

/// Where automatic ports come from.
pub const AUTOMATIC: RangeInclusive<u16> = 61001..=65534;

/// A port that shall be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The service.
    pub service: &'a str,
    /// The port in its containers.
    pub target: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// The published port, when the definition says which.
    pub published: Option<u16>,
}

impl Asked<'_> {
    fn owner(&self) -> String {
        format!("{}:{}/", self.service, self.target)
    }

    fn key(&self) -> String {
        format!("{}{}", self.owner(), self.protocol.name())
    }

    fn old_key(&self) -> String {
        format!("{}{}", self.service, self.target)
    }
}

impl Protocol {
    /// The name as written in a definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Gives every entry a published port: the one it asks for, the one it had, or the lowest of
/// [`AUTOMATIC`] that nobody has; `None` when there is none left. Returns the map to keep, too.
pub fn allocate(
    kept: &BTreeMap<String, u16>,
    asked: &[Asked<'_>],
) -> (BTreeMap<String, u16>, Vec<Option<u16>>) {
    let mut map = kept.clone();
    // Explicit numbers first, so that none is given away to a service that only comes earlier.
    for entry in asked {
        if let Some(published) = entry.published {
            map.insert(entry.key(), published);
        }
    }
    let mut used: BTreeSet<u16> = map.values().copied().collect();
    let ports = asked
        .iter()
        .map(|entry| {
            if let Some(published) = entry.published {
                return Some(published);
            }
            let number = map
                .get(&entry.key())
                .copied()
                .or_else(|| continued(&map, entry))
                .or_else(|| AUTOMATIC.into_iter().find(|port| !used.contains(port)))?;
            used.insert(number);
            map.insert(entry.key(), number);
            Some(number)
        })
        .collect();
    (map, ports)
}

/// The number under the old key, unless another service or port took it over.
fn continued(map: &BTreeMap<String, u16>, entry: &Asked<'_>) -> Option<u16> {
    let number = *map.get(&entry.old_key())?;
    let owner = entry.owner();
    let elsewhere = map
        .iter()
        .any(|(key, given)| *given == number && key.contains(':') && !key.starts_with(&owner));
    (!elsewhere).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(service: &str, target: u16, protocol: Protocol) -> Asked<'_> {
        Asked {
            service,
            target,
            protocol,
            published: None,
        }
    }

    fn map(pairs: &[(&str, u16)]) -> BTreeMap<String, u16> {
        pairs.iter().map(|(k, n)| ((*k).into(), *n)).collect()
    }

    #[test]
    fn tcp_and_udp_of_one_target_have_numbers_of_their_own() {
        let asked = [ask("dns", 53, Protocol::Tcp), ask("dns", 53, Protocol::Udp)];
        let (new, ports) = allocate(&BTreeMap::new(), &asked);
        assert_eq!(ports, [Some(61001), Some(61002)]);
        assert_eq!(new, map(&[("dns:53/tcp", 61001), ("dns:53/udp", 61002)]));
        assert_eq!(allocate(&new, &asked), (new.clone(), ports));
    }

    #[test]
    fn an_old_folder_is_continued() {
        let kept = map(&[("dns53", 61001), ("web80", 61002)]);
        let asked = [
            ask("web", 80, Protocol::Tcp),
            ask("dns", 53, Protocol::Tcp),
            ask("dns", 53, Protocol::Udp),
            ask("new", 1, Protocol::Tcp),
        ];
        let (new, ports) = allocate(&kept, &asked);
        assert_eq!(ports, [61002, 61001, 61001, 61003].map(Some));
        assert_eq!(new.get("web80"), Some(&61002));
        assert_eq!(new.get("web:80/tcp"), Some(&61002));
    }

    #[test]
    fn an_old_key_of_two_meanings_goes_to_one_of_them() {
        let kept = map(&[("web180", 61001)]);
        let asked = [
            ask("web1", 80, Protocol::Tcp),
            ask("web", 180, Protocol::Tcp),
        ];
        let (new, ports) = allocate(&kept, &asked);
        assert_eq!(ports, [Some(61001), Some(61002)]);
        let turned = [asked[1], asked[0]];
        assert_eq!(allocate(&new, &turned).1, [Some(61002), Some(61001)]);
    }

    #[test]
    fn a_number_asked_for_is_not_given_to_others_and_stays() {
        let mut asked = [ask("a", 1, Protocol::Tcp), ask("b", 2, Protocol::Tcp)];
        asked[1].published = Some(61001);
        let (new, ports) = allocate(&BTreeMap::new(), &asked);
        assert_eq!(ports, [Some(61002), Some(61001)]);
        asked[1].published = None;
        assert_eq!(allocate(&new, &asked).1, ports);
    }

    #[test]
    fn when_all_numbers_are_given_away_there_is_none() {
        let full: BTreeMap<String, u16> = AUTOMATIC.map(|n| (format!("s:{n}/tcp"), n)).collect();
        assert_eq!(allocate(&full, &[ask("x", 1, Protocol::Tcp)]).1, [None]);
    }
}
