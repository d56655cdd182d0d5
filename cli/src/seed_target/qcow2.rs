//! Seeds in images of QEMU's format, through QEMU's own tools: they know every variant of it, take
//! the locks that running machines take, and need no privileges.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hive_builder::format::seed_volume::Document;
use hive_system::Program;

use super::place::{self, HEAD, Place};
use super::raw;

/// What an image begins with.
pub const MAGIC: &[u8] = b"QFI\xfb";
/// The package with the tools.
const PACKAGE: &str = "qemu-utils";
/// Compared and written at a time: the size of a cluster, unless one chose another.
const GRAIN: usize = 64 << 10;

/// Puts the documents onto the seed volume of the image. `scratch` is a folder that goes afterwards.
///
/// # Errors
/// The tools are missing, the image is in use, or has no seed volume.
pub fn write(image: &Path, documents: &[Document], scratch: &Path) -> Result<()> {
    let size = size(image)?;
    let head = read(image, 0, HEAD.min(size), &scratch.join("head"))?;
    let Some(place) = place::find(&head, size)? else {
        bail!("it has no partition table");
    };
    let volume = scratch.join("volume");
    let before = read(image, place.offset, place.length, &volume)?;
    let file = File::options().read(true).write(true).open(&volume);
    let file = file.context("opening a copy of its seed volume")?;
    let whole = Place { offset: 0, ..place };
    raw::put(&file, whole, documents)?;
    let mut after = vec![0; before.len()];
    file.read_exact_at(&mut after, 0)
        .context("reading the new seed volume")?;
    change(image, place.offset, &before, &after, scratch)?;
    let written = read(image, place.offset, place.length, &scratch.join("written"))?;
    if written != after {
        bail!("it does not hold what was just written; is its disk in order?");
    }
    Ok(())
}

fn size(image: &Path) -> Result<u64> {
    let text = Program::new("qemu-img")
        .package(PACKAGE)
        .args(["info", "-f", "qcow2", "--output=json"])
        .arg(image)
        .text()?;
    let info: serde_json::Value = serde_json::from_str(&text).context("reading what it is")?;
    info["virtual-size"]
        .as_u64()
        .context("qemu-img does not say how large it is")
}

/// A stretch of what the image shows.
fn read(image: &Path, offset: u64, length: u64, to: &Path) -> Result<Vec<u8>> {
    let unit = [HEAD, 4096, 512]
        .into_iter()
        .find(|unit| offset.is_multiple_of(*unit) && length.is_multiple_of(*unit));
    let unit = unit.context("its partitions do not begin at whole sectors")?;
    let word = |key: &str, value: &str| format!("{key}={value}");
    Program::new("qemu-img")
        .package(PACKAGE)
        .args(["dd", "-f", "qcow2", "-O", "raw"])
        .arg(word("bs", &unit.to_string()))
        .arg(word("skip", &(offset / unit).to_string()))
        // The count is that of all blocks, the skipped ones included.
        .arg(word("count", &((offset + length) / unit).to_string()))
        .arg(word("if", &image.to_string_lossy()))
        .arg(word("of", &to.to_string_lossy()))
        .output()?;
    let mut bytes = std::fs::read(to).context("reading a copy of a part of it")?;
    bytes.resize(
        usize::try_from(length).context("measuring its seed volume")?,
        0,
    );
    Ok(bytes)
}

/// Writes what is different. Zeros are written out, so that nothing of what they replace stays in the file.
fn change(image: &Path, offset: u64, before: &[u8], after: &[u8], scratch: &Path) -> Result<()> {
    let mut commands = Vec::new();
    let mut at = 0;
    let same = |at: usize| {
        let end = (at + GRAIN).min(after.len());
        before[at..end] == after[at..end]
    };
    while at < after.len() {
        if same(at) {
            at += GRAIN;
            continue;
        }
        let start = at;
        while at < after.len() && !same(at) {
            at += GRAIN;
        }
        at = at.min(after.len());
        let name = format!("part{start}");
        std::fs::write(scratch.join(&name), &after[start..at])
            .context("keeping a part of the new seed volume")?;
        commands.push(format!(
            "write -s {name} {} {}",
            offset + start as u64,
            at - start
        ));
    }
    if commands.is_empty() {
        return Ok(());
    }
    let mut program = Program::new("qemu-io")
        .package(PACKAGE)
        .dir(scratch)
        // A copy that was just made need not be on the disk yet, nor be waited for.
        .args(["-t", "unsafe", "-f", "qcow2"]);
    for command in &commands {
        program = program.args(["-c", command]);
    }
    program.arg(image).output()?;
    Ok(())
}
