//! The life of one virtual IP on this host: make sure that nobody has it, take it, announce it, have the
//! router answer to it, and let it go. A state machine without I/O; one order at a time is under way,
//! and a newer one puts an end to it.

use std::net::IpAddr;
use std::time::Duration;

use hive_links::{Mac, Place, Schedule};

/// Pause before the address is tried again after somebody else was found to have it, by number of
/// tries: a former owner lets go within seconds, a foreign machine does not.
const TAKEN: [u64; 6] = [1, 1, 2, 5, 15, 30];
/// The same after the kernel refused, or there is no place for it.
const REFUSED: [u64; 3] = [2, 10, 30];
/// The same after the router never answered.
const GIVEN_UP: [u64; 4] = [30, 60, 120, 300];
/// So many questions to the router are not answered before the address is given up.
pub const ROUTER_TRIES: u32 = 5;
/// From one question that was not answered to the next.
const ROUTER_AGAIN: Duration = Duration::from_secs(3);
/// From an answer of the router to the next question.
const ROUTER_LATER: Duration = Duration::from_secs(60);
/// Pause before a removal that failed is tried again.
const REMOVE_AGAIN: Duration = Duration::from_secs(1);

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since boot; all that is decided goes by it.
    pub now: Duration,
    /// Seconds since 1970, for people.
    pub wall: u64,
}

/// What is to be done about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Ask the network whether somebody has it.
    Probe(Place),
    /// Add it.
    Add(Place),
    /// Tell the network that it is here.
    Announce(Place),
    /// Ask the router from it.
    Ping(Place, IpAddr),
    /// Remove it.
    Remove(Place),
}

/// What came of an order; `Err` in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Who has it.
    Probed(Result<Option<Mac>, String>),
    /// It was added.
    Added(Result<(), String>),
    /// It was announced.
    Announced(Result<(), String>),
    /// Whether the router answered.
    Pinged(Result<bool, String>),
    /// It is gone.
    Removed(Result<(), String>),
}

/// What the service wants on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it goes now, or why nowhere.
    pub place: Result<Place, String>,
    /// Whether the interface lets frames pass.
    pub link_up: bool,
    /// The neighbour to ask.
    pub router: Option<IpAddr>,
    /// Not to be taken sooner.
    pub free_at: Duration,
}

/// What a look at the kernel says; looks from before the last change don't count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nobody has looked since.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there with our mark.
    Present(Place),
}

/// How the router check stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Router {
    /// The neighbour.
    pub address: Option<IpAddr>,
    /// When it answered last, seconds since 1970.
    pub answered: Option<u64>,
    /// Questions since then that were not answered.
    pub failures: u32,
    /// When it is asked next.
    at: Duration,
}

/// Held since, and what is due.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where.
    pub place: Place,
    /// Since when, seconds since 1970.
    pub since: u64,
    /// The router check.
    pub router: Router,
    schedule: Schedule,
    announce_at: Duration,
    link_up: bool,
    busy: bool,
}

#[derive(Debug, Clone, Default)]
enum Phase {
    #[default]
    Idle,
    Probing(Place),
    /// Nobody had it a moment ago.
    Cleared(Place),
    Adding(Place),
    Held(Box<Held>),
    /// Tried again at the moment.
    Removing(Place, Duration),
    Resting(Duration),
}

/// One virtual IP.
#[derive(Debug, Clone, Default)]
pub struct Vip {
    phase: Phase,
    /// Number of the last order: outcomes of others are late.
    pub turn: u64,
    /// When address or order changed last: older looks at the kernel say nothing.
    pub changed: Duration,
    tries: usize,
    /// Kept until it is held, or wanted no more.
    pub trouble: Option<String>,
    /// Where it goes after a removal, instead of `Idle`.
    rest: Option<Duration>,
    /// Since when it was held, as an earlier daemon wrote it down.
    held_before: Option<u64>,
}

impl Vip {
    /// One that an earlier daemon may have held, since `moment` in seconds since 1970.
    pub fn held_since(moment: Option<u64>) -> Self {
        Self {
            held_before: moment,
            ..Self::default()
        }
    }

    /// The address, when it is held.
    pub fn held(&self) -> Option<&Held> {
        match &self.phase {
            Phase::Held(held) => Some(held),
            _ => None,
        }
    }

    /// Whether it is being taken.
    pub fn claiming(&self) -> bool {
        matches!(
            self.phase,
            Phase::Probing(_) | Phase::Cleared(_) | Phase::Adding(_)
        )
    }

