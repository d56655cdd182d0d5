use super::*;
use crate::record::{Birth, PartKind};
use crate::sample;

const GIB: u64 = 1 << 30;

fn disk() -> Disk {
    Disk {
        group: "drbdvg".into(),
        pool: "drbdpool".into(),
        bytes: Some(20 * GIB),
    }
}

fn hive(zone: &str) -> Hive {
    Hive {
        zone: (!zone.is_empty()).then(|| zone.to_owned()),
        disk: Some(disk()),
    }
}

fn site(module: Module, hosts: &[(&str, Hive)]) -> Site {
    let hosts = hosts.iter().cloned();
    Site {
        module,
        on_no_quorum: OnNoQuorum::IoError,
        secret: "hive.volume-secret".into(),
        hosts: hosts.map(|(name, hive)| (name.to_owned(), hive)).collect(),
    }
}

fn three(module: Module) -> Site {
    let hosts = [
        ("p-hive0", hive("")),
        ("p-hive1", hive("")),
        ("p-hive2", hive("")),
    ];
    site(module, &hosts)
}

fn wanted(name: &str, id: u16) -> Wanted {
    Wanted {
        name: name.into(),
        declared: format!("inventory/services.yml:{id}"),
        size: GIB,
        file_system: "xfs".into(),
        id,
        diskless: BTreeSet::new(),
        group: None,
    }
}

fn planned(wanted: &[Wanted], site: &Site, there: &There) -> Result<Plan, Refused> {
    let mut number = 0;
    let birthmark = move || {
        number += 1;
        format!("{number:016x}")
    };
    plan(wanted, site, there, &Request::default(), birthmark)
}

fn refused(wanted: &[Wanted], site: &Site, there: &There) -> String {
    planned(wanted, site, there).unwrap_err().to_string()
}

fn with(record: Record) -> There {
    There {
        records: BTreeMap::from([(record.identity.name.clone(), record)]),
        ..There::default()
    }
}

fn created(plan: &Plan) -> Vec<&State> {
    let states = plan.lines.iter().filter_map(|line| match &line.action {
        Action::Create(new) => Some(&new.1),
        _ => None,
    });
    states.collect()
}

fn changed(plan: &Plan) -> (&State, &[String]) {
    match &plan.lines[0].action {
        Action::Change { state, changes, .. } => (state, changes),
        action => panic!("{action:?}"),
    }
}

#[test]
fn a_mesh_has_a_copy_on_each_hive_that_is_not_diskless() {
    let mut want = wanted("web", 1);
    want.diskless.insert("p-hive1".into());
    let plan = planned(&[want], &three(Module::Drbd9), &There::default()).unwrap();
    assert_eq!(
        plan.to_string(),
        "+ volume web: 1 GiB, xfs, device /dev/drbd1, copies on p-hive0, p-hive2\n"
    );
    let state = created(&plan)[0];
    assert_eq!(state.birth, Birth::Unborn);
    let ids: Vec<u8> = state.hosts.values().map(|part| part.node_id).collect();
    assert_eq!(ids, [0, 1, 2]);
}

#[test]
fn what_is_as_wanted_is_unchanged() {
    let site = site(
        Module::Drbd9,
        &[
            ("p-hive0", hive("")),
            ("p-hive1", hive("")),
            ("p-hive2", Hive::default()),
        ],
    );
    let plan = planned(&[wanted("web", 1)], &site, &with(sample::mesh("web", 1))).unwrap();
    assert_eq!(plan.lines[0].action, Action::Unchanged);
    assert_eq!(plan.to_string(), "");
}

