//! The names of boot entries, and which one to call good.
//!
//! systemd-boot counts tries in the file name: `hive_X+2-1.efi` has two tries left and one behind it;
//! `hive_X.efi` is good and never counted again (systemd.io, Automatic Boot Assessment).

use hive_inventory::disk::uki_name;

/// What is to be done so that the running image's entry is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blessing {
    /// Nothing: the entry is good.
    Already,
    /// The counted entry gets the good name.
    Rename {
        /// Present file name.
        from: String,
        /// File name without counter.
        to: String,
    },
    /// There is no entry of the running image.
    Absent,
}

/// Decides by the file names in `EFI/Linux` of the machine's own disk.
///
/// A good name beside a counted one comes of a power cut while renaming, and both may then share
/// their clusters on FAT: renaming over the good one would free the kernel's own bytes. So a good
/// name is always left alone.
pub fn bless(names: &[String], image_version: &str) -> Blessing {
    let base = uki_name(image_version);
    let good = format!("{base}.efi");
    if names.contains(&good) {
        return Blessing::Already;
    }
    let counted = names
        .iter()
        .filter_map(|name| Some((tries_done(name, &base)?, name)))
        .max();
    match counted {
        Some((_, from)) => Blessing::Rename {
            from: from.clone(),
            to: good,
        },
        None => Blessing::Absent,
    }
}

/// Tries behind the entry, when `name` is `BASE+LEFT.efi` or `BASE+LEFT-DONE.efi`.
fn tries_done(name: &str, base: &str) -> Option<u32> {
    let counter = name
        .strip_prefix(base)?
        .strip_prefix('+')?
        .strip_suffix(".efi")?;
    let (left, done) = counter.split_once('-').unwrap_or((counter, "0"));
    let number = |digits: &str| {
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
    };
    let _: u32 = number(left)?;
    number(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blessing(names: &[&str]) -> Blessing {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        bless(&names, "trixie-0123")
    }

    fn rename(from: &str) -> Blessing {
        Blessing::Rename {
            from: from.into(),
            to: "hive_trixie-0123.efi".into(),
        }
    }

    #[test]
    fn a_counted_entry_loses_its_counter() {
        for name in [
            "hive_trixie-0123+2-1.efi",
            "hive_trixie-0123+3.efi",
            "hive_trixie-0123+0-3.efi",
        ] {
            assert_eq!(blessing(&["hive_trixie-9999+3.efi", name]), rename(name));
        }
    }

    #[test]
    fn a_good_entry_is_left_alone_even_beside_a_counted_one() {
        let both = ["hive_trixie-0123+2-1.efi", "hive_trixie-0123.efi"];
        assert_eq!(blessing(&both), Blessing::Already);
    }

    #[test]
    fn of_two_counted_entries_the_one_tried_more_is_the_running_one() {
        let both = ["hive_trixie-0123+1-2.efi", "hive_trixie-0123+2-1.efi"];
        assert_eq!(blessing(&both), rename(both[0]));
    }

    #[test]
    fn other_files_are_no_entries_of_this_image() {
        for name in [
            "hive_trixie-01234+2-1.efi",
            "hive_trixie-0123+x.efi",
            "hive_trixie-0123+2-.efi",
            "hive_trixie-0123+.efi",
            "hive_trixie-0123+2-1.efi.new",
            "other+3.efi",
        ] {
            assert_eq!(blessing(&[name]), Blessing::Absent, "{name}");
        }
    }
}
