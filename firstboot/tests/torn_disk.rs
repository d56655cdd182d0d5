//! The power goes at any moment of the first boot: the next one completes it, and what was
//! complete is never formatted again.
//!
//! The disk here remembers what was written since the last flush. A cut keeps everything before
//! that flush and any choice of the sectors after it, in any order: what real disks with a write
//! cache may do. Sectors are whole or not written.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use hive_fat::Volume;
use hive_firstboot::blockdev::{Disk, Window};
use hive_firstboot::gpt::{self, Partition, Table};
use hive_firstboot::grow::{self, Stage};
use hive_firstboot::guid::Guid;
use hive_inventory::disk::{
    MIB, NAME_ESP, NAME_ROOT_A, NAME_SEED, NAME_STATE, NAME_STATE_NEW, SECTOR, SEED_SIZE, TYPE_ESP,
    TYPE_ROOT, TYPE_SEED,
};
use proptest::prelude::*;

const ROOT: Guid = Guid([7; 16]);
const DISK: u64 = 2500 * MIB;
const ESP: u64 = 48 * MIB;
const ROOT_BYTES: u64 = 20 * MIB;

type Sector = [u8; SECTOR as usize];
type Sectors = HashMap<u64, Sector>;

/// A disk with a write cache.
#[derive(Clone)]
struct TornDisk {
    /// What was there before, shared by all cases.
    base: Rc<Sectors>,
    /// What was flushed since.
    durable: RefCell<Sectors>,
    /// What was written since the last flush, in order.
    cache: RefCell<Vec<(u64, Sector)>>,
    /// Writes and flushes still allowed before the power goes.
    power: Cell<usize>,
    /// Writes and flushes seen.
    seen: Cell<usize>,
}

impl TornDisk {
    fn new(base: Rc<Sectors>) -> Self {
        Self {
            base,
            durable: RefCell::default(),
            cache: RefCell::default(),
            power: Cell::new(usize::MAX),
            seen: Cell::new(0),
        }
    }

    fn spend(&self) -> io::Result<()> {
        self.seen.set(self.seen.get() + 1);
        match self.power.get() {
            0 => Err(io::Error::other("the power is gone")),
            left => {
                self.power.set(left - 1);
                Ok(())
            }
        }
    }

    fn sector(&self, at: u64) -> Sector {
        let cache = self.cache.borrow();
        match cache.iter().rev().find(|(a, _)| *a == at) {
            Some((_, sector)) => *sector,
            None => self.below_cache(at),
        }
    }

    fn below_cache(&self, at: u64) -> Sector {
        let durable = self.durable.borrow();
        durable
            .get(&at)
            .or_else(|| self.base.get(&at))
            .copied()
            .unwrap_or([0; SECTOR as usize])
    }

    /// What the next power-on finds: of the cache, what `keeps` says.
    fn cut(self, mut keeps: impl FnMut(usize) -> bool) -> Self {
        let cache = self.cache.take();
        let mut durable = self.durable.take();
        for (index, (at, sector)) in cache.into_iter().enumerate() {
            if keeps(index) {
                durable.insert(at, sector);
            }
        }
        Self {
            base: self.base,
            durable: RefCell::new(durable),
            cache: RefCell::default(),
            power: Cell::new(usize::MAX),
            seen: Cell::new(0),
        }
    }
}

impl Disk for TornDisk {
    fn size(&self) -> u64 {
        DISK
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        // The cache is searched from its end; while it is long, an index is quicker.
        let index: HashMap<u64, Sector> = self.cache.borrow().iter().copied().collect();
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let within = (at % SECTOR) as usize;
            let n = (SECTOR as usize - within).min(buffer.len() - done);
            let sector = index
                .get(&(at / SECTOR))
                .copied()
                .unwrap_or_else(|| self.below_cache(at / SECTOR));
            buffer[done..done + n].copy_from_slice(&sector[within..within + n]);
            done += n;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.spend()?;
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let within = (at % SECTOR) as usize;
            let n = (SECTOR as usize - within).min(bytes.len() - done);
            let mut sector = if n == SECTOR as usize {
                [0; SECTOR as usize]
            } else {
                self.sector(at / SECTOR)
            };
            sector[within..within + n].copy_from_slice(&bytes[done..done + n]);
            self.cache.borrow_mut().push((at / SECTOR, sector));
            done += n;
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.spend()?;
        self.durable.borrow_mut().extend(self.cache.take());
        Ok(())
    }
}

