//! Blocks that DRBD goes on counting as different although all copies are up to date.
//!
//! Seen with 9.2.19: a host that had been cut off, or without power, was to be filled by two others at
//! once, and what it had got from one stayed marked towards the other, on one side or on both.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Connection, DiskState, Resource};

/// How long marks have to stay. They may get fewer meanwhile: what the volume's user writes over is marked no more.
const STAYS: Duration = Duration::from_secs(30);
/// The longest wait, where a new connection did not help.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What was seen of a volume's marks, one look after the other.
#[derive(Debug)]
pub struct LeftOver {
    marks: BTreeMap<String, Marks>,
    /// What is marked when a connection is first seen came with that connection.
    from_the_start: bool,
}

#[derive(Debug)]
struct Marks {
    bytes: u64,
    since: Instant,
    /// How long they have to stay this time.
    stays: Duration,
    /// Those that there are now, or come next, are of connecting or filling.
    of_resync: bool,
}

/// Marks that stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stayed {
    /// Towards this host.
    pub peer: String,
    /// They were there when the two came to rest, after they had connected or one had been filled. Otherwise a comparison
    /// of the copies may have found them, in an earlier life of hived's.
    pub of_resync: bool,
}

impl LeftOver {
    /// `from_the_start`: nobody has looked before since the machine started, so that what is there came with the
    /// connections.
    pub fn new(from_the_start: bool) -> Self {
        Self {
            marks: BTreeMap::new(),
            from_the_start,
        }
    }

    /// Takes in what was seen at a moment; tells of marks that stay, if there are any.
    pub fn look(&mut self, resource: Option<&Resource>, now: Instant) -> Option<Stayed> {
        let Some(resource) = resource else {
            *self = Self::new(true);
            return None;
        };
        self.marks
            .retain(|host, _| resource.peers.contains_key(host));
        for (host, peer) in &resource.peers {
            let marks = self.marks.entry(host.clone()).or_insert(Marks {
                bytes: 0,
                since: now,
                stays: STAYS,
                of_resync: self.from_the_start,
            });
            let whole = [resource.disk, peer.disk].map(|disk| disk == DiskState::UpToDate);
            let at_rest = peer.connection == Connection::Connected && whole == [true, true];
            let bytes = if at_rest { peer.out_of_sync } else { 0 };
            if !at_rest {
                marks.of_resync = peer.connection != Connection::Verifying;
            } else if bytes == 0 || (marks.bytes > 0 && bytes > marks.bytes) {
                marks.of_resync = false;
            }
            if bytes == 0 || bytes > marks.bytes {
                marks.since = now;
            }
            marks.bytes = bytes;
            if at_rest && bytes == 0 {
                marks.stays = STAYS;
            }
        }
        let stayed = |marks: &Marks| {
            marks.bytes > 0 && now.saturating_duration_since(marks.since) >= marks.stays
        };
        let mut all = self.marks.iter();
        let (peer, marks) = all.find(|(_, marks)| stayed(marks))?;
        Some(Stayed {
            peer: peer.clone(),
            of_resync: marks.of_resync,
        })
    }

