use super::*;
use std::io::Write;
use std::process::Command;

fn threads(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// Bytes that look random and never change.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

fn sealed(data: &[u8], n: usize) -> (Sealed, Vec<u8>, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data).unwrap();
    let sealed = append(
        file.as_file(),
        &Parameters::derived_from(b"test"),
        threads(n),
    )
    .unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    assert_eq!(bytes.len() as u64, sealed.size);
    (sealed, bytes, file)
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let data = noise(517 * BLOCK + 11);
    let (one, bytes, _) = sealed(&data, 1);
    for n in [2, 3, 7, 600] {
        let (other, other_bytes, _) = sealed(&data, n);
        assert_eq!(one, other);
        assert!(bytes == other_bytes, "{n} threads wrote other bytes");
    }
    assert_eq!(one.data_blocks, 518);
    assert_eq!(one.size, 518 * VERITY_BLOCK + hash_area_size(518));
}

#[test]
fn a_known_tree() {
    // From `veritysetup format --data-block-size 4096 --hash-block-size 4096` 2.6.1 on the same data.
    let (sealed, _, _) = sealed(&noise(300 * BLOCK), 2);
    assert_eq!(sealed.root_hash_hex(), GOLDEN_300);
}

const GOLDEN_300: &str = "f142b209bca7a63b28d7cf7b110f40838fad9f20dd4de22d789789e6187a3b35";

#[test]
fn one_block_is_its_own_tree() {
    let (sealed, bytes, _) = sealed(b"hive", 2);
    assert_eq!(bytes.len(), 2 * BLOCK);
    assert_eq!(hash_area_size(1), VERITY_BLOCK);
    assert_eq!(&bytes[BLOCK..BLOCK + 6], b"verity");
    assert_eq!(sealed.data_blocks, 1);
}

#[test]
fn an_empty_file_is_refused() {
    let file = tempfile::tempfile().unwrap();
    let error = append(&file, &Parameters::derived_from(b""), threads(1)).unwrap_err();
    assert!(matches!(error, VerityError::Empty), "{error}");
}

#[test]
fn equal_to_veritysetup() {
    if Command::new("veritysetup")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("SKIPPED: veritysetup is not installed (package cryptsetup-bin)");
        return;
    }
    let parameters = Parameters::derived_from(b"test");
    for blocks in [1, 2, 128, 129, 300, 128 * 128, 128 * 128 + 1] {
        let data = noise(blocks * BLOCK);
        let mut reference = tempfile::NamedTempFile::new().unwrap();
        reference.write_all(&data).unwrap();
        let output = Command::new("veritysetup")
            .args([
                "format",
                "--data-block-size=4096",
                "--hash-block-size=4096",
                "--hash=sha256",
            ])
            .arg(format!("--data-blocks={blocks}"))
            .arg(format!("--hash-offset={}", blocks * BLOCK))
            .arg(format!("--salt={}", parameters.salt_hex()))
            .arg(format!(
                "--uuid={}",
                uuid::Uuid::from_bytes(parameters.uuid)
            ))
            .args([reference.path(), reference.path()])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let (sealed, bytes, _file) = sealed(&data, 2);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains(&sealed.root_hash_hex()),
            "{blocks} blocks: {said}"
        );
        // veritysetup ends the file after the superblock's 512 bytes if there is no tree.
        let mut theirs = std::fs::read(reference.path()).unwrap();
        theirs.resize(bytes.len(), 0);
        assert!(theirs == bytes, "{blocks} blocks: the trees differ");
    }
}
