use super::*;
use crate::record::Birth;
use crate::sample;
use crate::seen::{Connection, DiskState, Peer};

const FILE: &str = "resource";

fn here(me: &str) -> Here<'_> {
    Here {
        me,
        epoch: 0,
        file: FILE,
        peer_agrees: false,
        holder_down: false,
    }
}

/// All is well, on `p-hive0`.
fn well(record: &Record) -> Seen {
    let peers = record
        .state
        .present()
        .filter(|(host, _)| *host != "p-hive0");
    let peers = peers.map(|(host, part)| {
        let disk = match part.kind {
            PartKind::Copy => DiskState::UpToDate,
            _ => DiskState::Diskless,
        };
        let peer = Peer {
            connection: Connection::Connected,
            primary: false,
            disk,
            out_of_sync: 0,
        };
        (host.to_owned(), peer)
    });
    Seen {
        backing: Some(Backing {
            bytes: record.identity.backing_size(record.state.size),
            tags: vec![record.identity.tag()],
            active: true,
        }),
        file: Some(FILE.to_owned()),
        resource: Some(Resource {
            primary: false,
            disk: DiskState::UpToDate,
            suspended: false,
            quorum: true,
            peers: peers.collect(),
        }),
        device: Some(record.state.size),
        mount: None,
        users: 0,
        docker: DockerVolume::Ours,
        left_over: None,
        stands_still: None,
        nothing_came: false,
        half_agreed: None,
    }
}

fn stuck(next: Next) -> String {
    match next {
        Next::Stuck(why) => why,
        next => panic!("{next:?}"),
    }
}

#[test]
fn what_is_well_stays_as_it_is() {
    for record in [sample::mesh("web", 1), sample::pair("db", 2)] {
        assert_eq!(
            next(&record, &here("p-hive0"), &well(&record)),
            Next::Settled
        );
    }
}

#[test]
fn a_logical_volume_that_is_not_ours_is_left_alone() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.backing.as_mut().unwrap().tags = vec![];
    let why = stuck(next(&record, &here("p-hive0"), &seen));
    assert!(why.contains("hive did not make"), "{why}");
    assert!(why.contains("lvrename drbdvg web web-old"), "{why}");
    seen.backing.as_mut().unwrap().tags = vec!["hive.volume.ffffffffffffffff".into()];
    let why = stuck(next(&record, &here("p-hive0"), &seen));
    assert!(why.contains("earlier volume"), "{why}");
}

#[test]
fn a_logical_volume_that_is_not_active_is_activated_before_anything_is_done_with_it() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    (seen.resource, seen.file) = (None, None);
    seen.backing.as_mut().unwrap().active = false;
    let activate = Next::Do(Step::Activate);
    assert_eq!(next(&record, &here("p-hive0"), &seen), activate);
    seen.backing.as_mut().unwrap().tags = vec![];
    stuck(next(&record, &here("p-hive0"), &seen));
}

#[test]
fn meta_data_that_are_missing_are_made_on_a_blank_volume_only() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.resource = None;
    // Not blank: whatever is wrong with the meta data, `adjust` says so, and nothing is overwritten.
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::Adjust)
    );
    seen.backing.as_mut().unwrap().tags.push(BLANK.into());
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::CreateMetaData)
    );
}

#[test]
fn a_host_that_was_replaced_is_filled_and_formats_nothing() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.resource.as_mut().unwrap().disk = DiskState::Inconsistent;
    seen.resource
        .as_mut()
        .unwrap()
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .connection = Connection::SyncTarget;
    assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Settled);
    // Even when no copy is whole any more.
    seen.resource
        .as_mut()
        .unwrap()
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .disk = DiskState::Inconsistent;
    assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Settled);
}

#[test]
fn an_unborn_volume_with_a_generation_needs_a_person() {
    let mut record = sample::mesh("web", 1);
    record.state.birth = Birth::Unborn;
    let why = stuck(next(&record, &here("p-hive0"), &well(&record)));
    assert!(why.contains("knows nothing of"), "{why}");
}

