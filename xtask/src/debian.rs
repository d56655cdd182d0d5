//! Installing what a bare Debian lacks, and nothing else.

use std::path::Path;
use std::process::Command;

use crate::step::{Result, program, read, run, shown, which};

/// A thing that has to be there, and the package that has it.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    there: There,
    package: &'static str,
    purpose: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum There {
    Program(&'static str),
    File(&'static str),
}

const fn program_of(name: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need {
        there: There::Program(name),
        package,
        purpose,
    }
}

const fn file_of(path: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need {
        there: There::File(path),
        package,
        purpose,
    }
}

/// For building, baking and running.
pub const TO_RUN: &[Need] = &[
    program_of(
        "cc",
        "gcc",
        "builds the C parts of compression and cryptography crates",
    ),
    file_of("/usr/include/stdio.h", "libc6-dev", "the same"),
    file_of(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
        "checks Debian's archive",
    ),
    program_of("newuidmap", "uidmap", "bakes as an ordinary user"),
    program_of("qemu-system-x86_64", "qemu-system-x86", "runs hosts"),
    program_of("qemu-img", "qemu-utils", "disk images"),
    file_of(
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "ovmf",
        "UEFI firmware of virtual machines",
    ),
    program_of("ssh", "openssh-client", "logs in to hosts"),
];

/// Packages of one source that only go together in one version.
const SIBLINGS: &[(&str, &str)] = &[("qemu-system-x86", "qemu-utils")];

/// For tests that look at our formats with other people's eyes.
pub const TO_TEST: &[Need] = &[
    program_of("fsck.fat", "dosfstools", "checks FAT volumes"),
    program_of("veritysetup", "cryptsetup-bin", "checks dm-verity trees"),
    program_of("sgdisk", "gdisk", "checks partition tables"),
    program_of("mkfs.erofs", "erofs-utils", "makes file systems to look at"),
    program_of("cpio", "cpio", "reads initrds"),
    program_of("dpkg-deb", "dpkg", "makes packages"),
    program_of("gpg", "gnupg", "signs archives of the tests"),
    program_of("unshare", "util-linux", "takes the network away"),
    program_of("mount", "mount", "makes a disk that is soon full"),
    program_of("faketime", "faketime", "bakes in another year"),
    program_of("openssl", "openssl", "checks certificates"),
    program_of("lvm", "lvm2", "volume groups on loop devices"),
    program_of("sfdisk", "fdisk", "partitions that are not ours"),
    program_of("mkfs.xfs", "xfsprogs", "a disk that is somebody's"),
    program_of("mdadm", "mdadm", "a member of somebody's RAID"),
    program_of("dockerd", "docker.io", "engines that become one swarm"),
    program_of("ip", "iproute2", "networks between them"),
    program_of("chromium", "chromium", "looks at the page of `hive ui`"),
    file_of(
        "/usr/share/doc/python3-venv",
        "python3-venv",
        "installs the predecessor, to compare with",
    ),
];

/// For stories with containers.
pub const FOR_STORIES: &[Need] = &[file_of(
    "/bin/busybox",
    "busybox-static",
    "container images of the stories",
)];

/// For the benchmarks' other side.
pub const TO_COMPARE: &[Need] = &[
    program_of(
        "mmdebstrap",
        "mmdebstrap",
        "the pipeline that bakes are compared with",
    ),
    program_of("mkfs.erofs", "erofs-utils", "its file system"),
    program_of("zstd", "zstd", "compressed sizes"),
    program_of(
        "mkfs.ext4",
        "e2fsprogs",
        "the file system of the stock image",
    ),
];

impl Need {
    fn is_met(&self) -> bool {
        match self.there {
            There::Program(name) => which(name).is_some(),
            There::File(path) => Path::new(path).exists(),
        }
    }
}

/// Installs what is missing, and says what and why.
pub fn install(needs: &[&[Need]]) -> Result {
    let missing: Vec<&Need> = needs
        .iter()
        .flat_map(|list| list.iter())
        .filter(|need| !need.is_met())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    println!("Missing here:");
    for need in &missing {
        println!("  {:<24} {}", need.package, need.purpose);
    }
    if which("apt-get").is_none() {
        return Err(format!(
            "this is no Debian, so please install yourself what has the names {}",
            packages.join(", ")
        ));
    }
    // A machine that was never updated knows no packages, or gone ones.
    run(&mut as_root("apt-get", &["update"])?)?;
    let mut command = as_root("apt-get", &["install", "--yes", "--no-install-recommends"])?;
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let strays = strays(&packages)?;
    if !strays.is_empty() {
        println!(
            "Installed here in a version that does not go with the archive's: {}",
            strays.join(", ")
        );
        command.arg("--allow-downgrades").args(&strays);
    }
    run(command.args(&packages))
}

/// Siblings of one source package that are installed in another version than the one to be installed
/// next to them, as `name=version`. Each excludes the other's version (a `qemu-utils` of backports,
/// with backports no longer among the sources), and apt does not step back unasked.
fn strays(packages: &[&str]) -> Result<Vec<String>> {
    let mut strays = Vec::new();
    for &(package, sibling) in SIBLINGS {
        if !packages.contains(&package) {
            continue;
        }
        let wanted = policy(package, "Candidate:")?;
        let installed = policy(sibling, "Installed:")?;
        if installed != "(none)" && installed != wanted {
            strays.push(format!("{sibling}={wanted}"));
        }
    }
    Ok(strays)
}

/// A line of `apt-cache policy`.
fn policy(package: &str, line: &str) -> Result<String> {
    let mut ask = program("apt-cache", &["policy", package]);
    let text = read(ask.env("LC_ALL", "C"))?;
    let found = text.lines().find_map(|l| l.trim().strip_prefix(line));
    Ok(found.map_or("(none)", str::trim).to_owned())
}

/// A command as root: as it is, or through sudo.
pub fn as_root(name: &str, args: &[&str]) -> Result<Command> {
    if is_root()? {
        return Ok(program(name, args));
    }
    if which("sudo").is_none() {
        return Err(format!(
            "this needs root and there is no sudo; please run as root: {}",
            shown(&program(name, args))
        ));
    }
    let mut command = program("sudo", &[name]);
    command.args(args);
    Ok(command)
}

/// Whether we are root.
pub fn is_root() -> Result<bool> {
    Ok(read(&mut program("id", &["-u"]))?.trim() == "0")
}

/// Gives an ordinary user the subordinate ids that a bake maps, if there are none.
pub fn subordinate_ids() -> Result {
    if is_root()? {
        return Ok(());
    }
    let name = read(&mut program("id", &["-un"]))?.trim().to_owned();
    let has = |file: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines()
            .any(|line| line.split(':').next() == Some(&name))
    };
    if has("/etc/subuid") && has("/etc/subgid") {
        return Ok(());
    }
    println!("{name} has no subordinate ids, with which an ordinary user bakes; see subuid(5)");
    let range = "600100000-600165535";
    run(&mut as_root(
        "usermod",
        &["--add-subuids", range, "--add-subgids", range, &name],
    )?)
}
