//! Volumes of docker's drivers, on each host whose volumes were read. A volume that differs holds
//! data: it is never removed here.

use std::collections::BTreeMap;

use bollard::models::Volume;

use super::{Action, Kind, Request, Step, differences};
use crate::actual::Actual;
use crate::desired::{Desired, VolumeSource};
use crate::shape::Shape;

pub fn steps(desired: &Desired, actual: &Actual, request: &Request) -> Vec<Step> {
    let mut steps = Vec::new();
    for volume in &desired.volumes {
        if !request.picks(Kind::Volume, &volume.name) {
            continue;
        }
        let VolumeSource::Driver { driver, options } = &volume.source else {
            steps.push(Step::new(Kind::Volume, &volume.name, Action::Elsewhere));
            continue;
        };
        for (host, volumes) in &actual.volumes {
            let new = shape(driver, options.iter());
            let action = match volumes.get(&volume.name) {
                None => Action::Create {
                    changes: differences(&Shape::new(), &new),
                },
                Some(there) => compare(there, &new, host),
            };
            let step = Step::new(Kind::Volume, &volume.name, action);
            let host = Some(host.clone());
            steps.push(Step { host, ..step });
        }
    }
    steps
}

fn compare(there: &Volume, new: &BTreeMap<String, String>, host: &str) -> Action {
    let changes = differences(&shape(&there.driver, there.options.iter()), new);
    if changes.is_empty() {
        return Action::Unchanged;
    }
    Action::Blocked {
        changes,
        why: "docker can't change a volume, and what it holds would be lost".into(),
        way_out: format!(
            "if its data on {host} is not needed, remove it there (docker volume rm {}), \
             then run this again",
            there.name
        ),
    }
}

fn shape<'a>(driver: &str, options: impl Iterator<Item = (&'a String, &'a String)>) -> Shape {
    let options = options.map(|(name, value)| (format!("driver_opts.{name}"), value.clone()));
    let mut shape: Shape = options.collect();
    shape.insert("driver".into(), driver.to_owned());
    shape
}
