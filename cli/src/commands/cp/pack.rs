//! A file or folder of this computer as a tar stream.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use tar::{Builder, EntryType, Header};

use super::Copied;
use super::stream::PartWriter;
use crate::output;

/// Packs `source` under `name`. An error ends the stream with an error, too.
///
/// # Errors
/// Something can't be read, or nobody takes the stream.
pub fn all(
    mut writer: PartWriter,
    source: &Path,
    name: &str,
    archive: bool,
) -> anyhow::Result<Copied> {
    let mut copied = Copied::default();
    let mut builder = Builder::new(&mut writer);
    let packed = add(&mut builder, source, Path::new(name), archive, &mut copied)
        .and_then(|()| Ok(builder.finish()?));
    drop(builder);
    let packed = packed.and_then(|()| Ok(writer.flush()?));
    if let Err(error) = &packed {
        writer.fail(error);
    }
    packed.map(|()| copied)
}

fn add<W: Write>(
    builder: &mut Builder<W>,
    source: &Path,
    name: &Path,
    archive: bool,
    copied: &mut Copied,
) -> anyhow::Result<()> {
    let doing = || format!("reading {}", source.display());
    let meta = fs::symlink_metadata(source).with_context(doing)?;
    let mut header = Header::new_gnu();
    header.set_metadata(&meta);
    if !archive {
        // As if root had made them there.
        header.set_uid(0);
        header.set_gid(0);
    }
    let kind = meta.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(source).with_context(doing)?;
        header.set_size(0);
        builder.append_link(&mut header, name, target)?;
    } else if kind.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        builder.append_data(&mut header, name, std::io::empty())?;
        let mut entries = fs::read_dir(source)
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
            .with_context(doing)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(
                builder,
                &entry.path(),
                &name.join(entry.file_name()),
                archive,
                copied,
            )?;
        }
    } else if kind.is_file() {
        let mut file = File::open(source).with_context(doing)?.take(meta.len());
        builder
            .append_data(&mut header, name, &mut file)
            .with_context(doing)?;
        if file.limit() > 0 {
            bail!("{} became shorter while it was read", source.display());
        }
        copied.files += 1;
        copied.bytes += meta.len();
    } else {
        output::warn(&format!(
            "{} is no file, folder or link, and left out",
            source.display()
        ));
    }
    Ok(())
}
