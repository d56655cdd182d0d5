//! Who holds which virtual IP and where marks are, of what all hosts say. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hive_inventory::follow::{AddressReport, AddressState, Complaint, FollowReport, MarkReport};
use serde::Serialize;

use super::HostStatus;
use crate::output;

/// A virtual IP of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// The service that it follows.
    pub service: String,
    /// The host that holds it; more than one must never be.
    pub holders: Vec<String>,
    /// Docker's name of the host on which the service's task runs.
    pub owner: Option<String>,
    /// What the owner or holder says of it.
    pub state: AddressState,
    /// The interface of the holder.
    pub interface: Option<String>,
    /// Since when it is held, RFC 3339 in UTC.
    pub since: Option<String>,
    /// The holder's router check.
    pub router: Option<hive_inventory::follow::RouterReport>,
}

/// All of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Vips {
    /// Virtual IPs, in their order.
    pub addresses: Vec<Vip>,
    /// Marks, by name.
    pub marks: Vec<MarkReport>,
    /// What a person should mend.
    pub complaints: Vec<Complaint>,
    /// Hosts that may hold none now, with the reason.
    pub fenced: BTreeMap<String, String>,
}

/// Puts together what hosts say.
pub fn vips(hosts: &[HostStatus]) -> Vips {
    let mut out = Vips::default();
    let mut found: BTreeMap<IpAddr, Vip> = BTreeMap::new();
    for (host, report) in reports(hosts) {
        if let Some(why) = &report.fenced {
            out.fenced.insert(host.to_owned(), why.clone());
        }
        for told in &report.addresses {
            let vip = found.entry(told.address).or_insert_with(|| empty(told));
            join(vip, host, told, report.fenced.is_some());
        }
        for complaint in &report.complaints {
            if !out.complaints.contains(complaint) {
                out.complaints.push(complaint.clone());
            }
        }
    }
    // A host that has lost the swarm tells of marks as they were.
    let fresh = reports(hosts).filter(|(_, report)| report.fenced.is_none());
    let most = fresh.max_by_key(|(_, report)| report.marks.len());
    out.marks = most.map(|(_, r)| r.marks.clone()).unwrap_or_default();
    out.addresses = found.into_values().collect();
    out.complaints.sort();
    out
}

fn reports(hosts: &[HostStatus]) -> impl Iterator<Item = (&str, &FollowReport)> {
    hosts.iter().filter_map(|host| {
        let report = host.status.as_ref()?.follow.as_ref()?;
        Some((host.host.as_str(), report))
    })
}

fn empty(told: &AddressReport) -> Vip {
    Vip {
        address: told.address,
        service: String::new(),
        holders: Vec::new(),
        owner: None,
        state: AddressState::Elsewhere,
        interface: None,
        since: None,
        router: None,
    }
}

fn join(vip: &mut Vip, host: &str, told: &AddressReport, fenced: bool) {
    if !fenced || vip.service.is_empty() {
        vip.service.clone_from(&told.service);
        vip.owner = told.owner.clone().or(vip.owner.take());
    }
    let rank = |state| match state {
        AddressState::Held => 3,
        AddressState::Claiming => 2,
        AddressState::Waiting => 1,
        AddressState::Elsewhere => 0,
    };
    if rank(told.state) > rank(vip.state) {
        vip.state = told.state;
    }
    if told.state == AddressState::Held {
        vip.holders.push(host.to_owned());
        vip.interface.clone_from(&told.interface);
        vip.since.clone_from(&told.since);
        vip.router.clone_from(&told.router);
    }
}

/// Tables and notes for a person; empty when no service asks for anything.
pub fn text(vips: &Vips) -> String {
    let mut parts = Vec::new();
    if !vips.addresses.is_empty() {
        let head = ["VIP", "SERVICE", "HOLDER", "INTERFACE", "SINCE", "ROUTER"];
        let rows: Vec<Vec<String>> = vips.addresses.iter().map(row).collect();
        parts.push(output::table(&head, &rows));
    }
    if !vips.marks.is_empty() {
        let row = |mark: &MarkReport| {
            let hosts = match mark.hosts.is_empty() {
                true => "nowhere".to_owned(),
                false => mark.hosts.join(", "),
            };
            vec![mark.name.clone(), mark.service.clone(), hosts]
        };
        let rows: Vec<Vec<String>> = vips.marks.iter().map(row).collect();
        parts.push(output::table(&["MARK", "SERVICE", "ON"], &rows));
    }
    let mut notes = String::new();
    for (host, why) in &vips.fenced {
        notes.push_str(&format!("{host}: {why}\n"));
    }
    for complaint in &vips.complaints {
        let service = &complaint.service;
        let of = if service.is_empty() {
            "virtual IPs"
        } else {
            service
        };
        notes.push_str(&format!("{of}: {}\n", complaint.text));
    }
    if !notes.is_empty() {
        parts.push(notes);
    }
    parts.join("\n")
}

