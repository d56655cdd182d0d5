//! What a neighbour heard of the addresses that it watches.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::frame::Mac;

/// An address that goes from one machine to another and back is away for longer than this.
const BACK_AND_FORTH: Duration = Duration::from_secs(3);
/// A pause between echoes that is longer than this is an outage: several in a row did not come.
const OUTAGE: Duration = Duration::from_millis(700);

/// Something that a machine said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// The number of questions asked before.
    pub round: u64,
    /// The address.
    pub ip: Ipv4Addr,
    /// Who said it.
    pub mac: Mac,
    /// What.
    pub kind: Kind,
}

/// Ways to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An answer to "who has it".
    Answer,
    /// An announcement that nobody asked for.
    Announcement,
    /// An echo.
    Echo,
}

/// All of it, in order of time.
#[derive(Debug, Clone, Default)]
pub struct History {
    heard: Vec<Heard>,
}

impl History {
    /// Takes it down.
    pub fn add(&mut self, heard: Heard) {
        self.heard.push(heard);
    }

    fn of(&self, ip: Ipv4Addr, kind: Kind) -> impl Iterator<Item = &Heard> {
        self.heard
            .iter()
            .filter(move |h| h.ip == ip && h.kind == kind)
    }

    /// The last who echoed for an address.
    pub fn holder(&self, ip: Ipv4Addr) -> Option<Mac> {
        self.of(ip, Kind::Echo).last().map(|h| h.mac)
    }

    /// The first echo of a machine other than `before`, after a moment.
    pub fn moved(&self, ip: Ipv4Addr, since: Instant, before: Mac) -> Option<Heard> {
        let mut echoes = self.of(ip, Kind::Echo);
        echoes.find(|h| h.at > since && h.mac != before).copied()
    }

    /// The longest time without an echo that began after a moment and is over: its last echo before and its
    /// first after.
    pub fn outage(&self, ip: Ipv4Addr, since: Instant) -> Option<(Heard, Heard)> {
        let echoes: Vec<&Heard> = self.of(ip, Kind::Echo).collect();
        let pairs = echoes.windows(2).filter(|two| two[1].at > since);
        let longest = pairs.max_by_key(|two| two[1].at - two[0].at)?;
        let length = longest[1].at - longest[0].at;
        (length > OUTAGE).then(|| (*longest[0], *longest[1]))
    }

    /// Whether a machine announced an address after a moment.
    pub fn announced(&self, ip: Ipv4Addr, since: Instant, by: Mac) -> bool {
        self.of(ip, Kind::Announcement)
            .any(|h| h.at > since && h.mac == by)
    }

    /// Moments at which two machines answered for one address: to one question, or in turns faster
    /// than an address moves.
    pub fn contradictions(&self, ip: Ipv4Addr) -> Vec<String> {
        let answers: Vec<&Heard> = self.of(ip, Kind::Answer).collect();
        let to_one = answers
            .windows(2)
            .filter(|two| two[0].round == two[1].round && two[0].mac != two[1].mac);
        let mut found: Vec<String> = to_one
            .map(|two| {
                format!(
                    "{ip}: {:02x?} and {:02x?} answered one question",
                    two[0].mac, two[1].mac
                )
            })
            .collect();
        let mut changes: Vec<&Heard> = answers.clone();
        changes.dedup_by_key(|h| h.mac);
        found.extend(changes.windows(3).filter_map(|three| {
            // The last answer of the first machine before the second spoke.
            let left = answers
                .iter()
                .rfind(|h| h.mac == three[0].mac && h.at < three[1].at)?;
            let away = three[2].at - left.at;
            (three[2].mac == three[0].mac && away < BACK_AND_FORTH).then(|| {
                format!(
                    "{ip}: {:02x?} answered between answers of {:02x?}",
                    three[1].mac, three[0].mac
                )
            })
        }));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    fn history(kind: Kind, heard: &[(u64, u64, u8)]) -> (Instant, History) {
        let start = Instant::now();
        let mut history = History::default();
        for &(ms, round, who) in heard {
            history.add(Heard {
                at: start + Duration::from_millis(ms),
                round,
                ip: IP,
                mac: [who; 6],
                kind,
            });
        }
        (start, history)
    }

    #[test]
    fn one_holder_after_the_other_is_no_contradiction() {
        let (_, clean) = history(
            Kind::Answer,
            &[
                (0, 1, 1),
                (100, 2, 1),
                (900, 9, 2),
                (20_000, 200, 2),
                (20_100, 201, 1),
            ],
        );
        assert_eq!(clean.contradictions(IP), [""; 0]);
    }

    #[test]
    fn two_at_once_are_found() {
        let (_, both) = history(Kind::Answer, &[(0, 1, 1), (10, 1, 2)]);
        assert_eq!(both.contradictions(IP).len(), 1);
        let (_, turns) = history(Kind::Answer, &[(0, 1, 1), (100, 2, 2), (200, 3, 1)]);
        assert_eq!(turns.contradictions(IP).len(), 1);
    }

    #[test]
    fn outages_and_moves() {
        let (start, echoes) = history(
            Kind::Echo,
            &[(0, 1, 1), (100, 2, 1), (2100, 20, 2), (2200, 21, 2)],
        );
        let (last, first) = echoes.outage(IP, start).unwrap();
        assert_eq!(first.at - last.at, Duration::from_secs(2));
        assert_eq!(echoes.holder(IP), Some([2; 6]));
        assert_eq!(echoes.moved(IP, start, [1; 6]).unwrap().mac, [2; 6]);
        assert!(echoes.moved(IP, start, [2; 6]).is_some());
        assert!(
            echoes
                .outage(IP, start + Duration::from_millis(2150))
                .is_none()
        );
    }
}
