//! Measuring how fast this computer emulates.
//!
//! A boot sector runs a fixed loop of arithmetic and memory accesses under SeaBIOS and reports its
//! end through a debug port; the time from starting QEMU to its end is compared with a reference.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::accel::{Accelerator, Version, qemu};
use crate::disk::{Format, blockdev};
use crate::error::{Error, Result};
use crate::process::Identity;

/// Rounds of the loop.
const ROUNDS: u32 = 100_000_000;
/// How long it takes on the computer the time-outs of callers are meant for: an idle core of a
/// rented server of 2023.
pub(crate) const REFERENCE: Duration = Duration::from_millis(300);
/// Slower than this is not measured further.
const LIMIT: Duration = Duration::from_secs(30);
/// How large the disk is, in bytes; SeaBIOS does not boot from one of a few sectors.
const SIZE: u64 = 1 << 20;
/// What the boot sector writes to the debug port when its loop is done.
const DONE: u8 = 0x2a;
const DEBUG_PORT: u16 = 0x501;

/// The boot sector: 16-bit code, then the signature SeaBIOS looks for.
fn boot_sector() -> [u8; 512] {
    let [r0, r1, r2, r3] = ROUNDS.to_le_bytes();
    let [p0, p1] = DEBUG_PORT.to_le_bytes();
    let code = [
        0xfa, // cli
        0x31, 0xc0, // xor ax, ax
        0x8e, 0xd8, // mov ds, ax
        0x66, 0xb9, r0, r1, r2, r3, // mov ecx, ROUNDS
        0x89, 0xcb, // again: mov bx, cx
        0x81, 0xe3, 0xfc, 0x0f, // and bx, 0x0ffc
        0x66, 0x8b, 0x87, 0x00, 0x80, // mov eax, [bx+0x8000]
        0x66, 0x01, 0xc8, // add eax, ecx
        0x66, 0x89, 0x87, 0x00, 0x80, // mov [bx+0x8000], eax
        0x66, 0x49, // dec ecx
        0x75, 0xe9, // jnz again
        0xba, p0, p1, // mov dx, DEBUG_PORT
        0xb0, DONE, // mov al, DONE
        0xee, // out dx, al
        0xf4, // hlt
    ];
    let mut sector = [0; 512];
    sector[..code.len()].copy_from_slice(&code);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Runs the loop under emulation and returns how long it took.
pub(crate) fn measure(program: &str) -> Result<Duration> {
    let version = Version::query(program)?;
    let image = std::env::temp_dir().join(format!("hive-qemu-speed-{}.raw", std::process::id()));
    drop(fs::remove_file(&image));
    // Never through a link somebody else put there: the folder is shared.
    let mut file = File::create_new(&image).map_err(Error::io("creating", &image))?;
    let written = file
        .write_all(&boot_sector())
        .and_then(|()| file.set_len(SIZE));
    written.map_err(Error::io("writing", &image))?;
    let took = run(program, version, &image);
    drop(fs::remove_file(&image));
    took
}

fn run(program: &str, version: Version, image: &Path) -> Result<Duration> {
    let program = qemu(program)
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-vga",
            "none",
        ])
        .args(["-machine", "q35", "-m", "32", "-no-reboot"])
        .args(["-accel", Accelerator::Tcg.option()])
        .args(["-cpu", Accelerator::Tcg.cpu(version)])
        .arg("-blockdev")
        .arg(blockdev("image", image, Format::Raw, false, true).to_string())
        .args(["-device", "ide-hd,drive=image,bootindex=1"])
        .arg("-device")
        .arg(json!({"driver": "isa-debug-exit", "iobase": DEBUG_PORT, "iosize": 1}).to_string());
    let from = Instant::now();
    let mut command = program.command();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| program.start_error(e))?;
    let failed = |said: String| Error::StartFailed {
        name: "speed".to_owned(),
        said,
        command: program.to_string(),
    };
    let in_time = Identity::of(child.id()).and_then(|i| i.wait(LIMIT));
    let took = from.elapsed();
    if !matches!(in_time, Ok(true)) {
        // Our own child, not yet waited for: its number can't have been given out again.
        child
            .kill()
            .and_then(|()| child.wait().map(drop))
            .map_err(|e| program.start_error(e))?;
        return Err(failed(format!(
            "measuring took longer than {} s",
            LIMIT.as_secs()
        )));
    }
    let status = child.wait().map_err(|e| program.start_error(e))?;
    // isa-debug-exit ends QEMU with twice the value plus one; nothing else ends it like this.
    if status.code() != Some(i32::from(DONE) * 2 + 1) {
        return Err(failed(format!(
            "it ended with {status} instead of running its loop"
        )));
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_runs_and_takes_its_time() {
        if let Err(error) = Version::query("qemu-system-x86_64") {
            println!("SKIPPED: {error}");
            return;
        }
        let took = measure("qemu-system-x86_64").unwrap();
        println!("speed loop: {took:?}, reference {REFERENCE:?}");
        // Faster than any emulation could be would mean that it did not run.
        assert!(took > Duration::from_millis(100), "{took:?}");
    }
}
