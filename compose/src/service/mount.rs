//! `volumes:` and `tmpfs:` of a service.

use std::path::{Component, Path, PathBuf};

use bollard::models::{
    Mount, MountBindOptions, MountBindOptionsPropagationEnum as Propagation, MountTmpfsOptions,
    MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig,
};
use hive_deploy::desired::Owner;

use super::NOTHING;
use crate::fields::Fields;
use crate::ignored::Ignored;
use crate::scalar;
use crate::stack::Context;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::spelling;
use hive_site::yaml::tree::{Node, Value};

const KNOWN: [&str; 7] = [
    "type",
    "source",
    "target",
    "read_only",
    "bind",
    "volume",
    "tmpfs",
];
const CONSISTENCY: [Ignored; 1] = [Ignored {
    key: "consistency",
    instead: "",
}];
const BIND: [Ignored; 3] = [
    Ignored {
        key: "create_host_path",
        instead: "the path has to be there on every host that may run a task",
    },
    Ignored {
        key: "selinux",
        instead: "",
    },
    Ignored {
        key: "recursive",
        instead: "",
    },
];
const TYPES: [(&str, MountType); 3] = [
    ("volume", MountType::VOLUME),
    ("bind", MountType::BIND),
    ("tmpfs", MountType::TMPFS),
];
const PROPAGATIONS: [(&str, Propagation); 6] = [
    ("private", Propagation::PRIVATE),
    ("rprivate", Propagation::RPRIVATE),
    ("shared", Propagation::SHARED),
    ("rshared", Propagation::RSHARED),
    ("slave", Propagation::SLAVE),
    ("rslave", Propagation::RSLAVE),
];

/// As written, before names are looked up.
struct Wanted {
    kind: MountType,
    source: String,
    target: String,
    read_only: bool,
    propagation: Option<Propagation>,
    no_copy: bool,
    subpath: Option<String>,
    tmpfs: MountTmpfsOptions,
    place: Place,
}

pub(super) fn read(
    service: &Fields<'_>,
    what: &str,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Vec<Mount> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for node in service.list("volumes", report) {
        let read = match (&node.value, node.as_text()) {
            (Value::Map(_), _) => long(node, what, report),
            (_, Some(text)) => short(text, node.place, report),
            _ => {
                let message = format!("a volume of {what} is {}", node.kind());
                report.error(node.place, message, "write \"NAME:/path\", or a mapping");
                None
            }
        };
        wanted.extend(read);
    }
    for node in service.list("tmpfs", report) {
        wanted.extend(
            node.as_text()
                .and_then(|text| memory(text, node.place, report)),
        );
    }
    let mut mounts: Vec<(Mount, Place)> = Vec::new();
    for one in wanted {
        let place = one.place;
        let target = one.target.clone();
        if !target.starts_with('/') {
            report.error(
                place,
                format!("`{target}` is not an absolute path"),
                "the path in the container begins with /",
            );
            continue;
        }
        let Some(mount) = mount(one, context, report) else {
            continue;
        };
        let same = |(other, _): &(Mount, Place)| other.target == mount.target;
        if let Some(same) = mounts.iter().position(same) {
            // A later file has the last word.
            if mounts[same].1.file == place.file {
                let message = format!("{what} mounts two things at {target}");
                report.error(place, message, "remove one of them");
            }
            mounts[same] = (mount, place);
        } else {
            mounts.push((mount, place));
        }
    }
    mounts.into_iter().map(|(mount, _)| mount).collect()
}

