use super::*;
use object::read::pe::PeFile64;
use object::{Object, ObjectSection};

/// A PE program with one section; `headers` is where the first section starts.
fn program(headers: usize, section_alignment: u32, image_size: u32) -> Vec<u8> {
    let mut file = vec![0; headers + 512];
    file[..2].copy_from_slice(b"MZ");
    put(&mut file, PE_POINTER, 0x40);
    file[0x40..0x44].copy_from_slice(b"PE\0\0");
    let coff = 0x44;
    file[coff..coff + 2].copy_from_slice(&0x8664u16.to_le_bytes());
    file[coff + 2] = 1;
    file[coff + 16] = 240;
    let optional = coff + COFF;
    file[optional..optional + 2].copy_from_slice(&0x20Bu16.to_le_bytes());
    put(
        &mut file,
        optional + optional::SECTION_ALIGNMENT,
        section_alignment,
    );
    put(&mut file, optional + optional::FILE_ALIGNMENT, 512);
    put(&mut file, optional + optional::IMAGE_SIZE, image_size);
    put(&mut file, optional + optional::HEADERS_SIZE, headers as u32);
    put(&mut file, optional + optional::CHECKSUM, 0xDEAD);
    put(&mut file, optional + 108, 16); // data directories
    let entry = optional + 240;
    file[entry..entry + 5].copy_from_slice(b".text");
    put(&mut file, entry + 8, 300);
    put(&mut file, entry + 12, 0x1000);
    put(&mut file, entry + 16, 512);
    put(&mut file, entry + 20, headers as u32);
    file[headers..].fill(0xCC);
    file
}

fn parts<'a>(stub: &'a [u8], linux: &'a [u8]) -> Parts<'a> {
    Parts {
        stub,
        os_release: "ID=hive\n",
        cmdline: "hive.roothash=00 quiet",
        uname: "6.12.0",
        linux,
        initrd: &[b"first", b"second!!"],
    }
}

/// Sections in their order: name, address, length in memory, content as long as the file has it.
fn sections(image: &[u8]) -> Vec<(String, u64, u64, Vec<u8>)> {
    let file = PeFile64::parse(image).unwrap();
    let base = file.relative_address_base();
    file.sections()
        .map(|s| {
            let content = s.data().unwrap().to_vec();
            (
                s.name().unwrap().into(),
                s.address() - base,
                s.size(),
                content,
            )
        })
        .collect()
}

fn assert_sound(image: &[u8], stub: &[u8], parts: &Parts<'_>) {
    let found = sections(image);
    let content = |name: &str| {
        let (_, _, size, data) = found.iter().find(|(n, ..)| n == name).unwrap();
        data[..data.len().min(*size as usize)].to_vec()
    };
    assert_eq!(content(".cmdline"), parts.cmdline.as_bytes());
    assert_eq!(content(".osrel"), parts.os_release.as_bytes());
    assert_eq!(content(".uname"), parts.uname.as_bytes());
    assert!(content(".linux").starts_with(parts.linux));
    assert_eq!(found.last().unwrap().0, ".linux");
    // What the stub had is there, byte for byte.
    for (name, address, size, data) in sections(stub) {
        assert!(
            found.contains(&(name.clone(), address, size, data)),
            "{name} changed"
        );
    }
    let header = Header::read("image", image).unwrap();
    // Those of the stub are as they came: bookworm's has one that is not aligned.
    let ours = sections(stub).len();
    let mut end = 0;
    for (n, (name, address, size, _)) in found.iter().enumerate() {
        assert!(*address >= end, "{name} lies on the section before it");
        let aligned = address % u64::from(header.section_alignment).max(PAGE) == 0;
        assert!(aligned || n < ours, "{name} is not aligned");
        end = address + size;
    }
    let image_size = u64::from(header.image_size(image).unwrap());
    assert_eq!(
        image_size,
        end.next_multiple_of(u64::from(header.section_alignment))
    );
    assert_eq!(get(image, header.optional + optional::CHECKSUM), Some(0));
    assert_eq!(image.len() % header.file_alignment as usize, 0);
    let kernel = Header::read("kernel", parts.linux).unwrap();
    let (_, _, linux, _) = found.last().unwrap();
    assert_eq!(
        *linux,
        u64::from(kernel.image_size(parts.linux).unwrap()).max(parts.linux.len() as u64)
    );
}