fn row(vip: &Vip) -> Vec<String> {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let holder = match (vip.holders.as_slice(), vip.state) {
        ([], AddressState::Claiming) => format!("{} takes it", or(&vip.owner)),
        ([], AddressState::Waiting) => format!("nobody, {} waits", or(&vip.owner)),
        ([], _) => "nobody".into(),
        (holders, _) => holders.join(" AND "),
    };
    let router = vip.router.as_ref().map_or("-".into(), |router| {
        let answered = or(&router.answered);
        match (router.failures, &router.answered) {
            (0, None) => format!("{} not asked yet", router.address),
            (0, Some(_)) => format!("{} answered {answered}", router.address),
            (n, None) => format!("{} silent, {n} times", router.address),
            (n, Some(_)) => format!("{} silent, {n} times since {answered}", router.address),
        }
    });
    vec![
        vip.address.to_string(),
        vip.service.clone(),
        holder,
        or(&vip.interface),
        or(&vip.since),
        router,
    ]
}

#[cfg(test)]
mod tests {
    use hive_inventory::follow::{FOLLOW_VERSION, RouterReport};

    use super::super::verdict::tests::{silent, status};
    use super::*;

    fn host(name: &str, state: AddressState, fenced: bool) -> HostStatus {
        let held = state == AddressState::Held;
        let mut status = status(name);
        status.follow = Some(FollowReport {
            version: FOLLOW_VERSION,
            fenced: fenced.then(|| "no majority".into()),
            proved_until: None,
            addresses: vec![AddressReport {
                address: [10, 0, 0, 9].into(),
                service: "web".into(),
                state,
                owner: Some("a".into()),
                interface: held.then(|| "eth0".into()),
                since: held.then(|| "2026-01-02T03:04:05Z".into()),
                router: held.then(|| RouterReport {
                    address: [10, 0, 0, 1].into(),
                    answered: Some("2026-01-02T03:04:06Z".into()),
                    failures: 0,
                }),
            }],
            marks: vec![MarkReport {
                name: "zabbix".into(),
                service: "web".into(),
                hosts: vec!["a".into()],
            }],
            complaints: vec![Complaint {
                service: "web".into(),
                text: "mend me".into(),
            }],
        });
        HostStatus {
            host: name.into(),
            status: Some(status),
            error: None,
        }
    }

    #[test]
    fn who_holds_what_reads_like_this() {
        let hosts = [
            host("a.example", AddressState::Held, false),
            host("b.example", AddressState::Elsewhere, true),
            silent("c.example"),
        ];
        let text = text(&vips(&hosts));
        assert_eq!(
            text,
            "VIP       SERVICE  HOLDER     INTERFACE  SINCE                 ROUTER\n\
             10.0.0.9  web      a.example  eth0       2026-01-02T03:04:05Z  10.0.0.1 answered 2026-01-02T03:04:06Z\n\
             \n\
             MARK    SERVICE  ON\n\
             zabbix  web      a\n\
             \n\
             b.example: no majority\n\
             web: mend me\n"
        );
    }

    #[test]
    fn an_address_that_nobody_holds_and_one_of_two_holders_are_told() {
        let row_of = |a, b| {
            let hosts = [host("a.example", a, false), host("b.example", b, false)];
            row(&vips(&hosts).addresses[0])[2].clone()
        };
        let (held, elsewhere) = (AddressState::Held, AddressState::Elsewhere);
        assert_eq!(row_of(elsewhere, elsewhere), "nobody");
        assert_eq!(row_of(AddressState::Claiming, elsewhere), "a takes it");
        assert_eq!(row_of(AddressState::Waiting, elsewhere), "nobody, a waits");
        assert_eq!(row_of(held, held), "a.example AND b.example");
        assert_eq!(text(&Vips::default()), "");
    }
}
