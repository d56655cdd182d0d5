//! What is told of volumes: the host's report, what of it is news for the journal, and what a person should know.

use hive_inventory::volumes::{
    FileSystemReport, ResourceReport, VOLUMES_VERSION, VolumePeerReport, VolumeReport,
    VolumesReport,
};
use hive_volumes::seen::{DiskState, Resource};
use hive_volumes::upkeep::{Next, Seen};
use hive_volumes::{PartKind, Record};

use super::effort::Effort;

/// From this share on, in hundredths of a percent, a person should make room in a thin pool: when it is full,
/// no copy in it takes writes.
const FULL: u32 = 8500;

/// Nothing yet.
pub fn nothing() -> VolumesReport {
    VolumesReport {
        version: VOLUMES_VERSION,
        pool: None,
        volumes: Default::default(),
        faults: Vec::new(),
    }
}

/// What is told of a volume of which only the record is known.
pub fn unseen(record: &Record, me: &str, effort: &Effort) -> VolumeReport {
    let part = record.state.part(me).map(|part| part.kind);
    let mut told = VolumeReport {
        turn: record.state.turn,
        birthmark: record.identity.birthmark.clone(),
        size: record.state.size,
        minor: record.identity.id,
        file_system: record.identity.file_system.name().to_owned(),
        part: match part {
            Some(PartKind::Copy) => "copy",
            Some(PartKind::Diskless) => "diskless",
            Some(PartKind::Gone) | None => "none",
        }
        .to_owned(),
        settled: false,
        removing: record.state.removal.is_some(),
        waiting_for: None,
        trouble: None,
        resource: None,
        mounted: None,
        users: 0,
    };
    match effort.is_trouble() {
        true => told.trouble = effort.vain(),
        false => told.waiting_for = effort.vain(),
    }
    told
}

/// What is told of a volume that was looked at.
pub fn seen(
    record: &Record,
    me: &str,
    seen: &Seen,
    next: &Next,
    effort: &Effort,
    mounted: Option<FileSystemReport>,
) -> VolumeReport {
    let mut told = unseen(record, me, effort);
    match next {
        Next::Do(step) if !effort.is_trouble() => {
            told.waiting_for = Some(effort.vain().unwrap_or_else(|| step.to_string()));
        }
        Next::Do(_) => {}
        Next::Wait(why) => told.waiting_for = Some(why.clone()),
        Next::Stuck(why) => told.trouble = Some(why.clone()),
        Next::Settled => told.settled = true,
    }
    told.resource = seen.resource.as_ref().map(resource);
    told.mounted = mounted;
    told.users = seen.users;
    told
}

fn resource(resource: &Resource) -> ResourceReport {
    let peers = resource.peers.iter().map(|(host, peer)| {
        let told = VolumePeerReport {
            connection: format!("{:?}", peer.connection),
            primary: peer.primary,
            disk: word(peer.disk),
            out_of_sync: peer.out_of_sync,
        };
        (host.clone(), told)
    });
    ResourceReport {
        primary: resource.primary,
        disk: word(resource.disk),
        suspended: resource.suspended,
        quorum: resource.quorum,
        peers: peers.collect(),
    }
}

/// DRBD's own word.
fn word(disk: DiskState) -> String {
    match disk {
        DiskState::Unknown => "DUnknown".into(),
        known => format!("{known:?}"),
    }
}

/// What is new of a volume, a line each. `<4>` in front makes it a warning in the journal (sd-daemon(3)).
pub fn news(name: &str, before: Option<&VolumeReport>, now: &VolumeReport) -> Vec<String> {
    let mut lines = Vec::new();
    let had = before.and_then(|report| report.trouble.as_ref());
    match &now.trouble {
        Some(trouble) if had != Some(trouble) => lines.push(format!(
            "<4>hived: volume {name}: {trouble} EVENT=trouble VOLUME={name}"
        )),
        _ => {}
    }
    let was = before.map(|report| (report.settled, report.turn));
    if now.settled && now.part != "none" && was != Some((true, now.turn)) {
        lines.push(format!(
            "<6>hived: volume {name} is as it should be (turn {}) EVENT=settled VOLUME={name}",
            now.turn
        ));
    }
    lines
}

