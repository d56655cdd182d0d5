//! `hive-init`, the first process of a machine: from the kernel's initrd to the verified root.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hive_firstboot::blockdev::FileDisk;
use hive_firstboot::boot_disk::{self, BootDisk};
use hive_firstboot::cmdline::{self, SealedRoot};
use hive_firstboot::console::Console;
use hive_firstboot::failure::{Explain, Failure};
use hive_firstboot::gpt::{self, Partition, Table};
use hive_firstboot::guid::Guid;
use hive_firstboot::modules::Drivers;
use hive_firstboot::root_program::RootPrograms;
use hive_firstboot::state::{self, State};
use hive_firstboot::{
    block_scan, etc_layer, grow, handover, identity, kernel_partitions, last_words, mounts,
    sealed_image, slot, switch_root, verity,
};
use hive_inventory::disk::NAME_STATE;
use rustix::mount::{MountFlags, mount};

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
    let image = sealed_image::baked_image()?;
    let root = sealed_image::sealed_root(cmdline, &image)?;
    console.say(&format!(
        "image {} of stage {} of site {}",
        image.image_version, image.stage, image.site
    ));
    let mut drivers = Drivers::load_listed(console)?;
    mounts::efi_variables();

    let root_guid = sealed_image::root_guid(&root)?;
    let patience = cmdline::seconds(cmdline, cmdline::ARG_WAIT, cmdline::WAIT_SECONDS);
    let patience = Duration::from_secs(patience);
    let boot_disk = boot_disk::wait(root_guid, patience, &mut drivers, console)?;
    let mut notices: Vec<String> = boot_disk.notice.iter().cloned().collect();
    let disk_name = boot_disk.info().name.clone();
    check_root(&boot_disk, root_guid, &root)?;

    let site = etc_layer::site_layer();
    let mut identity =
        identity::find_seed(cmdline, boot_disk, &image, &site, &mut drivers, console);
    let mut files = etc_layer::render(identity.seed(), &site).explain(
        "the seed cannot be applied",
        "write the seed anew, and start the machine again",
    )?;

    let (disk, table, first_boot) = grow_disk(&disk_name, root_guid, &root, &mut notices, console)?;
    let slot = activate_root(&disk_name, &table, root_guid, &root)?;
    let programs = RootPrograms::new(mounts::SYSROOT)?;
    let state = open_state(&disk, &disk_name, &table, &programs, &root, console)?;
    identity::keep_seed(&disk, &disk_name, &table, &mut identity, console);
    let own_key = match identity.seed() {
        Some(seed) if seed.ssh_host_key.is_some() => None,
        _ => state.host_key(&programs)?,
    };
    let machine_id = state.machine_id()?;
    drop(programs);
    handover::hold_back(&mut files, state.is_in_swarm(), &mut identity);
    etc_layer::apply(&handover::with_identity(
        files,
        &machine_id,
        own_key.as_deref(),
    ))?;
    notices.append(&mut identity.notices);
    for notice in &notices {
        console.warn(notice);
    }
    handover::report(image, &disk_name, slot, identity, first_boot, notices)?;
    console.say("handing over to the verified root");
    switch_root::run()
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
