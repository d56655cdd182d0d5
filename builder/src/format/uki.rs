//! The unified kernel image: systemd's stub with the kernel, the initrd and the sealed command
//! line as further sections (UAPI group, "Unified Kernel Image"; Microsoft, "PE Format").
//!
//! The stub's own bytes stay where they are; sections are appended to the file and to the section
//! table, which needs free room between the table and the first section. The kernel comes last and
//! claims its in-memory size, for a stub that starts it in place must not meet another section.

use std::ops::Range;

/// File offset of the field that holds the offset of the PE signature.
const PE_POINTER: usize = 0x3C;
/// Bytes of the COFF header behind the signature.
const COFF: usize = 20;
/// Bytes of an entry of the section table.
const SECTION: usize = 40;
/// Fields of the optional header (PE32+), offsets from its start.
mod optional {
    pub const MAGIC: usize = 0;
    pub const INITIALIZED_DATA: usize = 8;
    pub const SECTION_ALIGNMENT: usize = 32;
    pub const FILE_ALIGNMENT: usize = 36;
    pub const IMAGE_SIZE: usize = 56;
    pub const HEADERS_SIZE: usize = 60;
    pub const CHECKSUM: usize = 64;
    pub const CERTIFICATES: usize = 144;
    pub const LEAST_SIZE: usize = 152;
}
/// `IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ`: nothing here runs where it lies.
const READ_ONLY_DATA: u32 = 0x4000_0040;
/// Firmware maps pages; sections closer than that would share one.
const PAGE: u64 = 4096;

/// What goes into the image.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// systemd's `linuxx64.efi.stub`.
    pub stub: &'a [u8],
    /// Text of `os-release`; systemd-boot shows and sorts by it.
    pub os_release: &'a str,
    /// The kernel command line, without line ends. It holds under Secure Boot too.
    pub cmdline: &'a str,
    /// Kernel release, as `uname -r` prints it.
    pub uname: &'a str,
    /// The kernel, a `bzImage` with EFI stub.
    pub linux: &'a [u8],
    /// The initrd, as archives that follow each other; each is padded to 4 bytes.
    pub initrd: &'a [&'a [u8]],
}

/// Why an image could not be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UkiError {
    /// Not an EFI program for x86-64.
    #[error("the {what} is not an EFI program for x86-64: {reason}")]
    NotEfi {
        /// Which part.
        what: &'static str,
        /// What was found wrong.
        reason: &'static str,
    },
    /// The section table is full.
    #[error(
        "the EFI stub has room for {free} more sections and {needed} are needed; take the stub of a newer systemd-boot-efi"
    )]
    NoRoom {
        /// Free entries.
        free: usize,
        /// Entries that the image needs.
        needed: usize,
    },
    /// The stub is not a bare stub.
    #[error(
        "the EFI stub already has a section {name}; it must be systemd's linuxx64.efi.stub as packaged"
    )]
    Taken {
        /// The section.
        name: String,
    },
    /// The stub carries a signature, which appending would break.
    #[error(
        "the EFI stub is signed; sections can only be added before signing, take the unsigned stub"
    )]
    Signed,
    /// A text that the stub would change.
    #[error(
        "the {what} has blanks at an end or is not plain ASCII, which the EFI stub would change"
    )]
    Text {
        /// Which part.
        what: &'static str,
    },
    /// The format counts bytes in 32 bits.
    #[error("the unified kernel image would be bigger than 2 GiB")]
    TooBig,
}

/// Makes the image.
pub fn assemble(parts: &Parts<'_>) -> Result<Vec<u8>, UkiError> {
    for (what, text) in [
        ("kernel command line", parts.cmdline),
        ("kernel release", parts.uname),
    ] {
        if text.trim() != text || !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return Err(UkiError::Text { what });
        }
    }
    let kernel_memory = u64::from(Header::read("kernel", parts.linux)?.image_size(parts.linux)?);
    let mut initrd = Vec::with_capacity(parts.initrd.iter().map(|a| a.len() + 3).sum());
    for archive in parts.initrd {
        initrd.extend_from_slice(archive);
        initrd.resize(initrd.len().next_multiple_of(4), 0);
    }
    let sections: [(&str, &[u8], u64); 5] = [
        (".osrel", parts.os_release.as_bytes(), 0),
        (".cmdline", parts.cmdline.as_bytes(), 0),
        (".uname", parts.uname.as_bytes(), 0),
        (".initrd", &initrd, 0),
        (".linux", parts.linux, kernel_memory),
    ];

    let header = Header::read("EFI stub", parts.stub)?;
    header.check_room(parts.stub, sections.len())?;
    let total: usize = sections
        .iter()
        .map(|(_, content, _)| content.len() + 4096)
        .sum();
    let mut image = Vec::with_capacity(parts.stub.len() + total);
    image.extend_from_slice(parts.stub);
    let mut address = header.end_of_sections(&image)?;
    for (name, content, memory) in sections {
        if header.names(&image)?.iter().any(|there| there == name) {
            return Err(UkiError::Taken {
                name: name.to_owned(),
            });
        }
        address = header.append(&mut image, name, content, memory, address)?;
    }
    let size = address.next_multiple_of(u64::from(header.section_alignment));
    put(
        &mut image,
        header.optional + optional::IMAGE_SIZE,
        fit(size)?,
    );
    // Firmware checks it for drivers only, and a stub's own would be wrong now.
    put(&mut image, header.optional + optional::CHECKSUM, 0);
    Ok(image)
}

/// Where the headers of a PE file are.
struct Header {
    what: &'static str,
    coff: usize,
    optional: usize,
    table: usize,
    section_alignment: u32,
    file_alignment: u32,
}

