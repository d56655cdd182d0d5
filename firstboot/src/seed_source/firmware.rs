//! Seeds handed over by firmware or hypervisor.

use std::fs;

use super::{Document, decode, given};
use crate::cmdline::ARG_SEED;

/// Tables of the firmware, one folder an entry, `TYPE-INDEX`.
const SMBIOS: &str = "/sys/firmware/dmi/entries";
/// QEMU: `-fw_cfg name=opt/hive/seed,file=…`.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/hive/seed/raw";

/// Seeds among the OEM strings.
pub(super) fn smbios() -> Vec<Document> {
    let mut entries: Vec<_> = fs::read_dir(SMBIOS)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with("11-"))
        .collect();
    entries.sort_by_key(|e| e.file_name());
    entries
        .iter()
        .filter_map(|e| fs::read(e.path().join("raw")).ok())
        .flat_map(|raw| oem_strings(&raw))
        .filter_map(|text| {
            text.strip_prefix(ARG_SEED)?
                .strip_prefix('=')
                .map(str::to_owned)
        })
        .map(|word| given(decode(&word)))
        .collect()
}

/// A seed of QEMU's own configuration channel.
pub(super) fn fw_cfg() -> Option<Document> {
    let bytes = fs::read(FW_CFG).ok()?;
    let text = String::from_utf8_lossy(&bytes)
        .trim_end_matches('\0')
        .to_owned();
    Some(given(Ok(text)))
}

/// The strings behind an SMBIOS structure (DSP0134, 6.1.3): each ends with a zero, the last with two.
fn oem_strings(raw: &[u8]) -> Vec<String> {
    let Some(strings) = raw
        .get(1)
        .and_then(|length| raw.get(usize::from(*length)..))
    else {
        return Vec::new();
    };
    strings
        .split(|b| *b == 0)
        .take_while(|s| !s.is_empty())
        .map(|s| String::from_utf8_lossy(s).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_the_double_zero() {
        let mut raw = vec![11, 5, 0, 1, 2];
        raw.extend(b"first\0hive.seed=e30=\0\0junk\0");
        assert_eq!(oem_strings(&raw), ["first", "hive.seed=e30="]);
        assert!(oem_strings(&[11, 99]).is_empty() && oem_strings(&[]).is_empty());
    }
}
