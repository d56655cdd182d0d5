//! What the seed makes of this host in the swarm.

use std::net::IpAddr;

use hive_inventory::seed::{Identity, Peer, Seed, SwarmOptions};
use hive_membership::{Config, HiveEntry};

/// A host's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Not in any swarm, and that is as it should be.
    Outside {
        /// Why, for who asks it to decide something.
        why: String,
    },
    /// A hive that can't prove who it is.
    Unproved {
        /// What is missing.
        why: String,
    },
    /// A hive.
    Hive(Box<Hive>),
}

/// What a hive needs to take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hive {
    /// For the protocol.
    pub config: Config,
    /// The hives of the seed, in its order.
    pub hives: Vec<Peer>,
    /// Private address of this host.
    pub address: IpAddr,
    /// Certificate, key and authority.
    pub identity: Identity,
    /// How the swarm is made.
    pub options: SwarmOptions,
}

/// Finds the place.
pub fn place(seed: Option<&Seed>) -> Place {
    let Some(seed) = seed else {
        return Place::Outside {
            why:
                "this machine has no seed, so it is no host of any site; `hived status` tells more"
                    .into(),
        };
    };
    let name = &seed.host;
    let Some(me) = seed.me().filter(|me| me.member.is_some()) else {
        return Place::Outside {
            why: format!("{name} is no hive by its seed: it stays outside the swarm"),
        };
    };
    let Some(identity) = &seed.identity else {
        return Place::Unproved {
            why: format!(
                "the seed of {name} has no certificate, so it can't speak to its peers and stays outside the swarm; write it again with `hive seed {}`",
                seed.short_name()
            ),
        };
    };
    let hives: Vec<Peer> = seed
        .peers
        .iter()
        .filter(|peer| peer.member.is_some())
        .cloned()
        .collect();
    let entries = hives.iter().filter_map(|hive| {
        Some(HiveEntry {
            name: hive.host.clone(),
            member: hive.member?,
            groups: hive.groups.clone(),
        })
    });
    Place::Hive(Box::new(Hive {
        config: Config {
            me: name.clone(),
            hives: entries.collect(),
            known: seed.swarm.known.clone(),
        },
        address: me.address,
        identity: identity.clone(),
        options: seed.swarm.clone(),
        hives,
    }))
}

/// The full name of a hive of which a person gave the full name or its first label.
pub fn full_name<'a>(given: &'a str, config: &'a Config) -> &'a str {
    let short = |name: &str| name.split('.').next() == Some(given);
    let hive = config.hives.iter().find(|hive| hive.name == given);
    let hive = hive.or_else(|| config.hives.iter().find(|hive| short(&hive.name)));
    hive.map_or(given, |hive| &hive.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(more: &str) -> Seed {
        Seed::from_json(&format!(
            r#"{{"version":2,"site":"s","stage":"private","host":"h0.s","peers":[
            {{"host":"h0.s","address":"10.0.0.1","member":"manager","groups":["hives"]}},
            {{"host":"h1.s","address":"10.0.0.2","member":"worker"}},
            {{"host":"repo.s","address":"10.0.0.3"}}]{more}}}"#
        ))
        .unwrap()
    }

    const IDENTITY: &str = r#","identity":{"certificate":"c","key":"k","authority":"a"}"#;

    #[test]
    fn a_hive_knows_the_other_hives_and_no_other_server() {
        let Place::Hive(hive) = place(Some(&seed(IDENTITY))) else {
            panic!("h0 is a hive");
        };
        let names: Vec<&str> = hive.config.hives.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, ["h0.s", "h1.s"]);
        assert_eq!(hive.address.to_string(), "10.0.0.1");
        assert_eq!(full_name("h1", &hive.config), "h1.s");
        assert_eq!(full_name("h1.s", &hive.config), "h1.s");
        assert_eq!(full_name("h9", &hive.config), "h9");
    }

    #[test]
    fn without_seed_membership_or_certificate_a_host_stays_outside() {
        assert!(matches!(place(None), Place::Outside { .. }));
        let mut other = seed(IDENTITY);
        other.host = "repo.s".into();
        assert!(matches!(place(Some(&other)), Place::Outside { .. }));
        let Place::Unproved { why } = place(Some(&seed(""))) else {
            panic!("h0 has no certificate");
        };
        assert!(why.contains("hive seed h0"), "{why}");
    }
}
