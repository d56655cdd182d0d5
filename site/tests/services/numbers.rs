//! Device ids and published ports, from one run to the next.

use super::*;

const NUMBERED: &str = "plugin: hive_services
services:
  dns:
    image: dns
    ports: ['53', '53/udp']
    volumes:
    - {source: zones, target: /zones, type: volume, drbd: {fstype: xfs, size: 500M}}
  later:
    available_on: [production]
    image: later
    ports: ['80']
    volumes:
    - {source: later, target: /data, type: volume, drbd: {fstype: xfs, size: 500M}}
  web:
    image: web
    ports: ['80', '8080:8080']
    volumes:
    - {source: data, target: /data, type: volume, drbd: {fstype: ext4, size: 52M}}
";

fn numbers(reading: &Reading) -> (Vec<u16>, Vec<u16>) {
    let ports = reading.services.services.values();
    let ports = ports.flat_map(|service| service.ports.iter().map(|port| port.published));
    let ids = reading.services.volumes.values();
    let ids = ids.filter_map(|volume| match volume.kind {
        VolumeKind::Drbd { device_id, .. } => Some(device_id),
        _ => None,
    });
    (ports.collect(), ids.collect())
}

#[test]
fn numbers_are_given_in_the_order_of_the_files_and_kept() {
    let mut files = [source("hive.yml", HIVE), source("services.yml", NUMBERED)];
    let first = read(&files, &Kept::default()).unwrap();
    // `data`, then `zones`; 2 and 61003 wait for `later`.
    assert_eq!(
        numbers(&first),
        (vec![61001, 61002, 61004, 8080], vec![3, 1])
    );
    let again = read(&files, &first.kept).unwrap();
    assert_eq!(again.services, first.services);
    assert_eq!(again.kept, first.kept);
    files[1].text = format!("# stage: production\n{NUMBERED}");
    let production = read(&files, &first.kept).unwrap();
    let service = &production.services.services["later"];
    assert_eq!(service.ports[0].published, 61003);
    assert_eq!(production.kept, first.kept);
}

#[test]
fn stages_may_ask_for_the_same_device_id() {
    let text = "plugin: hive_services
services:
  theirs:
    available_on: [production]
    image: db
    ports: ['61001:1']
    volumes:
    - {source: theirs, target: /d, type: volume, drbd: {fstype: xfs, size: 1G, device_id: 1}}
    - {source: free, target: /f, type: volume, drbd: {fstype: xfs, size: 1G, device_id: 2}}
  ours:
    available_on: [private]
    image: db
    ports: ['1']
    volumes:
    - {source: ours, target: /d, type: volume, drbd: {fstype: xfs, size: 1G, device_id: 1}}
    - {source: open, target: /o, type: volume, drbd: {fstype: xfs, size: 1G}}
";
    let files = [source("hive.yml", HIVE), source("services.yml", text)];
    let reading = read(&files, &Kept::default()).unwrap();
    assert_eq!(numbers(&reading), (vec![61002], vec![3, 1]));
    assert_eq!(reading.kept.device_ids.get("theirs"), None);
}

#[test]
fn a_folder_of_the_predecessor_is_continued() {
    let files = [source("hive.yml", HIVE), source("services.yml", NUMBERED)];
    let kept = Kept {
        device_ids: BTreeMap::from([("data".into(), 7), ("gone".into(), 1)]),
        published_ports: BTreeMap::from([("dns53".into(), 61009), ("web80".into(), 61001)]),
    };
    let reading = read(&files, &kept).unwrap();
    assert_eq!(
        numbers(&reading),
        (vec![61009, 61009, 61001, 8080], vec![7, 2])
    );
    assert_eq!(reading.kept.device_ids.get("gone"), Some(&1));
    assert_eq!(reading.kept.published_ports.get("web80"), Some(&61001));
}

#[test]
fn a_device_id_of_a_volume_that_is_gone_is_refused() {
    let text = "plugin: hive_services
services:
  db:
    image: db
    volumes:
    - {source: data, target: /d, type: volume, drbd: {fstype: xfs, size: 1G, device_id: 4}}
";
    let files = [source("hive.yml", HIVE), source("services.yml", text)];
    let kept = Kept {
        device_ids: BTreeMap::from([("gone".into(), 4)]),
        ..Kept::default()
    };
    let error = read(&files, &kept).unwrap_err().to_string();
    assert!(error.contains("belongs to volume `gone`, which has it from before"));
    let full = Kept {
        device_ids: (1..=255).map(|id| (format!("v{id}"), id)).collect(),
        ..Kept::default()
    };
    let files = [
        files[0].clone(),
        source("services.yml", &text.replace(", device_id: 4", "")),
    ];
    let error = read(&files, &full).unwrap_err().to_string();
    assert!(
        error.contains("no device id left for volume `data`"),
        "{error}"
    );
}
