//! Which mirrored volume has which device id.
//!
//! An id stays with a volume for good: it names the device and the port on every host. So ids of
//! volumes that are gone are not given to others.

use std::collections::BTreeMap;

/// The greatest id: minor numbers and ports up to 7255 go with them.
pub const GREATEST: u16 = 255;

/// Why a volume gets no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The id that the definition asks for belongs to this volume.
    Taken(String),
    /// All ids are given away.
    Exhausted,
}

/// Gives every volume an id: the one it asks for, the one it had, or the lowest that nobody has.
/// Returns the map to keep and what each volume, in order, got.
pub fn allocate(
    kept: &BTreeMap<String, u16>,
    asked: &[(&str, Option<u16>)],
) -> (BTreeMap<String, u16>, Vec<Result<u16, Refused>>) {
    let mut map = kept.clone();
    let mut explicit: BTreeMap<&str, Result<u16, Refused>> = BTreeMap::new();
    // Explicit ids first, so that none is given away to a volume that only comes earlier in a file.
    for (name, id) in asked {
        let Some(id) = *id else { continue };
        let holder = map
            .iter()
            .find(|(other, given)| other.as_str() != *name && **given == id)
            .map(|(other, _)| other.clone());
        let answer = match holder {
            Some(other) => Err(Refused::Taken(other)),
            None => {
                map.insert((*name).to_owned(), id);
                Ok(id)
            }
        };
        explicit.entry(name).or_insert(answer);
    }
    let answers = asked
        .iter()
        .map(|(name, _)| {
            if let Some(answer) = explicit.get(name) {
                return answer.clone();
            }
            if let Some(id) = map.get(*name) {
                return Ok(*id);
            }
            let free = (1..=GREATEST).find(|id| !map.values().any(|given| given == id));
            let id = free.ok_or(Refused::Exhausted)?;
            map.insert((*name).to_owned(), id);
            Ok(id)
        })
        .collect();
    (map, answers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(pairs: &[(&str, u16)]) -> BTreeMap<String, u16> {
        pairs.iter().map(|(n, id)| ((*n).into(), *id)).collect()
    }

    #[test]
    fn the_lowest_free_id_is_given_and_kept() {
        let kept = map(&[("gone", 1), ("db", 3)]);
        let (new, ids) = allocate(&kept, &[("a", None), ("db", None), ("b", None)]);
        assert_eq!(ids, [Ok(2), Ok(3), Ok(4)]);
        assert_eq!(new, map(&[("gone", 1), ("a", 2), ("db", 3), ("b", 4)]));
        assert_eq!(allocate(&new, &[("b", None)]).1, [Ok(4)]);
    }

    #[test]
    fn an_id_asked_for_is_kept_from_the_others() {
        let (_, ids) = allocate(&BTreeMap::new(), &[("a", None), ("b", Some(1))]);
        assert_eq!(ids, [Ok(2), Ok(1)]);
        let (_, ids) = allocate(&map(&[("a", 1)]), &[("b", Some(1))]);
        assert_eq!(ids, [Err(Refused::Taken("a".into()))]);
    }

    #[test]
    fn after_255_volumes_there_is_none_left() {
        let full: BTreeMap<String, u16> = (1..=255).map(|id| (format!("v{id}"), id)).collect();
        let (new, ids) = allocate(&full, &[("more", None), ("v9", None)]);
        assert_eq!(ids, [Err(Refused::Exhausted), Ok(9)]);
        assert_eq!(new, full);
    }

    proptest! {
        #[test]
        fn ids_are_distinct_and_never_change(
            first in prop::collection::btree_set("[a-d]{1,2}", 0..12),
            second in prop::collection::btree_set("[a-d]{1,2}", 0..12),
        ) {
            let ask = |names: &std::collections::BTreeSet<String>, kept: &BTreeMap<String, u16>| {
                let asked: Vec<_> = names.iter().map(|n| (n.as_str(), None)).collect();
                allocate(kept, &asked).0
            };
            let before = ask(&first, &BTreeMap::new());
            let after = ask(&second, &before);
            for (name, id) in &before {
                prop_assert_eq!(after.get(name), Some(id));
            }
            let distinct: std::collections::BTreeSet<_> = after.values().collect();
            prop_assert_eq!(distinct.len(), after.len());
        }
    }
}
