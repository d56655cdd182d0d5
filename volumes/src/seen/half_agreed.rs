//! Two hosts that meet again, of which only one waits for what differs.
//!
//! Seen with 9.2.19, when two of three hosts died and one of them came back: it began to exchange bitmaps with the host
//! that had stayed, which took the two copies for equal. The first waits for ever, as a source that calls itself up to date
//! or as a target that calls itself outdated. While such a source uses the volume, the other copy, which calls itself up to
//! date too, gets marks in place of the data.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Resource;

/// Longer than bitmaps are on their way between hosts that both exchange them.
const LONG: Duration = Duration::from_secs(15);

/// Since when this host's copy has been agreeing with each peer.
#[derive(Debug, Default)]
pub struct HalfAgreed(BTreeMap<String, Instant>);

impl HalfAgreed {
    /// Takes in what was seen at a moment; tells of a peer with which agreeing takes too long. Whether the peer agrees,
    /// too, has to be asked there.
    pub fn look(&mut self, resource: Option<&Resource>, now: Instant) -> Option<String> {
        let agreeing: Vec<&str> = resource.map_or_else(Vec::new, |r| r.agreeing_with().collect());
        self.0.retain(|host, _| agreeing.contains(&host.as_str()));
        for host in agreeing {
            self.0.entry(host.to_owned()).or_insert(now);
        }
        let mut all = self.0.iter();
        let (host, _) = all.find(|(_, since)| now.saturating_duration_since(**since) >= LONG)?;
        Some(host.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Connection, DiskState, Peer};
    use super::*;

    fn seen(connection: Connection, disk: DiskState) -> Resource {
        let peer = |connection| Peer {
            connection,
            primary: false,
            disk: DiskState::UpToDate,
            out_of_sync: 4096,
        };
        Resource {
            primary: false,
            disk,
            suspended: false,
            quorum: true,
            peers: BTreeMap::from([
                ("h1".to_owned(), peer(Connection::Connected)),
                ("h2".to_owned(), peer(connection)),
            ]),
        }
    }

    /// What looks every five seconds tell.
    fn told(looks: &[Resource]) -> Vec<Option<String>> {
        let (mut half, start) = (HalfAgreed::default(), Instant::now());
        let seconds = (0..).step_by(5);
        let looks = seconds.zip(looks);
        let told = looks.map(|(second, look)| {
            let now = start + Duration::from_secs(second);
            half.look(Some(look), now)
        });
        told.collect()
    }

    #[test]
    fn who_agrees_for_long_is_told_by_name_and_who_ends_begins_anew() {
        let waits = seen(Connection::Agreeing, DiskState::UpToDate);
        let told_of = Some("h2".to_owned());
        let old = seen(Connection::Agreeing, DiskState::Outdated);
        for look in [waits.clone(), old] {
            let told_of = told_of.clone();
            let looks = vec![look; 5];
            assert_eq!(told(&looks), [None, None, None, told_of.clone(), told_of]);
        }
        let mut looks = vec![waits.clone(); 3];
        looks.push(seen(Connection::SyncTarget, DiskState::UpToDate));
        looks.extend(vec![waits; 3]);
        assert_eq!(told(&looks), vec![None; 7]);
    }

    #[test]
    fn a_copy_that_is_to_be_filled_and_a_host_at_rest_are_no_cases_of_it() {
        let filled = seen(Connection::Agreeing, DiskState::Inconsistent);
        let rests = seen(Connection::Connected, DiskState::UpToDate);
        for look in [filled, rests] {
            assert_eq!(told(&vec![look; 6]), vec![None; 6]);
        }
    }
}
