//! `cargo xtask bench volumes`: writing through a mirrored volume, beside the same disk without a mirror and beside
//! DRBD that was set up by hand on the same three hosts.
//!
//! The measuring is a test of `tests/tests/services/volumes`; here is what it needs.

use crate::build::Profile;
use crate::step::Result;
use crate::{build, debian, test};

/// The test.
const STORY: &str = "volumes::bench::beside_plain_drbd";

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN, debian::FOR_STORIES])?;
    debian::subordinate_ids()?;
    build::hive(Profile::Release)?;
    let words = ["--ignored", "--exact", STORY];
    crate::step::run(
        test::stories(Profile::Release, &["--test", "services"], &words).env("HIVE_BENCH", "1"),
    )
}