impl Header {
    fn read(what: &'static str, file: &[u8]) -> Result<Self, UkiError> {
        let bad = |reason| UkiError::NotEfi { what, reason };
        if file.get(..2) != Some(b"MZ") {
            return Err(bad("no MZ at its start"));
        }
        let pe = get(file, PE_POINTER).ok_or(bad("it ends in its header"))? as usize;
        if file.get(pe..pe + 4) != Some(b"PE\0\0") {
            return Err(bad("no PE header"));
        }
        let coff = pe + 4;
        let optional = coff + COFF;
        let machine = get16(file, coff).ok_or(bad("it ends in its header"))?;
        let length = get16(file, coff + 16).ok_or(bad("it ends in its header"))?;
        if machine != 0x8664 {
            return Err(bad("it is for another processor"));
        }
        let table = optional + usize::from(length);
        if usize::from(length) < optional::LEAST_SIZE
            || get16(file, optional + optional::MAGIC) != Some(0x20B)
        {
            return Err(bad("its optional header is not PE32+"));
        }
        let field = |at| get(file, optional + at).ok_or(bad("it ends in its header"));
        let header = Self {
            what,
            coff,
            optional,
            table,
            section_alignment: field(optional::SECTION_ALIGNMENT)?,
            file_alignment: field(optional::FILE_ALIGNMENT)?,
        };
        if !header.section_alignment.is_power_of_two() || !header.file_alignment.is_power_of_two() {
            return Err(bad("an alignment is not a power of two"));
        }
        if file.len() < header.entry(header.count(file)) {
            return Err(bad("it ends in its section table"));
        }
        Ok(header)
    }

    fn count(&self, file: &[u8]) -> usize {
        get16(file, self.coff + 2).map_or(0, usize::from)
    }

    fn entry(&self, n: usize) -> usize {
        self.table + n * SECTION
    }

    fn entries<'a>(&self, file: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let table: Range<usize> = self.table..self.entry(self.count(file));
        file.get(table).unwrap_or_default().chunks_exact(SECTION)
    }

    fn names(&self, file: &[u8]) -> Result<Vec<String>, UkiError> {
        let name = |e: &[u8]| {
            String::from_utf8_lossy(&e[..8])
                .trim_end_matches('\0')
                .to_owned()
        };
        Ok(self.entries(file).map(name).collect())
    }

    fn image_size(&self, file: &[u8]) -> Result<u32, UkiError> {
        get(file, self.optional + optional::IMAGE_SIZE).ok_or(UkiError::NotEfi {
            what: self.what,
            reason: "it ends in its header",
        })
    }

    /// Whether `needed` more entries fit before the first byte of a section.
    fn check_room(&self, file: &[u8], needed: usize) -> Result<(), UkiError> {
        if get(file, self.optional + optional::CERTIFICATES + 4).is_some_and(|size| size != 0) {
            return Err(UkiError::Signed);
        }
        let first = self
            .entries(file)
            .filter(|e| get(e, 16) != Some(0))
            .filter_map(|e| get(e, 20))
            .chain(get(file, self.optional + optional::HEADERS_SIZE))
            .min()
            .unwrap_or(0) as usize;
        let free = first.saturating_sub(self.entry(self.count(file))) / SECTION;
        if free < needed {
            Err(UkiError::NoRoom { free, needed })
        } else {
            Ok(())
        }
    }

    /// The address behind the last section.
    fn end_of_sections(&self, file: &[u8]) -> Result<u64, UkiError> {
        self.entries(file)
            .filter_map(|e| Some(u64::from(get(e, 12)?) + u64::from(get(e, 8)?)))
            .max()
            .ok_or(UkiError::NotEfi {
                what: self.what,
                reason: "it has no sections",
            })
    }

    /// Appends a section that takes at least `memory` bytes when loaded; returns the address behind it.
    fn append(
        &self,
        image: &mut Vec<u8>,
        name: &str,
        content: &[u8],
        memory: u64,
        after: u64,
    ) -> Result<u64, UkiError> {
        let alignment = self.file_alignment as usize;
        image.resize(image.len().next_multiple_of(alignment), 0);
        let offset = image.len();
        image.extend_from_slice(content);
        image.resize(image.len().next_multiple_of(alignment), 0);
        let raw = image.len() - offset;
        let address = after.next_multiple_of(u64::from(self.section_alignment).max(PAGE));
        // Exactly as long as the content, for the stub takes what is in memory: no padding in a text.
        let length = memory.max(content.len() as u64);

        let count = self.count(image);
        let entry = self.entry(count);
        let mut bytes = [0; SECTION];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        put(&mut bytes, 8, fit(length)?);
        put(&mut bytes, 12, fit(address)?);
        put(&mut bytes, 16, fit(raw as u64)?);
        put(&mut bytes, 20, fit(offset as u64)?);
        put(&mut bytes, 36, READ_ONLY_DATA);
        image[entry..entry + SECTION].copy_from_slice(&bytes);
        image[self.coff + 2..self.coff + 4].copy_from_slice(&(count as u16 + 1).to_le_bytes());
        let data = self.optional + optional::INITIALIZED_DATA;
        let initialized = u64::from(get(image, data).unwrap_or(0)) + raw as u64;
        put(image, data, fit(initialized)?);
        Ok(address + length)
    }
}

fn fit(size: u64) -> Result<u32, UkiError> {
    i32::try_from(size)
        .map(i32::cast_unsigned)
        .map_err(|_| UkiError::TooBig)
}

fn get(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)
        .and_then(|b| b.try_into().ok())
        .map(u32::from_le_bytes)
}

fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..at + 2)
        .and_then(|b| b.try_into().ok())
        .map(u16::from_le_bytes)
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests;
