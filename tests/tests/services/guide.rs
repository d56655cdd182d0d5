//! The guide's list of boxes is what runs.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use hive_tests::checklist::rows;

use crate::checklist::SECTIONS;
use crate::deployed::{FIRST, LAST, LATER};
use crate::{powered_on, vip, volumes};

const HEAD: &str = "# What is checked on a running swarm

Three hosts made from one image become a swarm; a site is deployed on them; then each of these boxes
is looked at on the same cluster, with container images made of Debian packages. The test is
`tests/tests/services`; `cargo xtask e2e --include-ignored every_box` runs all of it, which takes most of an
hour of software emulation, the virtual IPs half an hour more, and mirrored volumes most of a day; `cargo xtask test` runs P1 to P3, W1 to W4, W6 and W8. `UPDATE_GUIDE=1 cargo test -p hive-tests --test services guide` writes this page.
";

#[test]
fn the_guide_lists_every_box_of_the_checklist() {
    let mut page = HEAD.to_owned();
    let mut section = |name: &str, rows: String| {
        writeln!(
            page,
            "\n## {name}\n\n| box | what | |\n|---|---|---|\n{rows}"
        )
        .unwrap();
        page.pop();
    };
    section("Hosts that are switched on", rows(powered_on::BOXES));
    section("A deployed site", rows(FIRST) + &rows(LATER) + &rows(LAST));
    for (name, boxes) in SECTIONS {
        section(name, rows(boxes));
    }
    let boxes = vip::ALL.iter().map(|boxes| rows(boxes));
    section("Virtual IPs and marks", boxes.collect());
    let boxes = volumes::ALL.iter().map(|boxes| rows(boxes));
    section("Mirrored volumes", boxes.collect());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/checklist.md");
    if std::env::var_os("UPDATE_GUIDE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/guide/checklist.md is not up to date: run this test with UPDATE_GUIDE=1"
    );
}