#[test]
fn sections_are_appended_behind_the_stub() {
    let stub = program(0x600, 4096, 0x2000);
    let linux = program(0x400, 4096, 0x10_0000);
    let parts = parts(&stub, &linux);
    let image = assemble(&parts).unwrap();
    assert_sound(&image, &stub, &parts);
    let initrd = sections(&image)
        .into_iter()
        .find(|(n, ..)| n == ".initrd")
        .unwrap();
    assert_eq!(&initrd.3[..16], b"first\0\0\0second!!");
    assert_eq!(initrd.2, 16);
    assert_eq!(image, assemble(&parts).unwrap());
}

#[test]
fn a_stub_with_small_alignment_works_too() {
    let stub = program(0x400, 512, 0x1200);
    let linux = program(0x400, 4096, 0x2000);
    let parts = parts(&stub, &linux);
    assert_sound(&assemble(&parts).unwrap(), &stub, &parts);
}

#[test]
fn a_full_section_table_is_refused() {
    // Table at 0x148; one entry is in use, four more fit.
    let stub = program(0x148 + 5 * SECTION, 4096, 0x2000);
    let linux = program(0x400, 4096, 0x2000);
    let error = assemble(&parts(&stub, &linux)).unwrap_err();
    assert_eq!(error, UkiError::NoRoom { free: 4, needed: 5 });
}

#[test]
fn a_unified_image_is_no_stub() {
    let stub = program(0x600, 4096, 0x2000);
    let linux = program(0x400, 4096, 0x2000);
    let image = assemble(&parts(&stub, &linux)).unwrap();
    let error = assemble(&parts(&image, &linux)).unwrap_err();
    assert_eq!(
        error,
        UkiError::Taken {
            name: ".osrel".into()
        }
    );
}

#[test]
fn a_signed_stub_is_refused() {
    let mut stub = program(0x600, 4096, 0x2000);
    put(&mut stub, 0x44 + COFF + optional::CERTIFICATES + 4, 1);
    let linux = program(0x400, 4096, 0x2000);
    assert_eq!(
        assemble(&parts(&stub, &linux)).unwrap_err(),
        UkiError::Signed
    );
}

#[test]
fn what_is_no_efi_program_is_refused() {
    let stub = program(0x600, 4096, 0x2000);
    for length in 0..0x170 {
        let error = assemble(&parts(&stub, &stub[..length])).unwrap_err();
        assert!(
            matches!(error, UkiError::NotEfi { what: "kernel", .. }),
            "{length}: {error}"
        );
        let error = assemble(&parts(&stub[..length], &stub)).unwrap_err();
        assert!(
            matches!(
                error,
                UkiError::NotEfi {
                    what: "EFI stub",
                    ..
                }
            ),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_command_line_that_the_stub_would_change_is_refused() {
    let stub = program(0x600, 4096, 0x2000);
    for cmdline in ["quiet\n", " quiet", "a\tb", "ä"] {
        let error = assemble(&Parts {
            cmdline,
            ..parts(&stub, &stub)
        })
        .unwrap_err();
        assert_eq!(
            error,
            UkiError::Text {
                what: "kernel command line"
            },
            "{cmdline:?}"
        );
    }
}

/// Takes a packaged stub and kernel from `HIVE_TEST_STUB` and `HIVE_TEST_KERNEL`; with
/// `HIVE_TEST_INITRD` and `HIVE_TEST_UKI` it leaves an image there that boots.
#[test]
fn packaged_stubs_take_the_sections() {
    let file = |name: &str| std::env::var_os(name).map(|path| std::fs::read(path).unwrap());
    let (Some(stub), Some(linux)) = (file("HIVE_TEST_STUB"), file("HIVE_TEST_KERNEL")) else {
        println!("SKIPPED: HIVE_TEST_STUB and HIVE_TEST_KERNEL do not name files");
        return;
    };
    let initrd = file("HIVE_TEST_INITRD").unwrap_or_default();
    let parts = Parts {
        cmdline: "console=ttyS0 panic=-1 hive.roothash=test",
        os_release: "ID=hive\nPRETTY_NAME=hive\nIMAGE_ID=hive\nIMAGE_VERSION=1\n",
        initrd: &[&initrd],
        ..parts(&stub, &linux)
    };
    let image = assemble(&parts).unwrap();
    assert_sound(&image, &stub, &parts);
    if let Some(path) = std::env::var_os("HIVE_TEST_UKI") {
        std::fs::write(path, &image).unwrap();
    }
}
