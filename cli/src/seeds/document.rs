//! The seed of a host: the inventory and the host's keys in, a document out. Opens no file.

use hive_inventory::seed::{
    Disks, Identity, KnownSwarm, MachineMatch, MirroredDisk, Peer, SEED_VERSION, Seed, SwarmOptions,
};
use hive_site::{Host, Stage};

use super::network::{self, NetworkError};
use crate::machines::wiring::{self, Cable};

/// The volume group for mirrored volumes.
const VOLUME_GROUP: &str = "drbdvg";
/// The thin pool in it.
const POOL: &str = "drbdpool";

/// Which machines become the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machines {
    /// Those that the stage's provider makes or has.
    OfProvider,
    /// Virtual machines on this computer, whoever the provider is.
    Here,
}

/// What is secret or personal about a host.
pub struct HostKeys<'a> {
    /// The operators' public key.
    pub admin: &'a str,
    /// The host's own ssh key, the private half.
    pub ssh: &'a str,
    /// What it proves itself with to its peers.
    pub identity: Identity,
}

/// What a machine is to become.
///
/// # Errors
/// The inventory says something about its network that no seed can say.
pub fn seed(
    stage: &Stage,
    host: &Host,
    machines: Machines,
    keys: HostKeys<'_>,
    known: Option<KnownSwarm>,
) -> Result<Seed, NetworkError> {
    let here = machines == Machines::Here || stage.provider == hive_site::Provider::Qemu;
    let peers = stage.hosts().iter().map(|peer| Peer {
        host: peer.name.clone(),
        address: peer.private_ip.into(),
        groups: peer
            .groups(stage.name)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        member: peer.member(),
        machine: recognised_by(stage, peer, here),
    });
    let interfaces = match here {
        true => wiring::interfaces(stage.name, host),
        false => network::interfaces(stage, host)?,
    };
    Ok(Seed {
        version: SEED_VERSION,
        site: stage.site.clone(),
        stage: stage.name.name().to_owned(),
        host: host.name.clone(),
        peers: peers.collect(),
        interfaces,
        admin_keys: vec![keys.admin.to_owned()],
        ssh_host_key: Some(keys.ssh.to_owned()),
        identity: Some(keys.identity),
        swarm: swarm(stage, known),
        disks: Disks {
            mirrored: mirrored(stage, host, here),
        },
    })
}

/// A machine here is known by its interface to its peers, another by what `machines` says.
pub fn recognised_by(stage: &Stage, host: &Host, here: bool) -> MachineMatch {
    match here {
        true => MachineMatch {
            mac: Some(wiring::mac(stage.name, host, Cable::Inside).to_string()),
            ..MachineMatch::default()
        },
        false => host.hardware.recognised_by.clone(),
    }
}

fn swarm(stage: &Stage, known: Option<KnownSwarm>) -> SwarmOptions {
    let internal = stage.internal.as_ref();
    SwarmOptions {
        known,
        data_path_port: stage.data_path_port,
        gwbridge: internal.map(|parts| parts.gwbridge.to_string()),
        gwbridge_v6: stage.internal_cidr_v6.map(|net| net.to_string()),
        ingress: internal.map(|parts| parts.ingress.to_string()),
    }
}

