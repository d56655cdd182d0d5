//! The prober as a machine of the network: what it sends in a round, and what it makes of a frame.
//!
//! It is two neighbours. One asks, in each round, who has the watched addresses; each round asks
//! with a hardware address of its own, so that an answer says which question it answers. The other
//! is an ordinary machine that sends packets to the watched addresses; its table (`table.rs`) changes
//! only as such a machine's does, which is what a takeover has to change.

use std::net::Ipv4Addr;
use std::time::Instant;

use hive_qemu::Mac;

use super::frame::{Arp, BROADCAST, Echo, Frame};
use super::history::{Answer, History, Kind};
use super::table::Table;

/// The address of the ordinary machine; it answers pings and questions.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 200);
/// Its hardware address.
pub const MAC: Mac = Mac([0x52, 0x54, 0, 0x77, 0, 200]);
/// The address of the one that asks in each round.
const ASKER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 201);
/// How its hardware addresses begin (given locally); the rest is the round.
const ASKERS: [u8; 2] = [0x06, 0x77];
/// Names our echo requests.
const ID: u16 = 0x4876;

/// The state of both.
#[derive(Debug, Default)]
pub struct Member {
    watched: Vec<Ipv4Addr>,
    table: Table,
    /// What was seen.
    pub history: History,
}

impl Member {
    /// Watches an address from now on.
    pub fn watch(&mut self, ip: Ipv4Addr) {
        if !self.watched.contains(&ip) {
            self.watched.push(ip);
        }
    }

    /// A round; the frames to be sent.
    pub fn round(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let round = self.history.rounds.len() as u32;
        self.history.rounds.push(now);
        let mut frames = Vec::new();
        for ip in self.watched.clone() {
            frames.push(question(asker(round), ASKER, ip).frame(BROADCAST));
            let had = self.table.mac(ip);
            if let Some(to) = self.table.ask(now, ip) {
                frames.push(question(MAC, ADDRESS, ip).frame(to));
            }
            self.changed(now, ip, had);
            if let Some(to) = self.table.mac(ip) {
                let echo = Echo {
                    reply: false,
                    from: MAC,
                    to,
                    source: ADDRESS,
                    destination: ip,
                    id: ID,
                    sequence: round as u16,
                    data: round.to_be_bytes().to_vec(),
                };
                frames.push(echo.frame());
            }
        }
        frames
    }

    /// What comes in; the frame to be sent in answer.
    pub fn hear(&mut self, now: Instant, bytes: &[u8]) -> Option<Vec<u8>> {
        match Frame::parse(bytes)? {
            Frame::Arp(arp) => self.hear_arp(now, &arp),
            Frame::Echo(echo) => self.hear_echo(now, &echo),
        }
    }

    fn hear_arp(&mut self, now: Instant, arp: &Arp) -> Option<Vec<u8>> {
        let Arp {
            sender, sender_ip, ..
        } = *arp;
        if self.watched.contains(&sender_ip) {
            let round = arp.reply.then(|| round_of(arp.target)).flatten();
            let asked = round.and_then(|round| self.history.rounds.get(round as usize).copied());
            let kind = match (round, arp.reply) {
                (Some(round), _) if asked.is_some() => Kind::Reply { round },
                _ if arp.is_announcement() => Kind::Announced,
                (_, true) => Kind::Resolved,
                (_, false) => Kind::Spoke,
            };
            self.answered(now, asked.unwrap_or(now), sender_ip, sender, kind);
        }
        if arp.is_announcement() {
            // It changes what is there, and makes nothing new.
            if self.table.has(sender_ip) {
                self.learn(now, sender_ip, sender, false);
            }
            return None;
        }
        if arp.target_ip != ADDRESS {
            return None;
        }
        self.learn(now, sender_ip, sender, arp.reply);
        let answer = Arp {
            reply: true,
            sender: MAC,
            sender_ip: ADDRESS,
            target: sender,
            target_ip: sender_ip,
        };
        (!arp.reply).then(|| answer.frame(sender))
    }

    fn hear_echo(&mut self, now: Instant, echo: &Echo) -> Option<Vec<u8>> {
        if echo.destination != ADDRESS {
            return None;
        }
        if echo.reply {
            let round = u32::from_be_bytes(echo.data.as_slice().try_into().ok()?);
            let asked = *self.history.rounds.get(round as usize)?;
            if echo.id == ID && self.watched.contains(&echo.source) {
                self.answered(now, asked, echo.source, echo.from, Kind::Echo { round });
            }
            return None;
        }
        if self.watched.contains(&echo.source) {
            self.answered(now, now, echo.source, echo.from, Kind::Spoke);
        }
        let mut answer = echo.answer();
        answer.from = MAC;
        answer.to = self.table.mac(echo.source).unwrap_or(echo.from);
        Some(answer.frame())
    }

    fn answered(&mut self, at: Instant, asked: Instant, ip: Ipv4Addr, mac: Mac, kind: Kind) {
        self.history.answers.push(Answer {
            at,
            asked,
            ip,
            mac,
            kind,
        });
    }

    fn learn(&mut self, now: Instant, ip: Ipv4Addr, mac: Mac, asked: bool) {
        let had = self.table.mac(ip);
        self.table.learn(now, ip, mac, asked);
        self.changed(now, ip, had);
    }

