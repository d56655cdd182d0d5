use super::*;
use crate::sample;
use crate::seen::{Connection, Peer};
use crate::upkeep::Mount;

fn here(me: &str) -> Here<'_> {
    Here {
        me,
        epoch: 0,
        file: "",
        peer_agrees: false,
        holder_down: false,
    }
}

fn peer(disk: DiskState) -> Peer {
    Peer {
        connection: Connection::Connected,
        primary: false,
        disk,
        out_of_sync: 0,
    }
}

fn seen(disk: DiskState) -> Seen {
    let peers = [("p-hive1".to_owned(), peer(DiskState::UpToDate))];
    Seen {
        resource: Some(Resource {
            primary: false,
            disk,
            suspended: false,
            quorum: true,
            peers: peers.into(),
        }),
        ..Seen::default()
    }
}

fn resource(seen: &mut Seen) -> &mut Resource {
    seen.resource.as_mut().unwrap()
}

fn waits(next: Next) -> String {
    match next {
        Next::Wait(why) => why,
        next => panic!("{next:?}"),
    }
}

#[test]
fn promote_check_mount() {
    for record in [sample::mesh("web", 1), sample::pair("web", 1)] {
        let here = here("p-hive0");
        let mut seen = seen(DiskState::UpToDate);
        let ask = |seen: &Seen, checked| to_mount(&record, &here, seen, checked);
        // A check from before it was promoted counts for nothing: others may have written since.
        assert_eq!(ask(&seen, true), Next::Do(Step::Promote));
        resource(&mut seen).primary = true;
        assert_eq!(ask(&seen, false), Next::Do(Step::Check));
        assert_eq!(ask(&seen, true), Next::Do(Step::Mount));
        seen.mount = Some(Mount { grown_to: 1 });
        assert_eq!(ask(&seen, true), Next::Done);
    }
}

#[test]
fn a_copy_that_is_finding_out_what_differs_is_not_taken_into_use() {
    let mut seen = seen(DiskState::UpToDate);
    let peers = &mut resource(&mut seen).peers;
    peers.get_mut("p-hive1").unwrap().connection = Connection::Agreeing;
    let ask = |seen: &Seen, record| to_mount(record, &here("p-hive0"), seen, true);
    let (mesh, pair) = (sample::mesh("web", 1), sample::pair("web", 1));
    assert_eq!(
        waits(ask(&seen, &mesh)),
        "p-hive0 and p-hive1 are finding out how their copies of volume web differ"
    );
    assert_eq!(ask(&seen, &pair), Next::Do(Step::Promote));
    // One that is to be filled anyway reads from the others.
    let mut filled = seen.clone();
    resource(&mut filled).disk = DiskState::Inconsistent;
    assert_eq!(ask(&filled, &mesh), Next::Do(Step::Promote));
    resource(&mut seen).primary = true;
    assert_eq!(ask(&seen, &mesh), Next::Do(Step::Mount));
}

#[test]
fn a_copy_that_has_got_nothing_yet_of_what_it_lacks_is_not_taken_into_use() {
    let mut seen = seen(DiskState::Inconsistent);
    seen.nothing_came = true;
    let ask = |seen: &Seen| to_mount(&sample::mesh("web", 1), &here("p-hive0"), seen, true);
    let why = waits(ask(&seen));
    assert!(why.contains("web on p-hive0 is being filled"), "{why}");
    resource(&mut seen).primary = true;
    assert_eq!(ask(&seen), Next::Do(Step::Mount), "it is in use already");
    resource(&mut seen).primary = false;
    seen.nothing_came = false;
    assert_eq!(ask(&seen), Next::Do(Step::Promote));
}

#[test]
fn the_old_holder_is_waited_for_by_name() {
    let mut seen = seen(DiskState::UpToDate);
    resource(&mut seen)
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .primary = true;
    let why = waits(to_mount(
        &sample::mesh("web", 1),
        &here("p-hive0"),
        &seen,
        false,
    ));
    assert_eq!(why, "volume web is still in use on p-hive1");
}

