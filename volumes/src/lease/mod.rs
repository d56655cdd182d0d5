//! Who may write to a volume of two copies: the protocol by which Raft stands in for DRBD's own quorum.
//!
//! DRBD 8.4 lets either of two hosts write as soon as the other is out of sight. So the swarm's Raft
//! keeps two facts beside each volume: who holds it, and which copies are *current*, that is, have
//! every write that was ever acknowledged. Four changes are possible, each a compare-and-swap at the
//! version that was read, each with a new turn, so that none is without effect:
//!
//! | change | who | when | what it does |
//! |---|---|---|---|
//! | [`acquire`] | a host with a current copy | before each promotion | makes it the holder |
//! | [`fence`] | DRBD's `fence-peer` handler, while all I/O is frozen | the peer is out of sight of a primary, or of one about to be | leaves its own copy as the only current one |
//! | [`admit`] | a host with a current copy | both copies are connected and up to date | makes the peer's copy current again |
//! | [`release`] | the holder | after it demoted | leaves the volume to whoever comes |
//!
//! Why acknowledged writes are never lost or contradicted:
//!
//! 1. While connected, a write is acknowledged when both copies have it (protocol C), and DRBD takes
//!    one primary only. When the peer is out of sight, DRBD freezes all I/O and asks for [`fence`].
//! 2. Only a current copy is ever promoted, and a promotion without sight of the peer needs [`fence`],
//!    after which the peer's copy is not current. Of two hosts that fence each other, Raft lets one win;
//!    the other stays frozen, and acknowledges nothing any more.
//! 3. A copy that missed a write is made current only by [`admit`]. The record is read *before* DRBD is
//!    asked whether the copies are connected and up to date. A loss of sight in between leads to a
//!    [`fence`] before the next write, and with that to another version: the admission is refused.
//! 4. A change that was given up on and arrives late names an old version, and is refused.
//!
//! There is no clock in it. That the swarm calls the holder down only keeps hosts from taking volumes
//! away from each other; if the swarm errs, the volume moves, and nothing is lost. What is *not*
//! promised: a host that is cut off may still read what it has in its page cache.
//!
//! After a person made a new swarm of what was left (`hive recover`), Raft may have forgotten changes.
//! A record of an earlier swarm is therefore not believed until both copies are connected and up to
//! date, and a copy is never thrown away because of it. DRBD's word is not enough there, for it calls a
//! peer connected that has left, until it notices, and the fence that the peer wrote may be what was
//! forgotten: the peer itself has to say that it is connected, after the record was read. Versions are
//! not comparable between swarms, so hived drops what it was about when the epoch changes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::record::State;

/// Who may write, and whose copies have everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The host that has the volume in use, or is about to.
    pub holder: Option<String>,
    /// Hosts whose copies have every acknowledged write.
    pub current: BTreeSet<String>,
    /// The swarm that this was written in: `hive recover` raises it.
    pub epoch: u64,
}

/// What a host sees when it asks for a volume. Taken after the record was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    /// Short name of this host.
    pub me: &'a str,
    /// The epoch of the swarm that this host is in.
    pub epoch: u64,
    /// How DRBD sees the other copy.
    pub link: Link,
    /// Whether this host's copy is up to date.
    pub up_to_date: bool,
    /// Whether the peer's hived answered, after the record was read, that its DRBD is connected to this
    /// host, that its copy is up to date, and that it is not in use there. Asked for after `recover` only.
    pub peer_agrees: bool,
    /// Whether the swarm calls the holder's machine down.
    pub holder_down: bool,
}

/// How DRBD sees the other copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// Not at all.
    Cut,
    /// Connected.
    Connected {
        /// It is in use over there.
        primary: bool,
        /// It is complete.
        up_to_date: bool,
    },
}

/// Why a host does not get a volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its copy lacks acknowledged writes.
    #[error(
        "the copy on {me} lacks writes that {current} has; it can be used here when {current} is back and this copy has caught up"
    )]
    Stale {
        /// This host.
        me: String,
        /// Those that have everything.
        current: String,
    },
    /// It is in use elsewhere.
    #[error("it is in use on {holder}")]
    InUse {
        /// Where.
        holder: String,
    },
    /// Somebody else holds it, and might still use it.
    #[error(
        "{holder} holds it and is not down; it lets go when its containers have stopped, or when the swarm calls it down"
    )]
    Held {
        /// Who.
        holder: String,
    },
    /// The copy is incomplete.
    #[error("the copy on {me} is not up to date yet")]
    Incomplete {
        /// This host.
        me: String,
    },
    /// Raft may have forgotten something.
    #[error(
        "the swarm was made anew since the volume was used last, so it is not known which copy is newer; it can be used when both hosts say that their copies are connected and up to date"
    )]
    Forgotten,
    /// Others took over while this host was cut off.
    #[error("{holder} has taken over: what was not acknowledged here is void")]
    Overtaken {
        /// Who.
        holder: String,
    },
}

