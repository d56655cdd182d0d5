//! Real machines under software emulation: only QEMU, its tools and firmware are needed.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, not in what they share

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use hive_qemu::{
    Boot, Disk, Error, FirmwareSearch, Format, Forward, FwCfg, Interface, Mac, Network, Nic,
    Patience, Saved, Version, Vm, VmConfig, create_raw,
};
use serde_json::json;
use tempfile::TempDir;

/// A folder and patience for a test, unless machines can't run here.
fn bench() -> Option<(TempDir, Patience)> {
    let ready = Version::query("qemu-system-x86_64").and_then(|_| FirmwareSearch::default().find());
    match ready {
        Ok(_) => Some((
            tempfile::tempdir().unwrap(),
            Patience::measured().unwrap().shared_by(4),
        )),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

fn small(name: &str, dir: &TempDir) -> VmConfig {
    VmConfig::new(name, dir.path().join(name)).memory(256)
}

/// Waits until the firmware has written its first variables: it found its memory, its flash and
/// its devices by then.
fn wait_for_firmware(vm: &Vm, patience: Patience) {
    let fresh = fs::read(FirmwareSearch::default().find().unwrap().vars).unwrap();
    let vars = vm.dir().join("vars.fd");
    vm.wait_until(
        "the firmware to write its variables",
        patience.scale(Duration::from_secs(30)),
        || Ok::<_, std::io::Error>((fs::read(&vars)? != fresh).then_some(())),
    )
    .unwrap();
}

#[test]
fn firmware_boots_pauses_goes_on_and_loses_power() {
    let Some((dir, patience)) = bench() else {
        return;
    };
    let config = small("one", &dir);
    let vm = Vm::start(config.clone()).unwrap();
    assert!(
        vm.accelerator().starts_with("tcg,thread=multi (-cpu max"),
        "{}",
        vm.accelerator()
    );
    assert_eq!(vm.status().unwrap(), "running");
    wait_for_firmware(&vm, patience);

    vm.pause().unwrap();
    assert_eq!(vm.status().unwrap(), "paused");
    let picture = dir.path().join("screen.png");
    vm.screendump(&picture).unwrap();
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    vm.resume().unwrap();
    assert_eq!(vm.status().unwrap(), "running");
    vm.powerdown().unwrap();
    vm.wait_event("POWERDOWN", patience.scale(Duration::from_secs(10)))
        .unwrap();

    let again = Vm::start(config.clone()).unwrap_err();
    assert!(matches!(again, Error::AlreadyRunning { .. }), "{again}");

    vm.power_cut().unwrap();
    assert!(!vm.is_alive());
    let exit = vm.wait_exit(Duration::ZERO).unwrap();
    assert!(!exit.by_guest(), "{exit:?}");
    assert_eq!(exit.reason, None);
    let lost = vm.status().unwrap_err();
    assert!(matches!(lost, Error::Died { .. }), "{lost}");
    let stale = Vm::attach(vm.dir()).unwrap_err().to_string();
    assert!(stale.contains("has ended"), "{stale}");

    // The same machine, with what its firmware remembers.
    let remembered = fs::read(vm.dir().join("vars.fd")).unwrap();
    let vm = Vm::start(VmConfig {
        paused: true,
        ..config
    })
    .unwrap();
    assert_eq!(vm.status().unwrap(), "prelaunch");
    assert!(fs::read(vm.dir().join("vars.fd")).unwrap() == remembered);
}

/// Stops what is meant to outlive the test, when the test fails.
struct Stop(PathBuf);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Ok(vm) = Vm::attach(&self.0) {
            vm.power_cut().unwrap();
        }
    }
}

