use std::fs;
use std::path::Path;

use hive_system::Program;

use super::*;
use crate::record::OnNoQuorum;
use crate::sample;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn addresses() -> BTreeMap<String, IpAddr> {
    let all = [
        ("p-hive0", "192.168.0.4"),
        ("p-hive1", "192.168.0.5"),
        ("p-hive2", "fd00::6"),
    ];
    all.map(|(host, address)| (host.to_owned(), address.parse().unwrap()))
        .into()
}

/// Compares with a file of `tests/golden`; `HIVE_GOLDEN=1` writes it instead.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("HIVE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}");
}

#[test]
fn the_files_are_as_they_were_reviewed() {
    let mut mesh = sample::mesh("web", 1);
    golden("mesh.res", &render(&mesh, &addresses(), SECRET).unwrap());
    mesh.state.on_no_quorum = OnNoQuorum::SuspendIo;
    let text = render(&mesh, &addresses(), SECRET).unwrap();
    assert!(text.contains("on-no-quorum suspend-io;"), "{text}");
    let pair = sample::pair("db", 2);
    golden("pair.res", &render(&pair, &addresses(), SECRET).unwrap());
}

#[test]
fn hosts_that_are_gone_are_left_out_and_the_others_keep_their_ids() {
    let mut record = sample::mesh("web", 1);
    record.state.hosts.get_mut("p-hive0").unwrap().kind = PartKind::Gone;
    let text = render(&record, &addresses(), SECRET).unwrap();
    assert!(!text.contains("p-hive0"), "{text}");
    assert!(text.contains("on \"p-hive1\" {\n\t\tnode-id 1;"), "{text}");
}

#[test]
fn what_is_missing_is_told() {
    let record = sample::mesh("web", 1);
    let mut few = addresses();
    few.remove("p-hive2");
    let error = render(&record, &few, SECRET).unwrap_err();
    assert!(error.to_string().contains("a part on p-hive2"), "{error}");
    for secret in ["short", "0123456789abcdef\"; x", &"a".repeat(65)] {
        let error = render(&record, &addresses(), secret).unwrap_err();
        assert!(error.to_string().contains("hive.volume-secret"), "{error}");
    }
}

/// DRBD's own readers of such files, one per generation; neither needs the kernel module for it.
#[test]
fn drbdadm_reads_what_is_written() {
    let alone = {
        let mut record = sample::mesh("alone", 3);
        record.state.hosts.retain(|host, _| host == "p-hive0");
        record
    };
    let programs = [
        (
            vec![sample::mesh("web", 1), alone],
            ["/usr/sbin/drbdadm", "/sbin/drbdadm"],
        ),
        (
            vec![sample::pair("db", 2)],
            ["/usr/lib/drbd/drbdadm-84", "/lib/drbd/drbdadm-84"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (records, places) in programs {
        let given = std::env::var_os("HIVE_DRBD_UTILS").map(std::path::PathBuf::from);
        let at = |place: &str| match &given {
            Some(root) => root.join(place.trim_start_matches('/')),
            None => place.into(),
        };
        let Some(program) = places.into_iter().map(at).find(|path| path.exists()) else {
            eprintln!("SKIPPED: {} is missing (package drbd-utils)", places[0]);
            continue;
        };
        for record in records {
            let name = record.identity.name.as_str();
            let file = folder.path().join(format!("{name}.res"));
            fs::write(&file, render(&record, &addresses(), SECRET).unwrap()).unwrap();
            // The host's name decides whose side is shown: a name space of its own has one of the file.
            let script = "hostname p-hive0 && exec \"$0\" -c \"$1\" --dry-run up \"$2\"";
            let up = Program::new("unshare")
                .args(["--uts", "sh", "-c", script])
                .arg(&program)
                .arg(&file)
                .arg(name)
                .env("DRBD_DONT_WARN_ON_VERSION_MISMATCH", "1")
                .text();
            let up = match up {
                Ok(up) => up,
                Err(error) if error.to_string().contains("not permitted") => {
                    eprintln!("SKIPPED: a host name of its own needs root");
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            let minor = record.identity.id.to_string();
            assert!(up.contains(&format!("new-minor {name} {minor} 0")), "{up}");
            assert!(up.contains(&format!("/dev/drbdvg/{name}")), "{up}");
        }
    }
}