fn wanted(kind: MountType, source: &str, target: &str, place: Place) -> Wanted {
    Wanted {
        kind,
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: false,
        propagation: None,
        no_copy: false,
        subpath: None,
        tmpfs: MountTmpfsOptions::default(),
        place,
    }
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn short(text: &str, place: Place, report: &mut Report<'_>) -> Option<Wanted> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => ("", "", ""),
    };
    if target.is_empty() || (parts.len() > 1 && source.is_empty()) {
        report.error(
            place,
            format!("`{text}` is no volume"),
            "write NAME:/path, /host/path:/path, or either with :ro behind it",
        );
        return None;
    }
    let kind = match source.starts_with(['.', '/', '~']) {
        true => MountType::BIND,
        false => MountType::VOLUME,
    };
    let mut one = wanted(kind, source, target, place);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => one.read_only = true,
            "rw" => one.read_only = false,
            "nocopy" => one.no_copy = true,
            "z" | "Z" | "cached" | "delegated" | "consistent" => report.warn(
                place,
                format!("the option `{option}` has no effect in a swarm"),
                "",
            ),
            _ => match PROPAGATIONS.iter().find(|(name, _)| *name == option) {
                Some((_, propagation)) => one.propagation = Some(*propagation),
                None => {
                    let known = ["ro", "rw", "nocopy"].into_iter();
                    let known = known.chain(PROPAGATIONS.iter().map(|(name, _)| *name));
                    report.error(
                        place,
                        format!("unknown option `{option}` of a volume"),
                        spelling::advice(option, known),
                    );
                }
            },
        }
    }
    Some(one)
}

fn long(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Wanted> {
    let what = format!("a volume of {what}");
    let fields = Fields::of(node, &what, &KNOWN, &CONSISTENCY, report)?;
    if fields.get("type").is_none() {
        let help = "write `type:` with volume, bind or tmpfs";
        report.error(node.place, format!("{what} has no type"), help);
    }
    let kind = fields.choice("type", &TYPES, report);
    if fields.get("target").is_none() {
        let help = "write `target:` with the path in the container";
        report.error(node.place, format!("{what} has no target"), help);
    }
    let target = fields.text("target", report);
    let source = fields.text("source", report).unwrap_or_default();
    let (kind, target) = (kind?, target?);
    let mut one = wanted(kind, &source, &target, node.place);
    one.read_only = fields.flag("read_only", report).unwrap_or_default();
    let sections = [
        ("bind", MountType::BIND),
        ("volume", MountType::VOLUME),
        ("tmpfs", MountType::TMPFS),
    ];
    for (section, of) in sections {
        if fields.get(section).is_some() && of != kind {
            report.error(
                fields.place_of(section),
                format!("`{section}` does not go with type: {kind}"),
                "remove it, or change the type",
            );
        }
    }
    if let Some(node) = fields.get("bind") {
        let what = format!("`bind` of {what}");
        let below = Fields::of(node, what, &["propagation"], &BIND, report)?;
        one.propagation = below.choice("propagation", &PROPAGATIONS, report);
    }
    if let Some(node) = fields.get("volume") {
        let what = format!("`volume` of {what}");
        let below = Fields::of(node, what, &["nocopy", "subpath"], &NOTHING, report)?;
        one.no_copy = below.flag("nocopy", report).unwrap_or_default();
        one.subpath = below.text("subpath", report);
    }
    if let Some(node) = fields.get("tmpfs") {
        let what = format!("`tmpfs` of {what}");
        let below = Fields::of(node, what, &["size", "mode"], &NOTHING, report)?;
        one.tmpfs.size_bytes = below.bytes("size", report);
        let shall = "permissions such as 01777";
        let mode = below.parsed("mode", shall, scalar::mode, report);
        one.tmpfs.mode = mode.map(Into::into);
    }
    if kind == MountType::TMPFS && !source.is_empty() {
        report.error(
            fields.place_of("source"),
            "a tmpfs has no source",
            "remove `source`: it is empty memory",
        );
    }
    if kind == MountType::BIND && source.is_empty() {
        let help = "write `source:` with a path on the hosts";
        report.error(node.place, format!("{what} binds nothing"), help);
        return None;
    }
    Some(one)
}

/// `/path[:size=64m,mode=1777]`.
fn memory(text: &str, place: Place, report: &mut Report<'_>) -> Option<Wanted> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let mut one = wanted(MountType::TMPFS, "", target, place);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let known = match name {
            "size" => {
                one.tmpfs.size_bytes = scalar::bytes(value);
                one.tmpfs.size_bytes.is_some()
            }
            "mode" => {
                one.tmpfs.mode = i64::from_str_radix(value, 8).ok();
                one.tmpfs.mode.is_some()
            }
            "ro" => {
                one.read_only = true;
                true
            }
            "rw" => true,
            _ => false,
        };
        if !known {
            let help = "size=64m and mode=1777 are known";
            report.error(place, format!("`{option}` is no option of a tmpfs"), help);
        }
    }
    Some(one)
}

