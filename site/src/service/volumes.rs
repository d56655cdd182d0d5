//! The volumes of a stage, from what its services declare.

use std::collections::BTreeMap;

use super::device_ids::{self, Refused};
use super::model::{Volume, VolumeKind};
use super::mounts::{Declared, Maker};
use super::surroundings::Surroundings;
use crate::yaml::report::{Place, Report};

/// Joins what several services say of a volume, and gives device ids. `order` names the mirrored
/// volumes of all services as they stand in the files, those that the stage does not have too: as the
/// predecessor did, they get their ids now, so that ids do not depend on when a service comes to a stage.
pub(crate) fn join(
    declared: &[Declared],
    order: &[(String, Option<u16>)],
    around: &Surroundings<'_>,
    place_of: impl Fn(Place) -> String,
    report: &mut Report<'_>,
) -> (BTreeMap<String, Volume>, BTreeMap<String, u16>) {
    let mut joined: Vec<Declared> = Vec::new();
    for one in declared {
        let Some(first) = joined.iter_mut().find(|first| first.name == one.name) else {
            joined.push(one.clone());
            continue;
        };
        if let Some(difference) = difference(&first.maker, &one.maker) {
            report.error(
                one.place,
                format!(
                    "volume `{}` has {difference} as at {}",
                    one.name,
                    place_of(first.place)
                ),
                "declare it once, and mount it elsewhere with `source`, `target` and `type: volume` only",
            );
            continue;
        }
        for stage in &one.available_on {
            if !first.available_on.contains(stage) {
                first.available_on.push(*stage);
            }
        }
        if let (
            Maker::Drbd {
                device_id: kept, ..
            },
            Maker::Drbd {
                device_id: Some(id),
                ..
            },
        ) = (&mut first.maker, &one.maker)
        {
            *kept = Some(*id);
        }
    }
    let (map, ids) = give_ids(&joined, order, around, &place_of, report);
    let stage = around.stage.name;
    let volumes = joined
        .into_iter()
        .filter(|volume| volume.available_on.contains(&stage))
        .filter_map(|volume| {
            let kind = match volume.maker {
                Maker::Driver { driver, options } => VolumeKind::Driver { driver, options },
                Maker::Nfs { size } => VolumeKind::Nfs { size },
                Maker::Drbd {
                    size,
                    fstype,
                    diskless,
                    vgname,
                    ..
                } => VolumeKind::Drbd {
                    size,
                    fstype,
                    device_id: *ids.get(&volume.name)?,
                    diskless,
                    vgname,
                },
            };
            let source = &around.sources[volume.place.file];
            let made = Volume {
                name: volume.name.clone(),
                defined: (source.path.clone(), volume.place.line),
                available_on: volume.available_on,
                kind,
            };
            Some((volume.name, made))
        })
        .collect();
    (volumes, map)
}

/// In what two declarations differ, in words that go before "as at".
fn difference(first: &Maker, other: &Maker) -> Option<&'static str> {
    match (first, other) {
        (
            Maker::Drbd {
                size,
                fstype,
                device_id,
                diskless,
                vgname,
            },
            Maker::Drbd {
                size: other_size,
                fstype: other_fstype,
                device_id: other_id,
                diskless: other_diskless,
                vgname: other_vgname,
            },
        ) => {
            if size != other_size {
                Some("not the same size")
            } else if fstype != other_fstype {
                Some("not the same file system")
            } else if device_id.is_some() && other_id.is_some() && device_id != other_id {
                Some("not the same device id")
            } else if diskless != other_diskless {
                Some("not the same diskless hosts")
            } else {
                (vgname != other_vgname).then_some("not the same volume group")
            }
        }
        (Maker::Nfs { size }, Maker::Nfs { size: other }) => {
            (size != other).then_some("not the same size")
        }
        (Maker::Driver { .. }, Maker::Driver { .. }) => {
            (first != other).then_some("not the same driver or options")
        }
        _ => Some("not the same kind"),
    }
}

type Ids = BTreeMap<String, u16>;

fn give_ids(
    joined: &[Declared],
    order: &[(String, Option<u16>)],
    around: &Surroundings<'_>,
    place_of: &impl Fn(Place) -> String,
    report: &mut Report<'_>,
) -> (Ids, Ids) {
    let mirrored: BTreeMap<&str, (&Declared, Option<u16>)> = joined
        .iter()
        .filter_map(|volume| match volume.maker {
            Maker::Drbd { device_id, .. } => Some((volume.name.as_str(), (volume, device_id))),
            _ => None,
        })
        .collect();
    let mut asked: Vec<(&str, Option<u16>)> = Vec::new();
    for (name, wish) in order {
        if asked.iter().any(|(known, _)| known == name) {
            continue;
        }
        match mirrored.get(name.as_str()) {
            Some((_, id)) => asked.push((name, *id)),
            // An id that another stage's volume asks for is kept free for it, if this stage has no
            // other use for it: stages have devices of their own.
            None => {
                let taken = wish.is_some_and(|wish| {
                    let holds = |(other, id): (&String, &u16)| other != name && *id == wish;
                    mirrored.values().any(|(_, id)| *id == Some(wish))
                        || around.kept.device_ids.iter().any(holds)
                        || asked.iter().any(|(_, id)| *id == Some(wish))
                });
                if !taken {
                    asked.push((name, *wish));
                }
            }
        }
    }
    let (map, answers) = device_ids::allocate(&around.kept.device_ids, &asked);
    let mut ids = Ids::new();
    for ((name, _), answer) in asked.iter().zip(answers) {
        let Some((volume, id)) = mirrored.get(name) else {
            continue;
        };
        match answer {
            Ok(given) => {
                if let Some(before) = around.kept.device_ids.get(&volume.name)
                    && *before != given
                {
                    report.warn(
                        volume.place,
                        format!("volume `{}` had the device id {before} so far, and shall have {given}", volume.name),
                        "if the volume exists on the hosts, leave its id as it is",
                    );
                }
                ids.insert(volume.name.clone(), given);
            }
            Err(Refused::Taken(other)) => {
                let holder = mirrored.get(other.as_str());
                let at = holder.map_or_else(
                    || ", which has it from before".to_owned(),
                    |(holder, _)| format!(" at {}", place_of(holder.place)),
                );
                report.error(
                    volume.place,
                    format!(
                        "the device id {} of volume `{}` belongs to volume `{other}`{at}",
                        id.unwrap_or_default(),
                        volume.name
                    ),
                    "leave `device_id` out, and a free one is taken",
                );
            }
            Err(Refused::Exhausted) => report.error(
                volume.place,
                format!("there is no device id left for volume `{}`: all {} are given away", volume.name, device_ids::GREATEST),
                "volumes that are gone keep theirs in `drbd_device_map`; remove those that no host has any more",
            ),
        }
    }
    (map, ids)
}
