//! `hive-init`, the first process of a machine: from the kernel's initrd to the verified root.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use hive_firstboot::blockdev::FileDisk;
use hive_firstboot::boot_disk::{self, BootDisk};
use hive_firstboot::cmdline::{self, SealedRoot};
use hive_firstboot::console::Console;
use hive_firstboot::etc_layer::{self, EtcFile};
use hive_firstboot::failure::{Explain, Failure};
use hive_firstboot::gpt::{self, Partition, Table};
use hive_firstboot::guid::Guid;
use hive_firstboot::modules::Drivers;
use hive_firstboot::root_program::RootPrograms;
use hive_firstboot::seed_source::{self, Chosen};
use hive_firstboot::state::{self, State};
use hive_firstboot::{
    block_scan, grow, kernel_partitions, last_words, mounts, slot, switch_root, verity,
};
use hive_inventory::disk::{
    BOOT_REPORT, INITRD_CMDLINE, INITRD_IMAGE, NAME_STATE, RUN_SEED, root_partition_uuid,
};
use hive_inventory::image::BakedImage;
use hive_inventory::node::{BootReport, NODE_VERSION};
use rustix::mount::{MountFlags, mount};

/// How long to wait for a stick when no seed was found elsewhere.
const STICK_PATIENCE: u32 = 10;

const REBAKE: &str = "bake the image again and flash it";
const REPLACE: &str =
    "see whether the kernel reports errors of this disk; if so replace it, if not flash it again";

fn main() {
    if std::process::id() != 1 {
        eprintln!(
            "hive-init is started by the kernel as the first process of a hive image, not by hand"
        );
        std::process::exit(2);
    }
    let mounted = mounts::early();
    let console = Console::open();
    let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let panic = cmdline::seconds(&cmdline, cmdline::ARG_PANIC, cmdline::PANIC_SECONDS);
    last_words::prepare(panic);
    match mounted.and_then(|()| boot(&console, &cmdline)) {
        Err(failure) => last_words::stop(&console, &failure, panic),
    }
}

/// The whole way. What can't be undone comes after everything that can be checked.
fn boot(console: &Console, cmdline: &str) -> Result<std::convert::Infallible, Failure> {
    let image = baked_image()?;
    let root = sealed_root(cmdline, &image)?;
    console.say(&format!(
        "image {} of stage {} of site {}",
        image.image_version, image.stage, image.site
    ));
    let mut drivers = Drivers::load_listed(console)?;
    mounts::efi_variables();

    let root_guid = root_guid(&root)?;
    let patience = cmdline::seconds(cmdline, cmdline::ARG_WAIT, cmdline::WAIT_SECONDS);
    let patience = Duration::from_secs(patience);
    let boot_disk = boot_disk::wait(root_guid, patience, &mut drivers, console)?;
    let mut notices: Vec<String> = boot_disk.notice.iter().cloned().collect();
    let disk_name = boot_disk.info().name.clone();
    check_root(&boot_disk, root_guid, &root)?;

    let seed = find_seed(
        cmdline,
        boot_disk,
        &image,
        &mut drivers,
        &mut notices,
        console,
    )?;
    let files = etc_layer::render(seed.as_ref().map(|c| &c.seed), &etc_layer::site_layer())
        .explain(
            "the seed cannot be applied",
            "write it again with `hive seed`, and start the machine again",
        )?;

    let (disk, table, first_boot) = grow_disk(&disk_name, root_guid, &root, &mut notices, console)?;
    let slot = activate_root(&disk_name, &table, root_guid, &root)?;
    let programs = RootPrograms::new(mounts::SYSROOT)?;
    let state = open_state(&disk, &disk_name, &table, &programs, &root, console)?;
    let own_key = match &seed {
        Some(chosen) if chosen.seed.ssh_host_key.is_some() => None,
        _ => state.host_key(&programs)?,
    };
    let machine_id = state.machine_id()?;
    drop(programs);
    etc_layer::apply(&with_identity(files, &machine_id, own_key.as_deref()))?;
    for notice in &notices {
        console.warn(notice);
    }
    report(image, &disk_name, slot, seed, first_boot, notices)?;
    console.say("handing over to the verified root");
    switch_root::run()
}

