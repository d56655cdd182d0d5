use super::*;

use hive_site::service::model::*;

pub(crate) use super::sample::full;

pub(crate) fn contents() -> Contents {
    let [secrets, configs] = sample::secrets_and_configs();
    Contents {
        key: b"key".to_vec(),
        secrets,
        configs,
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
                "User": "0:0",
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
                "Reservations": {"NanoCPUs": 10_000_000, "MemoryBytes": 4 << 20}
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
    let confined = container.privileges.unwrap().app_armor.unwrap().mode;
    assert_eq!(confined.unwrap().to_string(), "disabled");
    let spec = &desired.services[0].spec;
    let mut older = spec.clone();
    let task = older.task_template.as_mut().unwrap();
    task.container_spec.as_mut().unwrap().privileges = None;
    let shape = |spec| crate::shape::service(spec, &BTreeMap::new());
    assert_eq!(
        shape(spec),
        shape(&older),
        "an engine that does not keep it"
    );
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
