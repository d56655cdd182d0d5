//! `cargo xtask bench bake`: how long bakes take, beside mmdebstrap and mkfs.erofs on the same package files.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::site::Site;
use super::stock::{Archive, with_tree};
use super::{lock, room, row, size};
use crate::build::Profile;
use crate::step::{self, Result, program, read, target};
use crate::{build, debian};

/// How the root is packed: as the builder does it, with the compression that its record names.
const EROFS: [&str; 3] = ["-C65536", "-Efragments,ztailpacking", "--workers=2"];
/// A small package that no image has.
const ONE_MORE: &str = "tree";

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN, debian::TO_COMPARE])?;
    debian::subordinate_ids()?;
    let site = Site::make("bake", build::hive(Profile::Release)?)?;
    step::run(&mut site.hive(&["bake"]))?;

    site.forget_steps()?;
    let cold = site.timed(&["bake", "--offline"])?;
    let nothing = site.timed(&["bake", "--offline"])?;
    site.append("group_vars/all.yml", "hive_timezone: Asia/Tokyo")?;
    let config = site.timed(&["bake", "--offline"])?;
    let raw = site.image("hive.raw");
    let raw_size = length(&raw)?;
    let used = allocated(&raw)?;
    let compressed = compressed(&raw)?;

    let packages = lock::packages(&site.folder, &["private.host", "private.kernel"])?;
    let archive = Archive::make(&site, "bake-archive", &packages, true)?;
    let out = room("bake")?;
    let image = out.join("root.erofs");
    let hook = format!(
        "rm -rf \"$TREE\"/var/cache/apt/* \"$TREE\"/var/lib/apt/lists/*; start=$(date +%s%N); {} --quiet -z{} {} {} \"$TREE\" && echo $((($(date +%s%N) - start) / 1000000)) >{}/milliseconds",
        site.tool("mkfs.erofs", &out)?,
        site.compression()?,
        EROFS.join(" "),
        image.display(),
        out.display()
    );
    let together =
        step::timed(&mut archive.mmdebstrap(Path::new("/dev/null"), &[with_tree(&hook)])?)?;
    let erofs = milliseconds(&out.join("milliseconds"))?;

    site.append("hive.yml", &format!("image:\n  packages: [{ONE_MORE}]"))?;
    let one_more = site.timed(&["bake"])?;

    println!(
        "\n{} packages, {} CPUs",
        packages.len(),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("\nhive bake");
    row("  cold, all packages in the cache, no network", cold);
    row("  nothing changed", nothing);
    row("  only configuration changed", config);
    row("  one package added (lock, download and bake)", one_more);
    println!("the same packages, from this disk, without an initrd");
    row("  mmdebstrap", together.saturating_sub(erofs));
    row("  mkfs.erofs, compressed as ours", erofs);
    row("  together", together);
    println!("image");
    size("  hive.raw", raw_size);
    size("  hive.raw, blocks in use", used);
    size("  hive.raw through zstd -19", compressed);
    size(
        "  mmdebstrap's root (no boot loader, no verity)",
        length(&image)?,
    );
    Ok(())
}

fn milliseconds(path: &Path) -> Result<Duration> {
    let text = fs::read_to_string(path).map_err(|e| format!("reading {}: {e}", path.display()))?;
    let number = text
        .trim()
        .parse()
        .map_err(|e| format!("`{text}` in {}: {e}", path.display()))?;
    Ok(Duration::from_millis(number))
}

fn length(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)
        .map_err(|e| format!("measuring {}: {e}", path.display()))?
        .len())
}

fn allocated(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)
        .map_err(|e| format!("measuring {}: {e}", path.display()))?
        .blocks()
        * 512)
}

/// Bytes of the file compressed.
fn compressed(path: &Path) -> Result<u64> {
    let since = Instant::now();
    let out = target().join("bench/hive.raw.zst");
    read(
        program("zstd", &["--quiet", "--force", "-19", "-T0", "-o"])
            .arg(&out)
            .arg(path),
    )?;
    eprintln!("compressed in {:.0} s", since.elapsed().as_secs_f64());
    length(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_compressed_alike() {
        for option in EROFS {
            assert!(
                include_str!("../../../builder/src/tree/mod.rs").contains(option),
                "{option}"
            );
        }
    }
}
