use super::*;
use crate::from_site;

fn full() -> ServiceSpec {
    let services = from_site::tests::full();
    let desired = from_site::desired(&services, &from_site::tests::contents());
    desired.unwrap().services.remove(0).spec
}

#[test]
fn a_service_reads_as_a_person_would_write_it() {
    let shape = service(&full(), &BTreeMap::new());
    for (path, value) in [
        ("image", "tiny:latest"),
        ("command", r#"["100"]"#),
        ("entrypoint", r#"["sleep"]"#),
        ("environment.B", "two=2"),
        ("volumes./data", "volume data read-only"),
        ("ports.8080/tcp", "80 ingress"),
        ("networks.hive_default_network", r#"{"Aliases":["www"]}"#),
        ("limits.cpus", "0.5"),
        ("limits.memory", "64 MiB"),
        ("limits.pids", "50"),
        ("reservations.memory", "4 MiB"),
        ("restart.condition", "on-failure"),
        ("restart.window", "60s"),
        ("healthcheck.interval", "2s"),
        ("update.order", "start-first"),
        ("update.max_failure_ratio", "0.25"),
        ("hosts.h1.example.com", "10.1.0.1"),
        ("dns.nameservers", r#"["10.0.0.53"]"#),
        ("replicas", "2"),
        ("cap_add", "CAP_NET_ADMIN"),
        ("ulimits.nofile", "1024:2048"),
        ("init", "true"),
        ("read_only", "true"),
        ("log.name", "json-file"),
        ("log.options.max-size", "1m"),
        ("sysctls.net.core.somaxconn", "256"),
        ("placement.max_replicas", "4"),
        ("placement.spread", "node.labels.zone"),
        ("labels.hive.owner", "site"),
    ] {
        assert_eq!(
            shape.get(path).map(String::as_str),
            Some(value),
            "{path}: {shape:#?}"
        );
    }
    let secret = crate::desired::hashed_name("password", b"geheim", b"key");
    assert_eq!(shape["secrets.pw"], format!("{secret} 0:0 0440"));
    assert!(!shape.contains_key("rollback.parallelism"));
}

#[test]
fn an_order_that_means_nothing_and_defaults_make_no_difference() {
    let json = |text: &str| -> ServiceSpec { serde_json::from_str(text).unwrap() };
    let short = json(
        r#"{"Name":"a","TaskTemplate":{"ContainerSpec":{"Image":"tiny","Env":["A=1","B=2"],
        "CapabilityAdd":["net_admin","SYSLOG"]},"Placement":{"Constraints":["x==1","a == b"]},
        "Networks":[{"Target":"one"}]},"UpdateConfig":{"Parallelism":1}}"#,
    );
    let long = json(
        r#"{"Name":"a","Labels":{},"TaskTemplate":{"ContainerSpec":{
        "Image":"docker.io/library/tiny:latest","Env":["B=2","A=1"],"StopGracePeriod":10000000000,
        "CapabilityAdd":["CAP_SYSLOG","CAP_NET_ADMIN"],"Isolation":"default","DNSConfig":{},
        "Privileges":{"CredentialSpec":null,"SELinuxContext":null}},
        "Resources":{"Limits":{},"Reservations":{}},"ForceUpdate":3,"Runtime":"container",
        "RestartPolicy":{"Condition":"any","Delay":5000000000,"MaxAttempts":0},
        "Placement":{"Constraints":["a==b","x == 1"],"Platforms":[{"Architecture":"amd64","OS":"linux"}]},
        "Networks":[{"Target":"id1"}]},"Mode":{"Replicated":{"Replicas":1}},
        "UpdateConfig":{"Parallelism":1,"FailureAction":"pause","Monitor":5000000000,
        "MaxFailureRatio":0,"Order":"stop-first"},"EndpointSpec":{"Mode":"vip"}}"#,
    );
    let names = BTreeMap::from([("id1".to_owned(), "one".to_owned())]);
    assert_eq!(service(&short, &names), service(&long, &names));
}

#[test]
fn a_zero_that_means_something_stays() {
    let json = |text: &str| -> ServiceSpec { serde_json::from_str(text).unwrap() };
    let shape = service(
        &json(
            r#"{"Name":"a","TaskTemplate":{"ContainerSpec":{"Init":false},
            "RestartPolicy":{"Delay":0}},"UpdateConfig":{},"Mode":{"Replicated":{"Replicas":0}}}"#,
        ),
        &BTreeMap::new(),
    );
    let expected = [
        ("init", "false"),
        ("replicas", "0"),
        ("restart.delay", "0s"),
        ("update.parallelism", "0"),
    ];
    let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
    assert_eq!(shape, Shape::from(expected));
}
