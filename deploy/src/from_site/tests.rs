use super::*;
use std::time::Duration;

use hive_site::StageName;
use hive_site::service::model::*;

/// A service of which no attribute has its default.
pub(crate) fn full() -> Services {
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
        user: Some("1000:1000".into()),
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
            memory: Some(1 << 20),
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

pub(crate) fn contents() -> Contents {
    Contents {
        key: b"key".to_vec(),
        secrets: BTreeMap::from([("password".into(), b"geheim".to_vec())]),
        configs: BTreeMap::from([("settings".into(), b"a=1".to_vec())]),
    }
}

#[test]
fn every_attribute_reaches_docker() {
    let desired = desired(&full(), &contents()).unwrap();
    let spec = serde_json::to_value(&desired.services[0].spec).unwrap();
    let secret = crate::desired::hashed_name("password", b"geheim", b"key");
    let config = crate::desired::hashed_name("settings", b"a=1", b"key");
    let second = 1_000_000_000_i64;
    let expected = serde_json::json!({
        "Name": "web",
        "Labels": {"HIVE_STANDALONE": "False", "hive.owner": "site"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "tiny",
                "Command": ["sleep"],
                "Args": ["100"],
                "Hostname": "web",
                "Env": ["A=1", "B=two=2"],
                "Dir": "/usr",
                "User": "1000:1000",
                "ReadOnly": true,
                "Mounts": [{"Target": "/data", "Source": "data", "Type": "volume", "ReadOnly": true}],
                "StopGracePeriod": second,
                "HealthCheck": {
                    "Test": ["CMD", "sleep", "0"], "Interval": 2 * second, "Timeout": 3 * second,
                    "Retries": 5, "StartPeriod": second
                },
                "Hosts": ["10.1.0.1 h1.example.com"],
                "DNSConfig": {
                    "Nameservers": ["10.0.0.53"], "Search": ["example.com"], "Options": ["ndots:1"]
                },
                "Secrets": [{
                    "File": {"Name": "pw", "UID": "0", "GID": "0", "Mode": 0o440},
                    "SecretName": secret
                }],
                "Configs": [{
                    "File": {"Name": "/etc/settings", "UID": "0", "GID": "0", "Mode": 0o444},
                    "ConfigName": config
                }],
                "Init": true,
                "Sysctls": {"net.core.somaxconn": "256"},
                "CapabilityAdd": ["CAP_NET_ADMIN"],
                "CapabilityDrop": ["CAP_MKNOD"],
                "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
            },
            "Resources": {
                "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 << 20, "Pids": 50},
                "Reservations": {"NanoCPUs": 10_000_000, "MemoryBytes": 1 << 20}
            },
            "RestartPolicy": {
                "Condition": "on-failure", "Delay": second, "MaxAttempts": 3, "Window": 60 * second
            },
            "Placement": {
                "Constraints": ["node.role == manager"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
                "MaxReplicas": 4
            },
            "Networks": [{"Target": "hive_default_network", "Aliases": ["www"]}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}}
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {
            "Parallelism": 2, "Delay": second, "FailureAction": "rollback", "Monitor": 2 * second,
            "MaxFailureRatio": 0.25, "Order": "start-first"
        },
        "RollbackConfig": {"Parallelism": 1, "FailureAction": "continue"},
        "EndpointSpec": {
            "Mode": "vip",
            "Ports": [
                {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
                {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 8053, "PublishMode": "ingress"}
            ]
        }
    });
    assert_eq!(spec, expected);
    assert!(!desired.services[0].keep_replicas);
}

#[test]
fn a_standalone_service_gets_what_systemd_needs_and_the_files_win() {
    let mut services = full();
    let web = services.services.get_mut("web").unwrap();
    web.standalone = true;
    web.command = None;
    web.entrypoint = None;
    web.cap_drop = vec!["SYSLOG".into()];
    web.mounts[0].target = "/tmp".into();
    let desired = desired(&services, &contents()).unwrap();
    let task = desired.services[0].spec.task_template.clone().unwrap();
    let container = task.container_spec.unwrap();
    let mounts: Vec<_> = container.mounts.unwrap();
    let targets: Vec<_> = mounts
        .iter()
        .map(|m| m.target.as_deref().unwrap())
        .collect();
    assert_eq!(targets, ["/tmp", "/run", "/sys/fs/cgroup"]);
    let added = container.capability_add.unwrap();
    assert!(added.contains(&"CAP_SYS_ADMIN".to_owned()));
    assert!(!added.contains(&"CAP_SYSLOG".to_owned()));
    assert!(container.args.unwrap()[2].ends_with("exec /sbin/init"));
}

#[test]
fn replicas_of_minus_one_make_one_and_keep_what_is_there() {
    let mut services = full();
    services.services.get_mut("web").unwrap().mode = Mode::Replicated(None);
    let desired = desired(&services, &contents()).unwrap();
    let service = &desired.services[0];
    assert!(service.keep_replicas);
    let mode = service.spec.mode.clone().unwrap();
    assert_eq!(mode.replicated.unwrap().replicas, Some(1));
}

#[test]
fn what_is_not_defined_or_known_is_said() {
    let mut services = full();
    services.configs.clear();
    let error = desired(&services, &contents()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "service \"web\" wants config \"settings\", which is not defined"
    );
    let error = desired(&full(), &Contents::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the content of secret \"password\" is not known"
    );
}
