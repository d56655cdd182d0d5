use super::tree::Texts;
use super::*;
use std::path::Path;
use std::process::Command;

/// A kernel of a dozen modules, written the way depmod does.
fn tree() -> ModuleTree {
    ModuleTree::parse(&Texts {
        dep: "\
kernel/lib/libcrc32c.ko.xz:
kernel/lib/crc32c-intel.ko.xz:
kernel/arch/crc32c_generic.ko.xz:
kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz
kernel/drivers/md/dm-bufio.ko.xz: kernel/drivers/md/dm-mod.ko.xz
kernel/drivers/md/dm-mod.ko.xz: kernel/drivers/dax/dax.ko.xz
kernel/drivers/dax/dax.ko.xz:
kernel/drivers/md/dm-verity.ko.xz: kernel/drivers/md/dm-bufio.ko.xz kernel/drivers/md/dm-mod.ko.xz kernel/drivers/dax/dax.ko.xz
kernel/drivers/scsi/scsi_mod.ko.xz:
kernel/drivers/ata/libata.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz
kernel/drivers/ata/libahci.ko.xz: kernel/drivers/ata/libata.ko.xz kernel/drivers/scsi/scsi_mod.ko.xz
kernel/drivers/ata/ahci.ko.xz: kernel/drivers/ata/libahci.ko.xz kernel/drivers/ata/libata.ko.xz kernel/drivers/scsi/scsi_mod.ko.xz
",
        alias: "\
# Aliases extracted from modules themselves.
alias pci:v*d*sv*sd*bc01sc06i01* ahci
alias pci:v00001B4Bd00009123sv*sd*bc*sc*i* ahci
alias crc32c crc32c_intel
alias crc32c crc32c_generic
alias fs-xfs xfs
",
        softdep: "softdep libcrc32c pre: crc32c nowhere\nsoftdep dax post: xfs\n",
        builtin: "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio-pci.ko\n",
        builtin_modinfo: "ext4.alias=fs-ext4\0ext4.license=GPL\0",
    })
}

fn choose(list: &str) -> Selection {
    Selection::of(&tree(), &parse_list(list).unwrap()).unwrap()
}

#[test]
fn dependencies_load_first_and_once() {
    let selection = choose("dm_verity # the seal\ndm-mod\nahci\n");
    assert_eq!(
        selection.load_text("/m"),
        "\
/m/kernel/drivers/dax/dax.ko.xz
-/m/kernel/arch/crc32c_generic.ko.xz
-/m/kernel/lib/crc32c-intel.ko.xz
-/m/kernel/lib/libcrc32c.ko.xz
-/m/kernel/fs/xfs/xfs.ko.xz
/m/kernel/drivers/md/dm-mod.ko.xz
/m/kernel/drivers/md/dm-bufio.ko.xz
/m/kernel/drivers/md/dm-verity.ko.xz
/m/kernel/drivers/scsi/scsi_mod.ko.xz
/m/kernel/drivers/ata/libata.ko.xz
/m/kernel/drivers/ata/libahci.ko.xz
/m/kernel/drivers/ata/ahci.ko.xz
"
    );
}

#[test]
fn what_was_optional_becomes_needed_with_all_it_needs() {
    let selection = choose("-xfs\nxfs\n");
    let optional: Vec<_> = selection
        .load
        .iter()
        .filter(|l| l.optional)
        .map(|l| l.path.as_str())
        .collect();
    assert_eq!(
        optional,
        [
            "kernel/arch/crc32c_generic.ko.xz",
            "kernel/lib/crc32c-intel.ko.xz"
        ]
    );
    assert_eq!(
        selection.load.last().map(|l| l.path.as_str()),
        Some("kernel/fs/xfs/xfs.ko.xz")
    );
}

#[test]
fn coldplug_modules_are_carried_and_not_loaded() {
    let selection = choose("@ahci\n@-hpsa\n@ahci\n");
    assert!(selection.load.is_empty());
    assert_eq!(selection.files.len(), 4);
    let chain = "/m/kernel/drivers/scsi/scsi_mod.ko.xz /m/kernel/drivers/ata/libata.ko.xz \
                 /m/kernel/drivers/ata/libahci.ko.xz /m/kernel/drivers/ata/ahci.ko.xz";
    assert_eq!(
        selection.coldplug_text("/m"),
        format!(
            "pci:v*d*sv*sd*bc01sc06i01*\t{chain}\npci:v00001B4Bd00009123sv*sd*bc*sc*i*\t{chain}\n"
        )
    );
}

#[test]
fn what_is_built_in_needs_nothing() {
    assert_eq!(
        choose("ext4\nvirtio_pci\nfs-ext4\n-absent\n"),
        Selection::default()
    );
}

#[test]
fn an_unknown_module_is_refused_with_the_nearest_name() {
    let error = Selection::of(&tree(), &parse_list("dm_verify").unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the kernel has no module \"dm_verify\" (nearest: dm_verity); \
         correct the list, or write -dm_verify if it may be absent"
    );
}

#[test]
fn a_line_that_is_no_name_is_refused() {
    for bad in ["a b", "--x", "@", "../x"] {
        let error = parse_list(&format!("ok\n{bad}\n")).unwrap_err();
        assert!(
            matches!(error, ModuleError::Line { line: 2, .. }),
            "{bad}: {error}"
        );
    }
}

#[test]
fn a_tree_without_depmod_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = ModuleTree::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("has depmod run"), "{error}");
}

#[test]
fn the_recipes_lists_read() {
    for list in [
        include_str!("../../../../images/initrd/modules.cloud"),
        include_str!("../../../../images/initrd/modules.generic"),
    ] {
        let wanted = parse_list(list).unwrap();
        let seal = wanted.iter().find(|w| w.name == "dm-verity").unwrap();
        assert!(!seal.optional && !seal.coldplug);
    }
}

/// Takes the kernel modules in the folder `HIVE_TEST_MODULES` and compares with `modprobe`.
#[test]
fn a_real_kernel_loads_in_the_order_of_modprobe() {
    let Some(root) = std::env::var_os("HIVE_TEST_MODULES") else {
        println!(
            "SKIPPED: HIVE_TEST_MODULES does not name a root with usr/lib/modules after depmod"
        );
        return;
    };
    let base = Path::new(&root).join("usr/lib/modules");
    let release = std::fs::read_dir(&base)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    let release = release.to_str().unwrap();
    let tree = ModuleTree::read(&base.join(release)).unwrap();
    for name in [
        "dm_verity",
        "erofs",
        "overlay",
        "vfat",
        "xfs",
        "drbd",
        "ahci",
        "virtio_blk",
    ] {
        let selection = Selection::of(&tree, &parse_list(name).unwrap()).unwrap();
        let ours: Vec<_> = selection.load.iter().map(|l| l.path.as_str()).collect();
        let output = Command::new("modprobe")
            .args(["--show-depends", "-S", release, "-d"])
            .arg(Path::new(&root).join("usr"))
            .arg(name)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<_> = said
            .lines()
            .filter_map(|l| l.strip_prefix("insmod "))
            .filter_map(|l| l.trim().split_once(&format!("{release}/")).map(|(_, p)| p))
            .collect();
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for path in &theirs {
            assert!(ours.contains(path), "{name}: {path} is missing in {ours:?}");
        }
        let position = |p: &str| ours.iter().position(|o| *o == p).unwrap();
        for path in &ours {
            for dependency in tree.dependencies(path) {
                assert!(
                    position(dependency) < position(path),
                    "{name}: {dependency} after {path}"
                );
            }
        }
    }
}
