//! A resync that stands still.
//!
//! Seen with 9.2.19: a host that came back was to be filled by two others at once. DRBD changed over from one to the other
//! while blocks were on their way, and for all time each waited for the other. When the connection with one of the two was
//! made anew, the other filled the copy in a second. Who takes such a copy into use waits for DRBD with its first write.

use std::time::{Duration, Instant};

use super::{Connection, DiskState, Resource};

/// How long nothing may come: even a resync that makes way for a service takes 250 KiB each second (`c-min-rate` in
/// drbdsetup(8)).
const STANDS: Duration = Duration::from_secs(60);
/// What a connection is to one that fills this copy, or is about to.
const FILLS: [Connection; 2] = [Connection::SyncTarget, Connection::Agreeing];
/// The longest wait, where a new connection did not help.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// What is more than a service's own writes to marked blocks, in bytes.
const PROGRESS: u64 = 4 << 20;

/// What was seen of this host's copy being filled, one look after the other.
#[derive(Debug, Default)]
pub struct Standstill(Option<Filling>);

#[derive(Debug)]
struct Filling {
    /// What was missing then.
    bytes: u64,
    since: Instant,
    stands: Duration,
    /// Something has come.
    moved: bool,
}

impl Standstill {
    /// Takes in what was seen at a moment; tells the peer to connect anew with, if nothing has come for long: one that
    /// does not use the volume.
    pub fn look(&mut self, resource: Option<&Resource>, now: Instant) -> Option<String> {
        let incomplete = resource.filter(|resource| resource.disk == DiskState::Inconsistent);
        let peers = incomplete.into_iter().flat_map(|resource| &resource.peers);
        let sources: Vec<_> = peers
            .filter(|(_, peer)| FILLS.contains(&peer.connection))
            .collect();
        if sources.is_empty() {
            self.0 = None;
            return None;
        }
        let bytes = sources.iter().map(|(_, peer)| peer.out_of_sync).sum();
        let filling = self.0.get_or_insert(Filling {
            bytes,
            since: now,
            stands: STANDS,
            moved: false,
        });
        // More is missing when another source comes.
        if bytes > filling.bytes || filling.bytes - bytes >= PROGRESS {
            filling.moved = bytes < filling.bytes;
            (filling.bytes, filling.since) = (bytes, now);
        }
        if now.saturating_duration_since(filling.since) < filling.stands {
            return None;
        }
        let idle = sources.into_iter().find(|(_, peer)| !peer.primary);
        idle.map(|(host, _)| host.clone())
    }

    /// Whether the copy is being filled, and nothing has come from the sources that there are.
    pub fn nothing_came(&self) -> bool {
        self.0.as_ref().is_some_and(|filling| !filling.moved)
    }

    /// A connection was made anew at a moment, or that failed: next time it has to stand for longer.
    pub fn tried(&mut self, now: Instant) {
        if let Some(filling) = &mut self.0 {
            (filling.since, filling.stands) = (now, (filling.stands * 2).min(LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Peer;
    use super::*;
    use std::collections::BTreeMap;

    const MIB: u64 = 1 << 20;

    /// A copy that h1, which uses the volume, and h2 fill.
    fn filling(from_h1: u64, from_h2: u64) -> Resource {
        let peer = |primary, out_of_sync| Peer {
            connection: Connection::SyncTarget,
            primary,
            disk: DiskState::UpToDate,
            out_of_sync,
        };
        Resource {
            primary: false,
            disk: DiskState::Inconsistent,
            suspended: false,
            quorum: true,
            peers: BTreeMap::from([
                ("h1".to_owned(), peer(true, from_h1)),
                ("h2".to_owned(), peer(false, from_h2)),
            ]),
        }
    }

    /// The seconds at which looks every ten seconds tell of a standstill, when nothing is ever tried.
    fn told(looks: impl Iterator<Item = Resource>) -> Vec<u64> {
        let (mut standstill, start) = (Standstill::default(), Instant::now());
        let seconds = (0..).step_by(10);
        let told = seconds.zip(looks).filter(|(second, look)| {
            let now = start + Duration::from_secs(*second);
            let peer = standstill.look(Some(look), now);
            assert!(peer.is_none_or(|peer| peer == "h2"), "h1 uses it");
            standstill.look(Some(look), now).is_some()
        });
        told.map(|(second, _)| second).collect()
    }

    #[test]
    fn one_that_gets_nothing_but_what_the_user_writes_stands_still() {
        let still = (0..9).map(|look| filling(90 * MIB - look * 4096, 5 * MIB));
        assert_eq!(told(still), [60, 70, 80]);
    }

    #[test]
    fn one_that_is_slow_goes_on_and_one_with_little_left_is_no_exception() {
        let slow = (0..30).map(|look| filling(90 * MIB - look * MIB, 90 * MIB));
        assert_eq!(told(slow), [0; 0]);
        assert_eq!(told((0..7).map(|_| filling(0, 4096))), [60]);
    }

    #[test]
    fn a_copy_that_gets_something_moves_until_another_source_comes() {
        let (mut standstill, now) = (Standstill::default(), Instant::now());
        let mut came = |from_h1, from_h2| {
            standstill.look(Some(&filling(from_h1, from_h2)), now);
            !standstill.nothing_came()
        };
        assert!(!came(90 * MIB, 0));
        assert!(!came(87 * MIB, 0));
        assert!(came(86 * MIB, 0));
        assert!(came(85 * MIB, 0));
        assert!(!came(85 * MIB, 2 * MIB));
        assert!(came(80 * MIB, 2 * MIB));
        standstill.look(None, now);
        assert!(!standstill.nothing_came(), "nothing is to come");
    }

    #[test]
    fn another_source_is_a_beginning_and_a_whole_copy_is_not_filled() {
        let second = (0..12).map(|look| filling(8 * MIB, if look < 5 { 0 } else { MIB }));
        assert_eq!(told(second), [110]);
        let mut whole = filling(MIB, MIB);
        whole.disk = DiskState::UpToDate;
        assert_eq!(told((0..9).map(|_| whole.clone())), [0; 0]);
    }

    #[test]
    fn the_user_s_own_connection_is_left_alone_and_waits_get_longer() {
        let (mut standstill, start) = (Standstill::default(), Instant::now());
        let at = |minutes: u32| start + STANDS * minutes;
        let both = filling(MIB, MIB);
        let mut users = both.clone();
        users.peers.remove("h2");
        assert_eq!(standstill.look(Some(&users), start), None);
        assert_eq!(standstill.look(Some(&users), at(5)), None);
        assert_eq!(standstill.look(Some(&both), at(5)), None);
        assert!(standstill.look(Some(&both), at(6)).is_some());
        standstill.tried(at(6));
        assert_eq!(standstill.look(Some(&both), at(7)), None);
        assert!(standstill.look(Some(&both), at(8)).is_some());
        standstill.look(None, at(8));
        assert_eq!(standstill.look(Some(&both), at(8)), None);
        assert!(standstill.look(Some(&both), at(9)).is_some());
    }
}
