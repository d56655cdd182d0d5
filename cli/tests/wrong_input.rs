//! What a person reads when the inventory or the command line is wrong.

mod site;

use site::Site;

/// Standard error of `hive bake --plan`, which has to end with this code.
fn refused(site: &Site, code: u8) -> String {
    let text = site.hive(&["bake", "--plan"]);
    let start = format!("exit {code}\n--- out\n--- err\n");
    text.strip_prefix(&start)
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[test]
fn an_unknown_key_has_its_place_and_the_nearest_known_one() {
    let site = Site::sample();
    site.edit("    number_of_hosts: 3", "    number_of_host: 3");
    let text = refused(&site, 1);
    assert!(
        text.starts_with("error: unknown key `number_of_host`"),
        "{text}"
    );
    assert!(text.contains("--> inventory/hive.yml:"), "{text}");
    assert!(text.contains("^^^^^^^^^^^^^^"), "{text}");
    assert!(text.contains("did you mean `number_of_hosts`?"), "{text}");
}

#[test]
fn a_wrong_provider_is_told_with_those_there_are() {
    let site = Site::sample();
    site.edit("provider: qemu", "provider: qemuu");
    let text = refused(&site, 1);
    assert!(
        text.contains("qemuu") && text.contains("--> inventory/hive.yml:"),
        "{text}"
    );
    assert!(text.contains("`qemu`"), "{text}");
}

#[test]
fn a_bad_network_says_which_part_is_bad() {
    let site = Site::sample();
    site.edit("cidr: 192.168.77.0/24", "cidr: 192.168.77.0/33");
    let text = refused(&site, 1);
    assert!(
        text.contains("the prefix length 33 is greater than 32"),
        "{text}"
    );
    assert!(text.contains("such as `"), "{text}");
}

#[test]
fn no_site_at_all() {
    let site = Site::empty();
    assert_eq!(
        site.hive(&["bake"]),
        "exit 1\n--- out\n--- err\nerror: there is no site in [SITE]: no folder `inventory` here or above\n  \
         hint: `hive init DIR` writes a small site; `-r DIR` names another folder\n"
    );
    assert!(
        site.hive(&["-r", "gone", "bake"])
            .contains("opening the site folder gone\n  cause: No such file")
    );
}

#[test]
fn a_stage_that_is_not_there() {
    let site = Site::sample();
    assert_eq!(
        site.hive(&["-s", "production", "bake", "--plan"]),
        "exit 2\n--- out\n--- err\nerror: the site hive.example has no stage `production`; it has private\n  \
         hint: choose another with `-s STAGE`, or define it in inventory/hive.yml\n"
    );
    let text = site.hive(&["-s", "prod", "bake"]);
    assert!(
        text.starts_with("exit 2\n") && text.contains("stages are private, staging and production"),
        "{text}"
    );
}

#[test]
fn hosts_that_do_not_exist_or_never_ran() {
    let site = Site::sample();
    assert_eq!(
        site.hive(&["ssh", "-t", "hive9"]),
        "exit 2\n--- out\n--- err\nerror: stage private has no host `hive9`; it has p-hive0, p-hive1, p-hive2\n"
    );
    let text = site.hive(&["status"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("p-hive2.hive.example: it was never started"),
        "{text}"
    );
    for args in [&["ssh"][..], &["ssh", "-t", "p-hive1"]] {
        let text = site.hive(args);
        assert!(
            text.starts_with("exit 1\n") && text.contains("hint: `hive run` boots"),
            "{text}"
        );
    }
    let text = site.hive(&["run", "p-hive0"]);
    assert!(
        text.contains(
            "stage private has no baked image\n  hint: make it with `hive -s private bake`"
        ),
        "{text}"
    );
}

#[test]
fn a_format_that_hive_does_not_write() {
    let site = Site::sample();
    let text = site.hive(&["bake", "--format", "raw,vmdk"]);
    assert!(
        text.starts_with("exit 2\n") && text.contains("hive writes no `vmdk`"),
        "{text}"
    );
}