fn mount(wanted: Wanted, context: &Context<'_>, report: &mut Report<'_>) -> Option<Mount> {
    let mut mount = Mount {
        target: Some(wanted.target.clone()),
        typ: Some(wanted.kind),
        read_only: wanted.read_only.then_some(true),
        ..Default::default()
    };
    match wanted.kind {
        MountType::BIND => {
            mount.source = Some(host_path(&wanted, context, report)?);
            mount.bind_options = wanted.propagation.map(|propagation| MountBindOptions {
                propagation: Some(propagation),
                ..Default::default()
            });
        }
        MountType::TMPFS => {
            let options = wanted.tmpfs;
            mount.tmpfs_options = (options != MountTmpfsOptions::default()).then_some(options);
        }
        _ => volume(&mut mount, &wanted, context, report)?,
    }
    Some(mount)
}

fn volume(
    mount: &mut Mount,
    wanted: &Wanted,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Option<()> {
    let mut options = MountVolumeOptions {
        no_copy: wanted.no_copy.then_some(true),
        subpath: wanted.subpath.clone(),
        ..Default::default()
    };
    // Without a name docker makes a new one for each task.
    if !wanted.source.is_empty() {
        let Some(volume) = context.volumes.get(&wanted.source) else {
            report.error(
                wanted.place,
                format!("volume `{}` is not defined", wanted.source),
                match context.volumes.is_empty() {
                    true => "define it below `volumes:` at the top of the file; a path begins with ./ or /".into(),
                    false => {
                        spelling::advice(&wanted.source, context.volumes.keys().map(String::as_str))
                    }
                },
            );
            return None;
        };
        mount.source = Some(volume.name.clone());
        if !volume.external {
            let owner = Owner::stack(context.name);
            let mut labels = volume.labels.clone();
            labels.insert(owner.label, owner.value);
            options.labels = Some(labels.into_iter().collect());
            if volume.driver.is_some() || !volume.options.is_empty() {
                let driver = volume.options.clone().into_iter();
                options.driver_config = Some(MountVolumeOptionsDriverConfig {
                    name: volume.driver.clone(),
                    options: (!volume.options.is_empty()).then(|| driver.collect()),
                });
            }
        }
    }
    mount.volume_options = (options != MountVolumeOptions::default()).then_some(options);
    Some(())
}

/// A path on the hosts; a relative one is what it would be on this computer.
fn host_path(wanted: &Wanted, context: &Context<'_>, report: &mut Report<'_>) -> Option<String> {
    let source = wanted.source.as_str();
    let path = if let Some(below) = source.strip_prefix('~') {
        let Some(home) = context.surroundings.home() else {
            let message = format!("`{source}`: there is no home folder here");
            report.error(wanted.place, message, "write the whole path");
            return None;
        };
        home.join(below.trim_start_matches('/'))
    } else if source.starts_with('/') {
        return Some(source.to_owned());
    } else {
        context.surroundings.folder().join(source)
    };
    let path = plain(&path).display().to_string();
    report.warn(
        wanted.place,
        format!("`{source}` is {path} on every host that runs a task; this computer's folder is not copied there"),
        "put files into configs or images, data into volumes",
    );
    Some(path)
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
