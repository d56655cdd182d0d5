//! What a hive does at an event, by the code that hived runs.

use std::collections::BTreeSet;
use std::time::Duration;

use hive_inventory::seed::{KnownSwarm, Member as Membership};
use hive_membership::member::Fault;
use hive_membership::{
    Action, Config, Effect, Event, HiveEntry, Local, Member, Message, Order, Record, Refusal,
};

use crate::intern::{Id, Memo, Table};

pub const NAMES: [&str; 3] = ["a", "b", "c"];
/// Longer than all time-outs of a host but an Init's.
const SHORT: Duration = Duration::from_secs(20);
/// Longer than all time-outs of a host.
const LONG: Duration = Duration::from_secs(70);
/// The number of a question that is out; one that is out no more has 0, which no hive asks with.
const OUT: [u64; 3] = [1, 2, 3];

static MEMBERS: Table<Member> = Table::new();
static RECORDS: Table<Record> = Table::new();
static MESSAGES: Table<Message> = Table::new();
static ACTIONS: Table<Action> = Table::new();
static REACTIONS: Memo<(Id<Member>, Happening), &'static Reaction> = Memo::new();
static HELLOS: Memo<Id<Member>, Id<Message>> = Memo::new();
static STARTS: Memo<Beginning, Id<Member>> = Memo::new();

/// What a hive starts with: host, number of its disk, disk, seed, fault.
type Beginning = (usize, u8, Id<Record>, Option<u8>, Option<Fault>);

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// All time-outs are over; `long`: an Init's too.
    Tick {
        long: bool,
    },
    /// A person has the swarm founded without that host.
    Without {
        host: u8,
        even_if_granted: bool,
    },
    Heard(u8, Id<Message>),
    Swarm(Id<Local>),
    /// Docker's answer and its state right after it.
    Done(Id<Action>, bool, Id<Local>),
}

/// An effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Store(Id<Record>),
    Send(u8, Id<Message>),
    Act(Id<Action>),
    /// Questions of this kind that were out are out no more.
    Void(usize),
}

#[derive(Debug)]
pub struct Reaction {
    pub member: Id<Member>,
    pub outcomes: Vec<Outcome>,
}

pub fn blank() -> Id<Record> {
    RECORDS.id(Record::default())
}

pub fn message(message: Message) -> Id<Message> {
    MESSAGES.id(message)
}

pub fn known(swarm: u8) -> KnownSwarm {
    KnownSwarm {
        cluster: format!("swarm{swarm}"),
        epoch: 0,
    }
}

/// A hive that starts on this disk with this seed.
pub fn start(
    host: usize,
    flashed: u8,
    disk: Id<Record>,
    seed: Option<u8>,
    fault: Option<Fault>,
) -> Id<Member> {
    STARTS.answer((host, flashed, disk, seed, fault), || {
        let hives = NAMES.map(|name| HiveEntry {
            name: name.to_owned(),
            member: Membership::Manager,
            groups: BTreeSet::new(),
        });
        let config = Config {
            me: NAMES[host].to_owned(),
            hives: hives.to_vec(),
            known: seed.map(known),
        };
        // The number of a new disk. Questions carry it too, and are told from earlier ones by `Outcome::Void`.
        let instance = 100 + 10 * host as u64 + u64::from(flashed);
        MEMBERS.id(Member::new(config, (*disk).clone(), instance).with_fault(fault))
    })
}

/// What a hive says of itself at this moment.
pub fn hello(member: Id<Member>) -> Id<Message> {
    HELLOS.answer(member, || message(Message::Hello(member.present_hello())))
}

