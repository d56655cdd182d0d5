//! What the initrd says was baked, and whether the kernel runs under the words it was sealed with.

use std::fs;

use hive_inventory::disk::{INITRD_CMDLINE, INITRD_IMAGE, root_partition_uuid};
use hive_inventory::image::BakedImage;

use crate::cmdline::{self, SealedRoot};
use crate::failure::{Explain, Failure};
use crate::guid::Guid;

const REBAKE: &str = "bake the image again and flash it";

/// Reads what was baked.
pub fn baked_image() -> Result<BakedImage, Failure> {
    let text = fs::read_to_string(INITRD_IMAGE)
        .explain(format!("cannot read {INITRD_IMAGE} of the initrd"), REBAKE)?;
    serde_json::from_str(&text).explain(
        format!("{INITRD_IMAGE} of the initrd does not read"),
        REBAKE,
    )
}

/// The sealed root, after checking that `cmdline` (the kernel's) is the sealed one.
pub fn sealed_root(cmdline: &str, image: &BakedImage) -> Result<SealedRoot, Failure> {
    let sealed = fs::read_to_string(INITRD_CMDLINE).explain(
        format!("cannot read {INITRD_CMDLINE} of the initrd"),
        REBAKE,
    )?;
    cmdline::check_sealed(sealed.as_bytes(), cmdline.as_bytes()).map_err(|why| {
        Failure::new(
            format!(
                "{why}\nsealed:  {}\nrunning: {}",
                sealed.trim_end(),
                cmdline.trim_end()
            ),
            "start the entry as it is, without editing it; if nobody edited it, the EFI system partition was altered: flash the image again",
        )
    })?;
    let root =
        cmdline::sealed_root(&sealed).explain("the sealed command line is not complete", REBAKE)?;
    if image.root_hash != root.hash_hex() {
        return Err(Failure::new(
            format!("{INITRD_IMAGE} and the sealed command line name different roots"),
            REBAKE,
        ));
    }
    Ok(root)
}

/// PARTUUID of the partition with the root.
pub fn root_guid(root: &SealedRoot) -> Result<Guid, Failure> {
    root_partition_uuid(&root.hash_hex())
        .unwrap_or_default()
        .parse()
        .explain("the sealed root hash names no partition", REBAKE)
}
