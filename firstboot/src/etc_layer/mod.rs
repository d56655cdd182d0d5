//! `/etc`: the image's, the site's files over it, the seed's over those. In memory, made anew at
//! every boot, so that nothing drifts.

mod network;
mod peers;
mod render;
mod ssh_key;
mod tls;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hive_inventory::disk::INITRD_SITE_ETC;
use rustix::mount::{MountFlags, mount};

pub use render::{EtcFile, RenderError, SiteLayer, UNSEEDED, host_key, render};

use crate::failure::{Explain, Failure};
use crate::mounts::SYSROOT;
use crate::tree_copy::{Existing, copy_tree};

/// Where the overlay keeps what differs from the image.
const OVERLAY: &str = "/run/hive/etc";
/// In the site layer: the name of the user that operators log in as.
const ADMIN_FILE: &str = "hive/admin";
/// That user's name where the site layer says nothing.
const ADMIN: &str = "admin";

const NO_MEMORY: &str = "give the machine more memory: /etc is kept there";

/// Reads what the seed's files build on.
pub fn site_layer() -> SiteLayer {
    let site = Path::new(INITRD_SITE_ETC);
    let text = |file: &str| fs::read_to_string(site.join(file)).ok();
    let admin = text(ADMIN_FILE)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .unwrap_or_else(|| ADMIN.to_owned());
    let keys = text(&format!("ssh/authorized_keys.d/{admin}")).unwrap_or_default();
    SiteLayer {
        admin,
        admin_keys: keys,
        hosts: text("hosts"),
    }
}

/// Mounts the overlay over the new root's `/etc` and fills it.
pub fn apply(files: &[EtcFile]) -> Result<(), Failure> {
    let etc = Path::new(SYSROOT).join("etc");
    for part in ["upper", "work"] {
        fs::create_dir_all(Path::new(OVERLAY).join(part))
            .explain(format!("cannot make {OVERLAY}/{part}"), NO_MEMORY)?;
    }
    // The overlay takes the mode of the upper folder for its top.
    fs::set_permissions(
        Path::new(OVERLAY).join("upper"),
        fs::Permissions::from_mode(0o755),
    )
    .explain(format!("cannot set the mode of {OVERLAY}"), NO_MEMORY)?;
    let options = std::ffi::CString::new(format!(
        "lowerdir={},upperdir={OVERLAY}/upper,workdir={OVERLAY}/work",
        etc.display()
    ))
    .unwrap_or_default();
    mount(
        "overlay",
        &etc,
        "overlay",
        MountFlags::empty(),
        options.as_c_str(),
    )
    .explain(
        "cannot mount the overlay on /etc",
        "the image lacks the kernel module overlay; bake it again",
    )?;
    let site = Path::new(INITRD_SITE_ETC);
    if site.is_dir() {
        copy_tree(site, &etc, Existing::Replace)
            .explain("cannot put the site's files into /etc", NO_MEMORY)?;
    }
    for file in files {
        write(&etc, file).explain(format!("cannot write /etc/{}", file.path), NO_MEMORY)?;
    }
    Ok(())
}

fn write(etc: &Path, file: &EtcFile) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = etc.join(&file.path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Never through a link (`/etc/hostname` may be one), and never readable before the mode is set.
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut out = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(file.mode)
        .open(&path)?;
    out.set_permissions(fs::Permissions::from_mode(file.mode))?;
    out.write_all(&file.content)
}