    /// The connection was made anew at a moment, or that failed: next time they have to stay for longer.
    pub fn tried(&mut self, peer: &str, now: Instant) {
        if let Some(marks) = self.marks.get_mut(peer) {
            (marks.since, marks.stays) = (now, (marks.stays * 2).min(LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Connection::{Connected, SyncTarget, Trying, Verifying};
    use super::super::DiskState::{Inconsistent, UpToDate};
    use super::super::Peer;
    use super::*;

    /// A copy with one peer.
    fn seen(connection: Connection, disk: DiskState, out_of_sync: u64) -> Resource {
        let peer = Peer {
            connection,
            primary: true,
            disk: UpToDate,
            out_of_sync,
        };
        Resource {
            primary: false,
            disk,
            suspended: false,
            quorum: true,
            peers: BTreeMap::from([("h1".to_owned(), peer)]),
        }
    }

    /// Looks every ten seconds; the numbers of those that told of a peer. After each, the connection is made anew.
    fn told(looks: &[Resource]) -> Vec<usize> {
        let (mut left_over, start) = (LeftOver::new(false), Instant::now());
        let mut told = Vec::new();
        for (number, look) in looks.iter().enumerate() {
            let now = start + Duration::from_secs(10) * u32::try_from(number).unwrap();
            if let Some(stayed) = left_over.look(Some(look), now) {
                assert_eq!(stayed.peer, "h1");
                left_over.tried(&stayed.peer, now);
                told.push(number);
            }
        }
        told
    }

    #[test]
    fn marks_that_stay_after_a_resync_are_left_over_and_tried_ever_later() {
        let mut looks = vec![
            seen(Trying, UpToDate, 8192),
            seen(SyncTarget, Inconsistent, 8192),
            // Filled by another one still.
            seen(Connected, Inconsistent, 4096),
        ];
        looks.extend((3..20).map(|_| seen(Connected, UpToDate, 4096)));
        assert_eq!(told(&looks), [6, 12], "30 s, 60 s, and not yet 120 s");
        looks.push(seen(Connected, UpToDate, 0));
        looks.extend((0..4).map(|_| seen(Connected, UpToDate, 4096)));
        assert_eq!(
            told(&looks),
            [6, 12, 24],
            "as at first, for it had ended well"
        );
    }

    #[test]
    fn marks_that_the_user_slowly_writes_over_are_left_over_too() {
        let looks: Vec<_> = (1..6)
            .map(|n| seen(Connected, UpToDate, 90_000 - n * 4096))
            .collect();
        assert_eq!(told(&looks), [3]);
    }

    #[test]
    fn marks_that_get_more_are_news_and_those_of_a_cut_connection_are_no_wonder() {
        let looks: Vec<_> = (1..9)
            .map(|n| seen(Connected, UpToDate, n * 4096))
            .collect();
        assert!(told(&looks).is_empty());
        let looks: Vec<_> = (1..9).map(|_| seen(Trying, UpToDate, 4096)).collect();
        assert!(told(&looks).is_empty());
    }

    #[test]
    fn marks_of_a_resync_are_told_from_those_that_a_comparison_found() {
        let of_resync_from = |from_the_start, before: &[Resource]| {
            let (mut left_over, start) = (LeftOver::new(from_the_start), Instant::now());
            for look in before {
                left_over.look(Some(look), start);
            }
            let marked = seen(Connected, UpToDate, 4096);
            left_over.look(Some(&marked), start);
            let stayed = left_over.look(Some(&marked), start + STAYS);
            stayed.unwrap().of_resync
        };
        let of_resync = |before: &[Resource]| of_resync_from(false, before);
        let filled = seen(SyncTarget, Inconsistent, 8192);
        let (same, fewer) = (seen(Connected, UpToDate, 0), seen(Connected, UpToDate, 512));
        assert!(of_resync(&[seen(Trying, UpToDate, 0)]));
        assert!(of_resync(&[same.clone(), filled.clone()]));
        assert!(of_resync(&[
            filled.clone(),
            seen(Connected, UpToDate, 8192)
        ]));
        assert!(!of_resync(&[]), "nothing is known of what was before");
        assert!(of_resync_from(true, &[]), "it came with the connection");
        assert!(!of_resync_from(true, std::slice::from_ref(&same)));
        assert!(!of_resync(&[filled.clone(), same]));
        assert!(!of_resync(&[filled.clone(), fewer]), "more were found");
        assert!(!of_resync(&[filled, seen(Verifying, UpToDate, 0)]));
    }

    #[test]
    fn one_that_went_down_is_looked_at_anew() {
        let (mut left_over, now) = (LeftOver::new(false), Instant::now());
        let long = now + Duration::from_secs(600);
        let marked = seen(Connected, UpToDate, 4096);
        left_over.look(Some(&marked), now);
        left_over.look(None, now);
        assert_eq!(left_over.look(Some(&marked), long), None);
        let stayed = left_over.look(Some(&marked), long + STAYS).unwrap();
        assert!(stayed.of_resync, "it has connected since");
    }
}
