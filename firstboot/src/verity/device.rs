//! Device-mapper's ioctls, as far as one read-only dm-verity device needs them
//! (kernel, include/uapi/linux/dm-ioctl.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use crate::cmdline::{SealedRoot, hex};

/// Bytes of `struct dm_ioctl`.
const HEAD: usize = 312;
/// Bytes of `struct dm_target_spec`.
const SPEC: usize = 40;
const DEV_CREATE: u8 = 3;
const DEV_SUSPEND: u8 = 6;
const TABLE_LOAD: u8 = 9;
const READ_ONLY: u32 = 1;

/// Name of the device under `/dev/mapper`; `root` is what systemd's own tools call a verified root.
const NAME: &str = "root";

/// The parameters of the verity target: data and tree on the same device, tree behind the superblock.
///
/// A corrupted block stops the whole machine (`panic_on_corruption`). The default, an I/O error,
/// leaves a host half alive: programs that need the block die, the others still answer their
/// peers. A node of a cluster should be dead or well. The kernel's log names the block, the
/// panic stays on the console for the seconds of `hive.panic`, and then the machine starts again,
/// which is where boot counting falls back to the other slot. `restart_on_corruption` would do
/// the same without leaving time to read.
pub fn table_parameters(root: &SealedRoot, device: (u32, u32)) -> String {
    let (major, minor) = device;
    let salt = match root.salt.as_slice() {
        [] => "-".to_owned(),
        salt => hex(salt),
    };
    format!(
        "1 {major}:{minor} {major}:{minor} 4096 4096 {} {} sha256 {} {salt} 1 panic_on_corruption",
        root.blocks,
        root.blocks + 1,
        root.hash_hex(),
    )
}

/// Makes the verified device over the partition with that device number and returns its path.
pub fn activate(root: &SealedRoot, device: (u32, u32)) -> io::Result<PathBuf> {
    let control = File::options()
        .read(true)
        .write(true)
        .open("/dev/mapper/control")?;
    // The form of veritysetup's own names, so that `veritysetup status` knows the device.
    let uuid = format!("CRYPT-VERITY-{}-{NAME}", &root.hash_hex()[..32]);

    let mut create = head(HEAD);
    create[176..176 + uuid.len()].copy_from_slice(uuid.as_bytes());
    call(&control, DEV_CREATE, &mut create)?;

    let parameters = table_parameters(root, device);
    let size = (HEAD + SPEC + parameters.len() + 1).next_multiple_of(8);
    let mut load = head(size);
    load[20..24].copy_from_slice(&1u32.to_le_bytes());
    load[28..32].copy_from_slice(&READ_ONLY.to_le_bytes());
    let sectors = root.blocks * 8;
    load[HEAD + 8..HEAD + 16].copy_from_slice(&sectors.to_le_bytes());
    load[HEAD + 24..HEAD + 30].copy_from_slice(b"verity");
    load[HEAD + SPEC..HEAD + SPEC + parameters.len()].copy_from_slice(parameters.as_bytes());
    call(&control, TABLE_LOAD, &mut load)?;

    // "Suspend" without its flag resumes: the loaded table goes live.
    let mut resume = head(HEAD);
    resume[28..32].copy_from_slice(&READ_ONLY.to_le_bytes());
    call(&control, DEV_SUSPEND, &mut resume)?;
    Ok(PathBuf::from(format!("/dev/dm-{}", minor(&resume))))
}

/// A request with version, sizes and name filled in.
fn head(size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    out[0..4].copy_from_slice(&4u32.to_le_bytes());
    out[12..16].copy_from_slice(&(size as u32).to_le_bytes());
    out[16..20].copy_from_slice(&(HEAD as u32).to_le_bytes());
    out[48..48 + NAME.len()].copy_from_slice(NAME.as_bytes());
    out
}

/// The minor number in an answer, out of the kernel's packed form.
fn minor(answer: &[u8]) -> u32 {
    let packed = u32::from_le_bytes([answer[40], answer[41], answer[42], answer[43]]);
    packed & 0xFF | packed >> 12 & 0xF_FF00
}

#[allow(
    unsafe_code,
    reason = "no crate offers device-mapper without libdevmapper"
)]
fn call(control: &File, command: u8, request: &mut [u8]) -> io::Result<()> {
    // _IOWR(0xfd, command, struct dm_ioctl)
    let number = 3u64 << 30 | (HEAD as u64) << 16 | 0xFD << 8 | u64::from(command);
    // SAFETY: the request is at least `struct dm_ioctl`, its data_size field holds the length of
    // the slice, and the kernel reads and writes no more than that.
    let result = unsafe {
        libc::ioctl(
            control.as_raw_fd(),
            number as libc::Ioctl,
            request.as_mut_ptr(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_tree_and_data() {
        let root = SealedRoot {
            hash: [0xAA; 32],
            blocks: 100,
            salt: vec![1, 2],
        };
        assert_eq!(
            table_parameters(&root, (254, 3)),
            format!(
                "1 254:3 254:3 4096 4096 100 101 sha256 {} 0102 1 panic_on_corruption",
                "aa".repeat(32)
            )
        );
    }
}
