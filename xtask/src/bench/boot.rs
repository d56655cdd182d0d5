//! `cargo xtask bench boot`: power-on to Docker ready, beside stock Debian with initramfs-tools on
//! ext4, made of the same packages.
//!
//! Both run in QEMU with software emulation, one CPU and 1536 MiB. Our host goes the whole way of a
//! real machine: UEFI, boot loader, sealed root, and at its first start the partitioning. The stock
//! image gets its kernel and initrd from QEMU directly, which saves it the firmware and the boot loader.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::site::Site;
use super::stock::{Archive, with_tree};
use super::{lock, room, row};
use crate::build::Profile;
use crate::step::{self, Result, program, read};
use crate::{build, debian};

const HOST: &str = "p-hive0";
/// What the stock image says on its second serial port when Docker answers: seconds since its kernel started.
const MARK: &str = "docker-ready ";
/// A unit of the stock image that waits for Docker.
const UNIT: &str = "[Unit]\nDescription=Tells when Docker answers\n[Service]\nType=exec\n\
    ExecStart=/bin/sh -c 'until curl --silent --fail --unix-socket /run/docker.sock http://localhost/_ping >/dev/null; do sleep 0.2; done; \
    read up rest </proc/uptime; echo docker-ready $up >/dev/ttyS1'\n[Install]\nWantedBy=multi-user.target\n";
/// Nothing takes longer than this without being broken.
const LIMIT: Duration = Duration::from_secs(1200);

/// Measures and prints.
pub fn run() -> Result {
    debian::install(&[debian::TO_RUN, debian::TO_COMPARE])?;
    debian::subordinate_ids()?;
    let site = Site::make("boot", build::hive(Profile::Release)?)?;
    // The same packages for both; only the stock image has a use for these.
    site.append(
        "hive.yml",
        "image:\n  packages: [initramfs-tools, linux-base, zstd]",
    )?;
    step::run(&mut site.hive(&["bake"]))?;
    let first = ours(&site)?;
    let second = ours(&site)?;
    let stock = Stock::make(&site)?;
    let (stock_first, stock_second) = (stock.boot()?, stock.boot()?);

    println!(
        "\nsoftware emulation, 1 CPU, 1536 MiB          power-on to Docker, then kernel start to Docker"
    );
    for (name, boot) in [
        (
            "hive, first boot (UEFI, verity, partitions its disk)",
            first,
        ),
        ("hive, second boot (UEFI, verity)", second),
        (
            "stock Debian, first boot (kernel loaded by QEMU)",
            stock_first,
        ),
        (
            "stock Debian, second boot (kernel loaded by QEMU)",
            stock_second,
        ),
    ] {
        row(name, boot.wall);
        row("  from the start of its kernel", boot.uptime);
    }
    println!("hive's time from power-on is seen through ssh, every 3 seconds.");
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Boot {
    /// From starting QEMU.
    wall: Duration,
    /// From the start of the kernel, by its own clock.
    uptime: Duration,
}

/// Boots our host, waits until it is ready, and switches it off.
fn ours(site: &Site) -> Result<Boot> {
    let since = Instant::now();
    step::run(&mut site.hive(&["run", HOST]))?;
    let wall = since.elapsed();
    let text = read(&mut site.hive(&["ssh", "-t", HOST, "--", "hived", "status", "--json"]))?;
    let status: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| format!("reading the status: {e}"))?;
    let uptime = status["ready_after_seconds"]
        .as_f64()
        .ok_or("the status has no time")?;
    step::run(&mut site.hive(&["run", "--stop", HOST]))?;
    Ok(Boot {
        wall,
        uptime: Duration::from_secs_f64(uptime),
    })
}

/// The stock image: a disk, its kernel and its initrd.
struct Stock {
    folder: std::path::PathBuf,
}