    /// Writes down what the table has now, if it had something else.
    fn changed(&mut self, now: Instant, ip: Ipv4Addr, had: Option<Mac>) {
        let has = self.table.mac(ip);
        if has != had {
            self.history.table.push((now, ip, has));
        }
    }
}

fn question(sender: Mac, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Arp {
    Arp {
        reply: false,
        sender,
        sender_ip,
        target: Mac([0; 6]),
        target_ip,
    }
}

/// The hardware address that a round asks with.
fn asker(round: u32) -> Mac {
    let ([a, b], [c, d, e, f]) = (ASKERS, round.to_be_bytes());
    Mac([a, b, c, d, e, f])
}

fn round_of(mac: Mac) -> Option<u32> {
    let rest = mac.0.strip_prefix(&ASKERS)?;
    Some(u32::from_be_bytes(rest.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 90);
    const A: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);
    const B: Mac = Mac([0x52, 0x54, 0, 0, 0, 0x11]);

    /// A member, and the time.
    fn member() -> (Member, Instant) {
        let mut member = Member::default();
        member.watch(VIP);
        // The system's clock may have started only now.
        (member, Instant::now() + Duration::from_secs(100))
    }

    fn questions(frames: &[Vec<u8>]) -> Vec<Arp> {
        let arp = |frame: &Vec<u8>| match Frame::parse(frame)? {
            Frame::Arp(arp) => Some(arp),
            Frame::Echo(_) => None,
        };
        frames.iter().filter_map(arp).collect()
    }

    fn echoes(frames: &[Vec<u8>]) -> Vec<Echo> {
        let echo = |frame: &Vec<u8>| match Frame::parse(frame)? {
            Frame::Echo(echo) => Some(echo),
            Frame::Arp(_) => None,
        };
        frames.iter().filter_map(echo).collect()
    }

    fn reply(question: &Arp, mac: Mac) -> Vec<u8> {
        let reply = Arp {
            reply: true,
            sender: mac,
            sender_ip: question.target_ip,
            target: question.sender,
            target_ip: question.sender_ip,
        };
        reply.frame(question.sender)
    }

    #[test]
    fn packets_go_to_whom_the_table_has_and_only_a_neighbours_news_change_it() {
        let (mut member, now) = member();
        let frames = member.round(now);
        let [round, own] = questions(&frames)[..] else {
            panic!("{frames:?}");
        };
        assert!(echoes(&frames).is_empty(), "nobody is known yet");
        member.hear(now, &reply(&own, A));
        let frames = member.round(now);
        let [echo] = &echoes(&frames)[..] else {
            panic!("{frames:?}");
        };
        assert_eq!(echo.to, A);
        member.hear(now, &echo.answer().frame());
        // That B answers the watcher is written down, and changes nothing of the table.
        member.hear(now, &reply(&round, B));
        assert_eq!(member.history.neighbour(VIP, now), Some(A));
        let told = Arp {
            reply: false,
            sender: B,
            sender_ip: VIP,
            target: Mac([0; 6]),
            target_ip: VIP,
        };
        member.hear(now, &told.frame(BROADCAST));
        assert_eq!(member.history.neighbour(VIP, now), Some(B));
        let kinds: Vec<Kind> = member.history.answers.iter().map(|a| a.kind).collect();
        let expected = [
            Kind::Resolved,
            Kind::Echo { round: 1 },
            Kind::Reply { round: 0 },
            Kind::Announced,
        ];
        assert_eq!(kinds, expected);
        // What was announced is asked for soon, at whom it was announced for.
        let frames = member.round(now + Duration::from_secs(5));
        assert_eq!(questions(&frames)[1].sender, MAC);
        assert_eq!(frames[1][..6], B.0);
    }

    #[test]
    fn an_announcement_makes_no_entry_and_a_question_to_us_does() {
        let (mut member, now) = member();
        let told = question(A, VIP, VIP);
        assert_eq!(member.hear(now, &told.frame(BROADCAST)), None);
        assert_eq!(member.history.neighbour(VIP, now), None);
        let answer = member.hear(now, &question(A, VIP, ADDRESS).frame(BROADCAST));
        let Some(Frame::Arp(arp)) = Frame::parse(&answer.unwrap()) else {
            panic!("no answer");
        };
        assert!(arp.reply && arp.sender == MAC && arp.target == A && arp.sender_ip == ADDRESS);
        assert_eq!(member.history.neighbour(VIP, now), Some(A));
        assert_eq!(member.history.answers.last().unwrap().kind, Kind::Spoke);
    }

    #[test]
    fn it_is_a_router_that_answers_pings() {
        let (mut member, now) = member();
        let ping = Echo {
            reply: false,
            from: A,
            to: MAC,
            source: VIP,
            destination: ADDRESS,
            id: 1,
            sequence: 1,
            data: b"abc".to_vec(),
        };
        let answer = member.hear(now, &ping.frame()).unwrap();
        assert_eq!(Frame::parse(&answer), Some(Frame::Echo(ping.answer())));
        // Not those of others.
        let other = Echo {
            destination: [192, 168, 77, 4].into(),
            ..ping
        };
        assert_eq!(member.hear(now, &other.frame()), None);
    }
}
