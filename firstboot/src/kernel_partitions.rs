//! Telling the kernel about partitions: by having it read the table anew, which also teaches it
//! their names (BLKRRPART), or one by one where a partition is in use (BLKPG; kernel,
//! include/uapi/linux/blkpg.h and fs.h).

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use hive_inventory::disk::SECTOR;

use crate::block_scan;
use crate::gpt::Table;

const BLKPG: u64 = 0x1269;
const BLKRRPART: u64 = 0x125f;
const ADD: i32 = 1;
const DELETE: i32 = 2;
const RESIZE: i32 = 3;

/// Makes the kernel see `disk`'s partitions as `table` has them, and touches only what differs.
pub fn publish(disk: &str, table: &Table) -> io::Result<()> {
    let file = File::open(Path::new("/dev").join(disk))?;
    // Refused while a partition is in use; and what it did is looked at below all the same.
    let _ = read_anew(&file);
    let mut kept = Vec::new();
    for (number, name) in block_scan::kernel_partitions(disk)? {
        let folder = Path::new("/sys/block").join(disk).join(name);
        let sectors = |file: &str| -> io::Result<u64> {
            fs::read_to_string(folder.join(file))?
                .trim()
                .parse()
                .map_err(io::Error::other)
        };
        let (first, count) = (sectors("start")?, sectors("size")?);
        match table.partitions.iter().find(|p| p.number == number) {
            Some(p) if p.first == first && p.sectors() == count => kept.push(number),
            Some(p) if p.first == first => {
                call(&file, RESIZE, number, p.offset(), p.bytes())?;
                kept.push(number);
            }
            _ => call(&file, DELETE, number, 0, 0)?,
        }
    }
    for p in &table.partitions {
        if !kept.contains(&p.number) {
            call(&file, ADD, p.number, p.offset(), p.bytes())?;
        }
    }
    debug_assert_eq!(SECTOR, 512, "the kernel counts partitions in 512 bytes");
    Ok(())
}

#[repr(C)]
struct Argument {
    op: i32,
    flags: i32,
    length: i32,
    data: *mut Extent,
}

#[repr(C)]
struct Extent {
    start: i64,
    length: i64,
    number: i32,
    device_name: [u8; 64],
    volume_name: [u8; 64],
}

#[allow(unsafe_code, reason = "an ioctl without argument")]
fn read_anew(disk: &File) -> io::Result<()> {
    // SAFETY: the call takes no argument and touches no memory of ours.
    match unsafe { libc::ioctl(disk.as_raw_fd(), BLKRRPART as libc::Ioctl) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[allow(unsafe_code, reason = "BLKPG takes a pointer inside its argument")]
fn call(disk: &File, op: i32, number: u32, start: u64, length: u64) -> io::Result<()> {
    let mut extent = Extent {
        start: start as i64,
        length: length as i64,
        number: number as i32,
        device_name: [0; 64],
        volume_name: [0; 64],
    };
    let mut argument = Argument {
        op,
        flags: 0,
        length: size_of::<Extent>() as i32,
        data: &mut extent,
    };
    // SAFETY: both structures have the kernel's layout and outlive the call.
    let result = unsafe { libc::ioctl(disk.as_raw_fd(), BLKPG as libc::Ioctl, &mut argument) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