impl Stock {
    fn make(site: &Site) -> Result<Self> {
        let folder = room("stock")?;
        let doing = |e: std::io::Error| format!("making {}: {e}", folder.display());
        let packages = lock::packages(&site.folder, &["private.host", "private.kernel"])?;
        let archive = Archive::make(site, "boot-archive", &packages, false)?;
        let unit = folder.join("docker-ready.service");
        fs::write(&unit, UNIT).map_err(doing)?;
        let disk = folder.join("disk.raw");
        let hooks = [
            format!("--customize-hook=copy-in {} /etc/systemd/system", unit.display()),
            "--customize-hook=chroot \"$1\" systemctl enable docker-ready.service docker.service".to_owned(),
            "--customize-hook=echo stock > \"$1/etc/hostname\"; echo '/dev/vda / ext4 defaults 0 1' > \"$1/etc/fstab\"".to_owned(),
            "--customize-hook=chroot \"$1\" update-initramfs -c -k all".to_owned(),
            format!(
                "--customize-hook=cp \"$1\"/boot/vmlinuz-* {0}/vmlinuz; cp \"$1\"/boot/initrd.img-* {0}/initrd; chmod 644 {0}/vmlinuz {0}/initrd",
                folder.display()
            ),
            with_tree(&format!("mkfs.ext4 -q -d \"$TREE\" {0} 4G && chmod 666 {0}", disk.display())),
        ];
        step::run(&mut archive.mmdebstrap(Path::new("/dev/null"), &hooks)?)?;
        Ok(Self { folder })
    }

    fn boot(&self) -> Result<Boot> {
        let file = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let told = file("told");
        drop(fs::remove_file(&told));
        let log = File::create(file("console.log")).map_err(|e| format!("making a log: {e}"))?;
        let cpu = if qemu_major()? < 8 {
            "max,cx16=off"
        } else {
            "max"
        };
        let mut command = program(
            "qemu-system-x86_64",
            &["-nodefaults", "-no-user-config", "-display", "none"],
        );
        command
            .args([
                "-machine",
                "q35",
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                cpu,
                "-smp",
                "1",
                "-m",
                "1536",
            ])
            .args([
                "-object",
                "rng-random,id=rng,filename=/dev/urandom",
                "-device",
                "virtio-rng-pci,rng=rng",
            ])
            .args([
                "-drive",
                &format!(
                    "file={},format=raw,if=virtio,discard=unmap",
                    file("disk.raw")
                ),
            ])
            .args(["-nic", "user,model=virtio-net-pci"])
            .args([
                "-serial",
                &format!("file:{}", file("serial.log")),
                "-serial",
                &format!("file:{told}"),
            ])
            .args(["-kernel", &file("vmlinuz"), "-initrd", &file("initrd")])
            .args([
                "-append",
                "root=/dev/vda rw console=ttyS0,115200 net.ifnames=1",
            ])
            .args(["-monitor", "stdio"])
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(|e| format!("making a log: {e}"))?)
            .stderr(log);
        eprintln!("$ {}", step::shown(&command));
        let since = Instant::now();
        let mut qemu = command.spawn().map_err(|e| format!("starting QEMU: {e}"))?;
        let outcome = wait(&mut qemu, Path::new(&told), since);
        stop(&mut qemu);
        outcome.map_err(|e| format!("{e}; its console is in {}", file("serial.log")))
    }
}

fn wait(qemu: &mut Child, told: &Path, since: Instant) -> Result<Boot> {
    loop {
        let text = fs::read_to_string(told).unwrap_or_default();
        if let Some(seconds) = text
            .lines()
            .filter(|_| text.ends_with('\n'))
            .find_map(|l| l.strip_prefix(MARK))
        {
            let uptime: f64 = seconds
                .trim()
                .parse()
                .map_err(|e| format!("the stock image said `{text}`: {e}"))?;
            return Ok(Boot {
                wall: since.elapsed(),
                uptime: Duration::from_secs_f64(uptime),
            });
        }
        if since.elapsed() > LIMIT {
            return Err("the stock image did not start Docker".to_owned());
        }
        if let Ok(Some(status)) = qemu.try_wait() {
            return Err(format!("QEMU ended ({status})"));
        }
        sleep(Duration::from_millis(100));
    }
}

/// By its power button, and by force after two minutes.
fn stop(qemu: &mut Child) {
    use std::io::Write;
    if let Some(monitor) = qemu.stdin.as_mut() {
        drop(monitor.write_all(b"system_powerdown\n"));
    }
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(120) {
        if !matches!(qemu.try_wait(), Ok(None)) {
            return;
        }
        sleep(Duration::from_millis(200));
    }
    drop(qemu.kill());
    drop(qemu.wait());
}

fn qemu_major() -> Result<u32> {
    let text = read(&mut program("qemu-system-x86_64", &["--version"]))?;
    let major = text
        .split("version ")
        .nth(1)
        .and_then(|rest| rest.split('.').next());
    major
        .and_then(|m| m.parse().ok())
        .ok_or_else(|| format!("no version in `{text}`"))
}
