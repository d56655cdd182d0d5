//! Definitions with templates, and attributes that variable files give.

use std::sync::Arc;

use hive_site::service::model::{Mode, VolumeKind};
use hive_site::{InMemory, Injected};

use super::*;

const DEFINITION: &str = "plugin: hive_services
services:
  db:
    image: 'registry.example.com/db:{{ db_version }}'
    environment:
      SITE: '{{ hive_name }}'
      SELF: '{{ inventory_hostname }}'
      GONE: '{{ nothing | default(omit) }}'
    labels: '{{ common_labels }}'
    replicas: '{{ groups[\"hives\"] | length }}'
    volumes:
    - source: data
      target: '{{ data_dir }}'
      type: volume
      drbd: {fstype: xfs, size: '{{ db_size }}'}
  web:
    image:
      from: 'debian:{{ hive_stage }}'
      roles: [web]
      env: {WHO: '{{ inventory_hostname }}'}
";

fn evaluated(definition: &str) -> Result<Reading, Diagnostics> {
    let files = [
        source("hive.yml", HIVE),
        source("services.yml", definition),
        source(
            "group_vars/all.yml",
            "db_version: 11\ndata_dir: /var/lib/db\ncommon_labels: {team: data, level: 3}\n",
        ),
        source("group_vars/services.yml", "hive_stop_grace_period: 1m\n"),
        source("host_vars/volume_data.yml", "db_size: 3G\n"),
        source(
            "host_vars/web.yml",
            "hive_replicas: 2\nhive_stop_grace_period: 2m\n",
        ),
    ];
    let site = hive_site::parse(&files)?.site;
    let stage = site.stage(&StageName::Private).unwrap();
    let evaluation = site.evaluate(stage.name, Arc::new(InMemory::new()), Injected::new());
    site.services(&evaluation, &HiveWide::of_stage(stage))
        .unwrap()
}

#[test]
fn templates_are_evaluated_as_each_thing_sees_them() {
    let reading = evaluated(DEFINITION).unwrap_or_else(|error| panic!("{error}"));
    let db = &reading.services.services["db"];
    assert_eq!(db.image.reference(), "registry.example.com/db:11");
    let environment: Vec<_> = db
        .environment
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(environment, ["SELF=db", "SITE=example.com"]);
    assert_eq!(db.labels["level"], "3");
    assert_eq!(db.mounts[0].target, "/var/lib/db");
    let VolumeKind::Drbd { size, .. } = reading.services.volumes["data"].kind else {
        panic!("{:?}", reading.services.volumes)
    };
    assert_eq!(size, 3 << 30);
    let Image::Built { build, .. } = &reading.services.services["web"].image else {
        panic!("{:?}", reading.services.services["web"].image)
    };
    assert_eq!(build.from, "debian:private");
    assert_eq!(build.env["WHO"], "image_web");
}

#[test]
fn variable_files_may_give_attributes() {
    let reading = evaluated(DEFINITION).unwrap_or_else(|error| panic!("{error}"));
    let seconds = |name: &str| reading.services.services[name].stop_grace_period.as_secs();
    assert_eq!((seconds("db"), seconds("web")), (60, 120));
    let mode = reading.services.services["web"].mode;
    assert_eq!(mode, Mode::Replicated(Some(2)));
}

#[test]
fn a_template_without_a_value_is_told_once_and_at_its_place() {
    let definition = DEFINITION.replace("{{ data_dir }}", "{{ data_folder }}");
    let error = evaluated(&definition).unwrap_err();
    let messages: Vec<String> = error.iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 1, "{error}");
    assert!(messages[0].contains("data_folder"), "{error}");
    assert!(
        messages[0].contains("inventory/services.yml:13:"),
        "{error}"
    );
}