#[test]
fn all_copies_are_connected_before_one_mints() {
    let mut record = sample::mesh("web", 1);
    record.state.birth = Birth::Unborn;
    let mut seen = well(&record);
    let resource = seen.resource.as_mut().unwrap();
    resource.disk = DiskState::Inconsistent;
    let peer = resource.peers.get_mut("p-hive1").unwrap();
    (peer.disk, peer.connection) = (DiskState::Unknown, Connection::Trying);
    let waits = next(&record, &here("p-hive0"), &seen);
    assert_eq!(
        waits,
        Next::Wait("the first generation waits for the copy on p-hive1".into())
    );
    let peer = seen
        .resource
        .as_mut()
        .unwrap()
        .peers
        .get_mut("p-hive1")
        .unwrap();
    (peer.disk, peer.connection) = (DiskState::Inconsistent, Connection::Connected);
    let Next::Do(Step::Write(state)) = next(&record, &here("p-hive0"), &seen) else {
        panic!("p-hive0 mints");
    };
    assert_eq!(state.birth, Birth::Minting("p-hive0".into()));
    record.state = *state;
    assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Do(Step::Mint));
}

#[test]
fn docker_s_own_volume_of_that_name_is_in_the_way() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.docker = DockerVolume::Foreign("local".into());
    let why = stuck(next(&record, &here("p-hive0"), &seen));
    assert!(why.contains("a volume web of driver local"), "{why}");
}

#[test]
fn a_split_pair_takes_the_data_of_the_side_that_raft_calls_current() {
    let mut record = sample::pair("db", 2);
    let mut seen = well(&record);
    seen.resource
        .as_mut()
        .unwrap()
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .connection = Connection::StandAlone;
    record.state.lease.current = ["p-hive1".to_owned()].into();
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::ConnectAndDiscard)
    );
    record.state.lease.current = ["p-hive0".to_owned()].into();
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::Adjust)
    );
    // The record is of an earlier swarm: nobody throws anything away.
    let mut later = here("p-hive0");
    later.epoch = 1;
    assert!(stuck(next(&record, &later, &seen)).contains("hive doctor"));
    let mesh = sample::mesh("web", 1);
    let mut seen = well(&mesh);
    seen.resource
        .as_mut()
        .unwrap()
        .peers
        .get_mut("p-hive1")
        .unwrap()
        .connection = Connection::StandAlone;
    assert_eq!(
        next(&mesh, &here("p-hive0"), &seen),
        Next::Do(Step::ConnectAgain)
    );
}

#[test]
fn a_resource_without_its_disk_is_not_up() {
    let record = sample::pair("db", 2);
    let mut resource = well(&record).resource.unwrap();
    assert!(is_attached(&record, "p-hive0", &resource));
    resource.disk = DiskState::Diskless;
    assert!(!is_attached(&record, "p-hive0", &resource));
    // A host without a copy has no disk to attach.
    assert!(is_attached(&record, "p-hive9", &resource));
}

#[test]
fn an_overtaken_primary_starts_its_machine_anew() {
    let mut record = sample::pair("db", 2);
    let mut seen = well(&record);
    let resource = seen.resource.as_mut().unwrap();
    (resource.primary, resource.suspended) = (true, true);
    resource.peers.get_mut("p-hive1").unwrap().connection = Connection::Trying;
    assert!(!must_restart(&record, &here("p-hive0"), &seen));
    record.state.lease.holder = Some("p-hive1".into());
    assert!(must_restart(&record, &here("p-hive0"), &seen));
    seen.resource.as_mut().unwrap().suspended = false;
    assert!(!must_restart(&record, &here("p-hive0"), &seen));
}

#[test]
fn a_host_without_a_part_keeps_what_it_has_and_says_so() {
    let mut record = sample::mesh("web", 1);
    let seen = well(&record);
    record.state.hosts.get_mut("p-hive0").unwrap().kind = PartKind::Gone;
    let why = stuck(next(&record, &here("p-hive0"), &seen));
    assert!(why.contains("no part any more"), "{why}");
}

