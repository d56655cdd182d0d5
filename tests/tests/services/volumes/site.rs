//! The definition of these stories: services with mirrored volumes, and what boxes change in it.

use std::fs;
use std::path::{Path, PathBuf};

use hive_tests::cluster::Cluster;

/// The service that writes.
pub const WRITER: &str = "writer";
/// Its volume.
pub const RECORDS: &str = "records";
/// What it writes.
pub const FILE: &str = "/records/file";
/// The size of its volume at first: the least that xfs takes, since all of it is filled, compared and read again and
/// again.
const MEGABYTES: u64 = 300;
/// Services with a volume where their image has content, and what the volume is formatted with. Each
/// volume has the name of its service.
pub const FILLED: [(&str, &str); 2] = [("served", "ext4"), ("servedtoo", "xfs")];

/// All services.
pub const SERVICES: [&str; 3] = [WRITER, FILLED[0].0, FILLED[1].0];

/// The definition of services.
fn services(megabytes: u64, more: &str) -> String {
    format!(
        "plugin: hive_services
available_on: [private]
services:
  {WRITER}:
    image: records:1
    command: record-writer write {FILE}
    replicas: 1
    stop_grace_period: 1s
    volumes:
    - {{source: {RECORDS}, target: /records, type: volume, drbd: {{fstype: xfs, size: {megabytes}M}}}}
  served:
    image: box:1
    replicas: 1
    stop_grace_period: 1s
    volumes:
    - {{source: served, target: /www, type: volume, drbd: {{fstype: ext4, size: 32M}}}}
  servedtoo:
    image: box:1
    replicas: 1
    stop_grace_period: 1s
    volumes:
    - {{source: servedtoo, target: /www, type: volume, drbd: {{fstype: xfs, size: 300M}}}}
{more}"
    )
}

/// A service more, with the attributes of its volume.
pub fn one_more(service: &str, volume: &str, attributes: &str) -> String {
    format!(
        "  {service}:
    image: box:1
    replicas: 1
    stop_grace_period: 1s
    volumes:
    - {{source: {volume}, target: /data, type: volume, drbd: {{{attributes}}}}}
"
    )
}

/// A service more with so many volumes.
pub fn many(service: &str, count: usize) -> String {
    let volumes = (0..count).map(|n| {
        format!("    - {{source: {service}{n}, target: /data{n}, type: volume, drbd: {{fstype: ext4, size: 16M}}}}\n")
    });
    let volumes: String = volumes.collect();
    format!(
        "  {service}:\n    image: box:1\n    replicas: 1\n    stop_grace_period: 1s\n    volumes:\n{volumes}"
    )
}

fn definition(folder: &Path) -> PathBuf {
    folder.join("inventory/services.yml")
}

fn write(folder: &Path, megabytes: u64, more: &str) {
    fs::write(definition(folder), services(megabytes, more)).unwrap();
}

/// The size of the writer's volume as it is defined; an earlier run on this cluster may have grown it.
pub fn megabytes(cluster: &Cluster) -> u64 {
    let text = fs::read_to_string(definition(&cluster.path(""))).unwrap_or_default();
    let line = text
        .lines()
        .find(|l| l.contains(&format!("source: {RECORDS},")));
    let size = line.and_then(|l| l.split("size: ").nth(1)?.split('M').next()?.parse().ok());
    size.unwrap_or(MEGABYTES)
}

/// Gives the writer's volume this size in the definition.
pub fn resize(cluster: &Cluster, megabytes: u64) {
    write(&cluster.path(""), megabytes, "");
}

/// Adds these services to the definition, in place of those that were added before.
pub fn add(cluster: &Cluster, more: &str) {
    write(&cluster.path(""), megabytes(cluster), more);
}
