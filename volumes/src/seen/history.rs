//! What was seen of a volume, one look after the other: what only shows in time.

use std::time::Instant;

use super::Resource;
use super::half_agreed::HalfAgreed;
use super::left_over::{LeftOver, Stayed};
use super::standstill::Standstill;

/// Of one volume of one host, in one life of hived's.
#[derive(Debug)]
pub struct History {
    marks: LeftOver,
    filling: Standstill,
    agreeing: HalfAgreed,
}

/// What is not as it should be for too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lasting {
    /// Marks that stay.
    pub stayed: Option<Stayed>,
    /// A peer to connect anew with, for the resync of this copy stands still.
    pub stands_still: Option<String>,
    /// This copy is being filled, and nothing has come yet.
    pub nothing_came: bool,
    /// A peer with which this copy does not come to agree on what differs.
    pub half_agreed: Option<String>,
}

impl History {
    /// `from_the_start`: as [`LeftOver::new`] wants it.
    pub fn new(from_the_start: bool) -> Self {
        Self {
            marks: LeftOver::new(from_the_start),
            filling: Standstill::default(),
            agreeing: HalfAgreed::default(),
        }
    }

    /// Takes in what was seen at a moment.
    pub fn look(&mut self, resource: Option<&Resource>, now: Instant) -> Lasting {
        let stands_still = self.filling.look(resource, now);
        Lasting {
            stayed: self.marks.look(resource, now),
            stands_still,
            nothing_came: self.filling.nothing_came(),
            half_agreed: self.agreeing.look(resource, now),
        }
    }

    /// The connection with a peer was made anew at a moment, or that failed.
    pub fn tried(&mut self, peer: &str, now: Instant) {
        self.marks.tried(peer, now);
        self.filling.tried(now);
    }
}
