//! What was seen on the network, and what it proves.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::{Duration, Instant};

use hive_qemu::Mac;

/// No address goes to another host and comes back sooner: whoever takes one has to be told, to make
/// sure that it is free, and to take it. So a host that answers for an address within this time of
/// having answered before, though another did in between, never let it go.
pub const BACK: Duration = Duration::from_secs(5);

/// How somebody showed that it has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It answered the question of a round, whose number was in the question.
    Reply {
        /// The round.
        round: u32,
    },
    /// It answered a question that the prober asked as any neighbour would.
    Resolved,
    /// It told all neighbours, unasked.
    Announced,
    /// It asked something as the address.
    Spoke,
    /// It answered an echo request of a round.
    Echo {
        /// The round.
        round: u32,
    },
}

/// Somebody showed that it has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When it was heard.
    pub at: Instant,
    /// Since when the host had it at the latest: between `asked` and `at` it had it at least for a moment.
    pub asked: Instant,
    /// The address.
    pub ip: Ipv4Addr,
    /// Who.
    pub mac: Mac,
    /// How.
    pub kind: Kind,
}

/// Two hosts that had one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Double {
    /// When it was noticed.
    pub at: Instant,
    /// The address.
    pub ip: Ipv4Addr,
    /// Both.
    pub macs: [Mac; 2],
    /// How it was noticed.
    pub how: How,
}

/// How two holders of an address are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Both answered one question.
    SameRound(u32),
    /// One answered, then the other, then the first again, to a question that was asked after the
    /// other's answer was here, within [`BACK`].
    Back,
}

/// All that was seen, in its order.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// When each round's questions were sent.
    pub rounds: Vec<Instant>,
    /// Answers, as they came.
    pub answers: Vec<Answer>,
    /// What the prober's own neighbour table had from when on; `None`: nothing.
    pub table: Vec<(Instant, Ipv4Addr, Option<Mac>)>,
}

impl History {
    /// What was heard of an address within a time.
    fn heard(&self, ip: Ipv4Addr, time: Range<Instant>) -> impl Iterator<Item = &Answer> {
        let first = self.answers.partition_point(|a| a.at < time.start);
        let rest = self.answers[first..].iter();
        rest.take_while(move |a| a.at < time.end)
            .filter(move |a| a.ip == ip)
    }

    /// Who had an address within a time, in the order of first signs.
    pub fn holders(&self, ip: Ipv4Addr, time: Range<Instant>) -> Vec<Mac> {
        let mut found = Vec::new();
        for answer in self.heard(ip, time) {
            if !found.contains(&answer.mac) {
                found.push(answer.mac);
            }
        }
        found
    }

    /// When the first packet to an address was answered after `from`, by hosts that `who` is true for.
    pub fn first_echo(
        &self,
        ip: Ipv4Addr,
        from: Instant,
        who: impl Fn(Mac) -> bool,
    ) -> Option<Instant> {
        let echo = |a: &&Answer| matches!(a.kind, Kind::Echo { .. }) && a.asked >= from;
        let first = self.answers.partition_point(|a| a.at < from);
        let mut answers = self.answers[first..].iter().filter(|a| a.ip == ip);
        answers.find(|a| echo(a) && who(a.mac)).map(|a| a.at)
    }

    /// The last sign within a time that a host has an address.
    pub fn last(&self, ip: Ipv4Addr, mac: Mac, time: Range<Instant>) -> Option<Instant> {
        let signs = self.heard(ip, time).filter(|a| a.mac == mac);
        signs.last().map(|a| a.at)
    }

    /// The longest time within a time in which no packet to the address was answered.
    pub fn silence(&self, ip: Ipv4Addr, time: Range<Instant>) -> Duration {
        let echo = |a: &&Answer| matches!(a.kind, Kind::Echo { .. });
        let answered = self.heard(ip, time.clone()).filter(echo).map(|a| a.at);
        longest_gap(answered, time)
    }

    /// What the prober itself is late at the most: the longest time within a time without a round.
    pub fn precision(&self, time: Range<Instant>) -> Duration {
        let asked = self.rounds.iter().copied();
        longest_gap(asked.filter(|at| time.contains(at)), time.clone())
    }

    /// Where a neighbour that knows the address sends to at a moment.
    pub fn neighbour(&self, ip: Ipv4Addr, at: Instant) -> Option<Mac> {
        let mut changes = self.table.iter().rev();
        let entry = changes.find(|(since, of, _)| *of == ip && *since <= at);
        entry.and_then(|(_, _, mac)| *mac)
    }

    /// Moments within a time at which two hosts had an address, one a question at the most.
    pub fn doubles(&self, ip: Ipv4Addr, time: Range<Instant>) -> Vec<Double> {
        let mut found: Vec<Double> = Vec::new();
        let mut rounds: HashMap<u32, Mac> = HashMap::new();
        // When each host was heard.
        let mut heard: HashMap<Mac, Vec<Instant>> = HashMap::new();
        for answer in self.heard(ip, time) {
            let Answer { mac, at, asked, .. } = *answer;
            let mut notice = |other: Mac, how: How| {
                if found.last().is_none_or(|f| f.at < asked) {
                    let macs = [other, mac];
                    found.push(Double { at, ip, macs, how });
                }
            };
            if let Kind::Reply { round } = answer.kind {
                let first = *rounds.entry(round).or_insert(mac);
                if first != mac {
                    notice(first, How::SameRound(round));
                }
            }
            let own = heard.get(&mac).map_or(&[][..], Vec::as_slice);
            let between = heard.iter().find(|(other, theirs)| {
                let then = before(theirs, asked);
                let mine = then.and_then(|then| before(own, then));
                **other != mac && mine.is_some_and(|mine| asked - mine < BACK)
            });
            if let Some((other, _)) = between {
                notice(*other, How::Back);
            }
            heard.entry(mac).or_default().push(at);
        }
        found
    }
}