    /// Whether nothing of it is left to remember.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// When something is due by itself.
    pub fn wake(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Held(held) if !held.busy => match held.router.address {
                Some(_) => Some(held.announce_at.min(held.router.at)),
                None => Some(held.announce_at),
            },
            Phase::Removing(_, at) | Phase::Resting(at) => Some(*at),
            _ => None,
        }
    }

    /// One step; `None`: nothing is to be done now.
    pub fn step(&mut self, at: Moment, wanted: Option<&Wanted>, seen: &Seen) -> Option<Order> {
        // Each round either gives an order or goes to a phase from which there is no way back.
        for _ in 0..4 {
            let before = std::mem::discriminant(&self.phase);
            let order = match wanted {
                None => self.let_go(at, seen),
                Some(wanted) => self.take(at, wanted, seen),
            };
            if order.is_some() {
                self.turn += 1;
                return order;
            }
            if std::mem::discriminant(&self.phase) == before {
                return None;
            }
        }
        None
    }

    fn let_go(&mut self, at: Moment, seen: &Seen) -> Option<Order> {
        self.trouble = None;
        self.tries = 0;
        self.rest = None;
        match (&self.phase, seen) {
            (Phase::Removing(..), Seen::Absent) => self.phase = Phase::Idle,
            (Phase::Removing(place, again), _) if at.now >= *again => {
                return self.remove(at, place.clone());
            }
            (Phase::Removing(..), _) => {}
            (_, Seen::Present(place)) => return self.remove(at, place.clone()),
            // The kernel may have it though it was not seen yet.
            (Phase::Adding(place), _) => return self.remove(at, place.clone()),
            (Phase::Held(held), _) => return self.remove(at, held.place.clone()),
            (Phase::Probing(_), _) => {
                // Its outcome is of no interest any more.
                self.turn += 1;
                self.phase = Phase::Idle;
            }
            (Phase::Idle | Phase::Cleared(_) | Phase::Resting(_), _) => self.phase = Phase::Idle,
        }
        None
    }

    fn take(&mut self, at: Moment, wanted: &Wanted, seen: &Seen) -> Option<Order> {
        match (&mut self.phase, seen) {
            (Phase::Idle, Seen::Present(place)) => match &wanted.place {
                // Of an earlier daemon: it stays, and is announced as if it were new. Adding what is
                // there only makes sure that it is there as it is wanted now.
                Ok(wants) if wants.index == place.index => {
                    self.changed = at.now;
                    self.phase = Phase::Adding(wants.clone());
                    return Some(Order::Add(wants.clone()));
                }
                _ => return self.remove(at, place.clone()),
            },
            (Phase::Idle, Seen::Unknown) => {}
            (Phase::Idle, Seen::Absent) if at.now < wanted.free_at => {}
            (Phase::Idle, Seen::Absent) => match &wanted.place {
                Ok(place) => {
                    let place = place.clone();
                    self.phase = Phase::Probing(place.clone());
                    return Some(Order::Probe(place));
                }
                Err(words) => self.rest(at, &REFUSED, words.clone()),
            },
            (Phase::Resting(_), Seen::Present(place)) => return self.remove(at, place.clone()),
            (Phase::Resting(until), _) if at.now >= *until => self.phase = Phase::Idle,
            (Phase::Cleared(place), _) => {
                let place = place.clone();
                self.changed = at.now;
                self.phase = Phase::Adding(place.clone());
                return Some(Order::Add(place));
            }
            (Phase::Removing(..), Seen::Absent) => {
                self.phase = self.rest.take().map_or(Phase::Idle, Phase::Resting);
            }
            (Phase::Removing(place, again), _) if at.now >= *again => {
                let place = place.clone();
                return self.remove(at, place);
            }
            (Phase::Held(_), Seen::Absent) => {
                // Somebody took it away, or the interface is gone: claimed as if it were new.
                self.phase = Phase::Idle;
            }
            (Phase::Held(held), _) => match &wanted.place {
                Ok(place) if *place != held.place => {
                    let place = held.place.clone();
                    return self.remove(at, place);
                }
                _ => return self.keep(at, wanted),
            },
            (Phase::Probing(_) | Phase::Adding(_) | Phase::Removing(..) | Phase::Resting(_), _) => {
            }
        }
        None
    }

    /// What is due while it is held.
    fn keep(&mut self, at: Moment, wanted: &Wanted) -> Option<Order> {
        let Phase::Held(held) = &mut self.phase else {
            return None;
        };
        if wanted.link_up && !held.link_up {
            held.schedule = Schedule::default();
            held.announce_at = at.now;
        }
        held.link_up = wanted.link_up;
        if held.router.address != wanted.router {
            held.router = Router {
                address: wanted.router,
                at: at.now,
                ..Router::default()
            };
        }
        if held.busy || !held.link_up {
            return None;
        }
        if held.announce_at <= at.now {
            held.busy = true;
            return Some(Order::Announce(held.place.clone()));
        }
        let router = held.router.address.filter(|_| held.router.at <= at.now)?;
        held.busy = true;
        Some(Order::Ping(held.place.clone(), router))
    }

    fn hold(&mut self, at: Moment, place: Place, wanted: &Wanted) {
        let mut schedule = Schedule::default();
        let first = schedule.next().unwrap_or_default();
        self.phase = Phase::Held(Box::new(Held {
            place,
            since: self.held_before.take().unwrap_or(at.wall),
            router: Router {
                address: wanted.router,
                at: at.now,
                ..Router::default()
            },
            schedule,
            announce_at: at.now + first,
            link_up: wanted.link_up,
            busy: false,
        }));
    }

    fn remove(&mut self, at: Moment, place: Place) -> Option<Order> {
        self.changed = at.now;
        self.held_before = None;
        self.phase = Phase::Removing(place.clone(), at.now + REMOVE_AGAIN);
        Some(Order::Remove(place))
    }

    fn rest(&mut self, at: Moment, pauses: &[u64], why: String) {
        self.phase = Phase::Resting(at.now + pause(pauses, self.tries));
        self.tries += 1;
        self.trouble = Some(why);
    }

    /// What came of order number `turn`. `wanted` is what is wanted now; an order that follows from
    /// the outcome comes with the next step.
    pub fn outcome(&mut self, at: Moment, turn: u64, outcome: Outcome, wanted: Option<&Wanted>) {
        if turn != self.turn {
            return;
        }
        match (&mut self.phase, outcome) {
            (Phase::Probing(place), Outcome::Probed(Ok(None))) => {
                self.phase = Phase::Cleared(place.clone());
            }
            (Phase::Probing(place), Outcome::Probed(Ok(Some(mac)))) => {
                let why = format!(
                    "another machine on {} has it (hardware address {mac}); it is tried again",
                    place.interface
                );
                self.rest(at, &TAKEN, why);
            }
            (Phase::Probing(_), Outcome::Probed(Err(words))) => self.rest(at, &REFUSED, words),
            (Phase::Adding(place), Outcome::Added(Ok(()))) => {
                let place = place.clone();
                self.changed = at.now;
                match wanted {
                    Some(wanted) => self.hold(at, place, wanted),
                    // The next step removes it.
                    None => self.phase = Phase::Adding(place),
                }
                self.trouble = None;
            }
            (Phase::Adding(_), Outcome::Added(Err(words))) => {
                self.changed = at.now;
                self.rest(at, &REFUSED, words);
            }
            (Phase::Removing(place, _), Outcome::Removed(Ok(()))) => {
                // A look that is newer than this ends the phase.
                self.changed = at.now;
                self.phase = Phase::Removing(place.clone(), at.now + REMOVE_AGAIN);
            }
            (Phase::Removing(..), Outcome::Removed(Err(words))) => self.trouble = Some(words),
            (Phase::Held(held), Outcome::Announced(result)) => {
                held.busy = false;
                held.announce_at = at.now + held.schedule.next().unwrap_or(ROUTER_LATER);
                match result {
                    Err(words) => self.trouble = Some(words),
                    // What the router's silence is about stays until it answers.
                    Ok(()) if held.router.failures == 0 => self.trouble = None,
                    Ok(()) => {}
                }
            }
            (Phase::Held(_), Outcome::Pinged(result)) => self.pinged(at, result),
            _ => {}
        }
    }

    fn pinged(&mut self, at: Moment, result: Result<bool, String>) {
        let Phase::Held(held) = &mut self.phase else {
            return;
        };
        held.busy = false;
        let router = &mut held.router;
        if result == Ok(true) {
            (router.answered, router.failures) = (Some(at.wall), 0);
            router.at = at.now + ROUTER_LATER;
            (self.tries, self.trouble) = (0, None);
            return;
        }
        router.failures += 1;
        router.at = at.now + ROUTER_AGAIN;
        held.schedule = Schedule::default();
        held.announce_at = at.now;
        let name = router.address.map(|ip| ip.to_string()).unwrap_or_default();
        let cause = result.err().map(|e| format!(" ({e})")).unwrap_or_default();
        let tries = router.failures;
        // Once it has answered the address works; a router that restarts must not take it away.
        if router.answered.is_none() && tries >= ROUTER_TRIES {
            let pause = pause(&GIVEN_UP, self.tries);
            self.tries += 1;
            self.trouble = Some(format!(
                "the router {name} did not answer to it {tries} times{cause}, so it was given up; it is tried again in {} s",
                pause.as_secs()
            ));
            self.rest = Some(at.now + pause);
            // Due at once.
            self.phase = Phase::Removing(held.place.clone(), at.now);
            self.changed = at.now;
        } else {
            self.trouble = Some(format!(
                "the router {name} did not answer to it, {tries} in a row{cause}; it is announced again"
            ));
        }
    }
}

fn pause(pauses: &[u64], tries: usize) -> Duration {
    let seconds = pauses.get(tries).or(pauses.last()).copied();
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(test)]
#[path = "vip_tests.rs"]
mod tests;
