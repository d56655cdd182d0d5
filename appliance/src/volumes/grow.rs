//! A volume becomes larger: first its device, then the file system on it.
//!
//! DRBD keeps its notes at the end of the logical volume. When that grows, they move to its new end, and what lies at
//! their old place is data from then on: other bytes on each host, which nobody would ever fill, since all that is new
//! is taken for zero everywhere. So zeros are written there, through DRBD, before a file system has it, and never while
//! one may be about to have it: that they are written is written down, in `/run`, before a file system is told to grow,
//! since its program may outlive hived.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use hive_system::{drbd, file_system};
use hive_volumes::Record;
use hive_volumes::upkeep::Seen;
use tokio::time::{sleep, timeout};

use super::act::DRBD;
use super::host::Host;
use super::mounts;

/// Within this the other host agrees to a new size, which is one message there and one back.
const AGREES: Duration = Duration::from_secs(5);
/// Between two looks at that.
const ASKS: Duration = Duration::from_millis(20);
/// Growing writes little.
const GROW: Duration = Duration::from_secs(10 * 60);
/// What file systems may leave unused at the end of their device, in bytes: ext4 drops a last group of blocks that
/// has no room for its tables (mke2fs(8): at the most 32768 inodes of 256 bytes).
const REST: u64 = 16 << 20;
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
        match mine && grown(record.identity.id, before).await {
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
        let name = identity.name.as_str();
        let (cleared_file, grown_file) = (self.cleared_file(name), self.grown_file(name));
        let cleared = mounts::noted_size(&cleared_file);
        if is_to_be_cleared(bytes, end, cleared, mounts::noted_size(&grown_file))? {
            self.clear_notes(record, end).await?;
            mounts::note_size(&cleared_file, bytes).map_err(|e| e.to_string())?;
        }
        let grow = file_system::grow(kind, device, &at);
        self.bench.run(grow, GROW).await?;
        mounts::note_size(&grown_file, bytes).map_err(|e| e.to_string())
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

/// Waits until a device has more than so many bytes. DRBD 8.4 says that it is done when it has asked the other host for the
/// size of its disk. Where that is too small still, the next look tells that the device is to grow; what grows later than
/// this waits is cleared before a file system has it.
async fn grown(minor: u8, before: u64) -> bool {
    let larger = async {
        while mounts::device_bytes(minor).is_none_or(|now| now <= before) {
            sleep(ASKS).await;
        }
    };
    timeout(AGREES, larger).await.is_ok()
}

/// Whether zeros are to be written behind a file system that ends at byte `end`, on a device of so many bytes. It was told
/// to fill one of `cleared` bytes before, and was seen to fill one of `grown` bytes; 0: neither, since it was mounted.
fn is_to_be_cleared(bytes: u64, end: u64, cleared: u64, grown: u64) -> Result<bool, String> {
    if cleared == bytes || end >= bytes {
        return Ok(false);
    }
    match cleared > grown {
        false => Ok(true),
        true => Err(format!(
            "the file system was told to grow to {cleared} bytes and was not seen to; it grows further once its service has moved to another host, or was stopped and started"
        )),
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
    fn nothing_is_cleared_that_a_file_system_may_be_about_to_have() {
        let clears = is_to_be_cleared;
        // Just mounted: it fills its device, or its host lost power before it did.
        assert_eq!(clears(100, 100, 0, 0), Ok(false));
        assert_eq!(clears(200, 100, 0, 0), Ok(true));
        // It was told, and hived was killed meanwhile.
        assert_eq!(clears(200, 100, 200, 100), Ok(false));
        // It grew, and the device did once more.
        assert_eq!(clears(300, 200, 200, 200), Ok(true));
        // The same before it was seen to have grown.
        let refused = clears(300, 150, 200, 100).unwrap_err();
        assert!(refused.contains("200 bytes"), "{refused}");
    }

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
