//! Keeping a seed, on a disk in memory that remembers the order of what was written.

use std::cell::RefCell;

use hive_inventory::disk::{MIB, SECTOR, TYPE_SEED};

use super::*;
use crate::gpt::Partition;
use crate::guid::Guid;
use crate::seed_choice::world::World;

const AT: u64 = MIB;
const SIZE: u64 = 16 * MIB;

/// Where, and what; a flush is `None`.
type Event = Option<(u64, Vec<u8>)>;

struct Memory {
    bytes: RefCell<Vec<u8>>,
    log: RefCell<Vec<Event>>,
}

impl Disk for Memory {
    fn size(&self) -> u64 {
        self.bytes.borrow().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let at = offset as usize;
        buffer.copy_from_slice(&self.bytes.borrow()[at..at + buffer.len()]);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let at = offset as usize;
        self.bytes.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        self.log.borrow_mut().push(Some((offset, bytes.to_vec())));
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.log.borrow_mut().push(None);
        Ok(())
    }
}

fn disk(files: &[(&str, &str)]) -> Memory {
    let disk = Memory {
        bytes: RefCell::new(vec![0; (AT + SIZE + MIB) as usize]),
        log: RefCell::default(),
    };
    let mut window = Window::new(&disk, AT, SIZE);
    hive_fat::format(&mut window, SIZE, 1, NAME_SEED).unwrap();
    let mut volume = Volume::open(window).unwrap();
    for (name, content) in files {
        volume.add_file(name, content.as_bytes()).unwrap();
    }
    volume.finish().unwrap();
    disk.log.borrow_mut().clear();
    disk
}

fn table() -> Table {
    Table {
        disk: Guid([9; 16]),
        first_usable: 34,
        last_usable: 99_999,
        backup_at: 100_000,
        partitions: vec![Partition {
            number: 2,
            kind: Guid::known(TYPE_SEED),
            guid: Guid([1; 16]),
            first: AT / SECTOR,
            last: (AT + SIZE) / SECTOR - 1,
            attributes: 0,
            name: NAME_SEED.into(),
        }],
    }
}

fn chosen(class: Class) -> Chosen {
    let world = World::new();
    Chosen {
        place: "a stick".into(),
        class,
        plain: false,
        fits: true,
        text: world.text("a", None),
        seed: world.seed("a", None),
        notices: Vec::new(),
    }
}

fn read(disk: &Memory) -> Option<String> {
    let mut volume = Volume::open(Window::new(disk, AT, SIZE)).unwrap();
    volume
        .exists(SEED_FILE)
        .unwrap()
        .then(|| String::from_utf8(volume.read_file(SEED_FILE).unwrap()).unwrap())
}

#[test]
fn a_sticks_seed_is_kept_on_an_empty_partition() {
    let chosen = chosen(Class::OtherDisk);
    let disk = disk(&[]);
    assert_eq!(keep(&disk, &table(), &chosen).unwrap(), Kept::Written);
    assert_eq!(read(&disk), Some(chosen.text));
}

#[test]
fn a_power_cut_leaves_the_file_whole_or_not_there() {
    let chosen = chosen(Class::OtherDisk);
    let before = disk(&[]);
    let after = disk(&[]);
    keep(&after, &table(), &chosen).unwrap();
    let log = after.log.into_inner();
    let flushes: Vec<usize> = (0..log.len()).filter(|i| log[*i].is_none()).collect();
    assert_eq!(flushes.len(), 2);
    // Up to the first flush, every subset of writes: the file is not there.
    for write in log[..flushes[0]].iter().flatten() {
        before.write_at(write.0, &write.1).unwrap();
        assert_eq!(read(&before), None);
    }
    let folder: Vec<_> = log[flushes[0]..].iter().flatten().collect();
    assert_eq!(folder.len(), 1, "one write makes it appear");
    before.write_at(folder[0].0, &folder[0].1).unwrap();
    assert_eq!(read(&before), Some(chosen.text));
}

#[test]
fn nothing_that_is_there_is_changed() {
    for name in ["seed.json", "SEED.JSON", "p-hive9.seed.json"] {
        let disk = disk(&[(name, "another")]);
        let kept = keep(&disk, &table(), &chosen(Class::OtherDisk)).unwrap();
        assert_eq!(kept, Kept::Occupied);
        assert!(disk.log.borrow().is_empty());
    }
    let blank = Memory {
        bytes: RefCell::new(vec![0; (AT + SIZE) as usize]),
        log: RefCell::default(),
    };
    let chosen = chosen(Class::OtherDisk);
    assert_eq!(keep(&blank, &table(), &chosen).unwrap(), Kept::NoPlace);
    assert!(blank.log.borrow().is_empty());
}

#[test]
fn a_choice_among_the_disks_own_seeds_is_kept_beside_them() {
    let disk = disk(&[("a.s.seed.json", "a"), ("b.s.seed.json", "b")]);
    let chosen = chosen(Class::BootDisk);
    assert_eq!(keep(&disk, &table(), &chosen).unwrap(), Kept::Written);
    assert_eq!(read(&disk), Some(chosen.text));
}

#[test]
fn only_what_spares_a_stick_or_a_question_is_kept() {
    let of = |class, fits, by_person| {
        is_wanted(
            &Chosen {
                fits,
                ..chosen(class)
            },
            by_person,
        )
    };
    assert!(of(Class::OtherDisk, true, false) && of(Class::OtherDisk, true, true));
    assert!(of(Class::BootDisk, true, true) && !of(Class::BootDisk, true, false));
    assert!(!of(Class::OtherDisk, false, true), "it would be refused");
    assert!(!of(Class::Smbios, true, true) && !of(Class::CommandLine, true, false));
}
