//! A volume becomes larger: first its device, then the file system on it.
//!
//! DRBD keeps its notes at the end of the logical volume. When that grows, they move to its new end, and what lies at
//! their old place is data from then on: other bytes on each host, which nobody would ever fill, since all that is new
//! is taken for zero everywhere. So zeros are written there, through DRBD, before a file system has it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use hive_system::{drbd, file_system};
use hive_volumes::Record;
use hive_volumes::upkeep::Seen;

use super::act::DRBD;
use super::host::Host;
use super::mounts;

/// Growing writes little.
const GROW: Duration = Duration::from_secs(10 * 60);
/// What file systems may leave unused at the end of their device, in bytes; a device grows by more. XFS has no
/// allocation group of less than 64 blocks.
const REST: u64 = 1 << 20;
/// Bytes written at once.
const CHUNK: u64 = 1 << 20;

impl Host {
    /// Lets DRBD take what the logical volumes grew by.
    ///
    /// # Errors
    /// DRBD refuses, in its words.
    pub(super) async fn resize(&self, record: &Record, seen: &Seen) -> Result<(), String> {
        let name = record.identity.name.as_str();
        let before = seen.device.ok_or_else(|| unknown(record))?;
        let resize = drbd::resize_assuming_clean(name);
        self.bench.run(resize, DRBD).await?;
        // Where it is mounted, `grow` clears next, and also when this is cut off here.
        let mine = seen.resource.as_ref().is_some_and(|r| r.primary) && seen.mount.is_none();
        match mine {
            true => self.clear_notes(record, before).await,
            false => Ok(()),
        }
    }

    /// Lets the mounted file system fill its device.
    ///
    /// # Errors
    /// Its program fails, in words.
    pub(super) async fn grow(&self, record: &Record) -> Result<(), String> {
        let identity = &record.identity;
        let bytes = mounts::device_bytes(identity.id).ok_or_else(|| unknown(record))?;
        let kind = mounts::kind(identity.file_system);
        let (device, at) = (identity.device(), self.mount_point(&identity.name));
        let device = Path::new(&device);
        let geometry = file_system::geometry(kind, device, &at);
        let told = self.bench.run(geometry, GROW).await?;
        let end = file_system::bytes(kind, &told).ok_or_else(|| {
            format!(
                "the end of the file system on {} is not known: {told}",
                device.display()
            )
        })?;
        if bytes.saturating_sub(end) >= REST {
            self.clear_notes(record, end).await?;
        }
        let grow = file_system::grow(kind, device, &at);
        self.bench.run(grow, GROW).await?;
        let file = self.grown_file(identity.name.as_str());
        mounts::remember_grown(&file, bytes).map_err(|e| e.to_string())
    }

    /// Writes zeros where DRBD's notes were. The file system ends at `from`, or a little before.
    async fn clear_notes(&self, record: &Record, from: u64) -> Result<(), String> {
        let identity = &record.identity;
        let device = identity.device();
        let bytes = mounts::device_bytes(identity.id).ok_or_else(|| unknown(record))?;
        let until = bytes.min(from + REST + identity.notes(bytes));
        let work = format!("clearing what DRBD left on {device}");
        let clear = move || {
            zero(Path::new(&device), from, until).map_err(|e| {
                format!("writing zeros from byte {from} to byte {until} of {device}: {e}")
            })
        };
        self.bench.work(work, GROW, clear).await
    }
}

fn unknown(record: &Record) -> String {
    let device = record.identity.device();
    format!("the kernel does not tell the size of {device}")
}

/// Writes zeros, not a discard, which may be carried out differently on each host.
fn zero(device: &Path, from: u64, until: u64) -> io::Result<()> {
    let file = File::options().write(true).open(device)?;
    let zeros = vec![0; CHUNK as usize];
    let mut at = from;
    while at < until {
        let length = CHUNK.min(until - at);
        file.write_all_at(&zeros[..length as usize], at)?;
        at += length;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_written_there_and_nowhere_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = vec![7; 3 << 20];
        std::fs::write(file.path(), &bytes).unwrap();
        let (from, until) = (4096, (2 << 20) + 512);
        zero(file.path(), from, until).unwrap();
        let now = std::fs::read(file.path()).unwrap();
        assert_eq!(now.len(), bytes.len());
        for (at, byte) in (0..).zip(now) {
            assert_eq!(byte == 0, (from..until).contains(&at), "byte {at}");
        }
    }
}
