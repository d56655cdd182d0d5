//! The command line of QEMU, from a description of a machine. Pure: it looks at no file.
//!
//! Values that may hold commas go as JSON; where QEMU takes none, a comma is doubled. Paths without
//! a leading slash are in the machine's folder, where QEMU runs.

use std::path::Path;

use serde_json::json;

use crate::accel::{Version, qemu};
use crate::config::{Boot, VmConfig};
use crate::disk::{self, Format, blockdev};
use crate::nic;
use crate::record::{QMP_SOCKET, SERIAL_LOG, SERIAL_SOCKET, VARS};
use hive_system::Program;

/// The file in the machine's folder with its OEM string `i`.
pub(crate) fn oem_file(i: usize) -> String {
    format!("oem-string-{i}")
}

/// The file in the machine's folder with its `fw_cfg` entry `i`.
pub(crate) fn fw_cfg_file(i: usize) -> String {
    format!("fw_cfg-{i}")
}

/// The program that runs the machine; `code` is the firmware's, when it has one.
pub(crate) fn program(config: &VmConfig, version: Version, code: Option<&Path>) -> Program {
    let pflash = if code.is_some() {
        ",pflash0=code,pflash1=vars"
    } else {
        ""
    };
    let mut program = qemu(&config.program)
        .args(["-name", &format!("{0},process=vm-{0}", config.name)])
        .args(["-nodefaults", "-no-user-config"])
        // The 64-bit entry point: the 32-bit one ends at 64 KiB of tables.
        .args([
            "-machine",
            &format!("q35,smbios-entry-point-type=64{pflash}"),
        ])
        .args(["-accel", config.accelerator.option()])
        .args(["-cpu", config.accelerator.cpu(version)])
        .args(["-smp", &config.cpus.to_string()])
        .args(["-m", &config.memory_mib.to_string()])
        .args(["-display", "none", "-vga", "std"])
        .args(["-rtc", "base=utc"])
        .args(["-object", "rng-random,id=rng,filename=/dev/urandom"])
        .args(["-device", "virtio-rng-pci,rng=rng"])
        .args(["-chardev", &socket("qmp", QMP_SOCKET)])
        .args(["-mon", "chardev=qmp,mode=control"])
        .args([
            "-chardev",
            &format!(
                "{},logfile={SERIAL_LOG},logappend=on",
                socket("serial", SERIAL_SOCKET)
            ),
        ])
        .args(["-serial", "chardev:serial"]);

    match (&config.boot, code) {
        (Boot::Firmware(_), code) => {
            if let Some(code) = code {
                let code = blockdev("code", code, Format::Raw, true, false).to_string();
                // Variables are flushed at every write, and losing them with this computer is fine.
                let vars = blockdev("vars", Path::new(VARS), Format::Raw, false, true).to_string();
                program = program.args(["-blockdev", &code, "-blockdev", &vars]);
            }
        }
        (
            Boot::Kernel {
                kernel,
                initrd,
                append,
            },
            _,
        ) => {
            program = program.arg("-kernel").arg(kernel).args(["-append", append]);
            if let Some(initrd) = initrd {
                program = program.arg("-initrd").arg(initrd);
            }
        }
    }
    let devices = disk::arguments(&config.disks)
        .into_iter()
        .chain(nic::arguments(&config.nics, config.disks.len(), version));
    for (option, value) in devices {
        program = program.args([option, &value.to_string()]);
    }
    for word in told(config) {
        program = program.arg(word);
    }
    if config.reboot_exits {
        program = program.arg("-no-reboot");
    }
    if config.restore.is_some() {
        program = program.args(["-incoming", "defer"]);
    }
    if config.paused || config.restore.is_some() {
        program = program.arg("-S");
    }
    program
}

fn socket(id: &str, path: &str) -> String {
    format!("socket,id={id},path={path},server=on,wait=off")
}

/// What the machine is told by its firmware.
fn told(config: &VmConfig) -> Vec<String> {
    let mut out = Vec::new();
    let smbios = &config.smbios;
    let fields = [("serial", &smbios.serial), ("uuid", &smbios.uuid)];
    let system: String = fields
        .iter()
        .filter_map(|(key, value)| Some(format!(",{key}={}", value.as_ref()?.replace(',', ",,"))))
        .collect();
    if !system.is_empty() {
        out.extend(["-smbios".to_owned(), format!("type=1{system}")]);
    }
    for i in 0..smbios.oem_strings.len() {
        out.extend([
            "-smbios".to_owned(),
            format!("type=11,path={}", oem_file(i)),
        ]);
    }
    for (i, entry) in config.fw_cfg.iter().enumerate() {
        let name = entry.name.replace(',', ",,");
        let value = format!("name={name},file={}", fw_cfg_file(i));
        out.extend(["-fw_cfg".to_owned(), value]);
    }
    out
}

