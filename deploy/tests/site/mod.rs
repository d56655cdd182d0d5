//! Services with every attribute, for the tests of this crate.

// Each test uses a part.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use hive_site::StageName;
use hive_site::service::model::*;

/// A service of which no attribute has its default.
pub fn full() -> Services {
    let text = |s: &str| s.to_owned();
    let service = Service {
        name: "web".into(),
        defined: ("inventory/services.yml".into(), 3),
        available_on: vec![StageName::Private],
        image: Image::Reference("tiny".into()),
        command: Some(vec!["100".into()]),
        entrypoint: Some(vec!["sleep".into()]),
        environment: BTreeMap::from([(text("B"), text("two=2")), (text("A"), text("1"))]),
        mounts: vec![Mount {
            source: "data".into(),
            target: "/data".into(),
            kind: MountKind::Volume,
            read_only: true,
        }],
        ports: vec![
            Port {
                published: 8080,
                target: 80,
                protocol: Protocol::Tcp,
                mode: PublishMode::Ingress,
            },
            Port {
                published: 8053,
                target: 53,
                protocol: Protocol::Udp,
                mode: PublishMode::Ingress,
            },
        ],
        networks: vec!["hive_default_network".into()],
        network_aliases: BTreeMap::from([(text("hive_default_network"), vec![text("www")])]),
        labels: BTreeMap::from([(text("HIVE_STANDALONE"), text("False"))]),
        logging: Some(Logging {
            driver: "json-file".into(),
            options: BTreeMap::from([(text("max-size"), text("1m"))]),
        }),
        mode: Mode::Replicated(Some(2)),
        placement: Placement {
            constraints: vec!["node.role == manager".into()],
            spread: vec!["node.labels.zone".into()],
            max_replicas_per_node: Some(4),
        },
        endpoint_mode: EndpointMode::Vip,
        healthcheck: Some(Healthcheck {
            test: vec!["CMD".into(), "sleep".into(), "0".into()],
            interval: Some(Duration::from_secs(2)),
            timeout: Some(Duration::from_secs(3)),
            retries: Some(5),
            start_period: Some(Duration::from_secs(1)),
        }),
        restart: Some(Restart {
            condition: Some(RestartCondition::OnFailure),
            delay: Some(Duration::from_secs(1)),
            max_attempts: Some(3),
            window: Some(Duration::from_secs(60)),
        }),
        stop_grace_period: Duration::from_secs(1),
        dns: Dns {
            servers: vec!["10.0.0.53".into()],
            options: vec!["ndots:1".into()],
            search: vec!["example.com".into()],
        },
        hosts: BTreeMap::from([(text("h1.example.com"), text("10.1.0.1"))]),
        user: Some("0:0".into()),
        working_dir: Some("/usr".into()),
        cap_add: vec!["net_admin".into()],
        cap_drop: vec!["CAP_MKNOD".into()],
        sysctls: BTreeMap::from([(text("net.core.somaxconn"), text("256"))]),
        limits: Resources {
            nano_cpus: Some(500_000_000),
            memory: Some(64 << 20),
            pids: Some(50),
        },
        reservations: Resources {
            nano_cpus: Some(10_000_000),
            memory: Some(4 << 20),
            pids: None,
        },
        standalone: false,
        backup_scripts: Vec::new(),
        initialize_roles: Vec::new(),
        monitor_error: Vec::new(),
        ignore_error: Vec::new(),
        secrets: vec![Grant {
            source: "password".into(),
            target: "pw".into(),
            uid: "0".into(),
            gid: "0".into(),
            mode: 0o440,
        }],
        configs: vec![Grant {
            source: "settings".into(),
            target: "/etc/settings".into(),
            uid: "0".into(),
            gid: "0".into(),
            mode: 0o444,
        }],
        update: Some(Rollout {
            parallelism: Some(2),
            delay: Some(Duration::from_secs(1)),
            failure_action: Some(FailureAction::Rollback),
            monitor: Some(Duration::from_secs(2)),
            max_failure_ratio: Some(0.25),
            order: Some(UpdateOrder::StartFirst),
        }),
        rollback: Some(Rollout {
            failure_action: Some(FailureAction::Continue),
            ..Default::default()
        }),
        init: Some(true),
        read_only: true,
        ulimits: BTreeMap::from([(text("nofile"), (1024, 2048))]),
    };
    let network = Network {
        name: "hive_default_network".into(),
        driver: "overlay".into(),
        driver_opts: BTreeMap::new(),
        ipam: Ipam {
            config: vec![IpamPool {
                subnet: "10.99.0.0/24".into(),
                ..Default::default()
            }],
            ..Default::default()
        },
        attachable: true,
    };
    let volume = Volume {
        name: "data".into(),
        defined: ("inventory/services.yml".into(), 9),
        available_on: vec![StageName::Private],
        kind: VolumeKind::Driver {
            driver: "local".into(),
            options: BTreeMap::new(),
        },
    };
    Services {
        services: BTreeMap::from([("web".into(), service)]),
        networks: BTreeMap::from([("hive_default_network".into(), network)]),
        volumes: BTreeMap::from([("data".into(), volume)]),
        secrets: BTreeMap::from([("password".into(), Material::Generated { length: 20 })]),
        configs: BTreeMap::from([("settings".into(), Material::Content("a=1".into()))]),
    }
}

/// What the secret and the config of these services hold.
pub fn secrets_and_configs() -> [BTreeMap<String, Vec<u8>>; 2] {
    [
        BTreeMap::from([("password".into(), b"geheim".to_vec())]),
        BTreeMap::from([("settings".into(), b"a=1".to_vec())]),
    ]
}

/// Five services for an engine: with most attributes, with an open number of tasks, global with a
/// port of the host, with three tasks, and with hardly any attribute.
pub fn five_services() -> Services {
    let mut services = full();
    let web = services.services["web"].clone();
    let plain = |name: &str| Service {
        name: name.into(),
        environment: BTreeMap::new(),
        mounts: Vec::new(),
        ports: Vec::new(),
        network_aliases: BTreeMap::new(),
        logging: None,
        mode: Mode::Replicated(Some(1)),
        placement: Placement::default(),
        healthcheck: None,
        restart: None,
        stop_grace_period: Duration::from_secs(1),
        dns: Dns::default(),
        user: None,
        working_dir: None,
        cap_add: Vec::new(),
        cap_drop: Vec::new(),
        sysctls: BTreeMap::new(),
        limits: Resources::default(),
        reservations: Resources::default(),
        secrets: Vec::new(),
        configs: Vec::new(),
        update: None,
        rollback: None,
        init: None,
        read_only: false,
        ulimits: BTreeMap::new(),
        ..web.clone()
    };
    let api = Service {
        mode: Mode::Replicated(None),
        endpoint_mode: EndpointMode::Dnsrr,
        environment: BTreeMap::from([("A".into(), "1".into())]),
        ..plain("api")
    };
    let everywhere = Service {
        mode: Mode::Global,
        endpoint_mode: EndpointMode::Dnsrr,
        ports: vec![Port {
            published: 8081,
            target: 81,
            protocol: Protocol::Tcp,
            mode: PublishMode::Host,
        }],
        ..plain("everywhere")
    };
    let many = Service {
        mode: Mode::Replicated(Some(3)),
        mounts: vec![Mount {
            source: String::new(),
            target: "/scratch".into(),
            kind: MountKind::Tmpfs,
            read_only: false,
        }],
        ..plain("many")
    };
    for service in [api, everywhere, many, plain("plain")] {
        services.services.insert(service.name.clone(), service);
    }
    services
}