/// The disk for mirrored volumes. Hives that are metal, or may be, have one in any case, whatever its size.
pub fn mirrored(stage: &Stage, host: &Host, here: bool) -> Option<MirroredDisk> {
    let device = host.hardware.mirrored_disk.clone().filter(|_| !here);
    let metal = !here && stage.provider.may_be_metal() && host.is_hive();
    if host.mirrored_disk_gb.is_none() && device.is_none() && !metal {
        return None;
    }
    Some(MirroredDisk {
        device,
        gigabytes: host.mirrored_disk_gb,
        volume_group: VOLUME_GROUP.into(),
        pool: POOL.into(),
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use hive_inventory::seed::Member;
    use hive_site::{SourceFile, StageName};

    use crate::site_keys::tests::stage as sample;

    /// The first stage of a hive definition.
    pub fn stage(text: &str) -> Stage {
        let file = SourceFile {
            path: "inventory/hive.yml".into(),
            text: text.into(),
        };
        let parsed = hive_site::parse(&[file]).unwrap_or_else(|e| panic!("{e}"));
        StageName::ALL
            .iter()
            .find_map(|name| parsed.site.stage(name))
            .unwrap()
            .clone()
    }

    /// The seed of a host of it.
    pub fn of(stage: &Stage, host: usize, machines: Machines) -> Seed {
        let keys = HostKeys {
            admin: "ssh-ed25519 AAAA admin",
            ssh: "PRIVATE",
            identity: Identity {
                certificate: "C".into(),
                key: "K".into(),
                authority: "A".into(),
            },
        };
        seed(stage, &stage.hosts()[host], machines, keys, None).unwrap()
    }

    #[test]
    fn the_seed_reads_back_and_names_all_peers() {
        let stage = sample();
        let seed = of(&stage, 2, Machines::Here);
        let read = Seed::from_json(&serde_json::to_string(&seed).unwrap()).unwrap();
        assert_eq!(read, seed);
        assert_eq!(seed.host, "p-hive2.hive.example");
        let addresses: Vec<_> = seed.peers.iter().map(|p| p.address.to_string()).collect();
        assert_eq!(addresses, ["192.168.77.4", "192.168.77.5", "192.168.77.6"]);
        assert!(seed.peers.iter().all(|p| p.member == Some(Member::Manager)));
        let machine = &seed.me().unwrap().machine;
        assert_eq!(machine.mac.as_deref(), Some("52:54:00:00:00:21"));
        assert_eq!(seed.interfaces[1].mac, machine.mac);
    }

    #[test]
    fn all_hosts_of_a_stage_have_the_same_peers_and_swarm() {
        let stage = stage(METAL);
        let first = of(&stage, 0, Machines::OfProvider);
        for host in 1..stage.hosts().len() {
            let other = of(&stage, host, Machines::OfProvider);
            assert_eq!((&other.peers, &other.swarm), (&first.peers, &first.swarm));
        }
    }

    /// A stage of metal, whose last host is the repository alone.
    pub const METAL: &str = "
plugin: hive_inventory
name: pdns
stages:
  production:
    provider: kickstart
    cidr: 192.168.0.0/24
    number_of_hosts: 4
    number_of_managers: 1
    data_path_port: 8472
    internal_cidr: 172.31.252.0/22
    nameservers: 9.9.9.9
    machines:
      hive0: {serial: S0, mirrored_disk: /dev/disk/by-id/big}
    kickstart_config:
      iso_src: a.iso
      iso_dest: b.iso
      networks:
        - interface: bond0
          bonding_interfaces: [eno1, eno2]
          ips: [192.168.0.4, 192.168.0.5, 192.168.0.6, 192.168.0.7]
          netmask: 255.255.255.0
          gateway: 192.168.0.1
          nameservers: 192.168.0.2
        - interface: bond0
          bonding_interfaces: [eno1, eno2]
          vlanid: 30
          ips: [10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7]
          netmask: 255.255.0.0
        - interface: eno5
";

    #[test]
    fn metal_is_described_by_the_inventory() {
        let stage = stage(METAL);
        let seed = of(&stage, 0, Machines::OfProvider);
        let members: Vec<_> = seed.peers.iter().map(|p| p.member).collect();
        let worker = Some(Member::Worker);
        assert_eq!(members, [Some(Member::Manager), worker, worker, None]);
        assert_eq!(seed.peers[0].machine.serial.as_deref(), Some("S0"));
        assert!(seed.peers[1].machine.is_empty());
        assert_eq!(seed.swarm.data_path_port, Some(8472));
        assert_eq!(seed.swarm.gwbridge.as_deref(), Some("172.31.254.0/25"));
        assert_eq!(seed.swarm.ingress.as_deref(), Some("172.31.253.0/24"));
        let disk = seed.disks.mirrored.unwrap();
        assert_eq!(disk.device.as_deref(), Some("/dev/disk/by-id/big"));
        assert_eq!((disk.gigabytes, disk.pool.as_str()), (None, "drbdpool"));
        let other = of(&stage, 1, Machines::OfProvider).disks.mirrored.unwrap();
        assert_eq!(other.device, None);
        assert_eq!(of(&stage, 3, Machines::OfProvider).disks.mirrored, None);
    }

    #[test]
    fn a_trial_here_says_nothing_about_the_real_machines() {
        let stage = stage(METAL);
        let seed = of(&stage, 0, Machines::Here);
        assert_eq!(seed.peers[0].machine.serial, None);
        assert!(seed.interfaces.iter().all(|i| i.bond.is_none()));
        assert_eq!(seed.disks.mirrored, None);
    }
}
