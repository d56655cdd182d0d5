//! DRBD's programs, package `drbd-utils`. `drbdadm` starts its counterpart for 8.4 by itself where that
//! module is loaded, but not all of its options are known to both: what is written here, both take.

use crate::Program;

fn drbdadm() -> Program {
    Program::new("drbdadm").package("drbd-utils")
}

/// Whose meta data are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaData {
    /// DRBD 8.4, which has one peer.
    V84,
    /// DRBD 9, with room for so many peers; `drbdadm` itself would make room for those of today.
    V9 {
        /// 1 to 31.
        peers: u8,
    },
}

/// Writes meta data over whatever is there.
pub fn create_meta_data(resource: &str, kind: MetaData) -> Program {
    let program = drbdadm().args(["create-md", "--force"]);
    match kind {
        MetaData::V84 => program.arg(resource),
        MetaData::V9 { peers } => program.arg(format!("--max-peers={peers}")).arg(resource),
    }
}

/// Makes the kernel's resource what its file says: up, attached, connected.
pub fn adjust(resource: &str) -> Program {
    drbdadm().args(["adjust", resource])
}

/// Takes it into use.
pub fn primary(resource: &str) -> Program {
    drbdadm().args(["primary", resource])
}

/// Lets go of it.
pub fn secondary(resource: &str) -> Program {
    drbdadm().args(["secondary", resource])
}

/// Takes it down.
pub fn down(resource: &str) -> Program {
    drbdadm().args(["down", resource])
}

/// Connects; where this host's data and a peer's went different ways, the peer's are kept.
pub fn connect_and_discard(resource: &str) -> Program {
    drbdadm().args(["--", "--discard-my-data", "connect", resource])
}

/// Cuts the connection to one peer, with DRBD 9.
pub fn disconnect_from(resource: &str, peer: &str) -> Program {
    drbdadm()
        .arg("disconnect")
        .arg(format!("{resource}:{peer}"))
}

/// Makes the connection to one peer, with DRBD 9.
pub fn connect_to(resource: &str, peer: &str) -> Program {
    drbdadm().arg("connect").arg(format!("{resource}:{peer}"))
}

/// Gives this host's copy the blocks of a peer's that are marked as different, with DRBD 9. The peer is named by its
/// node id.
pub fn fill_marked(minor: u8, peer: u8) -> Program {
    Program::new("drbdsetup")
        .args(["invalidate", "--reset-bitmap=no"])
        .arg(format!("--sync-from-peer-node-id={peer}"))
        .arg(minor.to_string())
}

/// Gives a peer's copy the blocks of this host's that are marked as different, with DRBD 9. The peer is named by its node
/// id.
pub fn give_marked(resource: &str, peer: u8) -> Program {
    Program::new("drbdsetup")
        .args(["invalidate-remote", resource])
        .arg(peer.to_string())
        .args(["0", "--reset-bitmap=no"])
}

/// Gives all connected copies, which must be just created, their first generation, without a resync.
pub fn mint(resource: &str) -> Program {
    drbdadm()
        .args(["--", "--clear-bitmap", "new-current-uuid"])
        .arg(format!("{resource}/0"))
}

/// Takes what the logical volumes grew by, which is zero on all hosts, without a resync.
pub fn resize_assuming_clean(resource: &str) -> Program {
    drbdadm().args(["--", "--assume-clean", "resize", resource])
}

/// All resources of DRBD 9 as JSON.
pub fn status() -> Program {
    Program::new("drbdsetup")
        .package("drbd-utils")
        .args(["status", "--json"])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    const NINE: &str = r#"resource web {
        on h0 { node-id 0; address 127.0.0.1:7001; volume 0 { device minor 1; disk /dev/vg/web; meta-disk internal; } }
        on h1 { node-id 1; address 127.0.0.2:7001; volume 0 { device minor 1; disk /dev/vg/web; meta-disk internal; } }
        connection-mesh { hosts h0 h1; }
    }"#;

    /// What `drbdadm` of one generation would do.
    fn dry_run(adm: &Path, file: &Path, program: &Program) -> String {
        let command = program.command();
        let script =
            "hostname h0 && adm=$0 && file=$1 && shift && exec \"$adm\" -c \"$file\" -d \"$@\"";
        Program::new("unshare")
            .args(["--uts", "sh", "-c", script])
            .arg(adm)
            .arg(file)
            .args(command.get_args())
            .text()
            .unwrap()
    }

    fn find(places: [&str; 2]) -> Option<PathBuf> {
        let given = std::env::var_os("HIVE_DRBD_UTILS").map(PathBuf::from);
        let root = given.unwrap_or_else(|| "/".into());
        let mut places = places.iter().map(|place| root.join(place));
        places.find(|path| path.exists())
    }

    #[test]
    fn both_generations_take_what_is_written_here() {
        let root = Program::new("id").arg("-u").text().unwrap().trim() == "0";
        let nine = find(["usr/sbin/drbdadm", "sbin/drbdadm"]);
        let eight = find(["usr/lib/drbd/drbdadm-84", "lib/drbd/drbdadm-84"]);
        let (Some(nine), Some(eight), true) = (nine, eight, root) else {
            eprintln!("SKIPPED: drbd-utils is missing, or root, for a host name of its own");
            return;
        };
        let folder = std::env::temp_dir().join(format!("hive-drbd-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file_9, file_84) = (folder.join("9.res"), folder.join("84.res"));
        fs::write(&file_9, NINE).unwrap();
        let text = NINE.replace("node-id 0;", "").replace("node-id 1;", "");
        fs::write(
            &file_84,
            text.replace("connection-mesh { hosts h0 h1; }", ""),
        )
        .unwrap();
        let both = |program: Program, words: [&str; 2]| {
            let told = [
                dry_run(&nine, &file_9, &program),
                dry_run(&eight, &file_84, &program),
            ];
            for (told, words) in told.iter().zip(words) {
                assert!(told.contains(words), "{program}: {told}");
            }
        };
        both(
            adjust("web"),
            ["attach 1 /dev/vg/web", "attach 1 /dev/vg/web"],
        );
        both(primary("web"), ["primary web", "primary 1"]);
        both(secondary("web"), ["secondary web", "secondary 1"]);
        both(down("web"), ["down web", "down web"]);
        let discard = "--discard-my-data";
        both(connect_and_discard("web"), [discard, discard]);
        for (program, verb) in [
            (disconnect_from("web", "h1"), "disconnect web 1"),
            (connect_to("web", "h1"), "connect web 1"),
        ] {
            let told = dry_run(&nine, &file_9, &program);
            assert!(told.contains(verb), "{program}: {told}");
        }
        let clear = "new-current-uuid 1 --clear-bitmap";
        both(mint("web"), [clear, clear]);
        let resize = "resize 1 --assume-clean";
        both(resize_assuming_clean("web"), [resize, resize]);
        let made = create_meta_data("web", MetaData::V9 { peers: 7 });
        let told = dry_run(&nine, &file_9, &made);
        assert!(told.contains("internal create-md 7 --force"), "{told}");
        let told = dry_run(&eight, &file_84, &create_meta_data("web", MetaData::V84));
        assert!(
            told.contains("v08 /dev/vg/web internal create-md"),
            "{told}"
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn commands_read_as_a_person_would_write_them() {
        let made = create_meta_data("web", MetaData::V9 { peers: 7 });
        assert_eq!(
            made.to_string(),
            "drbdadm create-md --force --max-peers=7 web"
        );
        assert_eq!(
            mint("web").to_string(),
            "drbdadm -- --clear-bitmap new-current-uuid web/0"
        );
    }
}
