//! Reports for tests, and what is made of them.

use super::*;
use hive_inventory::volumes::{ResourceReport, VOLUMES_VERSION, VolumePeerReport, VolumesReport};

/// A volume that is as it should be, on `h0` or `h1`.
pub fn volume() -> VolumeReport {
    VolumeReport {
        turn: 3,
        birthmark: "b".into(),
        size: 1 << 30,
        minor: 1,
        file_system: "xfs".into(),
        part: "copy".into(),
        settled: true,
        removing: false,
        waiting_for: None,
        trouble: None,
        resource: None,
        mounted: None,
        users: 0,
    }
}

/// A resource with one peer.
pub fn resource(disk: &str, peer: &str, connection: &str, peer_disk: &str) -> ResourceReport {
    let seen = VolumePeerReport {
        connection: connection.into(),
        primary: false,
        disk: peer_disk.into(),
        out_of_sync: 0,
    };
    ResourceReport {
        primary: false,
        disk: disk.into(),
        suspended: false,
        quorum: true,
        peers: BTreeMap::from([(peer.to_owned(), seen)]),
    }
}

/// What a host with one volume reports.
pub fn report(name: &str, volume: VolumeReport) -> VolumesReport {
    VolumesReport {
        version: VOLUMES_VERSION,
        pool: Some(PoolReport {
            group: "drbdvg".into(),
            pool: "drbdpool".into(),
            bytes: 20 << 30,
            used: 1234,
            notes_used: 410,
        }),
        volumes: BTreeMap::from([(name.to_owned(), volume)]),
        faults: Vec::new(),
    }
}

/// Two hosts with a copy each, in use on the first.
pub fn pair() -> Reports {
    let mut first = volume();
    let mut up = resource("UpToDate", "h1", "Connected", "UpToDate");
    up.primary = true;
    first.resource = Some(up);
    first.users = 1;
    first.mounted = Some(FileSystemReport {
        bytes: 1000 << 20,
        used: 123 << 20,
    });
    let mut second = volume();
    second.resource = Some(resource("UpToDate", "h0", "Connected", "UpToDate"));
    Reports::from([
        ("h0".to_owned(), Ok(report("data", first))),
        ("h1".to_owned(), Ok(report("data", second))),
    ])
}

#[test]
fn what_is_well_reads_like_this() {
    let all = volumes(&pair(), None);
    assert!(all.is_content());
    assert_eq!(
        text(&all),
        "VOLUME  SIZE   ON              IN USE ON  UP TO DATE  OUT OF SYNC  USED\n\
         data    1 GiB  /dev/drbd1 xfs  h0         2 of 2      0 B          12.3 % of 1000.0 MiB\n\
         \n\
         HOST  POOL             SIZE      USED    NOTES USED\n\
         h0    drbdvg/drbdpool  20.0 GiB  12.3 %  4.1 %\n\
         h1    drbdvg/drbdpool  20.0 GiB  12.3 %  4.1 %\n"
    );
    assert_eq!(text(&Volumes::default()), "");
}

#[test]
fn what_is_not_is_told() {
    let mut reports = pair();
    let second = reports.get_mut("h1").unwrap().as_mut().unwrap();
    let told = second.volumes.get_mut("data").unwrap();
    told.resource = Some(resource("Outdated", "h0", "StandAlone", "Unknown"));
    told.trouble = Some("mend me".into());
    reports.insert("h2".into(), Err("refused".into()));
    let all = volumes(&reports, None);
    assert!(!all.is_content());
    let data = &all.volumes[0];
    assert_eq!((data.up_to_date, data.copies), (1, 2));
    assert_eq!(data.down, ["h1 sees h0: StandAlone"]);
    assert!(text(&all).contains("data on h1 needs you: mend me\n"));
    assert_eq!(all.silent["h2"], "refused");
}

#[test]
fn a_silent_hosts_copy_is_what_its_peer_sees() {
    let mut reports = pair();
    reports.insert("h1".into(), Err("refused".into()));
    let all = volumes(&reports, None);
    // Without records only reported copies are known.
    assert_eq!((all.volumes[0].up_to_date, all.volumes[0].copies), (1, 1));
    let told: BTreeMap<&str, &VolumeReport> = reports
        .iter()
        .filter_map(|(host, report)| Some((host.as_str(), &report.as_ref().ok()?.volumes["data"])))
        .collect();
    assert_eq!(seen_disk("h1", &told), Some("UpToDate"));
}

#[test]
fn a_record_without_a_report_is_shown() {
    let identity = include_str!("../../../../volumes/tests/golden/record-1.json");
    let state = include_str!("../../../../volumes/tests/golden/state-1.json");
    let record = hive_volumes::Record {
        identity: serde_json::from_str(identity).unwrap(),
        state: serde_json::from_str(state).unwrap(),
        config: "c1".into(),
        version: 1,
    };
    let mut records = Records::default();
    records.volumes.insert("db".into(), record);
    let all = volumes(&Reports::new(), Some(&records));
    let db = &all.volumes[0];
    assert_eq!((db.up_to_date, db.copies), (0, 2));
    assert_eq!(db.untold, ["p-hive0", "p-hive1"]);
    assert!(!all.is_content());
    assert!(text(&all).contains("db: no word from p-hive0, p-hive1"));
}
