//! What the kernel says about mounted file systems: `/proc/self/mountinfo`, described in proc(5).

/// How the root file system is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootMount {
    /// Device as `MAJOR:MINOR`, the name of its folder in `/sys/dev/block`.
    pub device: String,
    /// Type of the file system.
    pub file_system: String,
    /// Whether the mount or the file system itself refuses writes.
    pub read_only: bool,
}

/// Finds the root in the text of `mountinfo`; of several mounts on `/` the last one covers the others.
pub fn root(mountinfo: &str) -> Option<RootMount> {
    mountinfo.lines().rev().find_map(root_line)
}

/// `36 1 254:0 / / ro,relatime shared:1 - erofs /dev/dm-0 ro,user_xattr`, with any number of fields before the `-`.
fn root_line(line: &str) -> Option<RootMount> {
    let (mount, system) = line.split_once(" - ")?;
    let mount: Vec<&str> = mount.split(' ').collect();
    let system: Vec<&str> = system.split(' ').collect();
    if *mount.get(4)? != "/" {
        return None;
    }
    let options = [*mount.get(5)?, *system.get(2)?];
    Some(RootMount {
        device: (*mount.get(2)?).to_owned(),
        file_system: (*system.first()?).to_owned(),
        read_only: options.iter().any(|o| o.split(',').any(|o| o == "ro")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "\
22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 254:0 / / ro,relatime shared:1 - erofs /dev/mapper/hive-root ro,user_xattr,acl,cache_strategy=readaround
29 28 0:25 / /etc rw,relatime shared:2 - overlay overlay rw,lowerdir=/etc,upperdir=/run/etc/up
30 28 259:4 / /var rw,relatime shared:3 - ext4 /dev/nvme0n1p5 rw
";

    #[test]
    fn the_sealed_root_is_found() {
        assert_eq!(
            root(SEALED),
            Some(RootMount {
                device: "254:0".into(),
                file_system: "erofs".into(),
                read_only: true
            })
        );
    }

    #[test]
    fn a_later_mount_covers_an_earlier_one() {
        let covered = format!(
            "1 1 0:2 / / rw - rootfs rootfs rw\n{SEALED}40 28 0:30 / / rw - tmpfs tmpfs rw\n"
        );
        let found = root(&covered).unwrap();
        assert_eq!(
            (found.file_system.as_str(), found.read_only),
            ("tmpfs", false)
        );
    }

    #[test]
    fn optional_fields_may_be_many_or_none() {
        for tags in ["", "shared:1 ", "shared:1 master:2 propagate_from:3 "] {
            let text = format!("28 1 254:0 / / ro {tags}- erofs /dev/dm-0 rw\n");
            assert!(root(&text).unwrap().read_only, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_table_has_no_root() {
        assert_eq!(root(""), None);
        assert_eq!(root("28 1 254:0 / /"), None);
        assert_eq!(root("28 1 254:0 / / ro - erofs"), None);
    }
}