#[test]
fn a_machine_outlives_its_handle_only_if_it_shall() {
    let Some((dir, patience)) = bench() else {
        return;
    };
    let tied = Vm::start(VmConfig {
        paused: true,
        ..small("tied", &dir)
    })
    .unwrap();
    let pid = tied.pid();
    drop(tied);
    assert!(
        !fs::exists(format!("/proc/{pid}")).unwrap(),
        "a tied machine was left behind"
    );

    let _whatever_happens = Stop(dir.path().join("free"));
    let config = VmConfig {
        paused: true,
        ..small("free", &dir)
    }
    .detached()
    .nic(Nic::user(Mac::local(1), [Forward::tcp(22)]));
    let vm = Vm::start(config).unwrap();
    let (pid, folder, ssh) = (vm.pid(), vm.dir().to_owned(), vm.forwarded(22).unwrap());
    drop(vm);
    let vm = Vm::attach(&folder).unwrap();
    assert_eq!(vm.pid(), pid);
    assert_eq!(vm.forwarded(22), Some(ssh));
    // Its session is its own: what ends this one does not end it.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap();
    assert_eq!(session, pid.to_string());

    let answer = vm.execute("quit", json!({}));
    let exit = vm
        .wait_exit(patience.scale(Duration::from_secs(10)))
        .unwrap();
    match answer {
        Ok(_) => assert_eq!(exit.reason.as_deref(), Some("host-qmp-quit")),
        // QEMU may be gone before its answer is read.
        Err(Error::Died { .. }) => {}
        Err(other) => panic!("{other}"),
    }
    assert!(!exit.by_guest());
}

