//! One host's side of a DRBD 8.4 resource, as far as it matters who has which writes.

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Secondary,
    Primary,
}

/// What lies on a disk, and survives a power cut.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// Numbers of the writes that it has.
    pub writes: BTreeSet<u64>,
    /// Its generation (current UUID), and those before it.
    pub generations: Vec<u64>,
    /// Whether it is a consistent and complete copy as far as DRBD knows; a target of a resync is not.
    pub up_to_date: bool,
    /// It was primary when the power went.
    pub crashed_primary: bool,
}

/// A running `fence-peer` handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler {
    /// DRBD ignores its answer when there was another connection in between.
    pub connects: u64,
    /// The question to Raft that it waits for.
    pub ticket: Option<u64>,
    /// It runs for a promotion.
    pub promotes: bool,
}

/// What hived is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    Idle,
    /// Has read this index of the history.
    Acquire(usize),
    Acquiring(u64),
    Release(usize),
    Releasing(u64),
    Admit(usize),
    /// A broken hived looked at DRBD before it read.
    SeenComplete,
    Admitting(u64),
}

#[derive(Debug, Clone)]
pub struct Host {
    pub up: bool,
    pub reaches_raft: bool,
    /// The service shall run here.
    pub wanted: bool,
    pub role: Role,
    /// The connection that this side believes in.
    pub session: Option<u64>,
    pub connects: u64,
    pub disk: Disk,
    /// All I/O waits for the handler.
    pub frozen: bool,
    /// The sides met and did not connect, since this one is in use and would have to take the other's data.
    pub refused: bool,
    /// The handler said that the peer is out of the game.
    pub peer_outdated: bool,
    /// Written here, not acknowledged yet.
    pub pending: BTreeSet<u64>,
    pub task: Task,
    pub handler: Option<Handler>,
}

impl Host {
    pub fn new() -> Self {
        Self {
            up: true,
            reaches_raft: true,
            wanted: false,
            role: Role::Secondary,
            session: None,
            connects: 0,
            disk: Disk {
                generations: vec![0],
                up_to_date: true,
                ..Disk::default()
            },
            frozen: false,
            refused: false,
            peer_outdated: false,
            pending: BTreeSet::new(),
            task: Task::Idle,
            handler: None,
        }
    }

    pub fn primary(&self) -> bool {
        self.up && self.role == Role::Primary
    }

    /// The power goes. Of what was not acknowledged, some is on the disk and some is not.
    pub fn power_off(&mut self, mut kept: impl FnMut() -> bool) {
        self.disk.crashed_primary |= self.role == Role::Primary;
        for write in std::mem::take(&mut self.pending) {
            if !kept() {
                self.disk.writes.remove(&write);
            }
        }
        let disk = std::mem::take(&mut self.disk);
        *self = Self {
            up: false,
            reaches_raft: self.reaches_raft,
            wanted: false,
            disk,
            ..Self::new()
        };
    }

    /// This side notices that the other is out of sight.
    pub fn lose_sight(&mut self) {
        self.session = None;
        self.peer_outdated = false;
        if self.role == Role::Primary {
            self.frozen = true;
            self.handler = Some(Handler {
                connects: self.connects,
                ticket: None,
                promotes: false,
            });
        }
    }
}

/// Which side's data both have after a handshake.
#[derive(Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Both are the same already.
    Same,
    /// The side with this number is the source.
    Source(usize),
    /// Each went its own way.
    SplitBrain,
}

/// How DRBD compares two sides (drbd.org, "generation identifiers").
pub fn handshake(sides: [&Host; 2]) -> Handshake {
    let [a, b] = sides.map(|side| &side.disk);
    let knows = |disk: &Disk, other: &Disk| {
        let current = other.generations.last();
        current.is_some_and(|current| disk.generations.contains(current))
    };
    match (knows(a, b), knows(b, a)) {
        (true, true) => {
            let source = |n: usize| sides[n].role == Role::Primary || sides[n].disk.crashed_primary;
            // A copy that is only half filled is nobody's source.
            let whole = |n: usize| sides[n].disk.up_to_date;
            match (source(0) && whole(0), source(1) && whole(1)) {
                (true, _) => Handshake::Source(0),
                (_, true) => Handshake::Source(1),
                _ if !whole(0) => Handshake::Source(1),
                _ if !whole(1) => Handshake::Source(0),
                _ => Handshake::Same,
            }
        }
        (true, false) => Handshake::Source(0),
        (false, true) => Handshake::Source(1),
        (false, false) => Handshake::SplitBrain,
    }
}
