//! Full pools and volumes.

use hive_inventory::volumes::VolumesReport;

use super::Case;
use super::findings::{Finding, Situation, Step};
use crate::site_status::volumes::{NEARLY_FULL, percent, share};

/// A pool that is nearly full, of data or of its own notes. When it is full, every volume in it fails.
pub(super) fn pool(host: &str, report: &VolumesReport) -> Option<Finding> {
    let pool = report.pool.as_ref()?;
    let (data, notes) = (u64::from(pool.used), u64::from(pool.notes_used));
    if data < NEARLY_FULL && notes < NEARLY_FULL {
        return None;
    }
    let path = format!("{}/{}", pool.group, pool.pool);
    let what = format!(
        "the pool {path} is {} full of data and {} of its own notes; when either is full, writes to all its volumes fail",
        percent(data),
        percent(notes)
    );
    let mut steps = vec![Step::on(host, &["lvs", "-a", &pool.group])];
    if data >= NEARLY_FULL {
        // Blocks of deleted files go back to the pool.
        let mounted = "/proc/self/mountinfo";
        steps.push(Step::on(
            host,
            &["fstrim", "--verbose", "--listed-in", mounted],
        ));
    }
    if notes >= NEARLY_FULL {
        steps.push(Step::on(
            host,
            &["lvextend", "--poolmetadatasize", "+128M", &path],
        ));
    }
    let mut finding = Finding::of(Situation::PoolFull, "", &[host], what).steps(steps);
    finding.volume = None;
    Some(finding.advice(
        "remove volumes that nobody needs (`hive build-volumes -D -l NAME`), or give the host a larger disk for mirrored volumes and flash it anew",
    ))
}

/// A volume that is nearly full.
pub(super) fn volume(case: &Case<'_>) -> Option<Finding> {
    let mut mounted = case.told.iter();
    let (host, fs) = mounted.find_map(|(host, volume)| Some((*host, volume.mounted.as_ref()?)))?;
    let part = share(fs.used, fs.bytes);
    if part < NEARLY_FULL {
        return None;
    }
    let what = format!("it is {} full on {host}", percent(part));
    Some(
        Finding::of(Situation::VolumeNearlyFull, case.name, &[host], what)
            .steps(vec![Step::here(&[
                "hive",
                "build-volumes",
                "-l",
                case.name,
            ])])
            .advice("raise its `size` in the inventory; it grows while it is in use"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::site_status::volumes::tests::pair;

    #[test]
    fn a_pool_that_is_nearly_full_is_told_with_what_frees_it() {
        let mut reports = pair();
        let first = reports.get_mut("h0").unwrap().as_mut().unwrap();
        first.pool.as_mut().unwrap().used = 9500;
        first.pool.as_mut().unwrap().notes_used = 9100;
        let found = examine(&reports, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].situation, Situation::PoolFull);
        assert!(!found[0].safe && found[0].volume.is_none());
        assert!(found[0].what.contains("95.0 % full of data and 91.0 %"));
        let commands: Vec<String> = found[0].steps.iter().map(Step::command).collect();
        assert_eq!(commands[0], "hive ssh -t h0 -- sudo lvs -a drbdvg");
        assert!(commands[1].contains("fstrim"));
        assert!(commands[2].ends_with("lvextend --poolmetadatasize +128M drbdvg/drbdpool"));
    }

    #[test]
    fn a_volume_that_is_nearly_full_grows() {
        let mut reports = pair();
        let first = reports.get_mut("h0").unwrap().as_mut().unwrap();
        let volume = first.volumes.get_mut("data").unwrap();
        volume.mounted.as_mut().unwrap().used = 950 << 20;
        let found = examine(&reports, None);
        assert_eq!(found[0].situation, Situation::VolumeNearlyFull);
        assert_eq!(found[0].steps[0].command(), "hive build-volumes -l data");
    }
}
