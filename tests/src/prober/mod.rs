//! A neighbour of the hosts: this program as a member of their private switch. It asks again and again
//! who has the addresses that it watches, sends echo requests to them, and takes down who answers.
//!
//! Its own table of neighbours changes as that of a machine that has no reason to ask: by announcements
//! alone, once an address is known. So an echo that comes from another machine than before proves that
//! the move was announced. It answers for an address of its own, as a router would.

mod frame;
mod history;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use hive_qemu::{Switch, Tap};

pub use frame::Mac;
use frame::{Frame, ask, echo_reply, echo_request, tell};
pub use history::{Heard, History, Kind};

/// Between two rounds of questions.
const ROUND: Duration = Duration::from_millis(100);
/// Its hardware address: locally administered, and none of QEMU's.
const MAC: Mac = [0x02, 0x68, 0x76, 0, 0, 1];

/// A neighbour.
#[derive(Debug)]
pub struct Prober {
    history: Arc<Mutex<History>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Plugs it into a switch with an address of its own, and lets it watch.
    pub fn plug(switch: &Switch, me: Ipv4Addr, watched: &[Ipv4Addr]) -> Self {
        let tap = switch.tap("prober").unwrap();
        let history = Arc::new(Mutex::new(History::default()));
        let over = Arc::new(AtomicBool::new(false));
        let neighbour = Neighbour {
            tap,
            me,
            watched: watched.to_vec(),
            known: BTreeMap::new(),
            round: 0,
            history: Arc::clone(&history),
        };
        let thread = thread::spawn({
            let over = Arc::clone(&over);
            move || neighbour.live(&over)
        });
        Self {
            history,
            over,
            thread: Some(thread),
        }
    }

    /// What was heard so far.
    pub fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }

    /// Waits until the history has something.
    ///
    /// # Panics
    /// It has not in time.
    pub fn until<T>(&self, what: &str, limit: Duration, look: impl Fn(&History) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = look(&self.history.lock().unwrap()) {
                return found;
            }
            assert!(since.elapsed() < limit, "waited {limit:?} for {what}");
            sleep(ROUND);
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic is told already.
            drop(thread.join());
        }
    }
}

struct Neighbour {
    tap: Tap,
    me: Ipv4Addr,
    watched: Vec<Ipv4Addr>,
    known: BTreeMap<Ipv4Addr, Mac>,
    round: u64,
    history: Arc<Mutex<History>>,
}

impl Neighbour {
    fn live(mut self, over: &AtomicBool) {
        let mut next = Instant::now();
        while !over.load(Ordering::Relaxed) {
            let now = Instant::now();
            if now >= next {
                next = now + ROUND;
                self.ask();
            }
            let pause = next.saturating_duration_since(now);
            match self.tap.receive(pause.max(Duration::from_millis(1))) {
                Ok(Some(frame)) => self.hear(&frame),
                Ok(None) => {}
                // The switch is gone, and with it everybody.
                Err(_) => return,
            }
        }
    }

