//! A machine whose disks are loop devices on sparse files. LVM gets a configuration of its own that
//! shows it these devices only, so nothing else of the machine that runs the tests is in reach.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use hive_disks::{Decision, Error, Layout, Outcome, Scan, Step, decide, perform, prepare_on, scan};
use hive_inventory::seed::MirroredDisk;
use hive_system::Program;
use sha2::{Digest, Sha256};

pub const MIB: u64 = 1 << 20;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A machine.
pub struct Site {
    folder: tempfile::TempDir,
    pub loops: Vec<Loop>,
    pub layout: Layout,
    pub wanted: MirroredDisk,
    thin: bool,
    /// Whether a pool was made by other means than `lvcreate`.
    pub stand_in: Cell<bool>,
}

/// A disk of it.
pub struct Loop {
    pub path: PathBuf,
    file: PathBuf,
}

/// The output of a program that must work.
pub fn run(program: &str, args: &[&str]) -> String {
    Program::new(program).args(args).text().unwrap()
}

/// Why such a machine can't be had here.
fn obstacle() -> Option<String> {
    if run("id", &["-u"]).trim() != "0" {
        return Some("it needs root for loop devices".into());
    }
    let tools = [
        ("losetup", "mount"),
        ("wipefs", "util-linux"),
        ("partx", "util-linux"),
        ("sfdisk", "fdisk"),
        ("mkfs.ext4", "e2fsprogs"),
        ("mkfs.xfs", "xfsprogs"),
        ("mkswap", "util-linux"),
        ("mdadm", "mdadm"),
        ("pvcreate", "lvm2"),
    ];
    let missing = tools.iter().find(|(tool, _)| {
        Program::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .is_err()
    });
    if let Some((tool, package)) = missing {
        return Some(format!("{tool} is missing (package {package})"));
    }
    let free = Program::new("losetup").arg("--find").output();
    free.err().map(|error| format!("no loop devices: {error}"))
}

/// Whether this kernel has thin pools.
fn has_thin() -> bool {
    let _ = Program::new("modprobe").arg("dm-thin-pool").output();
    Program::new("dmsetup")
        .arg("targets")
        .text()
        .is_ok_and(|text| text.contains("thin-pool"))
}