#[test]
fn marks_that_a_resync_left_over_are_of_what_the_user_has_or_of_nothing() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.left_over = Some("p-hive1".into());
    // Whose data count is told by whoever uses the volume.
    assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Settled);
    let peer = |seen: &mut Seen, host: &str, edit: &dyn Fn(&mut Peer)| {
        let peers = &mut seen.resource.as_mut().unwrap().peers;
        edit(peers.get_mut(host).unwrap());
    };
    let anew = Next::Do(Step::ConnectAnew {
        peer: "p-hive1".into(),
        against: Against::Marks,
    });
    // DRBD would forget what is marked, and what the user has written counts.
    let filled = Next::Do(Step::FillMarked {
        peer: "p-hive1".into(),
    });
    for (user, step) in [("p-hive1", &filled), ("p-hive2", &anew)] {
        peer(&mut seen, user, &|peer| peer.primary = true);
        assert_eq!(next(&record, &here("p-hive0"), &seen), *step);
        peer(&mut seen, user, &|peer| peer.primary = false);
    }
    let mut used_here = seen.clone();
    used_here.resource.as_mut().unwrap().primary = true;
    used_here.users = 1;
    let given = Next::Do(Step::GiveMarked {
        peer: "p-hive1".into(),
    });
    assert_eq!(next(&record, &here("p-hive0"), &used_here), given);
    peer(&mut seen, "p-hive2", &|peer| peer.primary = true);
    for busy in [Connection::SyncSource, Connection::Trying] {
        peer(&mut used_here, "p-hive2", &|peer| peer.connection = busy);
        assert_eq!(next(&record, &here("p-hive0"), &used_here), Next::Settled);
        peer(&mut seen, "p-hive2", &|peer| peer.connection = busy);
        assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Settled);
    }
}

#[test]
fn a_resync_that_stands_still_goes_on_with_a_new_connection_of_a_copy_that_is_not_used() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    seen.stands_still = Some("p-hive1".into());
    let anew = Next::Do(Step::ConnectAnew {
        peer: "p-hive1".into(),
        against: Against::Standstill,
    });
    assert_eq!(next(&record, &here("p-hive0"), &seen), anew);
    seen.resource.as_mut().unwrap().primary = true;
    let why = stuck(next(&record, &here("p-hive0"), &seen));
    assert!(why.contains("another host"), "{why}");
    // A pair has one source, and its resync goes on by itself or with the connection.
    let record = sample::pair("web", 1);
    assert!(!matches!(
        next(&record, &here("p-hive0"), &seen),
        Next::Stuck(_)
    ));
}

#[test]
fn a_copy_that_waits_for_a_peer_in_vain_is_made_anew_and_nothing_else_is_done_to_its_connections() {
    let record = sample::mesh("web", 1);
    let mut seen = well(&record);
    let peers = &mut seen.resource.as_mut().unwrap().peers;
    peers.get_mut("p-hive1").unwrap().connection = Connection::Agreeing;
    peers.get_mut("p-hive2").unwrap().connection = Connection::StandAlone;
    let waits = next(&record, &here("p-hive0"), &seen);
    assert!(
        matches!(&waits, Next::Wait(why) if why.contains("p-hive1")),
        "{waits:?}"
    );
    seen.half_agreed = Some("p-hive1".into());
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::MakeAnew)
    );
    // One that is used is not touched, and the other side is made anew.
    let mut used = seen.clone();
    used.resource.as_mut().unwrap().primary = true;
    assert_eq!(
        next(&record, &here("p-hive0"), &used),
        Next::Do(Step::ConnectAgain)
    );
    // Stopped in between, it goes on: down, then meta data, whatever DRBD says meanwhile.
    seen.half_agreed = None;
    seen.backing.as_mut().unwrap().tags.push(BLANK.into());
    assert_eq!(next(&record, &here("p-hive0"), &seen), Next::Do(Step::Down));
    seen.resource = None;
    assert_eq!(
        next(&record, &here("p-hive0"), &seen),
        Next::Do(Step::CreateMetaData)
    );
}

#[test]
fn a_host_is_spared_while_all_others_are_there() {
    let mut record = sample::mesh("web", 1);
    record.state.hosts.get_mut("p-hive2").unwrap().kind = PartKind::Copy;
    let good = well(&record).resource.unwrap();
    let says = |edit: &dyn Fn(&mut Resource)| {
        let mut resource = good.clone();
        edit(&mut resource);
        spares(&record, "p-hive0", "p-hive1", &resource)
    };
    let peer = |host: &'static str, connection, disk| {
        says(&|resource| {
            let peer = resource.peers.get_mut(host).unwrap();
            (peer.connection, peer.disk) = (connection, disk);
        })
    };
    let whole = DiskState::UpToDate;
    assert!(peer("p-hive2", Connection::Connected, whole));
    assert!(peer("p-hive1", Connection::Trying, DiskState::Unknown));
    assert!(!peer("p-hive2", Connection::Trying, whole));
    assert!(!peer("p-hive2", Connection::Connected, DiskState::Outdated));
    assert!(!says(&|resource| resource.quorum = false));
    assert!(!says(&|resource| resource.disk = DiskState::Inconsistent));
    let pair = sample::pair("db", 2);
    assert!(
        !spares(&pair, "p-hive0", "p-hive1", &good),
        "no second copy"
    );
}
