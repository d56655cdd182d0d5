//! A single altered byte: the machine does not run it, and its console says why.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use hive_qemu::{Disk, Patience, Vm, VmConfig};
use hive_tests::Site;

/// Boots a copy of the image after `alter`; returns what the console showed until the machine restarted itself.
fn console_of(site: &Site, name: &str, alter: impl Fn(&File)) -> String {
    let dir = site.path(name);
    std::fs::create_dir_all(&dir).unwrap();
    let disk = dir.join("disk.raw");
    copy_sparse(&site.images().join("hive.raw"), &disk);
    let file = File::options().read(true).write(true).open(&disk).unwrap();
    alter(&file);
    file.set_len(24 << 30).unwrap();
    drop(file);
    let mut config = VmConfig::new(name, &dir)
        .memory(1024)
        .disk(Disk::raw(&disk).unsafe_cache());
    config.reboot_exits = true;
    let vm = Vm::start(config).unwrap();
    let exit = vm
        .wait_exit(
            Patience::measured()
                .unwrap()
                .scale(Duration::from_secs(240)),
        )
        .unwrap();
    let console = String::from_utf8_lossy(&std::fs::read(vm.serial_log()).unwrap()).into_owned();
    assert_eq!(exit.reason.as_deref(), Some("guest-reset"), "{console}");
    assert!(
        !console.contains("login:"),
        "it ran all the same:\n{console}"
    );
    console
}

fn copy_sparse(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp")
        .arg("--sparse=always")
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success());
}

fn flip(file: &File, at: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x01], at).unwrap();
}

/// Where the root partition starts, and its number of data blocks.
fn root_of(site: &Site) -> (u64, u64) {
    let image = File::open(site.images().join("hive.raw")).unwrap();
    // GPT entry 3: the root; its first sector is at byte 32 (UEFI 5.3.3).
    let mut entry = [0; 128];
    image.read_exact_at(&mut entry, 1024 + 2 * 128).unwrap();
    let start = u64::from_le_bytes(entry[32..40].try_into().unwrap()) * 512;
    // EROFS superblock at 1024: number of blocks at byte 36, as 32 bits.
    let mut blocks = [0; 4];
    image.read_exact_at(&mut blocks, start + 1024 + 36).unwrap();
    (start, u64::from(u32::from_le_bytes(blocks)))
}

#[test]
fn in_the_root_file_system() {
    let site = Site::baked();
    let (start, _) = root_of(&site);
    let console = console_of(&site, "root", |disk| flip(disk, start + 1024 + 16));
    assert!(
        console.contains("hive: ") && console.contains("does not verify"),
        "{console}"
    );
}

#[test]
fn in_a_program_that_is_read_long_after_the_check_at_the_start() {
    let site = Site::baked();
    let (start, blocks) = root_of(&site);
    // Where any given program lies is mkfs.erofs' business: a byte in each tenth block of the data.
    let console = console_of(&site, "late", |disk| {
        for block in (blocks / 10..blocks).step_by(10) {
            flip(disk, start + block * 4096 + 77);
        }
    });
    assert!(
        console.contains("verity") && console.contains("corrupted"),
        "{console}"
    );
}

#[test]
fn in_the_hash_tree() {
    let site = Site::baked();
    let (start, blocks) = root_of(&site);
    // The superblock of the tree follows the data; the top of the tree follows that.
    let console = console_of(&site, "tree", |disk| {
        flip(disk, start + (blocks + 1) * 4096 + 5)
    });
    assert!(
        console.contains("hive: ") && console.contains("does not verify"),
        "{console}"
    );
}

#[test]
fn in_the_sealed_command_line() {
    let site = Site::baked();
    let image = std::fs::read(site.images().join("hive.raw")).unwrap();
    let find = |needle: &[u8]| {
        image
            .windows(needle.len())
            .position(|w| w == needle)
            .unwrap() as u64
    };
    // Once in the PE section that the stub hands to the kernel; the copy in the initrd comes later.
    let words = find(b"systemd.gpt_auto=no");
    let console = console_of(&site, "words", |disk| flip(disk, words));
    assert!(
        console.contains("the kernel command line is not the sealed one"),
        "{console}"
    );
    let hash = find(b"hive.roothash=") + 20;
    let console = console_of(&site, "hash", |disk| flip(disk, hash));
    assert!(
        console.contains("hive: ") && console.contains("sealed"),
        "{console}"
    );
}