/// What a person should know, a sentence each.
pub fn notices(report: &VolumesReport) -> Vec<String> {
    let volumes = report.volumes.iter();
    let troubles = volumes.filter_map(|(name, volume)| {
        let trouble = volume.trouble.as_ref()?;
        Some(format!("volume {name}: {trouble}"))
    });
    let pool = report.pool.iter().flat_map(|pool| {
        let shares = [(pool.used, "data"), (pool.notes_used, "metadata")];
        let full = shares.into_iter().filter(|(share, _)| *share >= FULL);
        full.map(|(share, what)| {
            format!(
                "the {what} space of the thin pool {}/{} is {} % full, and when it is full no mirrored volume takes writes; give it more with `lvextend`, or remove what is not needed",
                pool.group,
                pool.pool,
                share / 100
            )
        })
    });
    troubles.chain(pool).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use hive_inventory::volumes::PoolReport;
    use hive_volumes::upkeep::Step;

    fn look() -> Seen {
        Seen {
            resource: Some(sample::resource(&["h1"])),
            users: 2,
            ..Seen::default()
        }
    }

    fn told(next: Next, effort: &Effort) -> VolumeReport {
        seen(&sample::pair("db", 2), "h0", &look(), &next, effort, None)
    }

    #[test]
    fn a_volume_is_told_with_what_drbd_says() {
        let report = told(Next::Settled, &Effort::default());
        assert!(report.settled && report.trouble.is_none());
        assert_eq!((report.turn, report.minor, report.users), (5, 2, 2));
        assert_eq!(
            (report.part.as_str(), report.file_system.as_str()),
            ("copy", "xfs")
        );
        let resource = report.resource.unwrap();
        assert_eq!(resource.disk, "UpToDate");
        assert_eq!(resource.peers["h1"].connection, "Connected");
        assert_eq!(word(DiskState::Unknown), "DUnknown");
        let outside = unseen(&sample::pair("db", 2), "h2", &Effort::default());
        assert_eq!(outside.part, "none");
    }

    #[test]
    fn what_is_done_waited_for_or_stuck_is_in_its_own_field() {
        let mut effort = Effort::default();
        let adjust = || Next::Do(Step::Adjust);
        let waits = told(adjust(), &effort).waiting_for;
        assert_eq!(waits.as_deref(), Some("bringing the resource up"));
        for _ in 0..5 {
            effort.tried(&Step::Adjust, Err("no".into()));
        }
        let report = told(adjust(), &effort);
        assert_eq!(
            report.trouble.as_deref(),
            Some("bringing the resource up: no")
        );
        assert_eq!(report.waiting_for, None);
        let calm = Effort::default();
        let stuck = told(Next::Stuck("why".into()), &calm);
        assert_eq!(stuck.trouble.as_deref(), Some("why"));
        let waits = told(Next::Wait("h1".into()), &calm);
        assert_eq!(waits.waiting_for.as_deref(), Some("h1"));
    }

    #[test]
    fn news_are_told_once() {
        let calm = Effort::default();
        let settled = told(Next::Settled, &calm);
        let stuck = told(Next::Stuck("why".into()), &calm);
        assert!(news("db", None, &settled)[0].contains("EVENT=settled VOLUME=db"));
        assert_eq!(news("db", Some(&settled), &settled), [""; 0]);
        assert!(news("db", Some(&settled), &stuck)[0].starts_with("<4>hived: volume db: why"));
        assert_eq!(news("db", Some(&stuck), &stuck), [""; 0]);
    }

    #[test]
    fn trouble_and_a_full_pool_are_notices() {
        let mut report = nothing();
        let stuck = told(Next::Stuck("why".into()), &Effort::default());
        report.volumes.insert("db".into(), stuck);
        report.pool = Some(PoolReport {
            group: "drbdvg".into(),
            pool: "drbdpool".into(),
            bytes: 1 << 30,
            used: 9123,
            notes_used: 100,
        });
        let notices = notices(&report);
        assert_eq!(notices[0], "volume db: why");
        assert!(notices[1].contains("data space of the thin pool drbdvg/drbdpool is 91 %"));
        assert_eq!(notices.len(), 2);
    }
}