/// The last of these moments that is not after `moment`.
fn before(moments: &[Instant], moment: Instant) -> Option<Instant> {
    let after = moments.partition_point(|m| *m <= moment);
    moments[..after].last().copied()
}

fn longest_gap(moments: impl Iterator<Item = Instant>, time: Range<Instant>) -> Duration {
    let mut before = time.start;
    let mut longest = Duration::ZERO;
    for moment in moments.chain([time.end]) {
        longest = longest.max(moment.saturating_duration_since(before));
        before = moment;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 2]);

    /// Echo replies by these hosts, at these milliseconds, each 10 ms after its question.
    fn history(start: Instant, echoes: &[(u64, Mac)]) -> History {
        let at = |ms: u64| start + Duration::from_millis(ms);
        let answer = |(round, &(ms, mac)): (usize, &(u64, Mac))| Answer {
            at: at(ms),
            asked: at(ms.saturating_sub(10)),
            ip: IP,
            mac,
            kind: Kind::Echo {
                round: round as u32,
            },
        };
        History {
            rounds: echoes.iter().map(|(ms, _)| at(*ms)).collect(),
            answers: echoes.iter().enumerate().map(answer).collect(),
            table: Vec::new(),
        }
    }

    fn whole(start: Instant) -> Range<Instant> {
        start..start + Duration::from_secs(3600)
    }

    fn reply(start: Instant, ms: u64, mac: Mac, round: u32) -> Answer {
        Answer {
            at: start + Duration::from_millis(ms),
            asked: start + Duration::from_millis(u64::from(round) * 50),
            ip: IP,
            mac,
            kind: Kind::Reply { round },
        }
    }

    #[test]
    fn an_address_that_moves_once_has_one_holder_at_a_time() {
        let start = Instant::now();
        let history = history(start, &[(0, A), (50, A), (900, B), (950, B)]);
        assert_eq!(history.holders(IP, whole(start)), [A, B]);
        assert_eq!(history.doubles(IP, whole(start)), []);
        let ms = Duration::from_millis;
        assert_eq!(
            history.first_echo(IP, start + ms(40), |mac| mac == B),
            Some(start + ms(900))
        );
        let until = start..start + ms(1000);
        assert_eq!(history.silence(IP, until.clone()), ms(850));
        assert_eq!(history.precision(until.clone()), ms(850));
        assert_eq!(history.last(IP, A, until), Some(start + ms(50)));
        assert_eq!(history.holders(IP, start + ms(51)..start + ms(900)), []);
    }

    #[test]
    fn two_answers_to_one_question_are_two_holders() {
        let start = Instant::now();
        let answers = vec![
            reply(start, 10, A, 0),
            reply(start, 60, A, 1),
            reply(start, 65, B, 1),
        ];
        let mut history = History {
            answers,
            ..History::default()
        };
        let [double] = &history.doubles(IP, whole(start))[..] else {
            panic!("{:?}", history.doubles(IP, whole(start)));
        };
        assert_eq!((double.how, double.macs), (How::SameRound(1), [A, B]));
        // The next question is the next holder's.
        history.answers.pop();
        history.answers.push(reply(start, 110, B, 2));
        assert_eq!(history.doubles(IP, whole(start)), []);
    }

    #[test]
    fn one_that_answers_again_after_another_never_let_go() {
        let start = Instant::now();
        let twice = history(start, &[(0, A), (1000, B), (2000, A), (3000, B)]);
        let doubles = twice.doubles(IP, whole(start));
        assert_eq!(doubles.len(), 2, "{doubles:?}");
        assert!(doubles.iter().all(|d| d.how == How::Back), "{doubles:?}");
        let later = history(start, &[(0, A), (1000, B), (9000, A)]);
        assert_eq!(later.doubles(IP, whole(start)), []);
    }

    #[test]
    fn a_late_answer_to_an_old_question_proves_nothing() {
        let start = Instant::now();
        let mut history = history(start, &[(0, A), (1000, B)]);
        let mut late = reply(start, 1100, A, 1);
        history.answers.push(late);
        assert_eq!(history.doubles(IP, whole(start)), []);
        late.at += Duration::from_millis(400);
        late.asked = start + Duration::from_millis(1001);
        late.kind = Kind::Announced;
        history.answers.push(late);
        assert_eq!(history.doubles(IP, whole(start)).len(), 1);
    }

    #[test]
    fn the_neighbour_table_is_what_it_was_at_the_moment() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let table = vec![
            (ms(10), IP, Some(A)),
            (ms(20), IP, None),
            (ms(30), IP, Some(B)),
        ];
        let history = History {
            table,
            ..History::default()
        };
        let seen = [5, 15, 25, 35].map(|n| history.neighbour(IP, ms(n)));
        assert_eq!(seen, [None, Some(A), None, Some(B)]);
    }
}
