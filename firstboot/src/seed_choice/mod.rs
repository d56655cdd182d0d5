//! Which seed makes this machine which host. No I/O here.
//!
//! A document counts when it is a seed of this format version, signed by the key in the image, for
//! the image's site and stage, and can be applied. Of one source, those that name this machine's
//! hardware come before those that name none, and `seed.json` before the others of its volume;
//! those that name other hardware are not meant. What is left of each source has to agree on one
//! host; its seed is taken from the source that comes first ([`crate::seed_source`]).
//!
//! A name (`hive.host=NAME`, or a person's choice at the console) decides instead of all that, but
//! makes no broken document a good one.
//!
//! A broken document, or one for another machine, is left aside with a notice where a good one
//! comes before it. A medium is also put right by another: a corrected stick helps a machine with
//! a broken seed on its own disk. What the boot disk's seed partition says of other hosts still
//! counts, because the state beside it is theirs.

#[cfg(test)]
mod agreement;
mod choice;
mod fault;
mod reading;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

use hive_inventory::seed::{Machine, Seed};

use choice::Choice;
pub use fault::{Candidate, Fault, FaultKind};
pub use reading::{Broken, KeyFault, Reader, Reading, is_name_of};

use crate::seed_source::{Class, Source};

/// A seed in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Where it was found, for people.
    pub place: String,
    /// Kind of its source.
    pub class: Class,
    /// Whether its file is called `seed.json`.
    pub plain: bool,
    /// Whether it fits this machine; if not, a name decided.
    pub fits: bool,
    /// The signed text.
    pub text: String,
    /// The seed.
    pub seed: Seed,
    /// What a person should know, a sentence each.
    pub notices: Vec<String>,
}

/// What the documents amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is none.
    Missing,
    /// One makes this machine a host.
    Chosen(Box<Chosen>),
    /// None does, for a reason that a person has to see.
    Fault(Fault),
}

/// Decides. `named` is the host that a person asks for, full or short.
pub fn decide(
    sources: &[Source],
    reader: &Reader<'_>,
    machine: &Machine,
    named: Option<&str>,
) -> Verdict {
    let Some(first) = sources.first() else {
        return Verdict::Missing;
    };
    let key = match reader.key {
        Ok(key) => key,
        Err(why) => {
            return Verdict::Fault(Fault {
                kind: FaultKind::NoKey,
                what: format!(
                    "there is a seed on {}, but this image has no key to check it with and accepts none: the image {why}",
                    first.name
                ),
                next: "bake the image again and flash it".into(),
                candidates: Vec::new(),
                others: Vec::new(),
            });
        }
    };
    let all = reader.all(sources, key);
    let choice = Choice {
        all: &all,
        machine,
        sources: sources.len(),
    };
    match named {
        Some(name) => choice.by_name(name),
        None => choice.by_hardware(),
    }
}

/// Whether a seed wants a hardware address that this machine does not show, and none is for its
/// hardware for certain: a network card's driver may need a moment more.
pub fn wants_cards(sources: &[Source], reader: &Reader<'_>, machine: &Machine) -> bool {
    let Ok(key) = reader.key else { return false };
    let all = reader.all(sources, key);
    let wants_mac = |r: &Reading| {
        let me = r.seed.as_ref().ok().and_then(Seed::me);
        me.is_some_and(|me| me.machine.mac.is_some())
    };
    let certain = |r: &Reading| r.names_hardware() && r.mismatch(machine).is_none();
    all.iter().any(wants_mac) && !all.iter().any(certain)
}