    fn ask(&mut self) {
        self.round += 1;
        for ip in self.watched.clone() {
            self.send(&ask(MAC, self.me, ip));
            if let Some(&mac) = self.known.get(&ip) {
                let sequence = (self.round % 65_536) as u16;
                self.send(&echo_request((MAC, self.me), (mac, ip), sequence));
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        // A switch that is gone is seen when nothing can be received.
        drop(self.tap.send(frame));
    }

    fn hear(&mut self, frame: &[u8]) {
        match Frame::read(frame) {
            Some(Frame::Asks {
                mac,
                sender,
                target,
            }) => {
                if target == self.me {
                    self.send(&tell(MAC, self.me, (mac, sender)));
                }
                if sender == target {
                    self.announced(sender, mac);
                }
            }
            Some(Frame::Tells {
                mac,
                sender,
                target,
            }) => {
                if sender == target {
                    self.announced(sender, mac);
                } else if target == self.me {
                    self.known.entry(sender).or_insert(mac);
                    self.note(sender, mac, Kind::Answer);
                }
            }
            Some(Frame::EchoRequest {
                mac,
                from,
                to,
                body,
            }) if to == self.me => {
                self.send(&echo_reply((MAC, self.me), (mac, from), &body));
            }
            Some(Frame::EchoReply { mac, from, to }) if to == self.me => {
                self.note(from, mac, Kind::Echo);
            }
            _ => {}
        }
    }

    fn announced(&mut self, ip: Ipv4Addr, mac: Mac) {
        self.known.insert(ip, mac);
        self.note(ip, mac, Kind::Announcement);
    }

    fn note(&self, ip: Ipv4Addr, mac: Mac, kind: Kind) {
        if self.watched.contains(&ip) {
            self.history.lock().unwrap().add(Heard {
                at: Instant::now(),
                round: self.round,
                ip,
                mac,
                kind,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use hive_qemu::Lifetime;

    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
    const SOON: Duration = Duration::from_secs(20);

    /// Two machines that have the address one after the other, as a switch sees it.
    #[test]
    fn it_follows_announcements_and_finds_two_answerers() {
        let dir = tempfile::tempdir().unwrap();
        let switch = match Switch::start(dir.path(), Lifetime::Tied) {
            Ok(switch) => switch,
            Err(error) => return crate::skipped(&error.to_string()),
        };
        let prober = Prober::plug(&switch, Ipv4Addr::new(10, 0, 0, 1), &[VIP]);
        let machine = |name: &str, mac: Mac| {
            let mut tap = switch.tap(name).unwrap();
            let on = Arc::new(AtomicBool::new(false));
            let serving = Arc::clone(&on);
            thread::spawn(move || {
                while let Ok(frame) = tap.receive(SOON) {
                    // The switch is a hub.
                    let mine = |to: &[u8]| to == mac || to == [0xff; 6];
                    let meant = frame.as_ref().is_some_and(|frame| mine(&frame[..6]));
                    if !meant || !serving.load(Ordering::Relaxed) {
                        continue;
                    }
                    let answer = match frame.as_deref().and_then(Frame::read) {
                        Some(Frame::Asks {
                            mac: who,
                            sender,
                            target,
                        }) if target == VIP => tell(mac, VIP, (who, sender)),
                        Some(Frame::EchoRequest {
                            mac: who,
                            from,
                            to,
                            body,
                        }) if to == VIP => echo_reply((mac, VIP), (who, from), &body),
                        _ => continue,
                    };
                    if tap.send(&answer).is_err() {
                        return;
                    }
                }
            });
            on
        };
        let (a, b) = ([2, 0, 0, 0, 0, 0xa], [2, 0, 0, 0, 0, 0xb]);
        let (first, second) = (machine("a", a), machine("b", b));
        first.store(true, Ordering::Relaxed);
        prober.until("an echo", SOON, |h| h.holder(VIP).filter(|mac| *mac == a));
        first.store(false, Ordering::Relaxed);
        let moved = Instant::now();
        second.store(true, Ordering::Relaxed);
        sleep(Duration::from_secs(1));
        assert_eq!(
            prober.history().moved(VIP, moved, a),
            None,
            "it was not announced"
        );
        let mut speaker = switch.tap("speaker").unwrap();
        // A port passes nothing before the switch has noticed its new member.
        let since = Instant::now();
        while prober.history().moved(VIP, moved, a).is_none() {
            assert!(since.elapsed() < SOON, "no echo of the second");
            speaker.send(&tell(b, VIP, ([0xff; 6], VIP))).unwrap();
            sleep(ROUND);
        }
        let history = prober.history();
        assert!(history.announced(VIP, moved, b));
        assert_eq!(history.contradictions(VIP), [""; 0]);
        first.store(true, Ordering::Relaxed);
        prober.until("a contradiction", SOON, |h| h.contradictions(VIP).pop());
    }
}
