//! `volumes` of a service: what is mounted, and which volumes are to be made for it.

use std::collections::BTreeMap;

use super::evaluate::{Evaluate, whole};
use super::mirrored;
use super::model::{Mount, MountKind};
use super::names;
use super::surroundings::Surroundings;
use super::values;
use crate::StageName;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::tree::{Entry, Node, Value};

const KEYS: &[&str] = &[
    "source",
    "target",
    "type",
    "readonly",
    "driver",
    "driver_opts",
    "drbd",
    "nfs",
];
/// What makes a volume; one at the most.
const MAKERS: &[&str] = &["drbd", "nfs", "driver"];
/// What belongs to the volume and is evaluated as it sees things, not as the service does.
const OF_VOLUME: &[&str] = &["drbd", "nfs", "driver", "driver_opts"];
const NFS_KEYS: &[&str] = &["size", "available_on"];
const KINDS: &[(&str, MountKind)] = &[
    ("volume", MountKind::Volume),
    ("bind", MountKind::Bind),
    ("tmpfs", MountKind::Tmpfs),
];
/// A volume as one service declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub name: String,
    pub place: Place,
    pub available_on: Vec<StageName>,
    pub maker: Maker,
}

/// What makes a volume, before device ids are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Maker {
    Driver {
        driver: String,
        options: BTreeMap<String, String>,
    },
    Drbd {
        size: u64,
        fstype: String,
        device_id: Option<u16>,
        diskless: Vec<String>,
        vgname: Option<String>,
    },
    Nfs {
        size: Option<u64>,
    },
}

/// The name that stands for a volume where variables are looked up.
pub fn volume_host(source: &str) -> String {
    format!("volume_{source}")
}

