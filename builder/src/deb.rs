//! Reading `.deb` files (deb(5)): an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::sha256_hex;

/// A package file in memory.
#[derive(Debug)]
pub struct Deb {
    /// The control stanza.
    pub control: Control,
    /// Maintainer scripts and other members of the control archive, without `control` itself.
    pub scripts: BTreeMap<String, Vec<u8>>,
    path: PathBuf,
    bytes: Vec<u8>,
    data: (String, usize, usize),
}

/// A stanza of fields (deb-control(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control(String);

impl Control {
    /// The stanza as it stands in the package.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The first line of a field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The package's name.
    pub fn package(&self) -> &str {
        self.field("Package").unwrap_or_default()
    }

    /// The name that dpkg's database files carry: with the architecture where several may be installed at once.
    pub fn info_name(&self) -> String {
        match (self.field("Multi-Arch"), self.field("Architecture")) {
            (Some("same"), Some(arch)) => format!("{}:{arch}", self.package()),
            _ => self.package().to_owned(),
        }
    }
}

impl Deb {
    /// Opens a package file.
    ///
    /// # Errors
    /// It can't be read or is no package.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes =
            fs::read(path).with_context(|| format!("reading the package {}", path.display()))?;
        Self::parse(path, bytes)
    }

    /// Opens a package file after checking that it is the one the lock means.
    ///
    /// # Errors
    /// As [`Deb::open`], or its hash is another: the file was damaged or tampered with.
    pub fn open_locked(path: &Path, name: &str, sha256: &str) -> Result<Self> {
        let bytes =
            fs::read(path).with_context(|| format!("reading the package {}", path.display()))?;
        let found = sha256_hex(&bytes);
        if found != sha256 {
            bail!(
                "the package {name} in the cache is not the one that hive.lock names (SHA-256 {found}, locked {sha256}): it was damaged or tampered with; remove {} and bake again",
                path.display()
            );
        }
        Self::parse(path, bytes)
    }

    fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let read = || -> Result<Self> {
            let members = members(&bytes)?;
            let find = |prefix: &str| members.iter().find(|(name, _, _)| name.starts_with(prefix));
            let (name, start, end) = find("control.tar").context("it has no control.tar")?;
            let data = find("data.tar").context("it has no data.tar")?.clone();
            let mut control = None;
            let mut scripts = BTreeMap::new();
            let mut archive = tar::Archive::new(decompressor(name, &bytes[*start..*end])?);
            for entry in archive.entries()? {
                let mut entry = entry?;
                if !entry.header().entry_type().is_file() {
                    continue;
                }
                let name = entry
                    .path()?
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                if name == "control" {
                    control = Some(Control(
                        String::from_utf8(content).context("its control file is not text")?,
                    ));
                } else {
                    scripts.insert(name, content);
                }
            }
            let control = control.context("it has no control file")?;
            Ok(Self {
                control,
                scripts,
                path: path.to_owned(),
                bytes: Vec::new(),
                data,
            })
        };
        let mut deb = read().with_context(|| {
            format!(
                "{} is not a Debian package that can be read",
                path.display()
            )
        })?;
        deb.bytes = bytes;
        Ok(deb)
    }

    /// The files of the package as a tar stream.
    ///
    /// # Errors
    /// The compression is unknown.
    pub fn data(&self) -> Result<tar::Archive<Box<dyn Read + '_>>> {
        let (name, start, end) = &self.data;
        let stream = decompressor(name, &self.bytes[*start..*end])
            .with_context(|| format!("reading the files of {}", self.path.display()))?;
        Ok(tar::Archive::new(stream))
    }
}

/// Name, start and end of each member of an `ar` archive.
fn members(bytes: &[u8]) -> Result<Vec<(String, usize, usize)>> {
    const MAGIC: &[u8] = b"!<arch>\n";
    const HEADER: usize = 60;
    if !bytes.starts_with(MAGIC) {
        bail!("it does not start as an ar archive does");
    }
    let mut found = Vec::new();
    let mut at = MAGIC.len();
    while let Some(header) = bytes.get(at..at + HEADER) {
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&header[range]).trim().to_owned()
        };
        let name = text(0..16).trim_end_matches('/').to_owned();
        let size: usize = text(48..58)
            .parse()
            .with_context(|| format!("the size of member {name} is not a number"))?;
        let start = at + HEADER;
        let end = start.checked_add(size).filter(|end| *end <= bytes.len());
        let end = end.with_context(|| format!("it ends in the middle of member {name}"))?;
        found.push((name, start, end));
        // Members start at even offsets.
        at = end + size % 2;
    }
    Ok(found)
}

fn decompressor<'a>(name: &str, bytes: &'a [u8]) -> Result<Box<dyn Read + 'a>> {
    let bytes = Cursor::new(bytes);
    Ok(match name.rsplit('.').next() {
        Some("xz") => Box::new(liblzma::read::XzDecoder::new_multi_decoder(bytes)),
        Some("zst") => Box::new(zstd::Decoder::new(bytes).context("starting zstd")?),
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Some("tar") => Box::new(bytes),
        _ => bail!("its member {name} is compressed in a way that is not known"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A package with the given control stanza and files, uncompressed.
    pub(crate) fn package(control: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
        let tar = |files: &[(&str, &[u8])]| {
            let mut tar = tar::Builder::new(Vec::new());
            for (path, content) in files {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                header.set_mode(0o644);
                header.set_uid(0);
                header.set_gid(0);
                header.set_mtime(0);
                tar.append_data(&mut header, path, *content).unwrap();
            }
            tar.into_inner().unwrap()
        };
        let mut ar = b"!<arch>\n".to_vec();
        for (name, content) in [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar", tar(&[("control", control.as_bytes())])),
            ("data.tar", tar(files)),
        ] {
            ar.extend(
                format!(
                    "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                    0,
                    0,
                    0,
                    100_644,
                    content.len()
                )
                .bytes(),
            );
            ar.extend(&content);
            if content.len() % 2 == 1 {
                ar.push(b'\n');
            }
        }
        ar
    }

    #[test]
    fn control_and_files_are_read() {
        let bytes = package(
            "Package: a\nVersion: 1\nArchitecture: amd64\nMulti-Arch: same\n",
            &[("usr/bin/a", b"hello")],
        );
        let deb = Deb::parse(Path::new("a.deb"), bytes).unwrap();
        assert_eq!(deb.control.info_name(), "a:amd64");
        let paths: Vec<_> = deb
            .data()
            .unwrap()
            .entries()
            .unwrap()
            .map(|e| e.unwrap().path().unwrap().into_owned())
            .collect();
        assert_eq!(paths, [PathBuf::from("usr/bin/a")]);
    }

    #[test]
    fn a_cut_package_says_so() {
        let mut bytes = package("Package: a\n", &[("a", b"hello")]);
        bytes.truncate(bytes.len() - 700);
        let error = format!("{:#}", Deb::parse(Path::new("a.deb"), bytes).unwrap_err());
        assert!(
            error.contains("in the middle of member data.tar"),
            "{error}"
        );
    }

    #[test]
    fn another_hash_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.deb");
        fs::write(&path, package("Package: a\n", &[])).unwrap();
        let error = Deb::open_locked(&path, "a", "00").unwrap_err().to_string();
        assert!(error.contains("damaged or tampered with"), "{error}");
    }
}
