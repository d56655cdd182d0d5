//! What a site may choose about its image, and what a finished image says of itself.

use serde::{Deserialize, Serialize};

/// The `image:` section of a stage, with defaults filled in. What it holds decides the sealed root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageSettings {
    /// Debian suite, `trixie` or `bookworm`.
    pub suite: String,
    /// Base address of the Debian archive; `None` takes the one of the builder's own apt configuration.
    pub mirror: Option<String>,
    /// Base address of Debian's security archive; `None` as above, and left out if the builder has none.
    pub security_mirror: Option<String>,
    /// File of the keys that sign Debian's archives; `None` is the distribution's keyring.
    pub keyring: Option<String>,
    /// Which kernel: small for virtual machines, or with drivers for bare metal.
    pub kernel: KernelFlavour,
    /// Firmware packages for bare metal (`firmware-bnx2x`, …); they come from `non-free-firmware`.
    pub firmware: Vec<String>,
    /// Where Docker Engine comes from.
    pub docker: DockerEngine,
    /// Packages beyond those of the recipe.
    pub packages: Vec<String>,
    /// Local package files, relative to the site folder.
    pub debs: Vec<String>,
    /// Further apt archives.
    pub archives: Vec<ArchiveSettings>,
    /// Locale of the host, such as `ja_JP.UTF-8`.
    pub locale: String,
    /// Folder of the site whose executable files run as root inside the tree, in order of their names.
    pub addon: Option<String>,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self {
            suite: "trixie".into(),
            mirror: None,
            security_mirror: None,
            keyring: None,
            kernel: KernelFlavour::Cloud,
            firmware: Vec::new(),
            docker: DockerEngine::DockerIo,
            packages: Vec::new(),
            debs: Vec::new(),
            archives: Vec::new(),
            locale: "C.UTF-8".into(),
            addon: None,
        }
    }
}

/// Which of Debian's kernels the image carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelFlavour {
    /// `linux-image-cloud-amd64`: virtual machines only, small.
    Cloud,
    /// `linux-image-amd64`: every driver that Debian builds.
    Generic,
}

/// Which build of Docker Engine the image carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DockerEngine {
    /// Debian's own package.
    #[serde(rename = "docker.io")]
    DockerIo,
    /// Docker's package, from an archive that the site names under `archives`.
    #[serde(rename = "docker-ce")]
    DockerCe,
}

/// An apt archive beside Debian's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveSettings {
    /// Short name, kept in the lock in place of the address.
    pub name: String,
    /// Base address.
    pub url: String,
    /// Suite, as under `dists/`.
    pub suite: String,
    /// Components.
    pub components: Vec<String>,
    /// File of the key that signs the archive, relative to the site folder.
    pub key: String,
}

/// Where the DRBD kernel module comes from: the `drbd.module` of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrbdModule {
    /// The 8.4 module of Debian's kernel.
    #[default]
    Kernel,
    /// Local package files named under `drbd.debs`.
    Deb,
    /// LINBIT's archive, named under `archives` with the name `linbit`.
    Linbit,
}

/// What becomes of reads and writes on the side that lost the majority, with DRBD 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoQuorum {
    /// They fail.
    #[default]
    IoError,
    /// They wait until the majority is back.
    SuspendIo,
}

/// The `drbd:` section of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrbdSettings {
    /// Where the module comes from.
    pub module: DrbdModule,
    /// With `module: deb`: package files, relative to the site folder.
    pub debs: Vec<String>,
    /// Bake a module version that is known to lose data all the same.
    pub accept_bad_version: bool,
    /// What happens without a majority; no part of the image.
    pub on_no_quorum: NoQuorum,
}

/// What a finished image says of itself: in the initrd, and beside the image as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BakedImage {
    /// Version of this document.
    pub version: u32,
    /// Name of the site.
    pub site: String,
    /// Name of the stage.
    pub stage: String,
    /// Version of the image: Debian suite and a prefix of the root hash.
    pub image_version: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Root hash of the dm-verity tree, hex.
    pub root_hash: String,
    /// Version of the DRBD module that the image loads.
    pub drbd: String,
}

/// The version of [`BakedImage`] that this release writes.
pub const BAKED_IMAGE_VERSION: u32 = 1;
