//! The seed of a host that runs here.

use hive_inventory::seed::{Disks, MachineMatch, Member, Peer, SEED_VERSION, Seed, SwarmOptions};
use hive_inventory::site::{Host, Stage};

use super::wiring;

/// What the machine is to become.
pub fn seed(stage: &Stage, host: &Host, admin_key: &str, host_key: &str) -> Seed {
    let peers = stage.hosts().iter().map(|peer| Peer {
        host: peer.name.clone(),
        address: peer.private_ip.into(),
        groups: peer
            .groups(stage.name)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        member: peer.is_hive().then_some(Member::Manager),
        machine: MachineMatch::default(),
    });
    Seed {
        version: SEED_VERSION,
        site: stage.site.clone(),
        stage: stage.name.name().to_owned(),
        host: host.name.clone(),
        peers: peers.collect(),
        interfaces: wiring::interfaces(stage.name, host),
        admin_keys: vec![admin_key.to_owned()],
        ssh_host_key: Some(host_key.to_owned()),
        identity: None,
        swarm: SwarmOptions::default(),
        disks: Disks::default(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use hive_inventory::sample;
    use hive_inventory::site::{self, SourceFile, StageName};

    /// The private stage of the sample site.
    pub fn stage() -> Stage {
        let files = sample::FILES.map(|f| SourceFile {
            path: f.path.into(),
            text: f.text.into(),
        });
        let parsed = site::parse(&files).unwrap_or_else(|e| panic!("{e}"));
        parsed.site.stage(&StageName::Private).unwrap().clone()
    }

    #[test]
    fn the_seed_reads_back_and_names_all_peers() {
        let stage = stage();
        let seed = seed(
            &stage,
            &stage.hosts()[2],
            "ssh-ed25519 AAAA admin",
            "PRIVATE",
        );
        let read = Seed::from_json(&serde_json::to_string(&seed).unwrap()).unwrap();
        assert_eq!(read, seed);
        assert_eq!(seed.host, "p-hive2.hive.example");
        let addresses: Vec<_> = seed.peers.iter().map(|p| p.address.to_string()).collect();
        assert_eq!(addresses, ["192.168.77.4", "192.168.77.5", "192.168.77.6"]);
    }
}
