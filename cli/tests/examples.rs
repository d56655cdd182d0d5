//! The sites in `examples/` can be baked, as far as that shows without a network.

mod site;

use std::path::Path;

use site::Site;

#[test]
fn every_example_has_a_plan_and_no_warnings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let text = Site::empty().hive(&["-r", folder.to_str().unwrap(), "bake", "--plan"]);
        assert!(
            text.starts_with("exit 0\n") && text.ends_with("--- err\n"),
            "{}: {text}",
            folder.display()
        );
        assert!(
            !folder.join(".hive").exists(),
            "a plan changed {}",
            folder.display()
        );
        seen += 1;
    }
    assert!(seen >= 2, "{seen} examples");
}