#[test]
fn too_few_hosts_are_named() {
    let mut seen = seen(DiskState::UpToDate);
    resource(&mut seen).quorum = false;
    resource(&mut seen)
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .connection = Connection::Trying;
    let why = waits(to_mount(
        &sample::mesh("web", 1),
        &here("p-hive0"),
        &seen,
        false,
    ));
    assert_eq!(
        why,
        "too few hosts of volume web are in reach of p-hive0; out of reach: p-hive1"
    );
}

#[test]
fn a_host_without_a_good_copy_uses_another_s_over_the_network() {
    let mesh = sample::mesh("web", 1);
    let mut without = seen(DiskState::Diskless);
    let next = to_mount(&mesh, &here("p-hive2"), &without, false);
    assert_eq!(next, Next::Do(Step::Promote));
    resource(&mut without)
        .peers
        .insert("p-hive1".into(), peer(DiskState::Outdated));
    let why = waits(to_mount(&mesh, &here("p-hive2"), &without, false));
    assert!(why.contains("no host with a good one"), "{why}");
    // With DRBD 8.4 the lease counts, and a copy that is being filled is not current.
    let filled = seen(DiskState::Inconsistent);
    let why = waits(to_mount(
        &sample::pair("db", 2),
        &here("p-hive0"),
        &filled,
        false,
    ));
    assert!(why.contains("not up to date (Inconsistent)"), "{why}");
}

#[test]
fn a_lone_host_of_a_pair_is_let_in_by_the_lease() {
    let mut record = sample::pair("db", 2);
    let mut alone = seen(DiskState::Consistent);
    let lost = resource(&mut alone).peers.get_mut("p-hive1").unwrap();
    (lost.connection, lost.disk) = (Connection::Trying, DiskState::Unknown);
    assert_eq!(
        to_mount(&record, &here("p-hive0"), &alone, false),
        Next::Do(Step::Promote)
    );
    record.state.lease.holder = Some("p-hive1".into());
    let why = waits(to_mount(&record, &here("p-hive0"), &alone, false));
    assert!(why.contains("p-hive1 holds it and is not down"), "{why}");
    let mut down = here("p-hive0");
    down.holder_down = true;
    assert_eq!(
        to_mount(&record, &down, &alone, false),
        Next::Do(Step::Promote)
    );
    record.state.lease.current = ["p-hive1".to_owned()].into();
    assert!(matches!(
        to_mount(&record, &down, &alone, false),
        Next::Wait(_)
    ));
}

#[test]
fn what_never_works_is_refused_at_once() {
    let mut record = sample::pair("db", 2);
    let refused = to_mount(&record, &here("p-hive9"), &seen(DiskState::UpToDate), false);
    assert_eq!(
        refused,
        Next::Refuse("volume db can be used on p-hive0 and p-hive1 only; constrain the service to them (`placement`)".into())
    );
    record.state.removal = Some(Default::default());
    let refused = to_mount(&record, &here("p-hive0"), &seen(DiskState::UpToDate), false);
    assert!(matches!(refused, Next::Refuse(_)));
}

#[test]
fn what_is_not_made_yet_is_waited_for() {
    let mut record = sample::mesh("web", 1);
    let down = Seen::default();
    assert!(waits(to_mount(&record, &here("p-hive0"), &down, false)).contains("not up"));
    record.state.birth = Birth::Minted;
    assert!(waits(to_mount(&record, &here("p-hive0"), &down, false)).contains("no file system"));
}

#[test]
fn the_last_container_unmounts_and_demotes() {
    let mut seen = seen(DiskState::UpToDate);
    resource(&mut seen).primary = true;
    seen.mount = Some(Mount { grown_to: 1 });
    seen.users = 1;
    assert_eq!(to_unmount(&seen), Next::Done);
    seen.users = 0;
    assert_eq!(to_unmount(&seen), Next::Do(Step::Unmount));
    seen.mount = None;
    assert_eq!(to_unmount(&seen), Next::Do(Step::Demote));
    // Frozen: letting go would wait for the I/O that waits.
    resource(&mut seen).suspended = true;
    assert_eq!(to_unmount(&seen), Next::Done);
    seen.mount = Some(Mount { grown_to: 1 });
    assert!(waits(to_unmount(&seen)).contains("can't be unmounted"));
    seen.mount = None;
    resource(&mut seen).primary = false;
    assert_eq!(to_unmount(&seen), Next::Done);
}