#[test]
fn pairs_are_spread_over_zones_and_load() {
    let hosts = [
        ("p-hive0", hive("a")),
        ("p-hive1", hive("a")),
        ("p-hive2", hive("b")),
    ];
    let site_of_zones = site(Module::Drbd84, &hosts);
    let many: Vec<Wanted> = (1..=4).map(|id| wanted(&format!("v{id}"), id)).collect();
    let plan = planned(&many, &site_of_zones, &There::default()).unwrap();
    let copies = |plan: &Plan| -> Vec<String> {
        let states = created(plan).into_iter();
        states
            .map(|s| s.copies().collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(
        copies(&plan),
        [
            "p-hive0 p-hive2",
            "p-hive1 p-hive2",
            "p-hive0 p-hive2",
            "p-hive1 p-hive2"
        ]
    );
    let plan = planned(&many, &three(Module::Drbd84), &There::default()).unwrap();
    assert_eq!(
        copies(&plan),
        [
            "p-hive0 p-hive1",
            "p-hive0 p-hive2",
            "p-hive1 p-hive2",
            "p-hive0 p-hive1"
        ]
    );
    // Those that are there stay where they are, whatever is the fairest now.
    let plan = planned(
        &[wanted("db", 2)],
        &site_of_zones,
        &with(sample::pair("db", 2)),
    )
    .unwrap();
    assert_eq!(plan.lines[0].action, Action::Unchanged);
}

#[test]
fn a_site_with_one_disk_has_one_copy() {
    let hosts = [("p-hive0", hive("")), ("p-hive1", Hive::default())];
    let plan = planned(
        &[wanted("web", 1)],
        &site(Module::Drbd84, &hosts),
        &There::default(),
    );
    let plan = plan.unwrap();
    assert_eq!(created(&plan)[0].hosts.len(), 1);
}

#[test]
fn a_volume_grows_and_hosts_come_and_go_with_their_own_numbers() {
    let mut want = wanted("web", 1);
    want.size = 2 * GIB;
    let site = site(
        Module::Drbd9,
        &[
            ("p-hive1", hive("")),
            ("p-hive2", Hive::default()),
            ("a-hive9", hive("")),
        ],
    );
    let plan = planned(&[want.clone()], &site, &with(sample::mesh("web", 1))).unwrap();
    let (state, changes) = changed(&plan);
    assert_eq!(
        changes,
        [
            "grows from 1 GiB to 2 GiB",
            "a-hive9 takes part",
            "p-hive0 is left out"
        ]
    );
    assert_eq!(
        state.hosts["a-hive9"].node_id, 3,
        "not one that another had"
    );
    assert_eq!(state.hosts["p-hive0"].kind, PartKind::Gone);
    assert_eq!(state.hosts["p-hive1"].node_id, 1);
    // It comes back under its own number.
    let mut record = sample::mesh("web", 1);
    record.state = state.clone();
    let mut back = site.clone();
    back.hosts.insert("p-hive0".into(), hive(""));
    let plan = planned(&[want], &back, &with(record)).unwrap();
    assert_eq!(changed(&plan).0.hosts["p-hive0"].node_id, 0);
}

#[test]
fn what_would_lose_data_is_refused_with_the_way_out() {
    let there = with(sample::pair("db", 2));
    let site = three(Module::Drbd84);
    let with = |edit: fn(&mut Wanted)| {
        let mut want = wanted("db", 2);
        edit(&mut want);
        refused(&[want], &site, &there)
    };
    assert_eq!(
        with(|w| w.size = 512 << 20),
        "volume db has 1 GiB and is to have 512 MiB: volumes can't shrink; put 1 GiB back, or make a smaller one under another name and copy what it holds"
    );
    assert!(with(|w| w.file_system = "ext4".into()).contains("the file system xfs"));
    assert!(with(|w| w.id = 9).contains("the device id 2 and is to have 9"));
    assert!(with(|w| w.group = Some("othervg".into())).contains("drbdvg and is to have othervg"));
    assert!(
        with(|w| {
            w.diskless.insert("p-hive1".into());
        })
        .contains("no copy on p-hive1")
    );
    let other = three(Module::Drbd9);
    let module = refused(&[wanted("db", 2)], &other, &there);
    assert!(module.contains("drbd84 and is to have drbd9"), "{module}");
}

#[test]
fn what_can_t_be_made_is_refused_with_the_way_out() {
    let site = three(Module::Drbd9);
    let with = |edit: fn(&mut Wanted)| {
        let mut want = wanted("web", 1);
        edit(&mut want);
        refused(&[want], &site, &There::default())
    };
    assert!(with(|w| w.file_system = "btrfs".into()).contains("\"btrfs\""));
    let small = with(|w| w.size = 299 << 20);
    assert!(
        small.contains("xfs needs 300 MiB at least; take `fstype: ext4`"),
        "{small}"
    );
    let large = with(|w| w.size = 20 * GIB);
    assert!(
        large.contains("the whole pool of p-hive0 has 20 GiB"),
        "{large}"
    );
    assert!(with(|w| w.id = 256).contains("255 mirrored volumes at most"));
    assert!(with(|w| w.id = 0).contains("device id 0"));
    assert!(with(|w| w.name = "a_tdata".into()).starts_with("inventory/services.yml:1: "));
    let nowhere =
        with(|w| w.diskless = ["p-hive0", "p-hive1", "p-hive2"].map(str::to_owned).into());
    assert!(nowhere.contains("a copy nowhere"), "{nowhere}");
}

#[test]
fn declarations_must_agree() {
    let (first, mut other) = (wanted("web", 1), wanted("web", 1));
    other.declared = "inventory/more.yml:3".into();
    let site = three(Module::Drbd9);
    let both = [first.clone(), other.clone()];
    assert_eq!(
        planned(&both, &site, &There::default())
            .unwrap()
            .lines
            .len(),
        1
    );
    other.size += 1;
    let why = refused(&[first, other], &site, &There::default());
    assert_eq!(
        why,
        "volume web is declared at inventory/services.yml:1 and, otherwise, at inventory/more.yml:3; declare it once, and mount it elsewhere by its name"
    );
    let why = refused(
        &[wanted("web", 1), wanted("api", 1)],
        &site,
        &There::default(),
    );
    assert!(why.contains("which volume api has"), "{why}");
    let why = refused(&[wanted("api", 1)], &site, &with(sample::mesh("web", 1)));
    assert!(why.contains("which volume web has"), "{why}");
}

#[test]
fn docker_s_own_volumes_are_in_the_way() {
    let local = BTreeMap::from([("web".to_owned(), "local".to_owned())]);
    let there = There {
        others: BTreeMap::from([("p-hive1".to_owned(), local)]),
        ..There::default()
    };
    let why = refused(&[wanted("web", 1)], &three(Module::Drbd9), &there);
    assert!(
        why.contains("docker on p-hive1 has a volume of driver local"),
        "{why}"
    );
}

#[test]
fn all_refusals_are_told_at_once_and_nothing_is_planned() {
    let mut small = wanted("small", 2);
    small.size = 1;
    let mut odd = wanted("odd", 3);
    odd.file_system = "ntfs".into();
    let all = [wanted("web", 1), small, odd];
    let why = refused(&all, &three(Module::Drbd9), &There::default());
    assert_eq!(why.lines().count(), 2, "{why}");
}

#[test]
fn removing_asks_who_uses_it() {
    let mut there = with(sample::mesh("web", 1));
    let request = Request {
        only: Some(["web".to_owned()].into()),
        remove: true,
    };
    let site = three(Module::Drbd9);
    let all = [wanted("web", 1), wanted("api", 2)];
    let ask = |there: &There| plan(&all, &site, there, &request, String::new);
    let removal = ask(&there).unwrap();
    assert_eq!(
        removal.to_string(),
        "- volume web: removed, with all that it holds\n"
    );
    assert_eq!(changed(&removal).0.removal, Some(BTreeSet::new()));
    there
        .users
        .insert("web".into(), ["service web".to_owned()].into());
    let why = ask(&there).unwrap_err().to_string();
    assert!(why.contains("is used by service web"), "{why}");
    // Nothing is there: nothing to do.
    assert_eq!(ask(&There::default()).unwrap().lines, []);
}

#[test]
fn a_volume_that_is_being_removed_is_not_made_anew_yet() {
    let mut record = sample::mesh("web", 1);
    record.state.removal = Some(BTreeSet::new());
    let plan = planned(&[wanted("web", 1)], &three(Module::Drbd9), &with(record)).unwrap();
    assert_eq!(plan.to_string(), "- volume web: is being removed\n");
}

#[test]
fn a_pair_that_lost_a_host_gets_another_one() {
    let hosts = [
        ("p-hive1", hive("a")),
        ("p-hive2", hive("a")),
        ("p-hive3", hive("b")),
    ];
    let site = site(Module::Drbd84, &hosts);
    let plan = planned(&[wanted("db", 2)], &site, &with(sample::pair("db", 2))).unwrap();
    let (state, changes) = changed(&plan);
    assert_eq!(changes, ["p-hive0 is left out", "p-hive3 gets a copy"]);
    assert_eq!(state.copies().collect::<Vec<_>>(), ["p-hive1", "p-hive3"]);
    assert_eq!(state.lease.current, ["p-hive1".to_owned()].into());
}

#[test]
fn the_host_with_the_only_current_copy_can_t_leave() {
    let hosts = [("p-hive1", hive("")), ("p-hive2", hive(""))];
    let site = site(Module::Drbd84, &hosts);
    let mut record = sample::pair("db", 2);
    record.state.lease.current = ["p-hive0".to_owned()].into();
    let why = refused(&[wanted("db", 2)], &site, &with(record));
    assert!(
        why.contains("all its data on hosts that are not in the inventory"),
        "{why}"
    );
}
