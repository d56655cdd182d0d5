//! The report on disk, and what of it is news for the journal.

use std::fs;
use std::io;
use std::path::Path;

use hive_inventory::follow::{AddressState, FOLLOW_VERSION, FollowReport};

use crate::durable;

/// What was reported last; `None`: nothing since this boot, or by a daemon that speaks another version.
pub fn read(path: &Path) -> Option<FollowReport> {
    let report: FollowReport = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (report.version == FOLLOW_VERSION).then_some(report)
}

/// Writes the report.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, report: &FollowReport) -> io::Result<()> {
    durable::replace(path, &serde_json::to_vec_pretty(report)?)
}

/// What is new, a line each, with what a program looks for as `KEY=value` behind the sentence.
/// `<4>` in front makes it a warning in the journal (sd-daemon(3)).
pub fn news(before: &FollowReport, now: &FollowReport) -> Vec<String> {
    let mut lines = Vec::new();
    if before.fenced != now.fenced {
        lines.push(match &now.fenced {
            Some(why) => format!("<4>{why} EVENT=fenced"),
            None => "<6>this host belongs to the swarm's majority EVENT=unfenced".to_owned(),
        });
    }
    let held = |report: &FollowReport| -> Vec<(std::net::IpAddr, String, String)> {
        let held = report
            .addresses
            .iter()
            .filter(|a| a.state == AddressState::Held);
        held.map(|a| {
            (
                a.address,
                a.service.clone(),
                a.interface.clone().unwrap_or_default(),
            )
        })
        .collect()
    };
    let (had, has) = (held(before), held(now));
    for (ip, service, interface) in has.iter().filter(|h| !had.iter().any(|b| b.0 == h.0)) {
        lines.push(format!(
            "<6>{ip} is on {interface} now EVENT=held VIP={ip} SERVICE={service} INTERFACE={interface}"
        ));
    }
    for (ip, service, interface) in had.iter().filter(|b| !has.iter().any(|h| h.0 == b.0)) {
        lines.push(format!(
            "<6>{ip} is off {interface} now EVENT=released VIP={ip} SERVICE={service} INTERFACE={interface}"
        ));
    }
    for complaint in now
        .complaints
        .iter()
        .filter(|c| !before.complaints.contains(c))
    {
        lines.push(match complaint.service.as_str() {
            "" => format!("<4>{} EVENT=complaint", complaint.text),
            name => format!(
                "<4>{name}: {} EVENT=complaint SERVICE={name}",
                complaint.text
            ),
        });
    }
    for (service, text) in before
        .complaints
        .iter()
        .filter(|c| !now.complaints.contains(c))
        .map(|c| (&c.service, &c.text))
    {
        // Only when nothing else is wrong with it: most complaints are followed by a newer one.
        if !now.complaints.iter().any(|c| c.service == *service) {
            lines.push(format!(
                "<6>{service}: mended: {text} EVENT=mended SERVICE={service}"
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_inventory::follow::{AddressReport, Complaint};

    fn report() -> FollowReport {
        FollowReport {
            version: FOLLOW_VERSION,
            fenced: None,
            proved_until: Some(5),
            addresses: vec![AddressReport {
                address: [10, 0, 0, 9].into(),
                service: "web".into(),
                state: AddressState::Held,
                owner: Some("h1".into()),
                interface: Some("eth0".into()),
                since: None,
                router: None,
            }],
            marks: Vec::new(),
            complaints: vec![Complaint {
                service: "web".into(),
                text: "no".into(),
            }],
        }
    }

    #[test]
    fn news_are_told_once() {
        let mut before = report();
        assert_eq!(news(&before, &report()), [""; 0]);
        before.addresses.clear();
        before.complaints.clear();
        let told = news(&before, &report());
        assert!(
            told[0].contains("EVENT=held VIP=10.0.0.9 SERVICE=web INTERFACE=eth0"),
            "{told:?}"
        );
        assert!(told[1].starts_with("<4>web: no"), "{told:?}");
        let told = news(&report(), &before);
        assert!(
            told[0].contains("EVENT=released") && told[1].contains("mended"),
            "{told:?}"
        );
    }

    #[test]
    fn a_report_of_another_version_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/follow.json");
        assert_eq!(read(&path), None);
        write(&path, &report()).unwrap();
        assert_eq!(read(&path), Some(report()));
        let newer = FollowReport {
            version: FOLLOW_VERSION + 1,
            ..report()
        };
        write(&path, &newer).unwrap();
        assert_eq!(read(&path), None);
    }
}
