//! The neighbour table of an ordinary machine (arp(7)): what it believes, for how long, and whom it asks.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hive_qemu::Mac;

use super::frame::BROADCAST;

/// An entry is believed so long after a question was answered; then one that is in use is asked for again.
const REACHABLE: Duration = Duration::from_secs(30);
/// From the end of belief to the first question.
const DELAY: Duration = Duration::from_secs(5);
/// Between questions.
const AGAIN: Duration = Duration::from_secs(1);
/// So many questions to whom the table has go unanswered before everybody is asked.
const UNICAST: u32 = 3;

#[derive(Debug, Clone, Copy)]
struct Entry {
    mac: Option<Mac>,
    /// When a question was answered last; older for what was only announced.
    believed: Instant,
    /// When it was asked for last, and how often since it was believed.
    asked: Option<Instant>,
    questions: u32,
}

/// The table; all addresses of it are in use.
#[derive(Debug, Default)]
pub struct Table {
    entries: BTreeMap<Ipv4Addr, Entry>,
}

impl Table {
    /// Where packets to an address go.
    pub fn mac(&self, ip: Ipv4Addr) -> Option<Mac> {
        self.entries.get(&ip).and_then(|entry| entry.mac)
    }

    /// Whether there is an entry, also one that nobody has answered for yet.
    pub fn has(&self, ip: Ipv4Addr) -> bool {
        self.entries.contains_key(&ip)
    }

    /// Whom to ask for an address now; `None`: nobody. Forgets whoever did not answer for too long.
    pub fn ask(&mut self, now: Instant, ip: Ipv4Addr) -> Option<Mac> {
        let fresh = Entry {
            mac: None,
            believed: now,
            asked: None,
            questions: 0,
        };
        let mut entry = *self.entries.get(&ip).unwrap_or(&fresh);
        let waits = entry.asked.is_some_and(|asked| now - asked < AGAIN);
        let believes = entry.mac.is_some() && now - entry.believed < REACHABLE + DELAY;
        if waits || believes {
            return None;
        }
        if entry.mac.is_some() && entry.questions == UNICAST {
            entry = fresh;
        }
        entry.asked = Some(now);
        entry.questions += 1;
        self.entries.insert(ip, entry);
        Some(entry.mac.unwrap_or(BROADCAST))
    }

    /// Writes an entry down. What is not the answer to a question (`asked`) is believed less: it is
    /// to be asked for soon.
    pub fn learn(&mut self, now: Instant, ip: Ipv4Addr, mac: Mac, asked: bool) {
        let believed = match asked {
            true => now,
            false => now.checked_sub(REACHABLE).unwrap_or(now),
        };
        let entry = Entry {
            mac: Some(mac),
            believed,
            asked: None,
            questions: 0,
        };
        self.entries.insert(ip, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);

    /// The seconds, until the 60th, at which somebody is asked, with who.
    fn asked(table: &mut Table, now: Instant) -> Vec<(u64, Mac)> {
        let at = |second| now + Duration::from_secs(second);
        let ask = |second| table.ask(at(second), IP).map(|who| (second, who));
        (0..60).filter_map(ask).collect()
    }

    fn expected(from: u64) -> Vec<(u64, Mac)> {
        let who = |second| if second < from + 3 { A } else { BROADCAST };
        (from..60).map(|second| (second, who(second))).collect()
    }

    #[test]
    fn without_news_a_dead_hosts_entry_goes_after_three_questions() {
        let now = Instant::now() + Duration::from_secs(100);
        let mut table = Table::default();
        assert_eq!(table.ask(now, IP), Some(BROADCAST));
        assert_eq!(table.ask(now, IP), None, "it waits for the answer");
        table.learn(now, IP, A, true);
        assert_eq!(asked(&mut table, now), expected(35));
        assert_eq!(table.mac(IP), None);
    }

    #[test]
    fn what_was_only_announced_is_asked_for_soon() {
        let now = Instant::now() + Duration::from_secs(100);
        let mut table = Table::default();
        table.learn(now, IP, A, false);
        assert_eq!(table.mac(IP), Some(A));
        assert_eq!(asked(&mut table, now), expected(5));
    }
}