#[test]
fn one_saved_machine_goes_on_twice_from_the_same_memory() {
    let Some((dir, patience)) = bench() else {
        return;
    };
    let disk = dir.path().join("disk.raw");
    create_raw(&disk, 64 << 20).unwrap();
    let config = small("origin", &dir).disk(Disk::raw(&disk).serial("D1"));
    let vm = Vm::start(config).unwrap();
    wait_for_firmware(&vm, patience);
    vm.pause().unwrap();
    // Two MiB of memory the firmware works in.
    let memory = |vm: &Vm| {
        let file = vm.dir().join("peek");
        vm.execute(
            "pmemsave",
            json!({"val": 0x80_0000, "size": 2 << 20, "filename": file}),
        )
        .unwrap();
        fs::read(file).unwrap()
    };
    let before = memory(&vm);
    assert!(before.iter().any(|b| *b != 0), "nothing to compare");
    let place = dir.path().join("saved");
    vm.save(&place).unwrap();
    assert!(
        !vm.is_alive(),
        "a saved machine must not write to its disks any more"
    );

    let saved = Saved::open(&place).unwrap();
    let forks: Vec<Vm> = ["a", "b"]
        .map(|name| {
            let config = saved.fork(name, &dir.path().join(name)).unwrap();
            assert_eq!(config.disks[0].format, Format::Qcow2);
            Vm::start(VmConfig {
                paused: true,
                ..config
            })
            .unwrap()
        })
        .into();
    for fork in &forks {
        assert!(
            memory(fork) == before,
            "`{}` has another memory",
            fork.name()
        );
        fork.resume().unwrap();
        assert_eq!(fork.status().unwrap(), "running");
        assert_eq!(fork.config().restore, None, "started again, it has to boot");
    }
    drop(forks);

    fs::write(&disk, "somebody wrote to it").unwrap();
    let error = saved
        .fork("c", &dir.path().join("c"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("changed after saving"), "{error}");
}

#[test]
fn what_is_missing_or_taken_is_named() {
    let Some((dir, _)) = bench() else { return };
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = there.local_addr().unwrap().port();
    let forward = Forward {
        host: port,
        ..Forward::tcp(22)
    };
    let error = Vm::start(small("vm", &dir).nic(Nic::user(Mac::local(1), [forward]))).unwrap_err();
    assert!(
        matches!(error, Error::PortTaken { port: p, .. } if p == port),
        "{error}"
    );

    let garbage = dir.path().join("garbage.qcow2");
    fs::write(&garbage, "x".repeat(4096)).unwrap();
    let error = Vm::start(small("vm", &dir).disk(Disk::qcow2(&garbage))).unwrap_err();
    let Error::StartFailed { said, .. } = &error else {
        panic!("{error}")
    };
    assert!(said.contains("qcow2"), "QEMU's own words are lost: {said}");

    let mut config = small("vm", &dir);
    config.boot = Boot::Kernel {
        kernel: "/no/kernel".into(),
        initrd: None,
        append: String::new(),
    };
    let error = Vm::start(config).unwrap_err();
    assert!(
        matches!(error, Error::FileMissing { what: "kernel", .. }),
        "{error}"
    );

    let mut config = small("vm", &dir);
    config.program = "qemu-that-is-not-there".to_owned();
    let error = Vm::start(config).unwrap_err().to_string();
    assert!(error.contains("apt-get install qemu-system-x86"), "{error}");
}

#[test]
fn waiting_ends_early_when_the_machine_dies() {
    let Some((dir, _)) = bench() else { return };
    let vm = Vm::start(VmConfig {
        paused: true,
        ..small("vm", &dir)
    })
    .unwrap();
    let mut looks = 0;
    let error = vm
        .wait_until("a miracle", Duration::from_secs(600), || {
            looks += 1;
            if looks == 2 {
                vm.power_cut()?;
            }
            Ok::<Option<()>, Error>(None)
        })
        .unwrap_err();
    assert!(error.to_string().contains("a miracle"), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("virtual machine `vm` ended (signal: 9"),
        "{cause}"
    );
    assert!(
        cause.contains("wrote nothing on the serial port"),
        "{cause}"
    );
}

#[test]
fn every_kind_of_device_starts_and_the_guest_is_told_its_strings() {
    let Some((dir, patience)) = bench() else {
        return;
    };
    let image = |name: &str| {
        let path = dir.path().join(name);
        create_raw(&path, 16 << 20).unwrap();
        Disk::raw(path).unsafe_cache()
    };
    let mut config = small("vm", &dir)
        .disk(image("with,comma").serial("S,1").readonly())
        .disk(image("nvme").interface(Interface::Nvme))
        .disk(image("stick").interface(Interface::UsbStick))
        .nic(Nic {
            network: Network::Nothing,
            ..Nic::user(Mac::local(1), [])
        });
    for i in 0..7 {
        config = config.disk(image(&format!("sata{i}")).interface(Interface::Sata));
    }
    config.smbios.serial = Some("SERIAL,OF-IT".to_owned());
    config.smbios.uuid = Some("01234567-89ab-cdef-0123-456789abcdef".to_owned());
    config.smbios.oem_strings = vec![format!("LONG-STRING-{}", "x".repeat(5000))];
    config.fw_cfg.push(FwCfg {
        name: "opt/org.example/bytes".to_owned(),
        content: vec![0, 255, b','],
    });
    let vm = Vm::start(config).unwrap();
    wait_for_firmware(&vm, patience);
    let all = dir.path().join("memory");
    let strings = [
        "SERIAL,OF-IT\0".to_owned(),
        format!("LONG-STRING-{}\0", "x".repeat(5000)),
    ];
    // The firmware writes its tables some time after its first words.
    vm.wait_until(
        "the strings in the guest's memory",
        patience.scale(Duration::from_secs(30)),
        || {
            vm.execute(
                "pmemsave",
                json!({"val": 0, "size": 256 << 20, "filename": all}),
            )?;
            let memory = fs::read(&all).unwrap();
            // Stretches of text, because only text is searched fast.
            let told = |text: &String| memory.utf8_chunks().any(|c| c.valid().contains(text));
            Ok::<_, Error>(strings.iter().all(told).then_some(()))
        },
    )
    .unwrap();

    let error = vm.save(&dir.path().join("saved")).unwrap_err().to_string();
    assert!(error.contains("NVMe"), "{error}");
    assert_eq!(vm.status().unwrap(), "running", "a refused save stopped it");
}
