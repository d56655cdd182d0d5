//! The small site that `hive init` writes: it works as it is and teaches as it goes.

/// A file of the sample site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleFile {
    /// Its path in the site folder.
    pub path: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// Every file of the sample site.
pub const FILES: [SampleFile; 2] = [
    SampleFile {
        path: "inventory/hive.yml",
        text: include_str!("sample/hive.yml"),
    },
    SampleFile {
        path: "inventory/services.yml",
        text: include_str!("sample/services.yml"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provider, SourceFile, StageName};
    use hive_inventory::image::DrbdModule;

    #[test]
    fn the_sample_parses_without_warnings() {
        let files = FILES.map(|file| SourceFile {
            path: file.path.into(),
            text: file.text.into(),
        });
        let parsed = crate::parse(&files).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.warnings, []);
        assert_eq!(parsed.site.services.len(), 1);
        let stage = parsed.site.stage(&StageName::Private).unwrap();
        assert_eq!(stage.provider, Provider::Qemu);
        assert_eq!(stage.drbd.module, DrbdModule::Kernel);
        let names: Vec<&str> = stage.hosts().iter().map(|h| h.short_name()).collect();
        assert_eq!(names, ["p-hive0", "p-hive1", "p-hive2"]);
        assert!(stage.hosts().iter().all(|host| host.is_hive()));
        assert!(stage.repository().unwrap().is_repository());
    }
}