fn baked_image() -> Result<BakedImage, Failure> {
    let text = fs::read_to_string(INITRD_IMAGE)
        .explain(format!("cannot read {INITRD_IMAGE} of the initrd"), REBAKE)?;
    serde_json::from_str(&text).explain(
        format!("{INITRD_IMAGE} of the initrd does not read"),
        REBAKE,
    )
}

fn sealed_root(cmdline: &str, image: &BakedImage) -> Result<SealedRoot, Failure> {
    let sealed = fs::read_to_string(INITRD_CMDLINE).explain(
        format!("cannot read {INITRD_CMDLINE} of the initrd"),
        REBAKE,
    )?;
    cmdline::check_sealed(sealed.as_bytes(), cmdline.as_bytes()).map_err(|why| {
        Failure::new(
            format!(
                "{why}\nsealed:  {}\nrunning: {}",
                sealed.trim_end(),
                cmdline.trim_end()
            ),
            "start the entry as it is, without editing it; if nobody edited it, the EFI system partition was altered: flash the image again",
        )
    })?;
    let root =
        cmdline::sealed_root(&sealed).explain("the sealed command line is not complete", REBAKE)?;
    if image.root_hash != root.hash_hex() {
        return Err(Failure::new(
            format!("{INITRD_IMAGE} and the sealed command line name different roots"),
            REBAKE,
        ));
    }
    Ok(root)
}

fn root_guid(root: &SealedRoot) -> Result<Guid, Failure> {
    root_partition_uuid(&root.hash_hex())
        .unwrap_or_default()
        .parse()
        .explain("the sealed root hash names no partition", REBAKE)
}

/// Reads the verity tree before anything is written or run.
fn check_root(boot_disk: &BootDisk, guid: Guid, root: &SealedRoot) -> Result<(), Failure> {
    let info = boot_disk.info();
    let partition = slot::root_partition(info, guid)
        .ok_or_else(|| Failure::new("the root partition vanished", REPLACE))?;
    let name = block_scan::partition_name(&info.name, partition.number);
    let disk = FileDisk::read_only(&info.path())
        .explain(format!("cannot open {}", info.path().display()), REPLACE)?;
    verity::check(&disk, partition.offset(), partition.bytes(), root).explain(
        format!("refusing to run {} on {name}", partition.name),
        REPLACE,
    )
}

fn find_seed(
    cmdline: &str,
    boot_disk: BootDisk,
    image: &BakedImage,
    drivers: &mut Drivers,
    notices: &mut Vec<String>,
    console: &Console,
) -> Result<Option<Chosen>, Failure> {
    let name = boot_disk.info().name.clone();
    let mut disks = boot_disk.disks;
    for second in 0..=STICK_PATIENCE {
        let documents = seed_source::search(cmdline, &name, &disks);
        let (chosen, told) = seed_source::choose(&documents, image)?;
        if let Some(chosen) = chosen {
            console.say(&format!(
                "this machine is {}, by the seed from {}",
                chosen.seed.host, chosen.source
            ));
            notices.extend(told);
            return Ok(Some(chosen));
        }
        let usb = fs::read_dir("/sys/bus/usb/devices").is_ok_and(|mut d| d.next().is_some());
        if !usb || second == STICK_PATIENCE {
            break;
        }
        if second == 0 {
            console.say(&format!(
                "no seed found yet; waiting up to {STICK_PATIENCE} s for a stick"
            ));
        }
        sleep(Duration::from_secs(1));
        drivers.load_for_devices(console);
        disks = block_scan::disks().unwrap_or(disks);
    }
    notices.push(format!(
        "no seed was found: this machine starts as {} without an identity; plug in a stick with the label HIVE-SEED and start it again",
        etc_layer::UNSEEDED
    ));
    Ok(None)
}

