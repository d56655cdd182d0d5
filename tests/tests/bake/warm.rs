//! What is rebuilt after which change.

use hive_tests::Site;

fn rebuilt(site: &Site) -> Vec<String> {
    let report = site.json(&["bake"]);
    report["rebuilt"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn nothing_changed_means_nothing_done_and_configuration_never_touches_the_root() {
    let site = Site::baked();
    assert!(rebuilt(&site).is_empty());
    let first = site.json(&["bake"])["files"][0]["sha256"].clone();
    std::fs::create_dir_all(site.path("inventory/group_vars")).unwrap();
    std::fs::write(
        site.path("inventory/group_vars/all.yml"),
        "hive_timezone: Asia/Tokyo\n",
    )
    .unwrap();
    let plan = site.ok(&["bake", "--plan"]);
    assert!(
        plan.contains("etc/localtime"),
        "the plan names the file that changed:\n{plan}"
    );
    let before = site.json(&["bake"]);
    assert_eq!(before["rebuilt"].as_array().unwrap(), &["image"]);
    assert!(rebuilt(&site).is_empty());
    // Back again, the image is the one of before, byte for byte.
    std::fs::remove_file(site.path("inventory/group_vars/all.yml")).unwrap();
    assert_eq!(site.json(&["bake"])["files"][0]["sha256"], first);
}

#[test]
fn one_more_package_moves_nothing_else_in_the_lock() {
    let site = Site::baked();
    let root = site.json(&["bake"])["root_hash"].clone();
    let before = std::fs::read_to_string(site.path("hive.lock")).unwrap();
    site.image("packages: [htop]");
    let plan = site.ok(&["bake", "--plan"]);
    assert!(plan.contains("private.host"), "{plan}");
    assert_ne!(site.json(&["bake"])["root_hash"], root);
    let after = std::fs::read_to_string(site.path("hive.lock")).unwrap();
    let packages = |text: &str| {
        text.lines()
            .filter(|l| l.starts_with("sha256"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (before, after) = (packages(&before), packages(&after));
    assert!(
        before.iter().all(|line| after.contains(line)),
        "a package moved that nobody asked to"
    );
    assert!(after.len() > before.len());
    let list = std::fs::read_to_string(site.images().join("packages.txt")).unwrap();
    assert!(list.lines().any(|l| l.starts_with("htop ")), "{list}");
}