/// The program of a switch: a QEMU without a machine, whose network hub does the work.
pub(crate) fn switch_program(program: &str) -> Program {
    qemu(program)
        .args(["-name", "switch,process=vm-switch"])
        .args([
            "-machine",
            "none",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
        ])
        // A hub that can hand a frame to nobody stops to read from its sender, and never begins
        // again. This port takes everything, and leads nowhere.
        .args(["-netdev", "hubport,id=drain,hubid=0"])
        .args(["-chardev", &socket("qmp", QMP_SOCKET)])
        .args(["-mon", "chardev=qmp,mode=control"])
}

/// Where `migrate` writes to or reads from: a shell command, because only QEMU 8.2 and newer know files.
pub(crate) fn migration(direction: Direction, path: &Path) -> serde_json::Value {
    let quoted = path.to_string_lossy().replace('\'', "'\\''");
    let command = match direction {
        Direction::Out => format!("cat > '{quoted}'"),
        Direction::In => format!("cat < '{quoted}'"),
    };
    json!({"uri": format!("exec:{command}")})
}

/// Which way a machine's state goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Out,
    In,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accel::Accelerator;
    use crate::config::{FwCfg, VmConfig};
    use crate::disk::Disk;
    use crate::firmware::FirmwareSearch;

    const OLD: Version = Version::new(7, 2, 22);

    fn words(config: &VmConfig, code: Option<&Path>) -> Vec<String> {
        let command = program(config, OLD, code).command();
        command
            .get_args()
            .map(|a| a.to_string_lossy().into_owned())
            .collect()
    }

    fn after<'a>(words: &'a [String], option: &str) -> Vec<&'a str> {
        let pairs = words.windows(2).filter(|w| w[0] == option);
        pairs.map(|w| w[1].as_str()).collect()
    }

    #[test]
    fn the_accelerator_is_always_named() {
        let mut config = VmConfig::new("vm", "/d");
        let tcg = words(&config, None);
        assert_eq!(after(&tcg, "-accel"), ["tcg,thread=multi"]);
        assert_eq!(after(&tcg, "-cpu"), ["max,cx16=off"]);
        config.accelerator = Accelerator::Kvm;
        let kvm = words(&config, None);
        assert_eq!(after(&kvm, "-accel"), ["kvm"]);
        assert_eq!(after(&kvm, "-cpu"), ["host"]);
    }

    #[test]
    fn firmware_code_is_shared_and_variables_are_its_own() {
        let config = VmConfig::new("vm", "/d").disk(Disk::raw("/disk"));
        let words = words(&config, Some(Path::new("/fw/code.fd")));
        assert_eq!(
            after(&words, "-machine"),
            ["q35,smbios-entry-point-type=64,pflash0=code,pflash1=vars"]
        );
        let nodes: Vec<serde_json::Value> = after(&words, "-blockdev")
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
        assert_eq!(nodes[0]["file"]["filename"], "/fw/code.fd");
        assert_eq!(nodes[0]["read-only"], true);
        assert_eq!(nodes[1]["file"]["filename"], "vars.fd");
        assert_eq!(nodes[1]["read-only"], false);
        assert_eq!(nodes[2]["node-name"], "image0");
    }

    #[test]
    fn a_kernel_needs_no_firmware() {
        let mut config = VmConfig::new("vm", "/d");
        config.boot = Boot::Kernel {
            kernel: "/k".into(),
            initrd: Some("/i".into()),
            append: "console=ttyS0 a=b,c".into(),
        };
        let words = words(&config, None);
        assert_eq!(after(&words, "-kernel"), ["/k"]);
        assert_eq!(after(&words, "-initrd"), ["/i"]);
        assert_eq!(after(&words, "-append"), ["console=ttyS0 a=b,c"]);
        assert!(after(&words, "-blockdev").is_empty());
    }

    #[test]
    fn what_the_guest_is_told_keeps_its_commas() {
        let mut config = VmConfig::new("vm", "/d");
        config.boot = Boot::Firmware(FirmwareSearch::default());
        config.smbios.serial = Some("A,B".into());
        config.smbios.oem_strings = vec!["x".into(), "y".into()];
        config.fw_cfg.push(FwCfg {
            name: "opt/x".into(),
            content: vec![0],
        });
        let words = words(&config, None);
        assert_eq!(
            after(&words, "-smbios"),
            [
                "type=1,serial=A,,B",
                "type=11,path=oem-string-0",
                "type=11,path=oem-string-1"
            ]
        );
        assert_eq!(after(&words, "-fw_cfg"), ["name=opt/x,file=fw_cfg-0"]);
    }

    #[test]
    fn a_restored_machine_waits_for_its_state() {
        let mut config = VmConfig::new("vm", "/d");
        config.restore = Some("/saved".into());
        let words = words(&config, None);
        assert_eq!(after(&words, "-incoming"), ["defer"]);
        assert!(words.contains(&"-S".to_owned()));
        let uri = migration(Direction::In, Path::new("/it's"));
        assert_eq!(uri["uri"], "exec:cat < '/it'\\''s'");
    }
}
