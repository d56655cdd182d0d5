//! What variables evaluate to: who wins, and that nothing is evaluated that nobody asks for.

// Helpers of tests, which clippy does not see as tests themselves.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::sync::Arc;

use hive_site::{Evaluation, InMemory, Injected, SourceFile, StageName, expanded};

const HIVE: &str = "\
plugin: hive_inventory
name: pdns
stages:
  private: {provider: prepared, cidr: 192.168.0.0/24, number_of_hosts: 3, disk_size: 30}
  staging: {provider: azure, region: r, cidr: 192.168.1.0/24, instance_type: s, repository_instance_type: l}
";
const SERVICES: &str = "\
plugin: hive_services
services:
  web:
    image: \"nginx:{{ tag }}\"
    environment: {DOMAIN: \"{{ domain }}\", SKIPPED: \"{{ omit }}\"}
    ports: [\"8081\", \"53:53/udp\"]
    volumes: [{source: data, target: /d, type: volume, drbd: {fstype: xfs, size: 1G}}]
";

fn evaluation(files: &[(&str, &str)], stage: StageName, injected: Injected) -> Evaluation {
    let known = [("hive.yml", HIVE), ("services.yml", SERVICES)];
    let files: Vec<SourceFile> = known
        .iter()
        .chain(files)
        .map(|(path, text)| SourceFile {
            path: format!("inventory/{path}"),
            text: (*text).to_owned(),
        })
        .collect();
    let site = hive_site::parse(&files).unwrap_or_else(|error| panic!("{error}"));
    site.site
        .evaluate(stage, Arc::new(InMemory::new()), injected)
}

fn private(files: &[(&str, &str)]) -> Evaluation {
    evaluation(files, StageName::Private, Injected::new())
}

fn text(evaluation: &Evaluation, host: &str, name: &str) -> String {
    match evaluation.variable(host, name) {
        Some(Ok(value)) => value.to_string(),
        Some(Err(error)) => error.to_string(),
        None => "(none)".into(),
    }
}

#[test]
fn the_nearest_file_wins() {
    let site = private(&[
        ("group_vars/all/a.yml", "v: all-a\nonly_all: 1\nw: all"),
        ("group_vars/all/b.yml", "v: all-b"),
        ("group_vars/hosts.yml", "v: hosts\nh: hosts"),
        (
            "group_vars/private.yml",
            "v: private\nh: private\nf: private",
        ),
        ("group_vars/first_hive.yml", "f: first_hive"),
        ("group_vars/servers.yaml", "v: servers\ns: servers"),
        ("group_vars/hives", "v: hives"),
        (
            "host_vars/p-hive0.pdns.json",
            "{\"v\": \"own\", \"hive_disk_size\": 99}",
        ),
    ]);
    let of = |host, name| text(&site, host, name);
    assert_eq!(of("p-hive0.pdns", "v"), "own");
    assert_eq!(of("p-hive1.pdns", "v"), "hives");
    assert_eq!(of("p-hive2.pdns", "v"), "servers");
    assert_eq!(of("p-mother.pdns", "v"), "private");
    assert_eq!(of("web", "v"), "private");
    assert_eq!(of("s-hive0.pdns", "w"), "all");
    assert_eq!(of("p-hive0.pdns", "h"), "private");
    assert_eq!(of("p-hive0.pdns", "f"), "private");
    // A host's own file is stronger than its definition.
    assert_eq!(of("p-hive0.pdns", "hive_disk_size"), "99");
    assert_eq!(of("p-hive1.pdns", "hive_disk_size"), "30");
}

#[test]
fn a_priority_reorders_groups_of_one_depth() {
    let site = private(&[
        ("group_vars/private.yml", "v: private"),
        (
            "group_vars/first_hive.yml",
            "v: first_hive\nansible_group_priority: 10",
        ),
    ]);
    assert_eq!(text(&site, "p-hive0.pdns", "v"), "first_hive");
}

#[test]
fn what_the_command_says_is_above_all() {
    let injected = Injected::new().with("hive_context_dir", "/c").with("v", 1);
    let files = [("host_vars/p-hive0.pdns.yml", "v: own\nhive_stage: x")];
    let site = evaluation(&files, StageName::Private, injected);
    assert_eq!(text(&site, "p-hive0.pdns", "v"), "1");
    assert_eq!(text(&site, "p-hive0.pdns", "hive_stage"), "private");
    assert_eq!(text(&site, "p-mother.pdns", "hive_home_dir"), "/c");
}

#[test]
fn a_service_sees_the_stage_that_is_worked_on() {
    let files = [
        ("group_vars/private.yml", "domain: p.example\ntag: 1"),
        ("group_vars/staging.yml", "domain: s.example\ntag: 2"),
    ];
    let of = |stage, name| text(&evaluation(&files, stage, Injected::new()), "web", name);
    assert_eq!(of(StageName::Private, "hive_image"), "nginx:1");
    assert_eq!(of(StageName::Staging, "hive_image"), "nginx:2");
    assert_eq!(of(StageName::Private, "hive_provider"), "prepared");
    assert_eq!(of(StageName::Staging, "hive_provider"), "azure");
    let environment = of(StageName::Staging, "hive_environment");
    assert!(environment.contains("s.example") && !environment.contains("SKIPPED"));
}

#[test]
fn only_what_is_asked_for_is_evaluated() {
    let site = private(&[(
        "group_vars/all.yml",
        "bad: \"{{ nothing }}\"\ngood: \"{{ fine }}\"\nfine: 1\n\
         other: \"{{ hostvars['p-hive1.pdns'].inventory_hostname_short }}\"",
    )]);
    assert_eq!(text(&site, "p-hive0.pdns", "good"), "1");
    assert_eq!(text(&site, "p-hive0.pdns", "other"), "p-hive1");
    let error = text(&site, "p-hive0.pdns", "bad");
    assert!(
        error.contains("nothing") && error.contains("needed by `bad`"),
        "{error}"
    );
    assert_eq!(text(&site, "p-hive0.pdns", "missing"), "(none)");
}

#[test]
fn groups_and_hosts_of_all_stages_are_there() {
    let site = private(&[(
        "group_vars/all.yml",
        "all_first: \"{{ groups['first_hive'] | join(',') }}\"\n\
         mine: \"{{ group_names | join(',') }}\"\n\
         ports: \"{{ hostvars['web'].hive_ports[0].published_port }}\"",
    )]);
    let of = |name| text(&site, "p-hive0.pdns", name);
    assert_eq!(of("all_first"), "p-hive0.pdns,s-hive0.pdns");
    assert_eq!(of("mine"), "first_hive,hives,hosts,private,servers");
    assert_eq!(of("ports"), "61001");
    assert_eq!(of("hive_published_ports_udp"), "['53']");
    assert_eq!(of("hive_registry"), "p-hive2.pdns:5000");
    assert_eq!(site.numbers().device_ids["data"], 1);
}

#[test]
fn long_chains_and_loops_end_with_an_error() {
    let mut chain = String::new();
    for index in 0..2000 {
        writeln!(chain, "v{index}: \"{{{{ v{} }}}}\"", index + 1).unwrap();
    }
    chain.push_str("v2000: end\na: \"{{ b }}\"\nb: \"{{ a }}\"\n");
    let site = private(&[("group_vars/all.yml", &chain)]);
    let deep = text(&site, "p-hive0.pdns", "v0");
    assert!(deep.contains("in a row"), "{deep}");
    // Each on its own is fine.
    assert_eq!(text(&site, "p-hive0.pdns", "v1990"), "end");
    assert!(text(&site, "p-hive0.pdns", "a").contains("a → b → a"));
}

#[test]
fn the_document_has_the_shape_of_the_predecessor() {
    let site = private(&[(
        "group_vars/all.yml",
        "tag: yes\nvault: !vault |\n  $ANSIBLE_VAULT;1\n",
    )]);
    let document = expanded::inventory(&site);
    let web = &document["_meta"]["hostvars"]["web"];
    assert_eq!(web["hive_image"], "nginx:{{ tag }}");
    assert_eq!(web["tag"], true);
    assert_eq!(web["vault"]["__ansible_vault"], "$ANSIBLE_VAULT;1\n");
    assert_eq!(web["hive_volumes"][0].get("drbd"), None);
    assert_eq!(web["hive_ports"][1]["protocol"], "udp");
    let volume = &document["_meta"]["hostvars"]["volume_data"]["hive_volume"];
    assert_eq!(volume["drbd"]["device_id"], 1);
    assert_eq!(document["servers"]["children"][1], "repository");
    assert_eq!(document["networks"]["hosts"][0], "hive_default_network");
    let values = expanded::evaluated_host(&site, "web").unwrap();
    assert_eq!(values["hive_image"]["value"], "nginx:True");
    assert!(values["hive_environment"]["error"].is_string());
}

#[test]
fn stages_may_have_templates_where_no_host_depends_on_them() {
    let hive = "\
plugin: hive_inventory
name: pdns
stages:
  private:
    provider: prepared
    cidr: 192.168.0.0/24
    separate_repository: False
    disk_size: \"{{ sizes.disk }}\"
    repository_disk_size: \"{{ sizes.disk * 3 }}\"
    cpus: \"{{ 4 if inventory_hostname_short == 'p-hive1' else 2 }}\"
    internal_cidr: \"{{ inner }}\"
    subnets: [{cidr: 192.168.0.0/25, name: \"first of {{ hive_name }}\"}]
";
    let files = |hive: &str| {
        [
            ("hive.yml", hive),
            (
                "group_vars/all.yml",
                "sizes: {disk: 20}\ninner: 172.27.0.0/20",
            ),
        ]
        .map(|(path, text)| SourceFile {
            path: format!("inventory/{path}"),
            text: text.to_owned(),
        })
    };
    let site = hive_site::parse(&files(hive)).unwrap_or_else(|error| panic!("{error}"));
    let stage = site.site.stage(&StageName::Private).unwrap();
    let hosts = stage.hosts();
    let disks: Vec<_> = hosts.iter().map(|host| host.disk_gb).collect();
    assert_eq!(disks, [Some(20), Some(20), Some(60)]);
    let cpus: Vec<_> = hosts.iter().map(|host| host.cpus).collect();
    assert_eq!(cpus, [Some(2), Some(4), Some(2)]);
    assert_eq!(hosts[0].subnet, "first of pdns");
    assert!(stage.internal.is_some());
    // What is listed is what a person wrote.
    let evaluation = site.site.evaluate(
        StageName::Private,
        Arc::new(InMemory::new()),
        Injected::new(),
    );
    let listed = expanded::host(&evaluation, "p-hive0.pdns").unwrap();
    assert_eq!(listed["hive_disk_size"], "{{ sizes.disk }}");
    assert_eq!(text(&evaluation, "p-hive0.pdns", "hive_disk_size"), "20");

    let refused = |from: &str, to: &str| {
        let error = hive_site::parse(&files(&hive.replace(from, to))).unwrap_err();
        error.to_string()
    };
    let error = refused("sizes.disk }}", "sizes.disc }}");
    assert!(error.contains("--> inventory/hive.yml:8:20"), "{error}");
    let error = refused("    cidr: 192.168.0.0/24", "    cidr: \"{{ inner }}\"");
    assert!(error.contains("`cidr` can't be a template"), "{error}");
    // Also where no other key is one.
    let alone = HIVE.replace("number_of_hosts: 3", "number_of_hosts: '{{ 3 }}'");
    let error = hive_site::parse(&files(&alone)).unwrap_err().to_string();
    assert!(
        error.contains("`number_of_hosts` can't be a template"),
        "{error}"
    );
    let error = refused("{{ inner }}", "{{ sizes.disk }}");
    assert!(
        error.contains("internal_cidr") && error.contains(":11:"),
        "{error}"
    );
}

#[test]
fn another_hive_may_be_the_first() {
    let files = [SourceFile {
        path: "inventory/hive.yml".into(),
        text: HIVE.into(),
    }];
    let with = |number: usize| {
        let injected = Injected::new().with_first_hive(number);
        let outside = hive_site::Outside {
            stage: Some(StageName::Private),
            surroundings: Arc::new(InMemory::new()),
            injected: injected.clone(),
        };
        let site = hive_site::parse_with(&files, &outside)?.site;
        Ok(site.evaluate(StageName::Private, outside.surroundings, injected))
    };
    let evaluation: Result<Evaluation, hive_site::Diagnostics> = with(1);
    let inventory = expanded::inventory(&evaluation.unwrap());
    let first = serde_json::json!(["p-hive1.pdns", "s-hive0.pdns"]);
    assert_eq!(inventory["first_hive"]["hosts"], first);
    // The last host is the repository.
    let error = with(2).unwrap_err().to_string();
    assert!(
        error.contains("`first_hive` is 2") && error.contains("hives are 0, 1"),
        "{error}"
    );
}

#[test]
fn services_know_the_order_the_empty_groups_and_their_file() {
    let site = private(&[(
        "group_vars/all.yml",
        "empty: \"{{ groups['nfs_volumes'] }}\"\n\
         order: \"{% for h in hostvars if h in groups['hives'] or h == 'web' %}{{ h.split('.')[0] }} {% endfor %}\"\n\
         file: \"{{ inventory_file | basename }}\"\n\
         registry: \"{{ hive_registry }}\"\n\
         number: 8080\nagain: \"{{ number }}\"\nthrice: \"{{ again }}\"\n",
    )]);
    let of_web = |name: &str| text(&site, "web", name);
    assert_eq!(of_web("empty"), "[]");
    assert_eq!(
        of_web("order"),
        "p-hive0 p-hive1 s-hive0 s-hive1 s-hive2 web "
    );
    assert_eq!(of_web("file"), "services.yml");
    assert_eq!(text(&site, "p-hive0.pdns", "file"), "hive.yml");
    assert_eq!(of_web("registry"), "p-hive2.pdns:5000");
    // It is known, but not one of its own.
    let listed = expanded::host(&site, "web").unwrap();
    assert!(listed.get("hive_registry").is_none());
    let json =
        |name: &str| serde_json::to_value(site.variable("web", name).unwrap().unwrap()).unwrap();
    assert_eq!(
        (json("again"), json("thrice")),
        (8080.into(), "8080".into())
    );
}

#[test]
fn inventories_of_ansible_are_told_of() {
    let source = |path: &str, text: &str| SourceFile {
        path: format!("inventory/{path}"),
        text: text.to_owned(),
    };
    let files = [
        source("hive.yml", HIVE),
        source(
            "more.yml",
            "all:\n  children:\n    fast: {hosts: {x.example.com: }}\n",
        ),
        source("plain", "# ours\n[fast]\nx.example.com kind=nvme\n"),
    ];
    let warnings: String = hive_site::parse(&files)
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    for place in ["--> inventory/more.yml:1:1", "--> inventory/plain:2:1"] {
        assert!(warnings.contains(place), "{warnings}");
    }
    assert_eq!(
        warnings
            .matches("hosts come from the hive definition only")
            .count(),
        2
    );
}
