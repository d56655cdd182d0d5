//! Identifiers that follow from what they name, so that two bakes of one lock agree.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The GUID of the thing called `purpose` that belongs to `key`.
///
/// A version 8 UUID (RFC 9562: custom) from the first 128 bits of a SHA-256 over both.
pub fn derived(purpose: &str, key: &[u8]) -> Uuid {
    let digest = Sha256::new()
        .chain_update(b"hive guid\0")
        .chain_update(purpose)
        .chain_update([0])
        .chain_update(key)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Serial number of the FAT volume called `purpose` that belongs to `key`.
pub fn volume_id(purpose: &str, key: &[u8]) -> u32 {
    derived(purpose, key).as_fields().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_depends_on_purpose_and_key() {
        let guid = derived("disk", b"one");
        assert_eq!(guid, derived("disk", b"one"));
        assert_ne!(guid, derived("disk", b"two"));
        assert_ne!(guid, derived("esp", b"one"));
        assert_eq!(guid.get_version_num(), 8);
    }
}