/// Grows the disk if it was only flashed; the table is in force, and known to the kernel, afterwards.
fn grow_disk(
    name: &str,
    guid: Guid,
    root: &SealedRoot,
    notices: &mut Vec<String>,
    console: &Console,
) -> Result<(FileDisk, Table, bool), Failure> {
    let path = Path::new("/dev").join(name);
    let disk = FileDisk::read_write(&path).explain(
        format!("cannot open {} for writing", path.display()),
        REPLACE,
    )?;
    let found =
        gpt::read(&disk).explain(format!("cannot read the partitions of {name}"), REPLACE)?;
    let first_boot = grow::stage(&found.table) != grow::Stage::Complete;
    if grow::stage(&found.table) == grow::Stage::Flashed {
        // Who flashes a disk gives up what was on it; that should still be said once.
        if gpt::former(&disk).is_some_and(|t| grow::stage(&t) == grow::Stage::Complete) {
            notices.push(format!(
                "{name} was flashed over a disk that held another host's state; that state is gone"
            ));
        }
        console.say(&format!(
            "first start: growing the image into all of {name}"
        ));
    }
    let need = verity::total_bytes(root.blocks);
    let table = grow::prepare(&disk, &found, guid, need, state::random_guid).explain(
        format!("cannot grow the image into {name}"),
        "use a disk of the size named, or see whether the kernel reports errors of this one",
    )?;
    kernel_partitions::publish(name, &table).explain(
        format!("the kernel does not take the new partitions of {name}"),
        "start the machine again; the partitions are written and will be read at the start",
    )?;
    Ok((disk, table, first_boot))
}

/// Mounts the verified root and returns the slot's name.
fn activate_root(
    disk: &str,
    table: &Table,
    guid: Guid,
    root: &SealedRoot,
) -> Result<String, Failure> {
    let partition = table
        .with_guid(guid)
        .ok_or_else(|| Failure::new("the root partition vanished", REPLACE))?;
    let name = block_scan::partition_name(disk, partition.number);
    let number = block_scan::device_number(&name)
        .explain(format!("the kernel does not know {name}"), REPLACE)?;
    let device = verity::activate(root, number).explain(
        format!("cannot make the verified device over {name}"),
        REPLACE,
    )?;
    fs::create_dir_all(mounts::SYSROOT).explain("cannot make /sysroot", REBAKE)?;
    mount(&device, mounts::SYSROOT, "erofs", MountFlags::RDONLY, None).explain(
        format!("cannot mount the root file system of {name}"),
        REPLACE,
    )?;
    Ok(partition.name.clone())
}

fn open_state(
    disk: &FileDisk,
    disk_name: &str,
    table: &Table,
    programs: &RootPrograms,
    root: &SealedRoot,
    console: &Console,
) -> Result<State, Failure> {
    let hash = root.hash_hex();
    let device =
        |p: &Partition| Path::new("/dev").join(block_scan::partition_name(disk_name, p.number));
    if let Some(partition) = table.named(NAME_STATE) {
        return State::open(programs, &device(partition), &hash, console);
    }
    let mut made = None;
    grow::complete(disk, table, |partition| {
        made = Some(State::make(programs, &device(partition), &hash, console)?);
        Ok(())
    })
    .explain(
        format!("cannot complete the first start on {disk_name}"),
        REPLACE,
    )?;
    made.ok_or_else(|| Failure::new("the state partition was not made", REPLACE))
}

/// Adds to the seed's files what the machine keeps for itself.
fn with_identity(mut files: Vec<EtcFile>, machine_id: &str, key: Option<&str>) -> Vec<EtcFile> {
    files.push(EtcFile {
        path: "machine-id".into(),
        mode: 0o444,
        content: format!("{machine_id}\n").into_bytes(),
    });
    files.extend(
        key.and_then(|key| etc_layer::host_key(key, "hive"))
            .into_iter()
            .flatten(),
    );
    files
}

fn report(
    image: BakedImage,
    disk: &str,
    slot: String,
    seed: Option<Chosen>,
    first_boot: bool,
    notices: Vec<String>,
) -> Result<(), Failure> {
    let next = "give the machine more memory";
    let (seed_source, seed) = match seed {
        Some(chosen) => (Some(chosen.source), Some(chosen.seed)),
        None => (None, None),
    };
    let report = BootReport {
        version: NODE_VERSION,
        image,
        disk: format!("/dev/{disk}"),
        slot,
        seed_source,
        first_boot,
        notices,
    };
    let text = serde_json::to_vec(&report).explain("cannot write the boot report", next)?;
    state::write_lasting(Path::new(BOOT_REPORT), 0o644, &text)
        .explain(format!("cannot write {BOOT_REPORT}"), next)?;
    if let Some(seed) = seed {
        let text = serde_json::to_vec(&seed).explain("cannot write the seed", next)?;
        state::write_lasting(Path::new(RUN_SEED), 0o600, &text)
            .explain(format!("cannot write {RUN_SEED}"), next)?;
    }
    Ok(())
}