/// A machine with disks of such sizes, in MiB; `None`, and said why, where there can be none.
pub fn site(sizes: &[u64]) -> Option<Site> {
    if let Some(why) = obstacle() {
        eprintln!("SKIPPED: {why}");
        return None;
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut site = Site {
        folder: tempfile::tempdir().unwrap(),
        loops: Vec::new(),
        layout: Layout {
            machine: b"a test".to_vec(),
            ..Layout::default()
        },
        wanted: MirroredDisk {
            device: None,
            gigabytes: None,
            volume_group: format!("hivetest{}n{number}", std::process::id()),
            pool: "drbdpool".into(),
        },
        thin: has_thin(),
        stand_in: Cell::new(false),
    };
    for size in sizes {
        site.add(*size, 512);
    }
    Some(site)
}

impl Site {
    /// One disk more, with sectors of `sector` bytes.
    pub fn add(&mut self, mib: u64, sector: u64) {
        let file = self.folder.path().join(format!("{}.img", self.loops.len()));
        File::create(&file).unwrap().set_len(mib * MIB).unwrap();
        let path = Program::new("losetup")
            .args(["--find", "--show", "--sector-size", &sector.to_string()])
            .arg(&file)
            .text()
            .unwrap();
        let path = PathBuf::from(path.trim());
        self.loops.push(Loop { path, file });
        let paths: Vec<PathBuf> = self.loops.iter().map(|l| l.path.clone()).collect();
        let accept: Vec<String> = paths
            .iter()
            .map(|path| format!("\"a|^{}(p[0-9]+)?$|\"", path.display()))
            .collect();
        let etc = self.folder.path().join("lvm");
        fs::create_dir_all(&etc).unwrap();
        let filter = format!("global_filter = [ {}, \"r|.*|\" ]", accept.join(", "));
        fs::write(etc.join("lvm.conf"), format!("devices {{ {filter} }}\n")).unwrap();
        self.layout.only = Some(paths);
        self.layout.lvm_system_dir = Some(etc);
    }

    pub fn path(&self, disk: usize) -> String {
        self.loops[disk].path.display().to_string()
    }

    /// Has the seed name a disk.
    pub fn name(&mut self, disk: usize) {
        self.wanted.device = Some(self.path(disk));
    }

    /// A program of LVM that sees this machine.
    pub fn lvm(&self, program: &str, args: &[&str]) -> String {
        self.lvm_program(program, args).text().unwrap()
    }

    fn lvm_program(&self, program: &str, args: &[&str]) -> Program {
        Program::new(program)
            .args(args)
            .env("LVM_SYSTEM_DIR", self.folder.path().join("lvm"))
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
    }

    pub fn scan(&self) -> Scan {
        scan(&self.layout, &self.wanted, "/dev/none").unwrap()
    }

    pub fn decide(&self) -> Decision {
        decide(&self.wanted, &self.scan())
    }

    /// Does what is decided until there is nothing to do, `most` steps at the most. Where the kernel
    /// has no thin pools, the pool comes into the group's metadata without `lvcreate`.
    pub fn go(&self, most: usize) -> Result<Vec<Step>, Error> {
        let mut done = Vec::new();
        while done.len() < most {
            let Decision::Do(step) = self.decide() else {
                break;
            };
            assert_ne!(done.last(), Some(&step), "a step without effect");
            match &step {
                Step::CreatePool { .. } if !self.thin => self.pool_without_lvcreate(),
                step => perform(&self.layout, &self.wanted, step)?,
            }
            done.push(step);
        }
        Ok(done)
    }

    /// As the daemon does it; falls back to [`Site::go`] where `lvcreate` can't work.
    pub fn prepare(&self) -> Outcome {
        if !self.thin {
            let made = !self.go(20).unwrap().is_empty();
            return match self.decide() {
                Decision::Ready { devices } => Outcome::Ready { devices, made },
                Decision::Wait(why) => Outcome::Waiting(why),
                Decision::Do(step) => panic!("{step:?} is left"),
            };
        }
        prepare_on(&self.layout, &self.wanted, "/dev/none").unwrap()
    }

    /// Puts a pool into the metadata of the group, as `lvcreate` would.
    fn pool_without_lvcreate(&self) {
        if !self.stand_in.replace(true) {
            eprintln!(
                "SKIPPED: `lvcreate`, for this kernel has no dm-thin-pool; its pool is restored from a text"
            );
        }
        let (group, pool) = (&self.wanted.volume_group, &self.wanted.pool);
        let file = self.folder.path().join("group.txt");
        let file = file.to_str().unwrap();
        self.lvm("vgcfgbackup", &["--file", file, group]);
        let text = fs::read_to_string(file).unwrap();
        let linear = |id: &str, first: u32, count: u32| {
            format!(
                "id = \"aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-{id}\"\nstatus = [\"READ\", \"WRITE\"]\nflags = []\nsegment_count = 1\nsegment1 {{\nstart_extent = 0\nextent_count = {count}\ntype = \"striped\"\nstripe_count = 1\nstripes = [\"pv0\", {first}]\n}}\n"
            )
        };
        let volumes = format!(
            "logical_volumes {{\n{pool} {{\nid = \"aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa\"\nstatus = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment_count = 1\nsegment1 {{\nstart_extent = 0\nextent_count = 4\ntype = \"thin-pool\"\nmetadata = \"{pool}_tmeta\"\npool = \"{pool}_tdata\"\ntransaction_id = 0\nchunk_size = 2048\ndiscards = \"passdown\"\nzero_new_blocks = 1\n}}\n}}\n{pool}_tmeta {{\n{}}}\n{pool}_tdata {{\n{}}}\n}}\n",
            linear("aaaaab", 4, 1),
            linear("aaaaac", 0, 4),
        );
        let end = text.rfind("\n}").unwrap();
        let text = format!("{}\n{volumes}{}", &text[..end], &text[end..]);
        fs::write(file, text).unwrap();
        self.lvm("vgcfgrestore", &["--force", "--file", file, group]);
    }

    /// Hash of everything on every disk.
    pub fn hashes(&self) -> Vec<String> {
        self.loops
            .iter()
            .map(|disk| disk.hash(0, u64::MAX))
            .collect()
    }
}

impl Loop {
    /// Hash of a part of the disk, as it is on the medium.
    pub fn hash(&self, start: u64, length: u64) -> String {
        run("sync", &[self.path.to_str().unwrap()]);
        let mut file = File::open(&self.file).unwrap();
        file.seek(SeekFrom::Start(start)).unwrap();
        let mut hash = Sha256::new();
        let mut buffer = vec![0; MIB as usize];
        let mut file = file.take(length);
        loop {
            match file.read(&mut buffer).unwrap() {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// What is on it, as it is on the medium.
    pub fn read(&self, start: u64, length: usize) -> Vec<u8> {
        run("sync", &[self.path.to_str().unwrap()]);
        let mut bytes = vec![0; length];
        let file = File::open(&self.file).unwrap();
        file.read_exact_at(&mut bytes, start).unwrap();
        bytes
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        write_at(&self.path, at, bytes);
    }

    /// Divides the disk as `sfdisk` reads it, and tells the kernel.
    pub fn divide(&self, script: &str) {
        let path = self.path.to_str().unwrap();
        Program::new("sfdisk")
            .args(["--quiet", "--no-reread", "--no-tell-kernel", path])
            .stdin(script)
            .output()
            .unwrap();
        run("partx", &["--update", path]);
    }

    pub fn bytes(&self) -> u64 {
        fs::metadata(&self.file).unwrap().len()
    }
}

/// Writes to a device, lastingly.
pub fn write_at(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
    file.flush().unwrap();
    file.sync_all().unwrap();
}

impl Site {
    /// Power off and on: the kernel forgets the partitions, and may or may not find them by itself.
    pub fn restart(&self) {
        self.stop();
        for disk in &self.loops {
            run(
                "losetup",
                &[disk.path.to_str().unwrap(), disk.file.to_str().unwrap()],
            );
        }
    }

    fn stop(&self) {
        if self.thin {
            let group = self.wanted.volume_group.as_str();
            let _ = self
                .lvm_program("vgchange", &["--activate", "n", group])
                .output();
        }
        for disk in &self.loops {
            let path = disk.path.to_str().unwrap();
            let _ = Program::new("partx").args(["--delete", path]).output();
            let _ = Program::new("losetup").args(["--detach", path]).output();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}
