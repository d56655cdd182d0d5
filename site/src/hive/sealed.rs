//! The keys `mirror:`, `image:` and `drbd:`: what the sealed image of a stage is made of.
//!
//! The top level of a hive definition holds them for all stages; a stage overrides them key by key.

use hive_inventory::image::{
    DockerEngine, DrbdModule, DrbdSettings, ImageSettings, KernelFlavour, NoQuorum,
};

use super::package_sources::{archives, debs, packages, url};
use crate::yaml::fields::Fields;
use crate::yaml::report::{Place, Report};

const IMAGE_KEYS: &[&str] = &[
    "suite",
    "mirror",
    "security_mirror",
    "keyring",
    "kernel",
    "firmware",
    "docker",
    "packages",
    "debs",
    "archives",
    "locale",
    "addon",
];
const DRBD_KEYS: &[&str] = &["module", "debs", "accept_bad_version", "on_no_quorum"];
const SUITES: &[(&str, &str)] = &[("trixie", "trixie"), ("bookworm", "bookworm")];

/// The settings as read so far, with the places that later checks point at.
pub(crate) struct Sealed {
    pub image: ImageSettings,
    pub drbd: DrbdSettings,
    docker: Option<Place>,
    module: Option<Place>,
}

impl Sealed {
    /// Starts from the defaults: a kernel for the kind of machine.
    pub fn new(kernel: KernelFlavour) -> Self {
        let image = ImageSettings {
            kernel,
            ..ImageSettings::default()
        };
        Self {
            image,
            drbd: DrbdSettings::default(),
            docker: None,
            module: None,
        }
    }

    /// Puts the keys of a level over what is there: first the top level, then the stage.
    pub fn overlay(&mut self, level: &Fields<'_>, report: &mut Report<'_>) {
        if let Some(mirror) = url(level, "mirror", report) {
            self.image.mirror = Some(mirror);
        }
        if let Some(entry) = level.entry("image")
            && let Some(fields) =
                Fields::open(&entry.node, entry.place, "`image`", IMAGE_KEYS, report)
        {
            self.overlay_image(&fields, report);
        }
        if let Some(entry) = level.entry("drbd")
            && let Some(fields) =
                Fields::open(&entry.node, entry.place, "`drbd`", DRBD_KEYS, report)
        {
            self.overlay_drbd(&fields, report);
        }
    }

    fn overlay_image(&mut self, fields: &Fields<'_>, report: &mut Report<'_>) {
        let image = &mut self.image;
        if let Some(suite) = choice(fields, "suite", SUITES, report) {
            image.suite = suite.into();
        }
        over_option(&mut image.mirror, url(fields, "mirror", report));
        over_option(
            &mut image.security_mirror,
            url(fields, "security_mirror", report),
        );
        over_option(&mut image.keyring, fields.text("keyring", report));
        let kernels = &[
            ("cloud", KernelFlavour::Cloud),
            ("generic", KernelFlavour::Generic),
        ];
        over(&mut image.kernel, choice(fields, "kernel", kernels, report));
        over(&mut image.firmware, packages(fields, "firmware", report));
        let engines = &[
            ("docker.io", DockerEngine::DockerIo),
            ("docker-ce", DockerEngine::DockerCe),
        ];
        if let Some(engine) = choice(fields, "docker", engines, report) {
            image.docker = engine;
            self.docker = fields.entry("docker").map(|entry| entry.node.place);
        }
        over(&mut image.packages, packages(fields, "packages", report));
        over(&mut image.debs, debs(fields, report));
        over(&mut image.archives, archives(fields, report));
        over(&mut image.locale, locale(fields, report));
        over_option(&mut image.addon, fields.text("addon", report));
    }

    fn overlay_drbd(&mut self, fields: &Fields<'_>, report: &mut Report<'_>) {
        let modules = &[
            ("kernel", DrbdModule::Kernel),
            ("deb", DrbdModule::Deb),
            ("linbit", DrbdModule::Linbit),
        ];
        if let Some(module) = choice(fields, "module", modules, report) {
            self.drbd.module = module;
            self.module = fields.entry("module").map(|entry| entry.node.place);
        }
        over(&mut self.drbd.debs, debs(fields, report));
        over(
            &mut self.drbd.accept_bad_version,
            fields.flag("accept_bad_version", report),
        );
        let ways = &[
            ("io-error", NoQuorum::IoError),
            ("suspend-io", NoQuorum::SuspendIo),
        ];
        over(
            &mut self.drbd.on_no_quorum,
            choice(fields, "on_no_quorum", ways, report),
        );
    }

    /// Checks what only makes sense together, and gives the settings.
    pub fn finish(self, report: &mut Report<'_>) -> (ImageSettings, DrbdSettings) {
        let Self {
            image,
            drbd,
            docker,
            module,
        } = self;
        if let Some(place) = docker
            && image.docker == DockerEngine::DockerCe
            && image.archives.is_empty()
        {
            report.error(
                place,
                "`docker: docker-ce` needs the archive that carries it",
                "name Docker's apt archive and its key under `archives`, or write `docker: docker.io`",
            );
        }
        if let Some(place) = module {
            let linbit = image
                .archives
                .iter()
                .any(|archive| archive.name == "linbit");
            match drbd.module {
                DrbdModule::Linbit if !linbit => report.error(
                    place,
                    "`module: linbit` needs LINBIT's archive",
                    "add an entry with `name: linbit`, its url and key to `archives` of `image`",
                ),
                DrbdModule::Deb if drbd.debs.is_empty() => report.error(
                    place,
                    "`module: deb` needs package files",
                    "name them under `debs` of `drbd`, relative to the site folder",
                ),
                DrbdModule::Kernel | DrbdModule::Linbit if !drbd.debs.is_empty() => report.warn(
                    place,
                    "the package files under `debs` of `drbd` are used with `module: deb` only",
                    "write `module: deb`, or remove `debs`",
                ),
                _ => {}
            }
        }
        (image, drbd)
    }
}

fn over<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn over_option<T>(target: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *target = value;
    }
}

/// One of a few words.
fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    words: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let text = fields.text(key, report)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        report.error(
            fields.entry(key)?.node.place,
            format!("`{key}` can't be `{text}`"),
            format!("write one of: {}", known.join(", ")),
        );
    }
    found.map(|(_, value)| *value)
}

fn locale(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = fields.text("locale", report)?;
    if is_locale(&text) {
        return Some(text);
    }
    report.error(
        fields.entry("locale")?.node.place,
        format!("`{text}` is not the name of a locale"),
        "write it like `ja_JP.UTF-8` or `C.UTF-8`",
    );
    None
}

/// Whether a text can be a locale's name: it becomes part of files and package names.
pub(crate) fn is_locale(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.@-".contains(c))
}

/// The advice for a key of the sealed image's sections that stands in the stage itself.
pub(crate) fn misplaced(key: &str) -> Option<String> {
    let sections = [("image", IMAGE_KEYS), ("drbd", DRBD_KEYS)];
    sections
        .iter()
        .find(|(_, keys)| keys.contains(&key))
        .map(|(section, _)| format!("`{key}` belongs below `{section}:`"))
}