fn content(path: &str) -> Vec<u8> {
    path.bytes().cycle().take(9000 + path.len()).collect()
}

const FILES: [&str; 3] = [
    "EFI/BOOT/BOOTX64.EFI",
    "EFI/Linux/hive_trixie-0011+2-1.efi",
    "loader/loader.conf",
];

/// A disk as `dd` leaves it: the image at its start, old bytes behind it.
fn flashed() -> TornDisk {
    let disk = TornDisk::new(Rc::default());
    let part = |number, name: &str, kind: &str, guid, from: u64, bytes: u64| Partition {
        number,
        kind: kind.parse().unwrap(),
        guid,
        first: from / SECTOR,
        last: (from + bytes) / SECTOR - 1,
        attributes: 1 << 60,
        name: name.into(),
    };
    let seed_at = MIB + ESP;
    let root_at = seed_at + SEED_SIZE;
    let end = (root_at + ROOT_BYTES) / SECTOR + 33;
    let table = Table {
        disk: Guid([1; 16]),
        first_usable: 34,
        last_usable: end - 33,
        backup_at: end,
        partitions: vec![
            part(1, NAME_ESP, TYPE_ESP, Guid([2; 16]), MIB, ESP),
            part(2, NAME_SEED, TYPE_SEED, Guid([3; 16]), seed_at, SEED_SIZE),
            part(3, NAME_ROOT_A, TYPE_ROOT, ROOT, root_at, ROOT_BYTES),
        ],
    };
    gpt::write(&disk, &table).unwrap();
    let mut esp = Window::new(&disk, MIB, ESP);
    hive_fat::format(&mut esp, ESP, 1, "ESP").unwrap();
    let mut volume = Volume::open(esp).unwrap();
    for path in FILES {
        volume.add_file(path, &content(path)[..]).unwrap();
    }
    volume.finish().unwrap();
    disk.write_at(seed_at, b"seed").unwrap();
    disk.write_at(root_at, b"root begins").unwrap();
    disk.write_at(root_at + ROOT_BYTES - 4096, b"root ends")
        .unwrap();
    disk.write_at(DISK - 40 * SECTOR, &[0xA5; 40 * SECTOR as usize])
        .unwrap();
    disk.flush().unwrap();
    TornDisk::new(Rc::new(disk.durable.take()))
}

/// What firmware and the next boot need of any disk that lost its power.
fn bootable(disk: &TornDisk) -> Table {
    let table = gpt::read(disk).unwrap().table;
    let esp = table.named(NAME_ESP).unwrap();
    let mut volume = Volume::open(Window::new(disk, esp.offset(), esp.bytes())).unwrap();
    for path in FILES {
        assert_eq!(volume.read_file(path).unwrap(), content(path), "{path}");
    }
    let root = table.with_guid(ROOT).unwrap();
    let bytes = |at: u64, n: usize| {
        let mut out = vec![0; n];
        disk.read_at(at, &mut out).unwrap();
        out
    };
    assert_eq!(bytes(root.offset(), 11), b"root begins");
    assert_eq!(bytes(root.offset() + ROOT_BYTES - 4096, 9), b"root ends");
    assert_eq!(bytes(table.named(NAME_SEED).unwrap().offset(), 4), b"seed");
    if let Some(state) = table.named(NAME_STATE) {
        // Every block of one generation: the file system was whole when it got its name.
        let first = bytes(state.offset(), 8);
        assert_ne!(first, [0; 8]);
        for block in 1..=STATE_BLOCKS {
            assert_eq!(bytes(state.offset() + block * 65536, 8), first);
        }
    }
    table
}