/// The state in which `view.me` holds the volume, to be written before it promotes. Written anew even
/// by who holds it already: a release that is still on its way is void then.
///
/// # Errors
/// Somebody else may have it in use, or this copy may lack writes.
pub fn acquire(state: &State, view: &View<'_>) -> Result<State, Refusal> {
    let lease = &state.lease;
    let both = matches!(
        view.link,
        Link::Connected {
            up_to_date: true,
            ..
        }
    );
    if !view.up_to_date {
        return Err(Refusal::Incomplete { me: view.me.into() });
    }
    if let Link::Connected { primary: true, .. } = view.link {
        let other = state.copies().find(|host| *host != view.me);
        return Err(Refusal::InUse {
            holder: other.unwrap_or("the other host").to_owned(),
        });
    }
    if lease.epoch != view.epoch {
        if !both || !view.peer_agrees {
            return Err(Refusal::Forgotten);
        }
        // Both have the same, so both have everything there is.
        return Ok(state.changed(|next| {
            next.lease.current = next.copies().map(str::to_owned).collect();
            next.lease.holder = Some(view.me.to_owned());
            next.lease.epoch = view.epoch;
        }));
    }
    if !lease.current.contains(view.me) {
        return Err(Refusal::Stale {
            me: view.me.into(),
            current: names(&lease.current),
        });
    }
    match &lease.holder {
        // A connected secondary doesn't use it, whoever holds it; DRBD keeps it from promoting later.
        Some(holder) if holder != view.me && !view.holder_down && view.link == Link::Cut => {
            Err(Refusal::Held {
                holder: holder.clone(),
            })
        }
        _ => Ok(state.changed(|next| next.lease.holder = Some(view.me.to_owned()))),
    }
}

/// The state after which the copy of `me` is the only one with all writes: when Raft has it, I/O may go on.
///
/// # Errors
/// Others were faster, or Raft may have forgotten that they were.
pub fn fence(state: &State, me: &str, epoch: u64) -> Result<State, Refusal> {
    let lease = &state.lease;
    if lease.epoch != epoch {
        return Err(Refusal::Forgotten);
    }
    match &lease.holder {
        Some(holder) if holder != me => Err(Refusal::Overtaken {
            holder: holder.clone(),
        }),
        _ if !lease.current.contains(me) => Err(Refusal::Stale {
            me: me.into(),
            current: names(&lease.current),
        }),
        _ => Ok(state.changed(|next| {
            next.lease.holder = Some(me.to_owned());
            next.lease.current = BTreeSet::from([me.to_owned()]);
        })),
    }
}

/// The state in which both copies are current, if that is true and not written yet.
///
/// `view` must be newer than `state`: see the head of this module.
pub fn admit(state: &State, view: &View<'_>) -> Option<State> {
    let lease = &state.lease;
    let complete = view.up_to_date
        && matches!(
            view.link,
            Link::Connected {
                up_to_date: true,
                ..
            }
        );
    let mine = lease.epoch == view.epoch && lease.current.contains(view.me);
    let all: BTreeSet<String> = state.copies().map(str::to_owned).collect();
    (complete && mine && lease.current != all)
        .then(|| state.changed(|next| next.lease.current = all))
}

/// The state in which nobody holds the volume, if `me` held it. To be written after it demoted.
pub fn release(state: &State, me: &str) -> Option<State> {
    let holds = state.lease.holder.as_deref() == Some(me);
    holds.then(|| state.changed(|next| next.lease.holder = None))
}

/// Whether the frozen I/O of `me` never goes on, because others took over while it was cut off. The
/// machine has to start anew then, for processes that wait for such I/O can't be ended; nothing that
/// was acknowledged is lost by it.
///
/// `refused` says that DRBD of both hosts met and did not connect, because the other has the newer data
/// or is in use, too. That tells who is overtaken if Raft forgot it.
pub fn overtaken(state: &State, me: &str, epoch: u64, refused: bool) -> bool {
    match fence(state, me, epoch) {
        Err(Refusal::Overtaken { .. } | Refusal::Stale { .. }) => true,
        Err(Refusal::Forgotten) => refused,
        _ => false,
    }
}

/// Whether what only the copy of `me` has is void, so that it may be overwritten by the peer's copy
/// even if DRBD finds that both went their own way.
pub fn void(state: &State, me: &str, epoch: u64) -> bool {
    let lease = &state.lease;
    lease.epoch == epoch && !lease.current.is_empty() && !lease.current.contains(me)
}

fn names(hosts: &BTreeSet<String>) -> String {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    match hosts.as_slice() {
        [] => "no host".to_owned(),
        hosts => hosts.join(" and "),
    }
}

#[cfg(test)]
mod tests;