/// Evaluates `volumes` of a service: each part as service or volume sees it.
pub(crate) fn evaluate(
    node: &Node,
    service: &str,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Option<Node> {
    let Value::List(items) = &node.value else {
        return whole(evaluate, node, service, report);
    };
    let mut done = Vec::new();
    for item in items {
        let Value::Map(entries) = &item.value else {
            done.extend(whole(evaluate, item, service, report));
            continue;
        };
        let source = item.get("source").and_then(|entry| entry.node.as_text());
        let volume = volume_host(source.unwrap_or_default());
        let before = report.errors();
        let mut parts = Vec::new();
        for entry in entries {
            let of_volume = OF_VOLUME.contains(&entry.key.as_str());
            let host = if of_volume { &volume } else { service };
            if let Some(node) = evaluate.node(&entry.node, host, report) {
                parts.push(Entry {
                    key: entry.key.clone(),
                    place: entry.place,
                    node,
                });
            }
        }
        if report.errors() == before {
            done.push(Node {
                value: Value::Map(parts),
                place: item.place,
            });
        }
    }
    Some(Node {
        value: Value::List(done),
        place: node.place,
    })
}

/// Reads the entries of `volumes`, evaluated; `stages` are those of the service.
pub(crate) fn read(
    node: &Node,
    stages: &[StageName],
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> (Vec<Mount>, Vec<Declared>) {
    let mut mounts: Vec<Mount> = Vec::new();
    let mut declared = Vec::new();
    for item in values::items(node, "volumes", report) {
        if let Some(text) = item.as_text() {
            let mut parts = text.split(':');
            let (source, target) = (parts.next().unwrap_or_default(), parts.next());
            report.error(
                item.place,
                format!("`{text}` in `volumes`: a volume is written as a mapping"),
                match target {
                    Some(target) => format!(
                        "write `- {{source: {source}, target: {target}, type: {}}}`",
                        if source.starts_with('/') {
                            "bind"
                        } else {
                            "volume"
                        }
                    ),
                    None => "write `- {source: data, target: /data, type: volume}`".to_owned(),
                },
            );
            continue;
        }
        let Some((mount, volume)) = read_one(item, stages, around, report) else {
            continue;
        };
        if mounts.iter().any(|other| other.target == mount.target) {
            report.error(
                item.get("target").map_or(item.place, |e| e.node.place),
                format!("two volumes are mounted at `{}`", mount.target),
                "give one of them another `target`",
            );
        }
        mounts.push(mount);
        declared.extend(volume);
    }
    (mounts, declared)
}

fn read_one(
    item: &Node,
    stages: &[StageName],
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<(Mount, Option<Declared>)> {
    let fields = Fields::open(item, item.place, "an item of `volumes`", KEYS, report)?;
    let source = fields.text("source", report).unwrap_or_default();
    let target = fields.required("target", "/data", report);
    let kind = values::choice(&fields, "type", KINDS, report);
    let read_only = fields.flag("readonly", report).unwrap_or(false);
    let makers: Vec<&Entry> = item_entries(item)
        .iter()
        .filter(|entry| MAKERS.contains(&entry.key.as_str()))
        .collect();
    if let [first, second, ..] = makers[..] {
        report.error(
            second.place,
            format!("`{}` and `{}` both make the volume", first.key, second.key),
            "keep one of them",
        );
        return None;
    }
    if let Some(opts) = fields.entry("driver_opts")
        && fields.entry("driver").is_none()
    {
        report.error(
            opts.place,
            "`driver_opts` has no meaning without `driver`",
            "add `driver: local`",
        );
    }
    // A type that can't be read has been reported; the rest is judged by what it must be.
    let kind = match kind {
        Some(kind) => kind,
        None if fields.entry("type").is_some() => return None,
        None => MountKind::Bind,
    };
    let source_place = fields.entry("source").map_or(item.place, |e| e.node.place);
    check_source(
        &source,
        kind,
        !makers.is_empty(),
        source_place,
        item,
        report,
    );
    let target_entry = target?;
    let target = fields::text(&target_entry.node, "target", report)?;
    if !target.starts_with('/') {
        report.error(
            target_entry.node.place,
            format!("`target` can't be `{target}`: it is no absolute path"),
            format!("write `/{target}`"),
        );
    }
    let declared = match makers.first() {
        Some(maker) if !source.is_empty() => declare(
            maker,
            &source,
            source_place,
            &fields,
            stages,
            around,
            report,
        ),
        _ => None,
    };
    let mount = Mount {
        source,
        target,
        kind,
        read_only,
    };
    Some((mount, declared))
}

fn item_entries(item: &Node) -> &[Entry] {
    match &item.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn check_source(
    source: &str,
    kind: MountKind,
    made: bool,
    place: Place,
    item: &Node,
    report: &mut Report<'_>,
) {
    let typed = item.get("type").is_some();
    let volume = "write `type: volume`";
    match kind {
        MountKind::Tmpfs if !source.is_empty() => report.error(
            place,
            format!("a tmpfs has no source, and `{source}` is given"),
            "remove `source`, or take another `type`",
        ),
        _ if made && source.is_empty() => report.error(
            place,
            "a volume that is to be made has no name",
            "write its name as `source`",
        ),
        _ if made && kind != MountKind::Volume => report.error(
            item.get("type").map_or(place, |entry| entry.node.place),
            format!("the volume `{source}` is to be made, but what is mounted is no volume"),
            volume,
        ),
        MountKind::Bind if source.is_empty() => report.error(
            item.get("source").map_or(item.place, |entry| entry.place),
            "a bind mount lacks its `source`",
            "write a path of the hosts, such as `source: /var/run/docker.sock`",
        ),
        MountKind::Bind if !source.starts_with('/') => report.error(
            place,
            format!("`{source}` is no absolute path, as a bind mount needs it"),
            if typed {
                format!("write an absolute path; if it is a volume, {volume}")
            } else {
                format!("without `type` a mount is a bind mount; {volume} if it is a volume")
            },
        ),
        MountKind::Volume if !source.is_empty() && !names::is_object(source) => report.error(
            place,
            format!("docker takes no volume called `{source}`"),
            if source.starts_with('/') {
                "write `type: bind` to mount a path of the hosts".to_owned()
            } else {
                "use letters, digits, dots, hyphens and underscores, a letter or digit first"
                    .to_owned()
            },
        ),
        _ => {}
    }
}

fn declare(
    maker: &Entry,
    source: &str,
    place: Place,
    fields: &Fields<'_>,
    stages: &[StageName],
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Option<Declared> {
    let mut available_on = stages.to_vec();
    let read = match maker.key.as_str() {
        "driver" => Maker::Driver {
            driver: fields.text("driver", report)?,
            options: fields
                .entry("driver_opts")
                .map(|entry| values::text_map(&entry.node, "driver_opts", report))
                .unwrap_or_default(),
        },
        key => {
            let what = format!("`{key}` of volume `{source}`");
            let known = if key == "drbd" {
                mirrored::KEYS
            } else {
                NFS_KEYS
            };
            let inner = Fields::open(&maker.node, maker.place, what, known, report)?;
            if let Some(entry) = inner.entry("available_on") {
                available_on = values::stages(&entry.node, "available_on", report);
            }
            if key == "drbd" {
                mirrored::read(source, place, &inner, around, report)?
            } else {
                Maker::Nfs {
                    size: values::bytes(&inner, "size", report),
                }
            }
        }
    };
    Some(Declared {
        name: source.to_owned(),
        place,
        available_on,
        maker: read,
    })
}
