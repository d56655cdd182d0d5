//! `cargo xtask bench bake`: how long bakes take, beside mmdebstrap and mkfs.erofs on the same package files.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::site::Site;
use super::stock::Archive;
use super::{lock, row, size};
use crate::step::{self, Result, program, read, target};
use crate::{build, debian};

/// How the root is compressed: as the builder does it.
const EROFS: [&str; 4] = [
    "-zzstd,12",
    "-C65536",
    "-Efragments,ztailpacking",
    "--workers=2",
];
/// A small package that no image has.
const ONE_MORE: &str = "tree";

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN, debian::TO_COMPARE])?;
    debian::subordinate_ids()?;
    let site = Site::make("bake", build::hive()?)?;
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
    let out = target().join("bench/mmdebstrap.tar");
    let image = target().join("bench/mmdebstrap.erofs");
    for old in [&out, &image] {
        drop(fs::remove_file(old));
    }
    let debootstrap = step::timed(&mut archive.mmdebstrap(&out, &[])?)?;
    let mut erofs = site.tool("mkfs.erofs")?;
    erofs
        .arg("--quiet")
        .args(EROFS)
        .arg("--tar=f")
        .arg(&image)
        .arg(&out);
    let erofs = step::timed(&mut erofs)?;

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
    row("  mmdebstrap", debootstrap);
    row("  mkfs.erofs, compressed as ours", erofs);
    row("  together", debootstrap + erofs);
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
