//! Which two hosts keep a volume of DRBD 8.4: in two zones if there are two, and where least lies
//! already. The same question has the same answer, and an answer stays for the life of the volume.

use std::collections::BTreeMap;

use super::Site;
use crate::record::Record;

/// Bytes of copies per host.
pub(super) fn loads<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, u64> {
    let mut loads = BTreeMap::new();
    for record in records {
        for host in record.state.copies() {
            let load: &mut u64 = loads.entry(host.to_owned()).or_default();
            *load = load.saturating_add(record.state.size);
        }
    }
    loads
}

/// The hosts of a new pair; one if there is only one. `fit` are hosts with a disk.
pub(super) fn pair<'a>(
    site: &Site,
    fit: impl Iterator<Item = &'a str>,
    loads: &BTreeMap<String, u64>,
) -> Vec<String> {
    let mut fit: Vec<&str> = fit.collect();
    fit.sort_unstable();
    let pairs = fit
        .iter()
        .enumerate()
        .flat_map(|(n, a)| fit[n + 1..].iter().map(move |b| (*a, *b)));
    let best =
        pairs.min_by_key(|(a, b)| (!apart(site, a, b), load(loads, a) + load(loads, b), *a, *b));
    match best {
        Some((a, b)) => vec![a.to_owned(), b.to_owned()],
        None => fit
            .first()
            .map(|host| (*host).to_owned())
            .into_iter()
            .collect(),
    }
}

/// The host that takes the place of one that left; `stays` keeps the other copy.
pub(super) fn second<'a>(
    site: &Site,
    fit: impl Iterator<Item = &'a str>,
    loads: &BTreeMap<String, u64>,
    stays: &str,
) -> Option<String> {
    let others = fit.filter(|host| *host != stays);
    let best = others.min_by_key(|host| (!apart(site, stays, host), load(loads, host), *host));
    best.map(str::to_owned)
}

fn load(loads: &BTreeMap<String, u64>, host: &str) -> u128 {
    loads.get(host).copied().unwrap_or(0).into()
}

/// Whether two hosts are unlikely to fail together. Of hosts without a zone nothing else is known.
fn apart(site: &Site, a: &str, b: &str) -> bool {
    let zone = |host: &str| site.hosts.get(host).and_then(|hive| hive.zone.as_deref());
    zone(a).is_none() || zone(a) != zone(b)
}