/// Blocks of the pretended state file system.
const STATE_BLOCKS: u64 = 6;

/// One boot, as `hive-init` does it; `Err` when the power goes.
fn boot(disk: &TornDisk, generation: u64) -> Result<(), grow::GrowError> {
    let found = gpt::read(disk).unwrap();
    let complete = grow::stage(&found.table) == Stage::Complete;
    let mut next = generation as u8;
    let random = || {
        next = next.wrapping_add(1);
        let mut bytes = [next; 16];
        bytes[0] = generation as u8;
        Guid::from_random(bytes)
    };
    let table = grow::prepare(disk, &found, ROOT, ROOT_BYTES, random)?;
    if complete {
        return Ok(());
    }
    assert!(table.named(NAME_STATE_NEW).is_some());
    grow::complete(disk, &table, |state| {
        let lost = |e: io::Error| hive_firstboot::failure::Failure::new(e.to_string(), "");
        for block in 0..=STATE_BLOCKS {
            let mark = (generation + 1).to_le_bytes();
            disk.write_at(state.offset() + block * 65536, &mark)
                .map_err(lost)?;
        }
        disk.flush().map_err(lost)
    })?;
    Ok(())
}

/// Boots a disk until it is done, checks it, and checks that one boot more changes nothing.
fn converge(disk: TornDisk) {
    bootable(&disk);
    boot(&disk, 200).unwrap();
    let found = gpt::read(&disk).unwrap();
    assert!(found.primary_good && found.backup_good);
    assert_eq!(found.table.backup_at, DISK / SECTOR - 1);
    let table = bootable(&disk);
    assert!(table.named(NAME_STATE).is_some());
    disk.seen.set(0);
    boot(&disk, 201).unwrap();
    assert_eq!(disk.seen.get(), 0, "a complete disk is written to");
}

fn writes_of_a_first_boot() -> usize {
    let disk = flashed();
    boot(&disk, 1).unwrap();
    disk.seen.get()
}

#[test]
fn every_moment_with_all_or_nothing_of_the_cache() {
    let start = flashed();
    let all = writes_of_a_first_boot();
    assert!(all > 30, "{all}");
    for moment in 0..=all {
        for keep in [true, false] {
            let disk = start.clone();
            disk.power.set(moment);
            assert_eq!(boot(&disk, 1).is_ok(), moment == all);
            converge(disk.cut(|_| keep));
        }
    }
}

#[test]
fn a_complete_state_is_never_formatted_again() {
    let disk = flashed();
    boot(&disk, 1).unwrap();
    let state = bootable(&disk).named(NAME_STATE).unwrap().offset();
    // The first copy of the table is lost altogether, as by a careless dd.
    disk.write_at(0, &[0; 34 * SECTOR as usize]).unwrap();
    disk.flush().unwrap();
    converge(disk.clone());
    let mut mark = [0; 8];
    disk.read_at(state, &mut mark).unwrap();
    assert_eq!(u64::from_le_bytes(mark), 2, "of the first boot");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Cuts in up to three boots in a row, each losing any sectors that were not flushed.
    #[test]
    fn any_moments_and_any_loss(cuts in prop::collection::vec((0.0..1.0f64, any::<u64>()), 1..4)) {
        let all = writes_of_a_first_boot();
        let mut disk = flashed();
        let mut completed = false;
        for (round, (moment, loss)) in cuts.into_iter().enumerate() {
            // Late moments are the interesting ones: the table and the state.
            disk.power.set((all as f64 * moment.sqrt()) as usize);
            completed |= boot(&disk, round as u64 + 1).is_ok();
            let mut random = loss;
            disk = disk.cut(|_| {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                random >> 63 == 0
            });
            let table = bootable(&disk);
            if completed {
                prop_assert!(table.named(NAME_STATE).is_some());
            }
        }
        converge(disk);
    }
}
