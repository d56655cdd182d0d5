//! What hived says in words: damaged file systems, and all else that needs a person.

use hive_inventory::volumes::VolumesReport;

use super::Case;
use super::findings::{Finding, Situation, Step, part};

/// Words of the check and of mount(8) that mean damage (e2fsck(8), and the kernel's EUCLEAN and EINVAL).
const DAMAGE: [&str; 7] = [
    "structure needs cleaning",
    "bad superblock",
    "wrong fs type",
    "unexpected inconsistency",
    "xfs_repair",
    "e2fsck",
    "invalid argument",
];

/// A file system that can't be mounted before it is mended.
pub(super) fn file_system(case: &Case<'_>) -> Option<Finding> {
    let mut told = case.told.iter();
    let (host, volume, said) = told.find_map(|(host, volume)| {
        let said = [&volume.trouble, &volume.waiting_for];
        let said = said.into_iter().flatten();
        let damaged = |text: &&String| {
            let text = text.to_lowercase();
            DAMAGE.iter().any(|word| text.contains(word))
        };
        Some((*host, *volume, said.into_iter().find(damaged)?))
    })?;
    let device = format!("/dev/drbd{}", volume.minor);
    let repair: &[&str] = match volume.file_system.as_str() {
        "xfs" => &["xfs_repair", &device],
        _ => &["e2fsck", "-f", &device],
    };
    let what = format!("its file system needs to be mended; {host} says: {said}");
    Some(
        Finding::of(Situation::FileSystemDamaged, case.name, &[host], what)
            .steps(vec![
                Step::on(host, &["drbdadm", "primary", case.name]),
                Step::on(host, repair),
                Step::on(host, &["drbdadm", "secondary", case.name]),
            ])
            .advice("stop its service first (`hive deploy-services -D -l SERVICE`), and have a backup: what can't be mended is lost"),
    )
}

/// What is in trouble, and no other finding explains.
pub(super) fn others(case: &Case<'_>, explained: &[String]) -> Vec<Finding> {
    let told = case.told.iter();
    let open = told.filter(|(host, _)| !explained.contains(&part(case.name, host)));
    open.filter_map(|(host, volume)| {
        let trouble = volume.trouble.as_ref()?;
        let what = format!("{host} says: {trouble}");
        Some(Finding::of(Situation::Other, case.name, &[host], what))
    })
    .collect()
}

/// What is wrong with all volumes of a host.
pub(super) fn faults(host: &str, report: &VolumesReport) -> Vec<Finding> {
    let finding = |fault: &String| {
        let mut finding = Finding::of(Situation::Other, "", &[host], fault.clone());
        finding.volume = None;
        finding
    };
    report.faults.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::super::findings::text;
    use super::*;
    use crate::site_status::volumes::tests::pair;

    #[test]
    fn damage_is_recognised_by_the_words_of_mount_and_check() {
        let mut reports = pair();
        let second = reports.get_mut("h1").unwrap().as_mut().unwrap();
        let volume = second.volumes.get_mut("data").unwrap();
        volume.trouble = Some("mount failed: Structure needs cleaning".into());
        let found = examine(&reports, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].situation, Situation::FileSystemDamaged);
        assert!(!found[0].safe);
        assert_eq!(
            found[0].steps[1].command(),
            "hive ssh -t h1 -- sudo xfs_repair /dev/drbd1"
        );
        let volume = reports.get_mut("h1").unwrap().as_mut().unwrap();
        volume.volumes.get_mut("data").unwrap().file_system = "ext4".into();
        let found = examine(&reports, None);
        assert_eq!(
            found[0].steps[1].command(),
            "hive ssh -t h1 -- sudo e2fsck -f /dev/drbd1"
        );
    }

    #[test]
    fn all_else_is_told_as_it_is() {
        let mut reports = pair();
        let first = reports.get_mut("h0").unwrap().as_mut().unwrap();
        first.faults.push("no majority of managers".into());
        first.volumes.get_mut("data").unwrap().trouble = Some("something else".into());
        let found = examine(&reports, None);
        assert_eq!(
            text(&found),
            "volume data: h0 says: something else\nh0: no majority of managers\n"
        );
    }
}
