//! `hive init` as a person sees it.

mod site;

use site::Site;

#[test]
fn it_writes_a_site_and_says_what_comes_next() {
    let site = Site::empty();
    assert_eq!(
        site.hive(&["init", "my"]),
        "exit 0\n--- out\n--- err\nWrote\n  my/inventory/hive.yml\n  my/inventory/services.yml\nNext:\n  cd my\n  \
         hive bake             make the image of stage `private`\n  hive run p-hive0      boot a host of it here, in QEMU\n  \
         hive ssh -t p-hive0   log in\n"
    );
    assert_eq!(
        std::fs::read_to_string(site.path("my/.gitignore")).unwrap(),
        ".hive/\n"
    );
}

#[test]
fn it_never_overwrites() {
    let site = Site::sample();
    site.edit("name: hive.example", "name: mine.example");
    assert_eq!(
        site.hive(&["init", "."]),
        "exit 1\n--- out\n--- err\nerror: ./inventory/hive.yml is there already; nothing was written\n  \
         hint: name an empty folder (`hive init DIR`), or go on with this site: `hive bake`\n"
    );
    assert!(
        std::fs::read_to_string(site.path("inventory/hive.yml"))
            .unwrap()
            .contains("mine.example")
    );
}
