//! Where the command looks, and what it leaves behind.

mod site;

use std::os::unix::fs::PermissionsExt;

use site::Site;

#[test]
fn the_site_is_found_from_a_folder_inside() {
    let site = Site::sample();
    let inside = site.path("inventory");
    let text = site.hive_in(&inside, &["bake", "--plan"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
}

#[test]
fn both_spellings_of_the_root_folder() {
    let site = Site::sample();
    for spelling in ["--root-dir", "--root_dir", "-r"] {
        let text = site.hive_in(
            std::path::Path::new("/"),
            &[spelling, site.path("").to_str().unwrap(), "bake", "--plan"],
        );
        assert!(text.starts_with("exit 0\n"), "{text}");
    }
}

#[test]
fn a_plan_says_what_is_missing_and_changes_nothing() {
    let site = Site::sample();
    let text = site.hive(&["bake", "--plan"]);
    assert!(
        text.starts_with("exit 0\n--- out\nlock       to do\n"),
        "{text}"
    );
    assert!(!site.path(".hive").exists() && !site.path("hive.lock").exists());
    let json = site.hive(&["bake", "--plan", "--json"]);
    assert!(
        json.contains("\"version\": 1") && json.contains("\"step\": \"lock\""),
        "{json}"
    );
}

#[test]
fn a_locked_bake_without_a_lock_is_refused_and_keys_are_private() {
    let site = Site::sample();
    let text = site.hive(&["bake", "--locked"]);
    assert!(
        text.starts_with("exit 1\n") && text.contains("run `hive lock`"),
        "{text}"
    );
    let mode = |name: &str| {
        std::fs::metadata(site.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(".hive/private"), 0o700);
    assert_eq!(mode(".hive/private/id_ed25519"), 0o600);
    let public = std::fs::read_to_string(site.path(".hive/private/id_ed25519.pub")).unwrap();
    assert!(
        public.starts_with("ssh-ed25519 ") && public.ends_with(" admin@hive.example\n"),
        "{public}"
    );
}

#[test]
fn images_are_compared_and_a_difference_is_an_exit_code() {
    let site = Site::empty();
    std::fs::write(site.path("a"), "same").unwrap();
    std::fs::write(site.path("b"), "same").unwrap();
    std::fs::write(site.path("c"), "sane").unwrap();
    assert_eq!(
        site.hive(&["bake", "--verify", "a", "b"]),
        "exit 0\n--- out\na and b are the same, byte for byte\n--- err\n"
    );
    let text = site.hive(&["bake", "--verify", "a", "c"]);
    assert!(
        text.starts_with("exit 1\n--- out\nthe files differ first at byte 2"),
        "{text}"
    );
}

#[test]
fn an_empty_cache_is_listed_and_cleared() {
    let site = Site::empty();
    assert_eq!(
        site.hive(&["cache", "ls"]),
        "exit 0\n--- out\n--- err\n[SITE]/cache holds 0 things, 0 B\n"
    );
    std::fs::write(site.path("cache/debs/00ff"), "deb").unwrap();
    let text = site.hive(&["cache", "gc", "--older-than", "1"]);
    assert!(text.contains("lost 0 things"), "{text}");
    let text = site.hive(&["cache", "gc", "--older-than", "0"]);
    assert!(text.contains("lost 1 things"), "{text}");
}
