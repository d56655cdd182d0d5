//! Seeds by themselves: where they are written, and for whom.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::site::Site;
use crate::support::{golden, ok, verified};

#[test]
fn seeds_are_written_for_their_owner_alone_and_say_where() {
    let site = Site::sample();
    let text = site.hive(&["seed", "p-hive1"]);
    let name = ".hive/private/seeds/p-hive1.hive.example.seed.json";
    assert_eq!(text, format!("exit 0\n--- out\n[SITE]/{name}\n--- err\n"));
    let file = site.path(name);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let seed = verified(&site, &fs::read_to_string(&file).unwrap());
    assert_eq!(seed.host, "p-hive1.hive.example");
    assert_eq!(seed.peers.len(), 3);
    assert!(seed.identity.is_some() && seed.ssh_host_key.is_some());
    let printed = site.hive(&["seed", "p-hive1", "--stdout"]);
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(
        printed,
        format!("exit 0\n--- out\n{written}--- err\n"),
        "a seed is the same every time"
    );
    let all = site.hive(&["seed", "--all", "--json"]);
    for host in ["p-hive0", "p-hive1", "p-hive2"] {
        assert!(
            all.contains(&format!("{host}.hive.example.seed.json")),
            "{all}"
        );
    }
    assert!(
        site.hive(&["seed", "--all", "--stdout"])
            .starts_with("exit 2\n")
    );
    assert!(site.hive(&["seed"]).starts_with("exit 2\n"));
    assert!(site.hive(&["seed", "p-hive7"]).starts_with("exit 2\n"));
}

#[test]
fn seeds_of_unknown_machines_are_chosen_at_the_boot_menu_and_it_is_said() {
    let site = Site::sample();
    let path = site.path("inventory/hive.yml");
    let text = "plugin: hive_inventory\nname: hive.example\nstages:\n  private:\n    provider: prepared\n    cidr: 192.168.77.0/24\n    separate_repository: false\n    machines:\n      p-hive0: {serial: S0}\n";
    fs::write(path, text).unwrap();
    golden(&site.path("stick.img"));
    let text = site.hive(&["seed", "--all", "--into", "stick.img"]);
    ok(&text);
    assert!(
        text.contains("p-hive1.hive.example, p-hive2.hive.example") && text.contains("boot menu"),
        "{text}"
    );
}
