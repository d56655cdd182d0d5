//! `cargo xtask bench vip`: how long a virtual IP is not answered for when its container is killed, its
//! host is drained, loses its power or is cut off, beside keepalived on the same three hosts.
//!
//! The measuring is a test of `tests/tests/services/vip`, which is a member of the hosts' network; here is what
//! it needs.

use crate::build::Profile;
use crate::step::Result;
use crate::{build, debian, test};

/// The test.
const STORY: &str = "vip::bench::keepalived_beside_ours";

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
