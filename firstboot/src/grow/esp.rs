//! Moving the files of the flashed ESP into the bigger one.

use hive_fat::{FatError, Volume, format};

use crate::blockdev::{Disk, Window};
use crate::gpt::Partition;

/// Bytes that the files on the ESP take up.
pub(super) fn used(disk: &dyn Disk, esp: &Partition) -> Result<u64, FatError> {
    Ok(Volume::open(Window::new(disk, esp.offset(), esp.bytes()))?.used_bytes())
}

/// Makes a file system in `new` with all files of `old`.
pub(super) fn copy(
    disk: &dyn Disk,
    old: &Partition,
    new: &Partition,
    volume_id: u32,
) -> Result<(), FatError> {
    let mut target = Window::new(disk, new.offset(), new.bytes());
    format(&mut target, new.bytes(), volume_id, "ESP")?;
    let mut target = Volume::open(target)?;
    let mut source = Volume::open(Window::new(disk, old.offset(), old.bytes()))?;
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in source.list(&folder)? {
            let path = format!("{folder}/{}", entry.name);
            if entry.folder {
                target.add_dir(&path)?;
                folders.push(path);
            } else {
                let content = source.read_file(&path)?;
                target.add_file(&path, &content[..])?;
            }
        }
    }
    target.finish()?;
    Ok(())
}
