//! What a hive knows from its seed.

use std::collections::BTreeSet;

use hive_inventory::seed::{KnownSwarm, Member};

/// A hive and its site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// Full name of this hive.
    pub me: String,
    /// All hives of the stage, this one included, in the order of the inventory.
    pub hives: Vec<HiveEntry>,
    /// The swarm that the seed says the site has: this hive joins that one, and never founds.
    pub known: Option<KnownSwarm>,
}

/// A hive of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HiveEntry {
    /// Full name. Docker knows the hive by the first label of it.
    pub name: String,
    /// Whether it may be a manager.
    pub member: Member,
    /// Groups whose names are node labels (`<group>=true`).
    pub groups: BTreeSet<String>,
}