pub fn react(member: Id<Member>, happening: Happening) -> &'static Reaction {
    REACTIONS.answer((member, happening), || {
        let mut hive = (*member).clone();
        let mut outcomes = Vec::new();
        let zero = Duration::ZERO;
        let mut handle = |now, event| {
            let effects = hive.handle(now, event);
            carry(&mut hive, now, effects, &mut outcomes);
        };
        match happening {
            Happening::Tick { long } => handle(if long { LONG } else { SHORT }, Event::Tick),
            Happening::Heard(from, message) => {
                let from = NAMES[usize::from(from)].to_owned();
                let message = (*message).clone();
                handle(zero, Event::Heard { from, message });
            }
            Happening::Swarm(local) => handle(zero, Event::Swarm((*local).clone())),
            Happening::Done(action, good, local) => {
                let action = (*action).clone();
                let result = if good { Ok(()) } else { Err(String::new()) };
                handle(zero, Event::Done { action, result });
                handle(zero, Event::Swarm((*local).clone()));
            }
            Happening::Without {
                host,
                even_if_granted,
            } => {
                let order = Order::FoundWithout {
                    hives: vec![NAMES[usize::from(host)].to_owned()],
                    even_if_granted,
                };
                if let Ok(effects) = hive.order(zero, order) {
                    carry(&mut hive, zero, effects, &mut outcomes);
                } else {
                    return Box::leak(Box::new(Reaction { member, outcomes }));
                }
            }
        }
        let member = MEMBERS.id(hive);
        Box::leak(Box::new(Reaction { member, outcomes }))
    })
}

fn carry(hive: &mut Member, now: Duration, effects: Vec<Effect>, outcomes: &mut Vec<Outcome>) {
    let asked = hive.asked();
    let same = hive.canonical(now);
    outcomes.extend((0..3).filter(|i| !same[*i]).map(Outcome::Void));
    let number = |kind: usize, nonce: u64| {
        if asked[kind] == Some(nonce) {
            OUT[kind]
        } else {
            0
        }
    };
    for effect in effects {
        match effect {
            Effect::Store(record) => outcomes.push(Outcome::Store(RECORDS.id(record))),
            Effect::Act(action) => outcomes.push(Outcome::Act(ACTIONS.id(action))),
            Effect::Send { to, message } => {
                let Some(to) = NAMES.iter().position(|name| *name == to) else {
                    continue;
                };
                let to = u8::try_from(to).unwrap();
                let message = match message {
                    Message::AskGrant { nonce, without } => Message::AskGrant {
                        nonce: number(0, nonce),
                        without,
                    },
                    Message::AskRelease { nonce } => Message::AskRelease {
                        nonce: number(1, nonce),
                    },
                    Message::AskToken { nonce } => Message::AskToken {
                        nonce: number(2, nonce),
                    },
                    Message::Token {
                        nonce,
                        known,
                        token,
                        ..
                    } => Message::Token {
                        nonce,
                        known,
                        token,
                        managers: Vec::new(),
                    },
                    other => other,
                };
                if arrives(&message) {
                    outcomes.push(Outcome::Send(to, MESSAGES.id(message)));
                }
            }
            Effect::Tell(_) => {}
        }
    }
}

/// Hellos are heard as they are at the moment of hearing; answers that change nothing are left out.
fn arrives(message: &Message) -> bool {
    match message {
        Message::Hello(_) | Message::Unlisted { .. } | Message::AskToken { nonce: 0 } => false,
        Message::Grant { nonce } | Message::Release { nonce } | Message::Token { nonce, .. } => {
            *nonce != 0
        }
        Message::Refuse { nonce, why } => *nonce != 0 && matches!(why, Refusal::Known { .. }),
        _ => true,
    }
}

/// The kind of question that a message is or answers, and whether it is the question.
pub fn question(message: &Message) -> Option<(usize, bool)> {
    Some(match message {
        Message::AskGrant { .. } => (0, true),
        Message::Grant { .. } | Message::Refuse { .. } => (0, false),
        Message::AskRelease { .. } => (1, true),
        Message::Release { .. } => (1, false),
        Message::AskToken { .. } => (2, true),
        Message::Token { .. } => (2, false),
        Message::Hello(_) | Message::Unlisted { .. } => return None,
    })
}

/// The question when nobody waits for its answer any more; `None`: then nothing comes of it.
pub fn late(message: &Message) -> Option<Id<Message>> {
    let late = match message {
        Message::AskGrant { without, .. } => Message::AskGrant {
            nonce: 0,
            without: without.clone(),
        },
        Message::AskRelease { .. } => Message::AskRelease { nonce: 0 },
        _ => return None,
    };
    Some(MESSAGES.id(late))
}
